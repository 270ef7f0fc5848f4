"""Rows of one-time links. The text of one is in a mail alone; its SHA-256 is kept."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import astuple, dataclass, fields
from typing import Any

from router.db.connection import Connection
from router.db.ids import new_id
from router.db.transaction import Runner

__all__ = [
    "TicketRow",
    "TicketShown",
    "delete_old_tickets",
    "delete_tickets",
    "find_ticket",
    "hash_of",
    "issue_ticket",
    "list_tickets",
    "show_ticket",
    "take_ticket",
]


@dataclass(frozen=True, slots=True)
class TicketRow:
    """All that is kept of a one-time link; ``router.store.people.tables`` says what each column is."""

    hash: str
    id: str
    purpose: str
    person_id: str
    email: str
    account_id: str
    role: str
    made_by: str
    browser: str
    created_at: float
    expires_at: float


@dataclass(frozen=True, slots=True)
class TicketShown:
    """A one-time link with the names of what it is about; empty where it is about none.

    Attributes:
        account_name: of its account.
        made_by_email: of the person who made it.
    """

    row: TicketRow
    account_name: str
    made_by_email: str


_NAMES = tuple(field.name for field in fields(TicketRow))
_COLUMNS = ", ".join(_NAMES)
_INSERT = f"INSERT INTO tickets ({_COLUMNS}) VALUES ({', '.join('?' * len(_NAMES))})"  # noqa: S608 - constant text
_SHOW = f"""
SELECT {", ".join(f"t.{name}" for name in _NAMES)}, COALESCE(a.name, '') AS account_name,
    COALESCE(p.email, '') AS made_by_email
FROM tickets t LEFT JOIN accounts a ON a.id = t.account_id LEFT JOIN people p ON p.id = t.made_by
"""  # noqa: S608 - constant text


def hash_of(text: str) -> str:
    """What is kept of a random text that only its owner has."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def issue_ticket(
    connection: Connection,
    purpose: str,
    now: float,
    *,
    lasts_s: float,
    email: str,
    person_id: str = "",
    account_id: str = "",
    role: str = "",
    made_by: str = "",
    browser: str = "",
) -> tuple[TicketRow, str]:
    """Make a one-time link: its row, and its text, which cannot be had again. It ends older ones for the same.

    Args:
        browser: the text of the cookie of the browser that asked; empty for none.
    """
    if person_id:
        delete_tickets(connection, (purpose,), person_id=person_id)
    else:
        delete_tickets(connection, (purpose,), person_id="", account_id=account_id, email=email)
    text = secrets.token_urlsafe(32)
    row = TicketRow(
        hash=hash_of(text),
        id=new_id("tick"),
        purpose=purpose,
        person_id=person_id,
        email=email,
        account_id=account_id,
        role=role,
        made_by=made_by,
        browser=browser and hash_of(browser),
        created_at=now,
        expires_at=now + lasts_s,
    )
    connection.execute(_INSERT, astuple(row))
    return row, text


def take_ticket(connection: Connection, hash: str, purposes: Collection[str], now: float) -> TicketRow | None:
    """Use a one-time link up, in the transaction of what it does; None where there is none that still counts.

    Of two that use one at the same time, one is given it.
    """
    places = ", ".join("?" * len(purposes))
    sql = f"DELETE FROM tickets WHERE hash = ? AND expires_at > ? AND purpose IN ({places}) RETURNING {_COLUMNS}"  # noqa: S608
    rows = connection.rows(sql, (hash, now, *purposes))
    return TicketRow(**rows[0]) if rows else None


def show_ticket(database: Runner, hash: str, now: float) -> TicketShown | None:
    """A one-time link that still counts, used up by nobody."""
    sql = f"{_SHOW} WHERE t.hash = ? AND t.expires_at > ?"
    row = database.read(lambda connection: connection.row(sql, (hash, now)))
    return None if row is None else _shown(row)


def find_ticket(database: Runner, purpose: str, now: float, **columns: str) -> TicketRow | None:
    """The newest of a purpose that still counts and has these columns."""
    assert columns.keys() <= set(_NAMES), "columns of tickets"
    where = "".join(f" AND {name} = ?" for name in columns)
    sql = f"SELECT {_COLUMNS} FROM tickets WHERE purpose = ? AND expires_at > ?{where} ORDER BY created_at DESC LIMIT 1"  # noqa: S608
    row = database.read(lambda connection: connection.row(sql, (purpose, now, *columns.values())))
    return None if row is None else TicketRow(**row)


def list_tickets(database: Runner, purpose: str, account_id: str, now: float) -> list[TicketShown]:
    """An account's of a purpose that still count, oldest first."""
    sql = f"{_SHOW} WHERE t.account_id = ? AND t.purpose = ? AND t.expires_at > ? ORDER BY t.created_at, t.id"
    return [_shown(row) for row in database.read(lambda connection: connection.rows(sql, (account_id, purpose, now)))]


def delete_tickets(connection: Connection, purposes: Collection[str], **columns: str) -> int:
    """Delete those of some purposes that have all of these columns; how many."""
    assert columns and columns.keys() <= set(_NAMES), "columns of tickets"
    where = " AND ".join(f"{name} = ?" for name in columns)
    places = ", ".join("?" * len(purposes))
    sql = f"DELETE FROM tickets WHERE purpose IN ({places}) AND {where}"  # noqa: S608 - constant texts
    return connection.execute(sql, (*purposes, *columns.values()))


def delete_old_tickets(connection: Connection, now: float) -> int:
    """Delete those whose time is over; how many."""
    return connection.execute("DELETE FROM tickets WHERE expires_at <= ?", (now,))


def _shown(row: dict[str, Any]) -> TicketShown:
    account_name, made_by_email = row.pop("account_name"), row.pop("made_by_email")
    return TicketShown(TicketRow(**row), account_name, made_by_email)
