"""Which providers an operator has turned off for now: rows of ``switches`` under a name of their own.

Each change raises the catalogue's version, so that every worker sees it within a second.
"""

from __future__ import annotations

from dataclasses import dataclass

from router.db.connection import Connection
from router.db.transaction import Runner
from router.store.models import change_catalogue

__all__ = ["ProviderOff", "list_off", "read_off", "turn_provider"]

_PREFIX = "provider:"
_OFF = "SELECT name, reason, changed_at FROM switches WHERE off AND name LIKE 'provider:%' ORDER BY name"
_TURN = """
INSERT INTO switches (name, off, reason, changed_at) VALUES (?, ?, ?, ?)
ON CONFLICT (name) DO UPDATE SET off = excluded.off, reason = excluded.reason, changed_at = excluded.changed_at
"""


@dataclass(frozen=True, slots=True)
class ProviderOff:
    """A provider that is turned off: why, and since when (Unix seconds)."""

    provider: str
    reason: str
    changed_at: float


def read_off(connection: Connection) -> frozenset[str]:
    """The names of those that are off."""
    return frozenset(name.removeprefix(_PREFIX) for name, *_ in connection.tuples(_OFF))


def list_off(database: Runner) -> list[ProviderOff]:
    """All of them, by name."""
    rows = database.read(lambda connection: connection.tuples(_OFF), whole=False)
    return [ProviderOff(name.removeprefix(_PREFIX), reason, at) for name, reason, at in rows]


def turn_provider(database: Runner, provider: str, *, off: bool, reason: str, now: float) -> None:
    """Turn a provider off, or on again."""
    values = (_PREFIX + provider, off, reason, now)
    change_catalogue(database, lambda connection: connection.execute(_TURN, values))
