"""Rows of people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields
from typing import Any

from router.db.connection import Connection
from router.db.transaction import Runner

__all__ = [
    "PersonRow",
    "count_operators",
    "delete_unproved",
    "find_person_row",
    "forget_person_rows",
    "insert_person",
    "list_person_rows",
    "lock_first_operator",
    "lock_operators",
    "see_person",
    "update_person",
]

_LIMIT_MAX = 10_000
_HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class PersonRow:
    """All that is kept of a person; ``router.store.people.tables`` says what each column is."""

    id: str
    email: str
    email_key: str
    name: str
    password: str
    locale: str
    zone: str
    theme: str
    status: str
    operator: bool
    verified_at: float | None
    created_at: float
    seen_at: float | None


_NAMES = tuple(field.name for field in fields(PersonRow))
_COLUMNS = ", ".join(_NAMES)
_INSERT = f"""
INSERT INTO people ({_COLUMNS}) VALUES ({", ".join("?" * len(_NAMES))}) ON CONFLICT (email_key) DO NOTHING
"""  # noqa: S608 - constant text
_UNPROVED = """
SELECT id FROM people p WHERE verified_at IS NULL AND created_at < ? AND NOT p.operator AND status = 'active'
    AND NOT EXISTS (SELECT 1 FROM members m WHERE m.person_id = p.id)
    AND NOT EXISTS (SELECT 1 FROM tickets t WHERE t.person_id = p.id AND t.expires_at > ?)
LIMIT 500
"""
_THEIRS = ("web_sessions", "tickets", "factors", "security_events", "notices", "notice_settings")


def insert_person(database: Runner, row: PersonRow) -> bool:
    """Keep a new person; False where there is one with this address already."""
    return database.write(lambda connection: connection.execute(_INSERT, astuple(row))) == 1


def find_person_row(database: Runner, *, id: str = "", email_key: str = "", lock: bool = False) -> PersonRow | None:
    """The person with an ID, or else with an address.

    Args:
        lock: keep others from changing the row until the transaction ends.
    """
    column, value = ("id", id) if id else ("email_key", email_key)
    sql = f"SELECT {_COLUMNS} FROM people WHERE {column} = ?"  # noqa: S608 - constant texts

    def read(connection: Connection) -> dict[str, Any] | None:
        return connection.row(sql + (" FOR UPDATE" if lock and connection.engine == "postgresql" else ""), (value,))

    row = database.read(read)
    return None if row is None else _row(row)


def list_person_rows(
    database: Runner, *, after: str = "", limit: int, search: str = "", operators: bool = False
) -> list[PersonRow]:
    """People, newest first.

    Args:
        after: only those behind the one with this ID.
        search: only those whose address or name holds this, or whose ID it is.
        operators: only those who run the gateway.
    """
    filters: list[tuple[str, tuple[Any, ...]]] = []
    if after:
        filters.append(("(created_at, id) < (SELECT created_at, id FROM people WHERE id = ?)", (after,)))
    if search:
        like = f"%{_escaped(search.lower())}%"
        filters.append(
            ("(email_key LIKE ? ESCAPE '!' OR lower(name) LIKE ? ESCAPE '!' OR id = ?)", (like, like, search))
        )
    if operators:
        filters.append(("people.operator", ()))
    where = f"WHERE {' AND '.join(condition for condition, _ in filters)}" if filters else ""
    sql = f"SELECT {_COLUMNS} FROM people {where} ORDER BY created_at DESC, id DESC LIMIT ?"  # noqa: S608
    params = [value for _, values in filters for value in values]
    rows = database.read(lambda connection: connection.rows(sql, [*params, max(0, min(limit, _LIMIT_MAX))]))
    return [_row(row) for row in rows]


def update_person(database: Runner, person_id: str, changes: Mapping[str, Any]) -> bool:
    """Set some columns of a person; False where there is none with this ID."""
    assert changes.keys() <= set(_NAMES), "columns of people"
    sql = f"UPDATE people SET {', '.join(f'{name} = ?' for name in changes)} WHERE id = ?"  # noqa: S608 - our columns
    return database.write(lambda connection: connection.execute(sql, (*changes.values(), person_id))) == 1


def see_person(connection: Connection, person_id: str, now: float) -> None:
    """Note that somebody was here, to the hour."""
    sql = "UPDATE people SET seen_at = ? WHERE id = ? AND (seen_at IS NULL OR seen_at <= ?)"
    connection.execute(sql, (now, person_id, now - _HOUR_S))


def count_operators(database: Runner) -> int:
    """How many run the gateway."""
    return database.read(_operators)


def lock_first_operator(connection: Connection) -> int:
    """How many run the gateway; until the transaction ends, nobody else learns that there is none."""
    if connection.engine == "postgresql":  # there is no row to lock yet
        connection.execute("LOCK TABLE people IN SHARE ROW EXCLUSIVE MODE")
    return _operators(connection)


def _operators(connection: Connection) -> int:
    sql = "SELECT COUNT(*) FROM people WHERE people.operator AND status = 'active'"
    return int(connection.tuples(sql)[0][0])


def lock_operators(connection: Connection) -> list[str]:
    """The IDs of those who run the gateway, whom nobody else makes or unmakes until the transaction ends."""
    sql = "SELECT id FROM people WHERE people.operator AND status = 'active' ORDER BY id"
    lock = " FOR UPDATE" if connection.engine == "postgresql" else ""
    return [id for (id,) in connection.tuples(sql + lock)]


def delete_unproved(connection: Connection, before: float, now: float) -> int:
    """Forget some people who never proved their address and signed up before a time; how many."""
    found = [id for (id,) in connection.tuples(_UNPROVED, (before, now))]
    for person_id in found:
        _forget(connection, person_id)
        connection.execute("DELETE FROM people WHERE id = ?", (person_id,))
    return len(found)


def forget_person_rows(connection: Connection, person_id: str, email: str) -> None:
    """Forget what is kept of a person besides their own row: log-ins, factors, links, events, notices, mails."""
    _forget(connection, person_id)
    connection.execute("DELETE FROM tickets WHERE email = ?", (email,))
    connection.execute("DELETE FROM outbox WHERE person_id = ? OR recipient = ?", (person_id, email))


def _forget(connection: Connection, person_id: str) -> None:
    for table in _THEIRS:
        connection.execute(f"DELETE FROM {table} WHERE person_id = ?", (person_id,))  # noqa: S608 - our tables


def _row(columns: dict[str, Any]) -> PersonRow:
    return PersonRow(**(columns | {"operator": bool(columns["operator"])}))


def _escaped(text: str) -> str:
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")
