"""What the tables have that people are to be told, and were not told yet; each question is bounded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from router.db.connection import Connection
from router.db.transaction import Runner
from router.money.amounts import NANO
from router.types.keys import AMOUNT_MAX

__all__ = ["LOW_NANO", "DueNotice", "expiring_keys", "fallen_balances", "used_budgets", "users_of_model"]

LOW_NANO = NANO
"""The threshold of whoever has set none: one unit of money."""

_TOLD = """
NOT EXISTS (
    SELECT 1 FROM notices n
    WHERE n.person_id = f.person_id AND n.type = '{type}' AND n.subject = f.subject AND n.period = f.period
)
"""
_WANTED = """
JOIN people p ON p.id = m.person_id AND p.status = 'active'
LEFT JOIN notice_settings s ON s.person_id = m.person_id AND s.type = '{type}'
"""
_FALLEN = f"""
WITH low AS (
    SELECT m.person_id, m.account_id, a.name AS workspace, b.credits - b.debits AS balance_nano,
        COALESCE(s.threshold_nano, {LOW_NANO}) AS threshold_nano
    FROM balances b JOIN members m ON m.account_id = b.account_id JOIN accounts a ON a.id = m.account_id
    {_WANTED.format(type="low_balance")}
    WHERE b.credits > 0 AND b.credits - b.debits < COALESCE(s.threshold_nano, {LOW_NANO})
        AND m.role IN ({{roles}}) AND (s.type IS NULL OR s.in_app OR s.mail)
), fallen AS (
    SELECT low.*, account_id AS subject, CAST(threshold_nano AS TEXT) || '/' || CAST(COALESCE((
        SELECT MAX(t.seq) FROM transfers t
        WHERE t.credit = low.account_id AND t.kind <> 'usage' AND t.balance_nano >= low.threshold_nano
    ), 0) AS TEXT) AS period FROM low
)
SELECT * FROM fallen f WHERE {_TOLD.format(type="low_balance")} ORDER BY account_id, person_id LIMIT ?
"""  # noqa: S608 - constant texts; a period is the time since the last transfer that raised the balance above
_COUNTED = "CASE k.origin WHEN '' THEN k.id ELSE k.origin END"
_BUDGETS = f"""
WITH used AS (
    SELECT m.person_id, m.account_id, a.name AS workspace, k.name AS key_name, k.budget_nano, b.used AS used_nano,
        {_COUNTED} AS subject, b.window_start, CASE WHEN b.used >= k.budget_nano THEN '100'
            WHEN b.used >= k.budget_nano - k.budget_nano / 5 THEN '80' ELSE '50' END AS percent
    FROM api_keys k JOIN buckets b ON b.id = 'host:budget:' || {_COUNTED}
    JOIN members m ON m.account_id = k.account_id JOIN accounts a ON a.id = m.account_id
    {_WANTED.format(type="budget")}
    WHERE k.status = 'active' AND k.replaced_by IS NULL AND k.budget_nano BETWEEN 1 AND {AMOUNT_MAX}
        AND b.used >= k.budget_nano - k.budget_nano / 2
        AND b.window_start >= CASE k.budget_period WHEN 'day' THEN ? WHEN 'week' THEN ? WHEN 'month' THEN ? ELSE 0 END
        AND m.role IN ({{roles}}) AND (s.type IS NULL OR s.in_app OR s.mail)
), found AS (
    SELECT used.*, percent || '/' || CAST(window_start AS TEXT) || '/' || CAST(budget_nano AS TEXT) AS period FROM used
)
SELECT * FROM found f WHERE {_TOLD.format(type="budget")} ORDER BY subject, person_id LIMIT ?
"""  # noqa: S608 - constant texts
_EXPIRING = f"""
WITH found AS (
    SELECT m.person_id, m.account_id, a.name AS workspace, k.name AS key_name, k.id AS subject, k.expires_at,
        CAST(CAST(k.expires_at AS BIGINT) AS TEXT) AS period
    FROM api_keys k JOIN members m ON m.account_id = k.account_id JOIN accounts a ON a.id = m.account_id
    {_WANTED.format(type="key_expires")}
    WHERE k.status = 'active' AND k.replaced_by IS NULL AND k.kind <> 'hidden'
        AND k.expires_at > ? AND k.expires_at <= ? AND k.created_at < k.expires_at - ?
        AND m.role IN ({{roles}}) AND (s.type IS NULL OR s.in_app OR s.mail)
)
SELECT * FROM found f WHERE {_TOLD.format(type="key_expires")} ORDER BY subject, person_id LIMIT ?
"""  # noqa: S608 - constant texts; a key that never lasted longer was made to end soon
_USERS = """
SELECT DISTINCT h.account_id FROM usage_hours h
WHERE h.model = ? AND h.hour >= ? AND h.account_id > ? ORDER BY h.account_id LIMIT ?
"""


@dataclass(frozen=True, slots=True)
class DueNotice:
    """Something that one person is to be told.

    Attributes:
        subject: what it is about: an ID.
        period: within which it is told once.
        values: what its text names.
    """

    person_id: str
    account_id: str
    subject: str
    period: str
    values: dict[str, str]


def fallen_balances(database: Runner, roles: Sequence[str], *, limit: int) -> list[DueNotice]:
    """Members of accounts whose balance is below their threshold, and was not since they were last told."""
    return _found(database, _FALLEN, roles, roles, limit, ("balance_nano", "threshold_nano"))


def used_budgets(database: Runner, roles: Sequence[str], starts: Sequence[float], *, limit: int) -> list[DueNotice]:
    """Members of accounts with a key that has used half of its budget, four fifths of it, or all.

    Args:
        starts: Unix seconds at which the present day, week and month began.
    """
    params = [round(start * 1000) for start in starts]
    return _found(database, _BUDGETS, roles, [*params, *roles], limit, ("percent", "used_nano", "budget_nano"))


def expiring_keys(
    database: Runner, roles: Sequence[str], now: float, within_s: float, *, limit: int
) -> list[DueNotice]:
    """Members of accounts with a key that expires soon, and has no other in its place."""
    return _found(database, _EXPIRING, roles, [now, now + within_s, within_s, *roles], limit, ("expires_at",))


def users_of_model(database: Runner, model: str, since: float, *, after: str, limit: int) -> list[str]:
    """The accounts that have used a model since a time, behind one of them, by their IDs."""
    hour = int(since) // 3_600 * 3_600
    rows = database.read(lambda connection: connection.tuples(_USERS, (model, hour, after, limit)))
    return [account_id for (account_id,) in rows]


def _found(
    database: Runner, sql: str, roles: Sequence[str], params: Sequence[Any], limit: int, names: Sequence[str]
) -> list[DueNotice]:
    whole = sql.format(roles=", ".join("?" * len(roles)))

    def read(connection: Connection) -> list[dict[str, Any]]:
        return connection.rows(whole, [*params, limit])

    return [_due(row, names) for row in database.read(read)]


def _due(row: dict[str, Any], names: Sequence[str]) -> DueNotice:
    values = {name: str(row[name]) for name in ("workspace", *names)}
    if "key_name" in row:
        values["key"] = row["key_name"]
    return DueNotice(row["person_id"], row["account_id"], row["subject"], row["period"], values)
