"""Rows of facts that methods told, and of the notices by which they told them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from router.db.connection import Connection
from router.db.transaction import Runner

__all__ = [
    "FactRow",
    "NoticeRow",
    "count_facts",
    "facts_of",
    "find_fact",
    "finish_event",
    "forget_events",
    "insert_event",
    "list_events",
    "list_facts",
    "put_fact",
    "waiting_deposits",
    "waiting_facts",
]

_COLUMNS = "method, kind, reference, topup_id, payment, amount, currency, body, state, why, made, created_at"
_PUT = f"""
INSERT INTO payment_facts ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (method, kind, reference) DO UPDATE SET topup_id = excluded.topup_id, state = excluded.state,
    why = excluded.why, made = excluded.made, amount = excluded.amount, body = excluded.body
"""  # noqa: S608 - constant text
_SELECT = f"SELECT {_COLUMNS} FROM payment_facts"  # noqa: S608 - constant text


@dataclass(frozen=True, slots=True)
class FactRow:
    """One fact; ``router.store.payments.tables`` says what each column is."""

    method: str
    kind: str
    reference: str
    topup_id: str
    payment: str
    amount: int
    currency: str
    body: dict[str, Any]
    state: str
    why: str
    made: str
    created_at: float


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """One notice that was looked at, and what came of it."""

    method: str
    id: str
    kind: str
    outcome: str
    created_at: float


def insert_event(connection: Connection, row: NoticeRow) -> bool:
    """Note a notice; False where one of this ID was there before."""
    sql = (
        "INSERT INTO payment_events (method, id, kind, outcome, created_at) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (method, id) DO NOTHING"
    )
    return connection.execute(sql, (row.method, row.id, row.kind, row.outcome, row.created_at)) == 1


def finish_event(connection: Connection, row: NoticeRow) -> None:
    """Write what came of a notice."""
    sql = "UPDATE payment_events SET outcome = ? WHERE method = ? AND id = ?"
    connection.execute(sql, (row.outcome, row.method, row.id))


def list_events(database: Runner, *, method: str = "", limit: int = 50) -> list[NoticeRow]:
    """The newest notices, newest first."""
    where, params = (" WHERE method = ?", (method,)) if method else ("", ())
    sql = f"SELECT method, id, kind, outcome, created_at FROM payment_events{where} ORDER BY created_at DESC LIMIT ?"  # noqa: S608
    return [NoticeRow(**row) for row in database.read(lambda connection: connection.rows(sql, (*params, limit)))]


def forget_events(connection: Connection, before: float) -> int:
    """Forget notices from before a time; facts have references of their own, so that none is booked again."""
    return connection.execute("DELETE FROM payment_events WHERE created_at < ?", (before,))


def find_fact(connection: Connection, method: str, kind: str, reference: str) -> FactRow | None:
    """The fact of a reference."""
    row = connection.row(f"{_SELECT} WHERE method = ? AND kind = ? AND reference = ?", (method, kind, reference))
    return None if row is None else _row(row)


def put_fact(connection: Connection, row: FactRow) -> None:
    """Keep a fact, or what became of it."""
    values = (row.method, row.kind, row.reference, row.topup_id, row.payment, str(row.amount), row.currency)
    body = json.dumps(row.body, sort_keys=True)
    connection.execute(_PUT, (*values, body, row.state, row.why, row.made, row.created_at))


def waiting_facts(connection: Connection, method: str, topup_id: str, references: Sequence[str]) -> list[FactRow]:
    """The facts that wait for a top-up to be paid, in the order in which they were told."""
    named = [name for name in references if name]
    places = ", ".join("?" * len(named)) or "NULL"
    sql = (
        f"{_SELECT} WHERE method = ? AND state = 'waiting' AND kind <> 'paid' AND (topup_id = ? OR "
        f"(topup_id = '' AND payment IN ({places}))) ORDER BY created_at, kind, reference"
    )
    return [_row(row) for row in connection.rows(sql, (method, topup_id, *named))]


def waiting_deposits(database: Runner, after: tuple[float, str, str], limit: int) -> list[FactRow]:
    """Deposits that wait for an exchange rate, the oldest first.

    Args:
        after: time, method and reference of the one behind which to go on.
    """
    sql = (
        f"{_SELECT} WHERE state = 'waiting' AND kind = 'paid' AND (created_at, method, reference) > (?, ?, ?) "
        "ORDER BY created_at, method, reference LIMIT ?"
    )
    return [_row(row) for row in database.read(lambda connection: connection.rows(sql, (*after, limit)))]


def facts_of(connection: Connection, topup_id: str, kind: str = "") -> list[FactRow]:
    """The facts of a top-up, in the order in which they were told."""
    where, params = (" AND kind = ?", (topup_id, kind)) if kind else ("", (topup_id,))
    sql = f"{_SELECT} WHERE topup_id = ?{where} ORDER BY created_at, kind, reference"
    return [_row(row) for row in connection.rows(sql, params)]


def list_facts(
    database: Runner, *, state: str = "", method: str = "", kind: str = "", limit: int = 50
) -> list[FactRow]:
    """The newest facts, newest first."""
    wanted = {"state": state, "method": method, "kind": kind}
    named = {name: value for name, value in wanted.items() if value}
    where = " AND ".join(["created_at > 0", *(f"{name} = ?" for name in named)])
    sql = f"{_SELECT} WHERE {where} ORDER BY created_at DESC, reference LIMIT ?"
    params = (*named.values(), limit)
    return [_row(row) for row in database.read(lambda connection: connection.rows(sql, params))]


def count_facts(database: Runner, state: str) -> int:
    """How many facts are in a state."""
    sql = "SELECT COUNT(*) FROM payment_facts WHERE state = ?"
    return int(database.read(lambda connection: connection.tuples(sql, (state,)))[0][0])


def _row(row: dict[str, Any]) -> FactRow:
    return FactRow(**(row | {"amount": int(row["amount"]), "body": json.loads(row["body"])}))
