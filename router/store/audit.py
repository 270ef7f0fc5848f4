"""The audit log: what operators did. Rows are added, and never changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from router.db.columns import columns_of, without_triggers
from router.db.connection import Connection
from router.db.ids import clean_text
from router.db.transaction import Runner

__all__ = ["AuditEntry", "broken_entries", "chain_as_before", "has_actors", "insert_audit", "list_audit"]

_OWN = ("created_at", "actor", "action", "subject", "detail")
_ACTOR = ("kind", "session", "address")
_COLUMNS = ", ".join((*_OWN, *_ACTOR, "seq"))
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
        kind: of the actor; empty where that was not kept yet.
        session: in which the actor was logged in; empty for none.
        address: from which the actor came; empty for this machine.
    """

    created_at: float
    actor: str
    action: str
    subject: str
    detail: Mapping[str, Any] = field(default_factory=dict)
    seq: int = 0
    kind: str = "system"
    session: str = ""
    address: str = ""


def insert_audit(connection: Connection, entry: AuditEntry, *, actors: bool = True) -> int:
    """Write an entry within the transaction of what it tells of; its ``seq``.

    Args:
        actors: whether the table has a place for the actor's kind, session and address.
    """
    texts = [clean_text(text) for text in (entry.actor, entry.action, entry.subject)]
    values = [float(entry.created_at), *texts, json.dumps(dict(entry.detail))]
    if actors:
        values += [clean_text(text) for text in (entry.kind, entry.session, entry.address)]
    lock = " FOR UPDATE" if connection.engine == "postgresql" else ""
    ((head, _),) = connection.tuples(_CHAIN + lock)  # kept from others: each entry has one before it
    head = _link(head, *values)
    names = (*_OWN, *(_ACTOR if actors else ()), "hash")
    places = ", ".join("?" * len(names))
    sql = f"INSERT INTO audit ({', '.join(names)}) VALUES ({places}) RETURNING seq"  # noqa: S608 - constant texts
    row = connection.row(sql, (*values, head))
    connection.execute(_GROW, (head,))
    return int(row["seq"]) if row else 0


def has_actors(connection: Connection) -> bool | None:
    """Whether the table has a place for the actor's kind, session and address; None where entries have no chain yet."""
    return "kind" in columns_of(connection, "audit") if connection.has_table("chains") else None


def broken_entries(connection: Connection) -> list[str]:
    """Which entries are not as they were written, or missing. Those that are older than the chain have no hash."""
    found, head, length = [], "", 0
    names = ", ".join(("seq", "hash", *_OWN, *_ACTOR))
    for seq, hash, *values in connection.tuples(f"SELECT {names} FROM audit ORDER BY seq"):  # noqa: S608
        if not hash and not head:
            continue
        if hash != _link(head, *_hashed(values)):
            found.append(f"entry {seq}: it, or the one before it, is not as it was written")
        head, length = hash, length + 1
    ((last, counted),) = connection.tuples(_CHAIN)
    if (last, counted) != (head, length):
        found.append(f"{counted} entries were written, {length} are there")
    return found


def chain_as_before(connection: Connection) -> None:
    """Chain the entries of a table that has no place for kinds, sessions and addresses any more, as they are now."""
    head = ""
    triggers = without_triggers(connection, ["audit"])
    for seq, hash, *values in connection.tuples(f"SELECT seq, hash, {', '.join(_OWN)} FROM audit ORDER BY seq"):  # noqa: S608
        if hash or head:
            head = _link(head, *values)
            connection.execute("UPDATE audit SET hash = ? WHERE seq = ?", (head, seq))
    for sql in triggers:
        connection.execute(sql)
    connection.execute("UPDATE chains SET head = ? WHERE name = 'audit'", (head,))


def _hashed(values: Sequence[Any]) -> Sequence[Any]:
    """What an entry's hash is of: one that is older than the actors' columns has none of them."""
    return values if values[len(_OWN)] is not None else values[: len(_OWN)]


def _link(previous: str, *values: object) -> str:
    return hashlib.sha256(json.dumps([previous, *values]).encode("ascii")).hexdigest()


def list_audit(
    database: Runner,
    *,
    limit: int = 50,
    before: int | None = None,
    action: str | None = None,
    subject: str | None = None,
    actor: str | None = None,
) -> list[AuditEntry]:
    """The newest entries, newest first.

    Args:
        limit: how many at most; no more than 10,000.
        before: only those whose ``seq`` is below; the last one's leads to the next page.
        action: only this one, or all that begin with this word (``keys``).
        subject: only what was done to this; of an account, also what was done to its keys.
        actor: only what this one did.
    """
    filters: list[tuple[str, tuple[Any, ...]]] = []
    if before is not None:
        filters.append(("seq < ?", (before,)))
    if actor is not None:
        filters.append(("actor = ?", (actor,)))
    if action is not None:
        filters.append(("(action = ? OR substr(action, 1, ?) = ?)", (action, len(action) + 1, f"{action} ")))
    if subject is not None:
        of_keys = "subject IN (SELECT id FROM api_keys WHERE account_id = ?)"
        filters.append((f"(subject = ? OR {of_keys})", (subject, subject)))
    where = f"WHERE {' AND '.join(condition for condition, _ in filters)}" if filters else ""
    sql = f"SELECT {_COLUMNS} FROM audit {where} ORDER BY seq DESC LIMIT ?"  # noqa: S608 - constant texts
    params = [value for _, values in filters for value in values]
    rows = database.read(lambda connection: connection.rows(sql, [*params, max(0, min(limit, _LIMIT_MAX))]))
    return [_entry(row) for row in rows]


def _entry(row: dict[str, Any]) -> AuditEntry:
    actor = {name: row[name] or "" for name in _ACTOR}
    return AuditEntry(**(row | actor | {"detail": json.loads(row["detail"])}))
