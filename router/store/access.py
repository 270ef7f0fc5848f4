"""The number that tells every worker that a key, an account or a limit has changed."""

from __future__ import annotations

from router.store.connection import Connection

__all__ = ["access_version", "bump_access"]


def access_version(connection: Connection) -> int:
    """The number now: a key that was read under another may be out of date."""
    row = connection.row("SELECT value FROM meta WHERE name = 'access_version'")
    return int(row["value"]) if row else 0


def bump_access(connection: Connection) -> None:
    """Raise it, in the transaction of the change: the next call sees what changed."""
    connection.execute("UPDATE meta SET value = value + 1 WHERE name = 'access_version'")
