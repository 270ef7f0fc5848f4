"""Statements: an account's transfers, newest first, each with the balance that it led to."""

from __future__ import annotations

from router.db.connection import Connection
from router.db.transaction import Runner
from router.ledger.balances import read_balance
from router.ledger.transfers import TRANSFER_COLUMNS, Transfer

__all__ = ["statement"]

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
