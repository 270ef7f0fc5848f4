"""Operators' notes on accounts: rows are added, and never changed."""

from __future__ import annotations

from dataclasses import dataclass

from router.db.ids import check_name, new_id
from router.db.transaction import Runner

__all__ = ["AccountNote", "insert_note", "list_note_rows"]

_LONGEST = 2_000
_LIMIT_MAX = 1_000
_COLUMNS = "id, account_id, text, made_by, created_at"


@dataclass(frozen=True, slots=True)
class AccountNote:
    """One note; ``made_by`` is the actor's name."""

    id: str
    account_id: str
    text: str
    made_by: str
    created_at: float


def insert_note(database: Runner, account_id: str, text: str, made_by: str, now: float) -> AccountNote:
    """Keep a note.

    Raises:
        BadRequest: the text is empty, too long or holds control characters.
    """
    note = AccountNote(new_id("note"), account_id, check_name(text, "a note", longest=_LONGEST), made_by, now)
    sql = f"INSERT INTO account_notes ({_COLUMNS}) VALUES (?, ?, ?, ?, ?)"  # noqa: S608 - constant text
    values = (note.id, note.account_id, note.text, note.made_by, note.created_at)
    database.write(lambda connection: connection.execute(sql, values))
    return note


def list_note_rows(database: Runner, account_id: str, *, before: str = "", limit: int) -> list[AccountNote]:
    """An account's notes, newest first.

    Args:
        before: only those behind the one with this ID.
    """
    more = "AND (created_at, id) < (SELECT created_at, id FROM account_notes WHERE id = ?)" if before else ""
    sql = f"SELECT {_COLUMNS} FROM account_notes WHERE account_id = ? {more} ORDER BY created_at DESC, id DESC LIMIT ?"  # noqa: S608
    params = [account_id, *([before] if before else []), max(0, min(limit, _LIMIT_MAX))]
    return [AccountNote(**row) for row in database.read(lambda connection: connection.rows(sql, params), whole=False)]
