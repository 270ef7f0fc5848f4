"""What all accounts' transfers come to, by kind; those of calls are left to the hourly sums of usage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from router.db.transaction import Runner
from router.ledger.operations import HOLD_COLUMNS, Hold

__all__ = ["KindSum", "Outstanding", "list_holds", "outstanding", "sum_kinds"]

# ``credit > ''`` is true of all, and has the database take the index that leaves calls out.
_KINDS = """
SELECT kind, COUNT(*), CAST(SUM(amount_nano) AS BIGINT),
    CAST(SUM(CASE WHEN substr(credit, 1, 1) = '@' THEN 0 ELSE amount_nano END) AS BIGINT),
    CAST(SUM(CASE WHEN substr(debit, 1, 1) = '@' THEN 0 ELSE amount_nano END) AS BIGINT)
FROM transfers WHERE kind <> 'usage' AND credit > '' AND created_at >= ? AND created_at < ? GROUP BY kind ORDER BY kind
"""
_OUTSTANDING = """
SELECT CAST(COALESCE(SUM(credits - debits), 0) AS BIGINT), CAST(COALESCE(SUM(held), 0) AS BIGINT),
    COUNT(CASE WHEN credits > debits THEN 1 END) FROM balances
"""
_HOLDS = f"SELECT {HOLD_COLUMNS} FROM holds WHERE created_at < ? ORDER BY created_at, id LIMIT ?"  # noqa: S608
_LIMIT_MAX = 1_000


@dataclass(frozen=True, slots=True)
class KindSum:
    """What the transfers of one kind come to.

    Attributes:
        count: how many there are.
        amount_nano: what they move, whoever has it.
        given_nano: what of that customers were credited.
        taken_nano: what of that was taken from them.
    """

    kind: str
    count: int = 0
    amount_nano: int = 0
    given_nano: int = 0
    taken_nano: int = 0


@dataclass(frozen=True, slots=True)
class Outstanding:
    """What is owed to customers now: the sum of all balances, and what of that running calls hold.

    Attributes:
        accounts: how many have some.
    """

    balance_nano: int
    held_nano: int
    accounts: int


def sum_kinds(database: Runner, since: float, until: float) -> Mapping[str, KindSum]:
    """Kind -> its sums, of transfers made in a time (Unix seconds, half open); those of calls are left out."""

    rows = database.read(lambda connection: connection.tuples(_KINDS, (since, until)))
    return {kind: KindSum(kind, *map(int, sums)) for kind, *sums in rows}


def outstanding(database: Runner) -> Outstanding:
    """What is owed now."""
    return Outstanding(*map(int, database.read(lambda connection: connection.tuples(_OUTSTANDING))[0]))


def list_holds(database: Runner, before: float, limit: int) -> list[Hold]:
    """Calls under way that began before a time, the oldest first."""
    params = (before, max(0, min(limit, _LIMIT_MAX)))
    return [Hold.of(row) for row in database.read(lambda connection: connection.tuples(_HOLDS, params))]
