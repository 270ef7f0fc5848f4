"""What accounts have paid in so far, by their top-ups: without what went back, and without what was granted."""

from __future__ import annotations

from router.db.connection import Connection
from router.store.accounts import OPERATORS

__all__ = ["accounts_that_paid", "paid_in"]

_PAID = """
    SELECT CAST(COALESCE(SUM(t.credit_nano - t.refunded_nano - t.disputed_nano), 0) AS BIGINT) FROM topups t
    WHERE t.account_id = {account} AND t.paid_at IS NOT NULL AND t.amount <> '0'
"""


def paid_in(connection: Connection, account_id: str) -> int:
    """What an account has paid in, in nano-units of its balance; a payment may be refunded and disputed, too."""
    return max(0, int(connection.tuples(_PAID.format(account="?"), (account_id,))[0][0]))


def accounts_that_paid(
    connection: Connection, tier: str, *, made_until: float, paid_nano: int, after: str, limit: int
) -> list[str]:
    """The IDs of active accounts of a tier that are old enough and have paid enough, in their order.

    Args:
        made_until: when they were made at the latest, Unix seconds.
        paid_nano: the least that they have paid in.
        after: only those behind this ID.
    """
    paid = f"AND ({_PAID.format(account='a.id')}) >= ?" if paid_nano else ""
    sql = (
        "SELECT a.id FROM accounts a WHERE a.tier = ? AND a.status = 'active' AND a.id <> ? "  # noqa: S608
        f"AND a.created_at <= ? AND a.id > ? {paid} ORDER BY a.id LIMIT ?"
    )
    params = (tier, OPERATORS, made_until, after, *((paid_nano,) if paid_nano else ()), limit)
    return [str(id) for (id,) in connection.tuples(sql, params)]
