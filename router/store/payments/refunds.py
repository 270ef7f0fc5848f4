"""Rows of refunds that the operator asked for, and of accounts that disputes froze."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from router.db.connection import Connection
from router.db.transaction import Runner

__all__ = [
    "RefundRow",
    "asked_refunds",
    "end_freeze",
    "find_refund",
    "freeze",
    "frozen_by",
    "insert_refund",
    "keep_suspended",
    "refunds_of",
    "update_refund",
]

_COLUMNS = "id, topup_id, amount, state, reference, reason, problem, created_at, changed_at"
_SELECT = f"SELECT {_COLUMNS} FROM topup_refunds"  # noqa: S608 - constant text


@dataclass(frozen=True, slots=True)
class RefundRow:
    """One refund.

    Attributes:
        amount: in minor units of the top-up's currency.
        state: ``asked``, ``done`` or ``failed``.
        reference: the method's; empty while it is not told.
        problem: why it failed, or could not be asked for yet.
    """

    id: str
    topup_id: str
    amount: int
    state: str
    reference: str
    reason: str
    problem: str
    created_at: float
    changed_at: float


def insert_refund(connection: Connection, row: RefundRow) -> None:
    """Keep a new one."""
    sql = f"INSERT INTO topup_refunds ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - constant text
    values = (row.id, row.topup_id, str(row.amount), row.state, row.reference, row.reason, row.problem)
    connection.execute(sql, (*values, row.created_at, row.changed_at))


def update_refund(connection: Connection, row: RefundRow) -> None:
    """Write what became of it."""
    sql = "UPDATE topup_refunds SET state = ?, reference = ?, problem = ?, changed_at = ? WHERE id = ?"
    connection.execute(sql, (row.state, row.reference, row.problem, row.changed_at, row.id))


def find_refund(connection: Connection, refund_id: str) -> RefundRow | None:
    """The refund of an ID."""
    row = connection.row(f"{_SELECT} WHERE id = ?", (refund_id,))
    return None if row is None else _row(row)


def refunds_of(connection: Connection, topup_id: str) -> list[RefundRow]:
    """Those of a top-up, oldest first."""
    return [_row(row) for row in connection.rows(f"{_SELECT} WHERE topup_id = ? ORDER BY created_at", (topup_id,))]


def asked_refunds(database: Runner, before: float, limit: int) -> list[RefundRow]:
    """Those that no method has told of yet and that were not changed since a time, the longest unchanged first."""
    sql = f"{_SELECT} WHERE state = 'asked' AND changed_at <= ? ORDER BY changed_at LIMIT ?"
    return [_row(row) for row in database.read(lambda connection: connection.rows(sql, (before, limit)))]


def freeze(connection: Connection, account_id: str, reference: str, *, suspended: bool, now: float) -> bool:
    """Note that a dispute froze an account; False where it was noted before."""
    sql = (
        "INSERT INTO account_freezes (account_id, reference, suspended, created_at) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (account_id, reference) DO NOTHING"
    )
    return connection.execute(sql, (account_id, reference, suspended, now)) == 1


def end_freeze(connection: Connection, account_id: str, reference: str, now: float) -> bool:
    """Note that a dispute is over.

    Returns:
        whether the account may be active again: disputes alone had suspended it, and none of them goes on.
    """
    sql = (
        "UPDATE account_freezes SET ended_at = ? WHERE account_id = ? AND reference = ? AND ended_at IS NULL "
        "RETURNING suspended"
    )
    ended = connection.rows(sql, (now, account_id, reference))
    if not ended:
        return False
    every = "SELECT suspended, ended_at FROM account_freezes WHERE account_id = ?"
    rows = connection.rows(every, (account_id,))
    return all(row["ended_at"] is not None for row in rows) and any(bool(row["suspended"]) for row in rows)


def keep_suspended(connection: Connection, account_id: str) -> None:
    """An operator suspends a frozen account: the end of a dispute does not let it go on."""
    connection.execute("UPDATE account_freezes SET suspended = FALSE WHERE account_id = ?", (account_id,))


def frozen_by(database: Runner, account_id: str) -> list[str]:
    """The disputes that keep an account frozen."""
    sql = "SELECT reference FROM account_freezes WHERE account_id = ? AND ended_at IS NULL ORDER BY created_at"
    return [reference for (reference,) in database.read(lambda connection: connection.tuples(sql, (account_id,)))]


def _row(row: dict[str, Any]) -> RefundRow:
    return RefundRow(**(row | {"amount": int(row["amount"])}))
