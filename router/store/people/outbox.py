"""The outbox: mails that are to be sent, and what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from router.db.connection import Connection
from router.db.ids import clean_text, new_id
from router.db.transaction import Runner

__all__ = [
    "OutboxMail",
    "claim_mails",
    "empty_mails",
    "find_mail",
    "forget_mails",
    "has_due_mail",
    "insert_mail",
    "list_mails",
    "mark_mail",
    "release_mail",
]

_SHOWN = "id, person_id, recipient, purpose, subject, status, tries, error, created_at, due_at, sent_at"
_NAMES = f"{_SHOWN}, text, html"
_INSERT = f"""
INSERT INTO outbox ({_NAMES}) VALUES (?, ?, ?, ?, ?, 'due', 0, '', ?, ?, NULL, ?, ?)
"""  # noqa: S608 - constant text
_CLAIM = f"""
UPDATE outbox SET tries = tries + 1, due_at = ?
WHERE id IN (SELECT id FROM outbox WHERE status = 'due' AND due_at <= ? ORDER BY due_at LIMIT ?)
    AND status = 'due' AND due_at <= ?
RETURNING {_NAMES}
"""  # noqa: S608 - constant text; the second condition holds for a row that another worker took meanwhile
_ERROR_MAX = 500


@dataclass(frozen=True, slots=True)
class OutboxMail:
    """One mail.

    Attributes:
        id: ``mail_...``.
        person_id: to whom; empty for nobody who is known.
        purpose: what it is for.
        status: ``due``, ``sent``, ``failed`` (given up) or ``bounced`` (the server refused the address for good).
        tries: how often it was given to a server, or is just now.
        error: what went wrong last; empty for nothing.
        created_at, due_at, sent_at: Unix seconds: written, to be tried next, taken by the server; None for not yet.
        text, html: what stands in it; empty once it is sent, and where only lists are read.
    """

    id: str
    person_id: str
    recipient: str
    purpose: str
    subject: str
    status: str
    tries: int
    error: str
    created_at: float
    due_at: float
    sent_at: float | None
    text: str = ""
    html: str = ""


def insert_mail(
    database: Runner, now: float, *, person_id: str, recipient: str, purpose: str, subject: str, text: str, html: str
) -> str:
    """Keep a mail that is due at once; its ID."""
    mail_id = new_id("mail")
    texts = [clean_text(one) for one in (person_id, recipient, purpose, subject)]
    params = (mail_id, *texts, now, now, clean_text(text), clean_text(html))
    database.write(lambda connection: connection.execute(_INSERT, params))
    return mail_id


def has_due_mail(database: Runner, now: float) -> bool:
    """Whether a mail is due: a look that keeps no writer waiting."""
    sql = "SELECT 1 AS one FROM outbox WHERE status = 'due' AND due_at <= ? LIMIT 1"
    return database.read(lambda connection: connection.row(sql, (now,)), whole=False) is not None


def claim_mails(database: Runner, now: float, *, limit: int, for_s: float) -> list[OutboxMail]:
    """Take mails that are due, the longest due first: nobody else is given them before ``now + for_s``."""
    params = (now + for_s, now, limit, now)
    rows = database.write(lambda connection: connection.rows(_CLAIM, params))
    return sorted((OutboxMail(**row) for row in rows), key=lambda mail: mail.created_at)


def mark_mail(database: Runner, mail: OutboxMail, status: str, now: float, *, error: str = "") -> None:
    """End a mail that was claimed; one that was sent is emptied."""
    sent = status == "sent"
    emptied = ", text = '', html = ''" if sent else ""
    sql = f"UPDATE outbox SET status = ?, error = ?, sent_at = ?{emptied} WHERE id = ?"  # noqa: S608 - constant texts
    params = (status, _words(error), now if sent else None, mail.id)
    database.write(lambda connection: connection.execute(sql, params))


def release_mail(database: Runner, mail_id: str, due_at: float, *, error: str = "", again: bool = False) -> int:
    """Let a mail be tried from ``due_at`` on; how many there were.

    Args:
        again: whether it begins anew: it counts as written at ``due_at``, and as never tried.
    """
    anew = ", status = 'due', tries = 0, created_at = ?" if again else ""
    sql = f"UPDATE outbox SET due_at = ?, error = ?{anew} WHERE id = ?"  # noqa: S608 - constant texts
    params = (due_at, _words(error), *((due_at,) if again else ()), mail_id)
    return database.write(lambda connection: connection.execute(sql, params))


def find_mail(database: Runner, mail_id: str) -> OutboxMail | None:
    """A mail with what stands in it."""
    sql = f"SELECT {_NAMES} FROM outbox WHERE id = ?"  # noqa: S608 - constant text
    row = database.read(lambda connection: connection.row(sql, (mail_id,)))
    return None if row is None else OutboxMail(**row)


def list_mails(
    database: Runner, *, status: str = "", recipient: str = "", before: str = "", limit: int
) -> list[OutboxMail]:
    """Mails without what stands in them, newest first.

    Args:
        before: only those written before the one with this ID.
    """
    filters: list[tuple[str, str]] = [
        ("status = ?", status),
        ("recipient = ?", recipient),
        ("(created_at, id) < (SELECT created_at, id FROM outbox WHERE id = ?)", before),
    ]
    given = [(condition, value) for condition, value in filters if value]
    where = f"WHERE {' AND '.join(condition for condition, _ in given)}" if given else ""
    sql = f"SELECT {_SHOWN} FROM outbox {where} ORDER BY created_at DESC, id DESC LIMIT ?"  # noqa: S608
    params: Sequence[Any] = [*(value for _, value in given), limit]
    return [OutboxMail(**row) for row in database.read(lambda connection: connection.rows(sql, params))]


def empty_mails(connection: Connection, before: float) -> int:
    """Empty mails that were given up, or refused, and were written before a time; how many."""
    left = "status IN ('failed', 'bounced') AND created_at < ? AND text <> ''"
    return connection.execute(f"UPDATE outbox SET text = '', html = '' WHERE {left}", (before,))  # noqa: S608


def forget_mails(connection: Connection, before: float) -> int:
    """Delete mails that are done with and were written before a time; how many."""
    return connection.execute("DELETE FROM outbox WHERE status <> 'due' AND created_at < ?", (before,))


def _words(error: str) -> str:
    return clean_text(error)[:_ERROR_MAX]
