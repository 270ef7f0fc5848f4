"""Who does what the office does."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["GATEWAY", "KINDS", "Actor"]

KINDS = ("operator", "person", "key", "system")


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody, or something, that changes what the database holds; every change is told in the audit log by its actor.

    Attributes:
        kind: ``operator`` (who runs the gateway), ``person`` (a customer), ``key`` (an API key) or ``system``.
        name: who it is: a name, or an ID.
        session: the log-in under which it is done; empty for none.
        address: the client's address; empty on the gateway's own machine.
        reason: why, where somebody was asked for it; it stands in the audit log's entry.

    Raises:
        ValueError: there is no such kind, or no name.
    """

    kind: str
    name: str
    session: str = ""
    address: str = ""
    reason: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"an actor is one of {', '.join(KINDS)}, not {self.kind!r}")
        if not self.name:
            raise ValueError("an actor has a name: it is all that tells afterwards who it was")


GATEWAY = Actor("system", "gateway")
"""What the gateway does by itself."""
