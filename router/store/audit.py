"""The audit log: what operators did. Rows are added, and never changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from router.db.connection import Connection
from router.db.database import Database
from router.db.ids import clean_text

__all__ = ["AuditEntry", "broken_entries", "has_entry", "insert_audit", "list_audit"]

_COLUMNS = "created_at, actor, action, subject, detail, seq"
_INSERT = "INSERT INTO audit (created_at, actor, action, subject, detail, hash) VALUES (?, ?, ?, ?, ?, ?) RETURNING seq"
_CHAIN = "SELECT head, length FROM chains WHERE name = 'audit'"
_GROW = "UPDATE chains SET head = ?, length = length + 1 WHERE name = 'audit'"
_LIMIT_MAX = 10_000


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One thing that somebody did.

    Attributes:
        created_at: Unix seconds.
        actor: who did it.
        action: what was done, as the command line calls it (``keys revoke``).
        subject: what it was done to: an ID, a name; may be empty.
        detail: how, with secrets masked; anything that JSON holds.
        seq: its place among all; 0 before it is written.
    """

    created_at: float
    actor: str
    action: str
    subject: str
    detail: Mapping[str, Any] = field(default_factory=dict)
    seq: int = 0


def insert_audit(connection: Connection, entry: AuditEntry) -> int:
    """Write an entry within the transaction of what it tells of; its ``seq``."""
    texts = [clean_text(text) for text in (entry.actor, entry.action, entry.subject)]
    values = (float(entry.created_at), *texts, json.dumps(dict(entry.detail)))
    lock = " FOR UPDATE" if connection.engine == "postgresql" else ""
    ((head, _),) = connection.tuples(_CHAIN + lock)  # kept from others: each entry has one before it
    head = _link(head, *values)
    row = connection.row(_INSERT, (*values, head))
    connection.execute(_GROW, (head,))
    return int(row["seq"]) if row else 0


def broken_entries(connection: Connection) -> list[str]:
    """Which entries are not as they were written, or missing. Those that are older than the chain have no hash."""
    found, head, length = [], "", 0
    rows = connection.tuples(f"SELECT seq, hash, {', '.join(_COLUMNS.split(', ')[:-1])} FROM audit ORDER BY seq")  # noqa: S608
    for seq, hash, *values in rows:
        if not hash and not head:
            continue
        if hash != _link(head, *values):
            found.append(f"entry {seq}: it, or the one before it, is not as it was written")
        head, length = hash, length + 1
    ((last, counted),) = connection.tuples(_CHAIN)
    if (last, counted) != (head, length):
        found.append(f"{counted} entries were written, {length} are there")
    return found


def _link(previous: str, *values: object) -> str:
    return hashlib.sha256(json.dumps([previous, *values]).encode("ascii")).hexdigest()


def has_entry(connection: Connection, entry: AuditEntry) -> bool:
    """Whether an entry is there: its transaction may have been rolled back."""
    sql = "SELECT 1 FROM audit WHERE seq = ? AND created_at = ? AND action = ?"
    return connection.row(sql, (entry.seq, entry.created_at, entry.action)) is not None


def list_audit(
    database: Database,
    *,
    limit: int = 50,
    before: int | None = None,
    action: str | None = None,
    subject: str | None = None,
) -> list[AuditEntry]:
    """The newest entries, newest first.

    Args:
        limit: how many at most; no more than 10,000.
        before: only those whose ``seq`` is below; the last one's leads to the next page.
        action: only this one, or all that begin with this word (``keys``).
        subject: only what was done to this; of an account, also what was done to its keys.
    """
    filters: list[tuple[str, tuple[Any, ...]]] = []
    if before is not None:
        filters.append(("seq < ?", (before,)))
    if action is not None:
        filters.append(("(action = ? OR substr(action, 1, ?) = ?)", (action, len(action) + 1, f"{action} ")))
    if subject is not None:
        of_keys = "subject IN (SELECT id FROM api_keys WHERE account_id = ?)"
        filters.append((f"(subject = ? OR {of_keys})", (subject, subject)))
    where = f"WHERE {' AND '.join(condition for condition, _ in filters)}" if filters else ""
    sql = f"SELECT {_COLUMNS} FROM audit {where} ORDER BY seq DESC LIMIT ?"  # noqa: S608 - constant texts
    params = [value for _, values in filters for value in values]
    rows = database.read(lambda connection: connection.rows(sql, [*params, max(0, min(limit, _LIMIT_MAX))]))
    return [AuditEntry(**(row | {"detail": json.loads(row["detail"])})) for row in rows]
