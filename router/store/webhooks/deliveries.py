"""Rows of deliveries: an event, for one endpoint, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from router.db.connection import Connection
from router.db.ids import clean_text, new_id
from router.db.transaction import Runner

__all__ = [
    "OPERATORS_WEBHOOK",
    "Delivery",
    "DueEndpoint",
    "claim_delivery",
    "count_waiting",
    "due_endpoints",
    "end_waiting",
    "find_delivery",
    "forget_deliveries",
    "insert_delivery",
    "list_deliveries",
    "mark_delivery",
    "retry_delivery",
]

OPERATORS_WEBHOOK = "operators"
"""Stands for the ID of an endpoint: where ``[webhooks] url`` leads."""

_SHOWN = "id, webhook_id, account_id, event_id, type, cause, status, tries, code, error, created_at, due_at, tried_at"
_NAMES = f"{_SHOWN}, body"
_INSERT = f"""
INSERT INTO webhook_deliveries ({_NAMES}) VALUES (?, ?, ?, ?, ?, ?, 'due', 0, NULL, '', ?, ?, NULL, ?)
ON CONFLICT (webhook_id, cause) DO NOTHING
"""  # noqa: S608 - constant text
_CLAIM = f"""
UPDATE webhook_deliveries SET tries = tries + 1, due_at = ?, tried_at = ?
WHERE id = (
    SELECT id FROM webhook_deliveries WHERE webhook_id = ? AND status = 'due' AND due_at <= ?
    ORDER BY created_at, id LIMIT 1
) AND status = 'due' AND due_at <= ?
RETURNING {_NAMES}
"""  # noqa: S608 - constant text; the second condition holds for a row that another worker took meanwhile
_DUE = """
SELECT d.webhook_id, d.account_id, CASE WHEN w.failing_since IS NULL THEN 0 ELSE 1 END AS failing
FROM webhook_deliveries d LEFT JOIN webhooks w ON w.id = d.webhook_id
WHERE d.status = 'due' AND d.due_at <= ?
GROUP BY d.webhook_id, d.account_id, w.failing_since ORDER BY MIN(d.due_at) LIMIT ?
"""
_ERROR_MAX = 300


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event for one endpoint.

    Attributes:
        id: ``whd_...``.
        webhook_id: the endpoint's, or ``OPERATORS_WEBHOOK``.
        event_id: ``evt_...``, which the receiver knows it by, however often it is sent.
        cause: for which it is told once.
        status: ``due``, ``sent`` or ``failed``.
        tries: how often it was sent, or is just now.
        code: the HTTP status of the last answer; None where none came.
        error: what was wrong last; empty for nothing.
        created_at, due_at, tried_at: Unix seconds: written, to be sent next, last sent.
        body: what is sent; empty where only lists are read.
    """

    id: str
    webhook_id: str
    account_id: str
    event_id: str
    type: str
    cause: str
    status: str
    tries: int
    code: int | None
    error: str
    created_at: float
    due_at: float
    tried_at: float | None
    body: str = ""


@dataclass(frozen=True, slots=True)
class DueEndpoint:
    """An endpoint to which something is to be sent; ``failing``: what was sent last was not taken."""

    webhook_id: str
    account_id: str
    failing: bool


def insert_delivery(
    database: Runner, now: float, *, webhook_id: str, account_id: str, event_id: str, type: str, cause: str, body: str
) -> str:
    """Keep an event that is due at once; its ID, empty where the endpoint was told of the same cause before."""
    made = new_id("whd")
    params = (made, webhook_id, account_id, event_id, type, clean_text(cause), now, now, clean_text(body))
    return made if database.write(lambda connection: connection.execute(_INSERT, params)) else ""


def count_waiting(database: Runner, account_id: str, most: int) -> int:
    """How many deliveries of an account wait, up to a number."""
    sql = """
        SELECT COUNT(*) FROM (
            SELECT 1 AS one FROM webhook_deliveries WHERE account_id = ? AND status = 'due' LIMIT ?
        ) waiting
    """
    return int(database.read(lambda connection: connection.tuples(sql, (account_id, most)))[0][0])


