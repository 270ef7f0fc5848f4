"""Who guards calls, in which order, and what each does: for those who ask before there is a call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from router.config.guards import GuardSettings
from router.errors import faults
from router.plugin_host.registry import Registry
from router.types.guards import GUARD_MODES, Guard
from router.types.plugin_context import PluginContext

__all__ = ["GuardPlace", "guard_places"]


@dataclass(frozen=True, slots=True)
class GuardPlace:
    """One guard, as calls meet it.

    Attributes:
        name: the plugin's.
        sees: ``body``, the whole request (hook ``request_guard``), or ``texts`` (hook ``guard``).
        requests: whether it looks at requests.
        replies: what it does with replies: one of ``router.GUARD_MODES``; empty for nothing.
        settings: ``[guards.NAME]``: what its failure means, and whom it guards. Those of bodies guard all calls, wait
            as long as it takes, and refuse where they fail.
        problem: why it cannot be asked here; empty where it can.
    """

    name: str
    sees: str
    requests: bool
    replies: str
    settings: GuardSettings
    problem: str = ""

    def covers(self, account: str, key: str) -> bool:
        """Whether a key's calls pass it."""
        return self.sees == "body" or self.settings.covers(account, key)


def guard_places(
    registry: Registry,
    order: Sequence[str],
    settings: Mapping[str, GuardSettings],
    context_of: Callable[[str], PluginContext],
) -> Iterator[GuardPlace]:
    """The guards in the order in which they see requests: those of bodies come first. One that is off is none.

    Args:
        order, settings, context_of: as ``Guards`` has them.
    """
    for name in order:
        if registry.hook(name, "request_guard") is not None:
            yield GuardPlace(name, "body", True, "", GuardSettings())
    for name in order:
        hook, own = registry.hook(name, "guard"), settings.get(name, GuardSettings())
        if hook is None:
            continue
        try:
            guard = hook(context=context_of(name))
        except faults() as failed:  # what it says may quote anything
            yield GuardPlace(name, "texts", True, "", own, f"cannot be asked here: {type(failed).__name__}")
            continue
        if isinstance(guard, Guard) and guard.replies in GUARD_MODES:
            reads = type(guard).request is not Guard.request
            yield GuardPlace(name, "texts", reads, guard.replies, own)
        elif guard is not None:
            yield GuardPlace(name, "texts", True, "", own, "what it gives is no guard")
