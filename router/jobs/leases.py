"""Leases in the database: of all workers and nodes, one does a job."""

from __future__ import annotations

from router.db.connection import Connection
from router.db.database import Database

__all__ = ["release_leases", "take_lease", "try_lease"]

_TAKE = """
INSERT INTO leases (name, owner, expires_at) VALUES (?, ?, ?)
ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, expires_at = excluded.expires_at
WHERE leases.owner = excluded.owner OR leases.expires_at <= ? OR leases.expires_at > ?
"""


def try_lease(database: Database, name: str, owner: str, now: float, for_s: float) -> bool:
    """Take a lease, or keep the one that the owner has, until ``now + for_s``.

    Returns:
        whether the owner has it; False while another's runs. Of many that try at once, one gets it.
    """
    return database.write(lambda connection: take_lease(connection, name, owner, now, for_s))


def take_lease(connection: Connection, name: str, owner: str, now: float, for_s: float) -> bool:
    """As ``try_lease``, in the caller's transaction. Take several in the order of their names.

    A lease that begins later than the next one would is of a clock that was ahead, and is over.
    """
    return connection.execute(_TAKE, (name, owner, now + for_s, now, now + 2 * for_s)) == 1


def release_leases(connection: Connection, owner: str) -> None:
    """End every lease that an owner has, in the caller's transaction: others need not wait for them to run out."""
    connection.execute("DELETE FROM leases WHERE owner = ?", (owner,))
