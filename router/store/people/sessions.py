"""Rows of log-ins. The text of a log-in is in a cookie alone; its SHA-256 is kept."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields
from typing import Any

from router.db.connection import Connection
from router.db.transaction import Runner
from router.store.people.people import PersonRow, see_person

__all__ = [
    "ACTING",
    "FoundSession",
    "SessionRow",
    "delete_old_sessions",
    "delete_session",
    "delete_sessions",
    "find_session_row",
    "insert_session",
    "last_workspace",
    "list_session_rows",
    "see_session",
    "set_session_account",
    "take_session",
]

ACTING = "as:"
"""What stands before the account that an operator looks at without belonging to it."""

_KEPT_MAX = 50
"""Log-ins of one person; the oldest gives way."""


@dataclass(frozen=True, slots=True)
class SessionRow:
    """All that is kept of a log-in; ``router.store.people.tables`` says what each column is."""

    hash: str
    id: str
    person_id: str
    account_id: str
    complete: bool
    created_at: float
    seen_at: float
    expires_at: float
    stepped_at: float | None
    address: str
    agent: str


@dataclass(frozen=True, slots=True)
class FoundSession:
    """A log-in, whose it is, and what bears on it now.

    Attributes:
        role: the person's in the account that is looked at; empty for none.
        second_factor: whether the person has one.
    """

    row: SessionRow
    person: PersonRow
    role: str
    second_factor: bool


_NAMES = tuple(field.name for field in fields(SessionRow))
_COLUMNS = ", ".join(_NAMES)
_PERSON = tuple(field.name for field in fields(PersonRow))
_INSERT = f"INSERT INTO web_sessions ({_COLUMNS}) VALUES ({', '.join('?' * len(_NAMES))})"  # noqa: S608 - constant text
_FIND = f"""
SELECT {", ".join(f"s.{name} AS s_{name}" for name in _NAMES)},
    {", ".join(f"p.{name} AS p_{name}" for name in _PERSON)},
    COALESCE(m.role, '') AS role,
    EXISTS (SELECT 1 FROM factors f WHERE f.person_id = p.id AND f.confirmed AND f.kind <> 'recovery') AS second_factor
FROM web_sessions s JOIN people p ON p.id = s.person_id
    LEFT JOIN members m ON m.account_id = s.account_id AND m.person_id = s.person_id
"""  # noqa: S608 - constant text
_CROWDED = f"""
DELETE FROM web_sessions WHERE person_id = ? AND hash NOT IN (
    SELECT hash FROM web_sessions WHERE person_id = ? ORDER BY created_at DESC, hash LIMIT {_KEPT_MAX}
)
"""  # noqa: S608 - constant text
_LAST = """
SELECT m.account_id FROM members m
    LEFT JOIN web_sessions s ON s.account_id = m.account_id AND s.person_id = m.person_id
WHERE m.person_id = ? GROUP BY m.account_id, m.created_at
ORDER BY COALESCE(MAX(s.seen_at), 0) DESC, m.created_at, m.account_id LIMIT 1
"""


def insert_session(connection: Connection, row: SessionRow) -> None:
    """Keep a log-in; of very many of one person the oldest end."""
    connection.execute(_INSERT, astuple(row))
    connection.execute(_CROWDED, (row.person_id, row.person_id))


def find_session_row(database: Runner, hash: str) -> FoundSession | None:
    """The log-in with this hash, whatever its age."""
    row = database.read(lambda connection: connection.row(f"{_FIND} WHERE s.hash = ?", (hash,)), whole=False)
    return None if row is None else _found(row)


def list_session_rows(database: Runner, person_id: str, now: float) -> list[FoundSession]:
    """Somebody's log-ins that have not run out, the one seen last first."""
    sql = f"{_FIND} WHERE s.person_id = ? AND s.expires_at > ? ORDER BY s.seen_at DESC, s.id"
    return [_found(row) for row in database.read(lambda connection: connection.rows(sql, (person_id, now)))]


def take_session(connection: Connection, hash: str) -> SessionRow | None:
    """End a log-in for one that takes its place, in the same transaction; None where there is none any more."""
    rows = connection.rows(f"DELETE FROM web_sessions WHERE hash = ? RETURNING {_COLUMNS}", (hash,))  # noqa: S608
    return _row(rows[0]) if rows else None


def see_session(database: Runner, row: SessionRow, now: float) -> None:
    """Note that somebody is here."""

    def write(connection: Connection) -> None:
        connection.execute("UPDATE web_sessions SET seen_at = ? WHERE hash = ? AND seen_at < ?", (now, row.hash, now))
        see_person(connection, row.person_id, now)

    database.write(write, behind=True)


def set_session_account(database: Runner, hash: str, account_id: str) -> bool:
    """Look at another workspace; False where there is no such log-in."""
    sql = "UPDATE web_sessions SET account_id = ? WHERE hash = ?"
    return database.write(lambda connection: connection.execute(sql, (account_id, hash))) == 1


def last_workspace(connection: Connection, person_id: str) -> str:
    """The account that somebody looked at last, or came to first; empty for none."""
    rows = connection.tuples(_LAST, (person_id,))
    return str(rows[0][0]) if rows else ""


def delete_session(connection: Connection, **columns: str) -> str:
    """End the log-in that has these columns; its ID, empty where there is none."""
    assert columns and columns.keys() <= set(_NAMES), "columns of web_sessions"
    where = " AND ".join(f"{name} = ?" for name in columns)
    rows = connection.rows(f"DELETE FROM web_sessions WHERE {where} RETURNING id", tuple(columns.values()))  # noqa: S608
    return str(rows[0]["id"]) if rows else ""


def delete_sessions(connection: Connection, person_id: str, *, but: str = "") -> int:
    """End somebody's log-ins; how many.

    Args:
        but: the ID of one that goes on.
    """
    return connection.execute("DELETE FROM web_sessions WHERE person_id = ? AND id <> ?", (person_id, but))


def delete_old_sessions(connection: Connection, now: float) -> int:
    """Delete those that have run out; how many."""
    return connection.execute("DELETE FROM web_sessions WHERE expires_at <= ?", (now,))


def _row(columns: dict[str, Any]) -> SessionRow:
    return SessionRow(**(columns | {"complete": bool(columns["complete"])}))


def _found(row: dict[str, Any]) -> FoundSession:
    session = _row({name: row[f"s_{name}"] for name in _NAMES})
    person = {name: row[f"p_{name}"] for name in _PERSON}
    whose = PersonRow(**(person | {"operator": bool(person["operator"])}))
    return FoundSession(session, whose, row["role"], bool(row["second_factor"]))
