"""``router people``: its commands by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import click

from router.cli.support.groups import CommandEntry, LazyCommands

__all__ = ["people"]

_PERSONS, _SIGNUPS = "router.cli.people.persons", "router.cli.people.signups"


class _People(LazyCommands):
    places: ClassVar[Mapping[str, CommandEntry]] = {
        "block": CommandEntry(f"{_SIGNUPS}:block", "Refuse sign-ups of a domain, an address or a network."),
        "blocks": CommandEntry(f"{_SIGNUPS}:blocks", "What is blocked."),
        "decide": CommandEntry(f"{_SIGNUPS}:decide", "Give a sign-up that waits its free credit, or refuse it."),
        "end-sessions": CommandEntry(f"{_PERSONS}:end_sessions", "End somebody's log-ins."),
        "invite": CommandEntry(f"{_PERSONS}:invite", "Invite an address into an account."),
        "list": CommandEntry(f"{_PERSONS}:list_", "People, newest first."),
        "operator": CommandEntry(f"{_PERSONS}:operator", "Make somebody an operator, or end that."),
        "resume": CommandEntry(f"{_PERSONS}:resume", "Let somebody log in again."),
        "sessions": CommandEntry(f"{_PERSONS}:sessions", "Somebody's log-ins."),
        "show": CommandEntry(f"{_PERSONS}:show", "One person."),
        "signups": CommandEntry(f"{_SIGNUPS}:signups", "Sign-ups, and what became of their free credit."),
        "suspend": CommandEntry(f"{_PERSONS}:suspend", "Let somebody log in no more."),
        "switch": CommandEntry(f"{_SIGNUPS}:switch", "Turn sign-ups, free credit or top-ups off, or on again."),
        "switches": CommandEntry(f"{_SIGNUPS}:switches", "What is turned off."),
        "unblock": CommandEntry(f"{_SIGNUPS}:unblock", "Lift a block."),
    }


@click.group(cls=_People)
def people() -> None:
    """Who logs into the portal, and what is decided about sign-ups. A PERSON is an address or an ID."""
