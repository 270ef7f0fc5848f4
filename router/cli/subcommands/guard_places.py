"""What ``router plugins`` shows of guards: their places, what they do with replies, what their failures mean."""

from __future__ import annotations

from typing import Any

from router.app.config_rules import guard_order
from router.cli.subcommands.plugin_commands import plugin_contexts
from router.cli.support.session import CommandSession
from router.config.guards import GuardSettings
from router.errors import faults

__all__ = ["guard_places"]


def guard_places(session: CommandSession) -> dict[str, dict[str, Any]]:
    """Plugin name -> its place among those that guard, from 1, and how it is set; ``off`` where it guards nothing."""
    if not session.config.exists():
        return {}
    settings, found = session.settings, {}
    for place, name in enumerate(guard_order(settings, session.registry), 1):
        own = settings.guarded.get(name, GuardSettings())
        replies = _replies(session, name)
        whom = {"accounts": list(own.accounts), "keys": list(own.keys)}
        found[name] = {
            "place": place,
            "on": replies is not None,
            "replies": replies or "",
            "on_failure": own.on_failure,
            "timeout_s": own.timeout_s,
            **{key: value for key, value in whom.items() if value},
        }
    return found


def _replies(session: CommandSession, name: str) -> str | None:
    """What a guard does with replies; None where it is off, or cannot be asked here."""
    hook = session.registry.hook(name, "guard")
    if hook is None:
        return ""
    try:
        guard = hook(context=plugin_contexts(session, name).of(name))
    except faults():
        return None
    return None if guard is None else str(guard.replies)