def due_endpoints(database: Runner, now: float, *, limit: int) -> list[DueEndpoint]:
    """To which endpoints something is to be sent, the longest due first."""
    rows = database.read(lambda connection: connection.rows(_DUE, (now, limit)), whole=False)
    return [DueEndpoint(row["webhook_id"], row["account_id"], bool(row["failing"])) for row in rows]


def claim_delivery(database: Runner, webhook_id: str, now: float, *, for_s: float) -> Delivery | None:
    """Take an endpoint's oldest event that is due: nobody else is given it before ``now + for_s``."""
    params = (now + for_s, now, webhook_id, now, now)
    rows = database.write(lambda connection: connection.rows(_CLAIM, params))
    return Delivery(**rows[0]) if rows else None


def mark_delivery(
    database: Runner, delivery: Delivery, status: str, *, due_at: float, code: int | None, error: str = ""
) -> None:
    """Write down what became of an event that was claimed; of one that somebody has deleted, nothing."""
    sql = "UPDATE webhook_deliveries SET status = ?, due_at = ?, code = ?, error = ? WHERE id = ? AND status = 'due'"
    params = (status, due_at, code, clean_text(error)[:_ERROR_MAX], delivery.id)
    database.write(lambda connection: connection.execute(sql, params))


def retry_delivery(database: Runner, delivery_id: str, now: float) -> None:
    """Have an event sent at once, and for as long as a new one."""
    sql = "UPDATE webhook_deliveries SET status = 'due', due_at = ?, tries = 0, error = '' WHERE id = ?"
    database.write(lambda connection: connection.execute(sql, (now, delivery_id)))


def end_waiting(connection: Connection, webhook_id: str, error: str) -> int:
    """Give up what waits for an endpoint; how many there were."""
    sql = "UPDATE webhook_deliveries SET status = 'failed', error = ? WHERE webhook_id = ? AND status = 'due'"
    return connection.execute(sql, (error, webhook_id))


def find_delivery(database: Runner, delivery_id: str) -> Delivery | None:
    """One, with what is sent."""
    sql = f"SELECT {_NAMES} FROM webhook_deliveries WHERE id = ?"  # noqa: S608 - constant text
    row = database.read(lambda connection: connection.row(sql, (delivery_id,)))
    return None if row is None else Delivery(**row)


def list_deliveries(
    database: Runner, *, webhook_id: str = "", account_id: str = "", status: str = "", before: str = "", limit: int
) -> list[Delivery]:
    """Deliveries without what is sent, newest first.

    Args:
        before: only those written before the one with this ID.
    """
    filters = [
        ("webhook_id = ?", webhook_id),
        ("account_id = ?", account_id),
        ("status = ?", status),
        ("(created_at, id) < (SELECT created_at, id FROM webhook_deliveries WHERE id = ?)", before),
    ]
    given = [(condition, value) for condition, value in filters if value]
    where = f"WHERE {' AND '.join(condition for condition, _ in given)}" if given else ""
    sql = f"SELECT {_SHOWN} FROM webhook_deliveries {where} ORDER BY created_at DESC, id DESC LIMIT ?"  # noqa: S608
    params: list[Any] = [*(value for _, value in given), limit]
    return [Delivery(**row) for row in database.read(lambda connection: connection.rows(sql, params))]


def forget_deliveries(connection: Connection, before: float) -> int:
    """Delete what is done with and was written before a time, but for causes that hold good for longer; how many."""
    lasting = "type = 'balance.low' OR (type = 'budget.used' AND cause LIKE '%/0/%')"  # a budget without periods
    sql = f"DELETE FROM webhook_deliveries WHERE created_at < ? AND status <> 'due' AND NOT ({lasting})"  # noqa: S608
    return connection.execute(sql, (before,))
