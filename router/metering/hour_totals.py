"""What the calls of all accounts together come to, by hour, model and provider: ``usage_hours`` but for whose they are.

Added to in the same transaction, so that an operator's pages read thousands of rows and not millions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from router.db.bulk import Columns, write_rows
from router.db.connection import Connection
from router.metering.hour_rows import COLUMNS as HOURS
from router.metering.hour_rows import SUMS, added, in_full

__all__ = ["COLUMNS", "KEY", "add_totals", "totals_of", "wrong_totals"]

KEY = ("hour", "model", "provider")
COLUMNS: Columns = tuple(column for column in HOURS if column[0] in (*KEY, *SUMS))
_ADD = f"""ON CONFLICT ({", ".join(KEY)}) DO UPDATE SET {
    ", ".join(f"{name} = usage_totals.{name} + excluded.{name}" for name in SUMS)
}"""
_WRONG = f"""
SELECT {", ".join(KEY)} FROM (
    SELECT {", ".join((*KEY, *SUMS))} FROM usage_totals
    UNION ALL
    SELECT {", ".join((*KEY, *(f"-SUM({name})" for name in SUMS)))} FROM usage_hours GROUP BY {", ".join(KEY)}
) AS sides GROUP BY {", ".join(KEY)} HAVING {" OR ".join(f"SUM({name}) <> 0" for name in SUMS)} LIMIT 20
"""  # noqa: S608 - constant texts


def totals_of(rows: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
    """What rows of hourly sums (``hour_rows``) add to the totals."""
    sums: dict[tuple[Any, ...], Sequence[int]] = {}
    for row in rows:
        _, hour, _, model, provider, *values = row
        key = (hour, model, provider)
        found = sums.get(key)
        sums[key] = values if found is None else added(found, values)
    return [in_full((*key, *values), len(KEY)) for key, values in sums.items()]


def add_totals(connection: Connection, rows: Sequence[Sequence[Any]]) -> None:
    """Add what rows of hourly sums come to, in the caller's transaction.

    In one order for everybody: two nodes that wait for each other's row would wait for ever.
    """
    write_rows(connection, "usage_totals", COLUMNS, sorted(totals_of(rows)), _ADD)


def wrong_totals(connection: Connection) -> list[tuple[Any, ...]]:
    """The totals, by ``KEY``, that are not the sums of their hours; some of them."""
    return connection.tuples(_WRONG)
