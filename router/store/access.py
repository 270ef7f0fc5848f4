"""The number that tells every worker that a key, an account or a limit has changed."""

from __future__ import annotations

from router.store.connection import Connection

__all__ = ["bump_access"]


def bump_access(connection: Connection) -> None:
    """Raise the version under which keys are read, in the transaction of the change: the next call sees it."""
    connection.execute("UPDATE meta SET value = value + 1 WHERE name = 'access_version'")
