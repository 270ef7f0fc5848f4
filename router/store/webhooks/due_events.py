"""Balances that have fallen and budgets that are nearly used, of which an endpoint was not told yet; bounded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from router.db.connection import Connection
from router.db.transaction import Runner
from router.types.keys import AMOUNT_MAX

__all__ = ["DueEvent", "fallen_balances", "used_budgets"]

_WANTS = "(w.events = '[]' OR w.events LIKE '%\"{type}\"%')"
_NOT_TOLD = "NOT EXISTS (SELECT 1 FROM webhook_deliveries d WHERE d.webhook_id = f.webhook_id AND d.cause = f.cause)"
_FALLEN = f"""
WITH low AS (
    SELECT w.id AS webhook_id, w.account_id, a.name AS workspace, b.credits - b.debits AS balance_nano,
        COALESCE(w.low_nano, (
            SELECT t.amount_nano / 100 * w.low_percent FROM transfers t
            WHERE t.credit = w.account_id AND t.kind IN ('topup', 'grant', 'free') ORDER BY t.seq DESC LIMIT 1
        )) AS threshold_nano
    FROM webhooks w JOIN accounts a ON a.id = w.account_id JOIN balances b ON b.account_id = w.account_id
    WHERE w.status = 'active' AND b.credits > 0 AND (w.low_nano IS NOT NULL OR w.low_percent IS NOT NULL)
        AND {_WANTS.format(type="balance.low")}
), fallen AS (
    SELECT low.*, 'balance.low/' || CAST(threshold_nano AS TEXT) || '/' || CAST(COALESCE((
        SELECT MAX(t.seq) FROM transfers t
        WHERE t.credit = low.account_id AND t.kind <> 'usage' AND t.balance_nano >= low.threshold_nano
    ), 0) AS TEXT) AS cause FROM low WHERE balance_nano < threshold_nano
)
SELECT * FROM fallen f WHERE {_NOT_TOLD} ORDER BY f.webhook_id LIMIT ?
"""  # noqa: S608 - constant texts; told again once a transfer has raised the balance above
_COUNTED = "CASE k.origin WHEN '' THEN k.id ELSE k.origin END"
_BUDGETS = f"""
WITH used AS (
    SELECT w.id AS webhook_id, w.account_id, a.name AS workspace, k.name AS key_name, k.id AS key_id, k.budget_nano,
        b.used AS used_nano, {_COUNTED} AS counted, b.window_start, CASE WHEN b.used >= k.budget_nano THEN '100'
            WHEN b.used >= k.budget_nano - k.budget_nano / 5 THEN '80' ELSE '50' END AS percent
    FROM webhooks w JOIN accounts a ON a.id = w.account_id JOIN api_keys k ON k.account_id = w.account_id
    JOIN buckets b ON b.id = 'host:budget:' || {_COUNTED}
    WHERE w.status = 'active' AND {_WANTS.format(type="budget.used")}
        AND k.status = 'active' AND k.replaced_by IS NULL AND k.kind <> 'hidden'
        AND k.budget_nano BETWEEN 1 AND {AMOUNT_MAX} AND b.used >= k.budget_nano - k.budget_nano / 2
        AND b.window_start >= CASE k.budget_period WHEN 'day' THEN ? WHEN 'week' THEN ? WHEN 'month' THEN ? ELSE 0 END
), found AS (
    SELECT used.*, 'budget.used/' || counted || '/' || percent || '/' || CAST(window_start AS TEXT) || '/'
        || CAST(budget_nano AS TEXT) AS cause FROM used
)
SELECT * FROM found f WHERE {_NOT_TOLD} ORDER BY f.webhook_id, f.key_id LIMIT ?
"""  # noqa: S608 - constant texts


@dataclass(frozen=True, slots=True)
class DueEvent:
    """Something that one endpoint is to be told.

    Attributes:
        cause: for which it is told once.
        values: what the event says, as notices have it: amounts end in ``_nano``.
    """

    webhook_id: str
    account_id: str
    cause: str
    values: dict[str, str]


def fallen_balances(database: Runner, *, limit: int) -> list[DueEvent]:
    """Endpoints of accounts whose balance is below what the endpoint calls low, and was not since it was last told."""
    return _found(database, _FALLEN, [limit], {"balance": "balance_nano", "threshold": "threshold_nano"})


def used_budgets(database: Runner, starts: Sequence[float], *, limit: int) -> list[DueEvent]:
    """Endpoints of accounts with a key that has used half of its budget, four fifths of it, or all.

    Args:
        starts: Unix seconds at which the present day, week and month began.
    """
    params = [round(start * 1000) for start in starts]
    shown = {"key_id": "key_id", "key": "key_name", "percent": "percent"}
    return _found(database, _BUDGETS, [*params, limit], {**shown, "used": "used_nano", "budget": "budget_nano"})


def _found(database: Runner, sql: str, params: list[Any], names: dict[str, str]) -> list[DueEvent]:
    def read(connection: Connection) -> list[dict[str, Any]]:
        return connection.rows(sql, params)

    return [
        DueEvent(
            row["webhook_id"],
            row["account_id"],
            row["cause"],
            {"workspace": row["workspace"]}
            | {
                name + ("_nano" if column.endswith("_nano") else ""): str(row[column]) for name, column in names.items()
            },
        )
        for row in database.read(read)
    ]
