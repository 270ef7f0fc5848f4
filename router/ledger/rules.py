"""The limits and policies that this database was served under last: under others, charges are counted anew.

An operator's change in the database lets its buckets begin anew at once. One in the configuration is seen only by those
who read it next: what a limit's buckets missed while nothing claimed from them, the hourly sums know.
"""

from __future__ import annotations

from hashlib import sha256

from router.db.access_version import bump_access
from router.db.connection import Connection
from router.db.counting import recount_all
from router.db.database import Database

__all__ = ["keep_rules"]

_PREFIX = "policies:"


def keep_rules(database: Database, rules: str) -> None:
    """Note by which rules calls are let in; where they are not the ones noted, every limit counts its period anew.

    What calls under way hold is kept.

    Args:
        rules: limits, policies and their settings as one text, the same for the same rules.

    Raises:
        StoreError: the database does not answer.
    """
    name = _PREFIX + sha256(rules.encode()).hexdigest()[:32]
    if database.read(_known) != name:
        database.write(lambda connection: _note(connection, name))


def _known(connection: Connection) -> str | None:
    row = connection.row("SELECT name FROM meta WHERE name LIKE 'policies:%'")
    return row["name"] if row else None


def _note(connection: Connection, name: str) -> None:
    if _known(connection) == name:  # another worker was first
        return
    connection.execute("DELETE FROM meta WHERE name LIKE 'policies:%'")
    insert = "INSERT INTO meta (name, value) VALUES (?, 0) ON CONFLICT (name) DO NOTHING"
    connection.execute(insert, (name,))
    recount_all(connection)
    bump_access(connection)
