"""Statements: transfers of an account, newest first, with the balances they led to; and those that no call made."""

from __future__ import annotations

from router.db.connection import Connection
from router.db.transaction import Runner
from router.ledger.balances import read_balance
from router.ledger.transfers import TRANSFER_COLUMNS, Transfer

__all__ = ["others_before", "others_since", "statement"]

# Each half is the end of one index; a customer is never credited by a call, and so that index leaves calls out.
_PAGE = f"""
SELECT * FROM (
    SELECT {TRANSFER_COLUMNS} FROM transfers WHERE debit = ? AND seq < ? ORDER BY seq DESC LIMIT ?
) AS debits
UNION ALL
SELECT * FROM (
    SELECT {TRANSFER_COLUMNS} FROM transfers WHERE credit = ? AND kind <> 'usage' AND seq < ? ORDER BY seq DESC LIMIT ?
) AS credits
ORDER BY seq DESC LIMIT ?
"""  # noqa: S608 - constant text
# The same of what calls neither took nor were given back, each half from an index that leaves calls out.
_OTHERS = f"""
SELECT * FROM (
    SELECT {TRANSFER_COLUMNS} FROM transfers WHERE debit = ? AND kind <> 'usage' AND kind <> 'return'
        AND seq < ? AND created_at >= ? AND created_at < ? ORDER BY seq DESC LIMIT ?
) AS debits
UNION ALL
SELECT * FROM (
    SELECT {TRANSFER_COLUMNS} FROM transfers WHERE credit = ? AND kind <> 'usage' AND kind <> 'return'
        AND seq < ? AND created_at >= ? AND created_at < ? ORDER BY seq DESC LIMIT ?
) AS credits
ORDER BY seq DESC LIMIT ?
"""  # noqa: S608 - constant text
_OTHERS_SINCE = """
SELECT CAST(COALESCE(SUM(amount_nano), 0) AS BIGINT) FROM transfers
WHERE {side} = ? AND kind <> 'usage' AND kind <> 'return' AND (seq >= ? OR created_at >= ?)
"""
_LIMIT_MAX = 10_000
_SEQ_MAX = 2**63 - 1


def statement(database: Runner, account_id: str, *, before: int | None = None, limit: int = 50) -> list[Transfer]:
    """The newest transfers of an account, newest first.

    Args:
        before: only those whose ``seq`` is below; the last one's leads to the next page.
        limit: how many at most; no more than 10,000.

    Raises:
        NotFound: there is no such account.
    """
    below = _SEQ_MAX if before is None else max(0, min(before, _SEQ_MAX))
    many = max(0, min(limit, _LIMIT_MAX))

    def read(connection: Connection) -> list[Transfer]:
        read_balance(connection, account_id)
        rows = connection.tuples(_PAGE, (account_id, below, many, account_id, below, many, many))
        return [Transfer(*row) for row in rows]

    return database.read(read)


def others_before(
    connection: Connection, account_id: str, before: int | None, span: tuple[float, float], limit: int
) -> list[Transfer]:
    """The newest transfers of an account that are no call's, newest first; what calls were charged is in their hours.

    Args:
        before: only those whose ``seq`` is below.
        span: only those that were posted at the first of these times (Unix seconds) or later, and before the second.
        limit: how many at most.
    """
    below = _SEQ_MAX if before is None else max(0, min(before, _SEQ_MAX))
    half = (account_id, below, *span, limit)
    return [Transfer(*row) for row in connection.tuples(_OTHERS, (*half, *half, limit))]


def others_since(connection: Connection, account_id: str, seq: int | None, at: float) -> int:
    """What the same come to, in nano-units, of those whose ``seq`` is not below one, or that were posted at a time or
    later.
    """
    params = (account_id, _SEQ_MAX if seq is None else max(0, min(seq, _SEQ_MAX)), at)
    credited, debited = (
        int(connection.tuples(_OTHERS_SINCE.format(side=side), params)[0][0]) for side in ("credit", "debit")
    )
    return credited - debited
