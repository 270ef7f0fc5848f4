"""``[guards]`` of ``router.toml``: in which order guards are asked, what their failures mean, and whom they guard."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["GuardSettings", "GuardsSettings"]


@dataclass(frozen=True)
class GuardsSettings:
    """In which order guards see requests; replies they see in the opposite one.

    Attributes:
        order: names of plugins, first those that see what the client sent; guards that are not named follow by name.
    """

    order: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(set(self.order)) < len(self.order):
            raise ValueError("order names one twice")


@dataclass(frozen=True)
class GuardSettings:
    """``[guards.NAME]``: one guard.

    Attributes:
        on_failure: what a guard that fails or takes too long means: ``refuse`` or ``pass``.
        timeout_s: for one look at a request or a reply.
        accounts, keys: whose calls it guards, by ID; all where both are empty, else those in either.
    """

    on_failure: str = field(default="refuse", metadata={"one_of": ("refuse", "pass")})
    timeout_s: float = field(default=2.0, metadata={"min": 0.01, "max": 600})
    accounts: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()

    def covers(self, account: str, key: str) -> bool:
        """Whether a key's calls are guarded."""
        return not (self.accounts or self.keys) or account in self.accounts or key in self.keys
