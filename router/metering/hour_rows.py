"""What usage rows add to the hourly sums, and how it is written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import Any

from router.db.bulk import Columns, write_rows
from router.db.connection import Connection
from router.money.usage import UNITS
from router.types.records import CallRecord

__all__ = [
    "COLUMNS",
    "COST_MAX",
    "HOUR_S",
    "KEY",
    "SUMS",
    "TOKENS_MAX",
    "add_rows",
    "added",
    "hour_of",
    "hour_rows",
    "in_full",
]

HOUR_S = 3600
TOKENS_MAX = (
    2**40
)  # of one call, and of units as well: without a policy, an upstream's absurd count stays in its row, but must not
COST_MAX = 2**50  # overflow the sum that all further rows of the hour are added to

KEY = ("account_id", "hour", "key_id", "model", "provider")
_TOKEN_SUMS = (
    "calls",
    "errors",
    "prompt_tokens",
    "cached_tokens",
    "completion_tokens",
    "reasoning_tokens",
    "charge_nano",
    "cost_nano",
    "uncosted",
)
SUMS = (*_TOKEN_SUMS, *UNITS)


def _columns(sums: Sequence[str]) -> Columns:
    return (*((name, "bigint" if name == "hour" else "text") for name in KEY), *((name, "bigint") for name in sums))


def _add(sums: Sequence[str]) -> str:
    changes = ", ".join(f"{name} = usage_hours.{name} + excluded.{name}" for name in sums)
    return f"ON CONFLICT ({', '.join(KEY)}) DO UPDATE SET {changes}"


COLUMNS = _columns(SUMS)
_SHORT = len(KEY) + len(_TOKEN_SUMS)
_NO_UNITS = (0,) * len(UNITS)
_SHORT_COLUMNS, _SHORT_ADD, _ADD = _columns(_TOKEN_SUMS), _add(_TOKEN_SUMS), _add(SUMS)


def hour_of(moment: float) -> int:
    """The hour in which a moment lies: Unix seconds of its start."""
    return int(moment // HOUR_S) * HOUR_S


def hour_rows(records: Iterable[tuple[CallRecord, int]]) -> list[tuple[Any, ...]]:
    """What rows add to the sums of their hours: keys and sums, those of units where there are some.

    Args:
        records: each with 1, or with -1 where it is taken out again.
    """
    sums: dict[tuple[Any, ...], list[int]] = {}
    for record, sign in records:
        key = (record.account, hour_of(record.created_at), record.key, record.model, record.provider)
        values = _values(record)
        found = sums.get(key)
        if found is None:
            sums[key] = [sign * value for value in values]
        else:
            sums[key] = [total + sign * value for total, value in zip_longest(found, values, fillvalue=0)]
    return [(*key, *totals) for key, totals in sums.items()]


def added(one: Sequence[int], other: Sequence[int]) -> list[int]:
    """The sums of two rows of ``hour_rows``; where one has none of units, those of the other."""
    return [a + b for a, b in zip_longest(one, other, fillvalue=0)]


def in_full(row: Sequence[Any], names: int = len(KEY)) -> tuple[Any, ...]:
    """A row of sums with those of units as well.

    Args:
        names: how many of its members are none.
    """
    return (*row, *_NO_UNITS) if len(row) == names + len(_TOKEN_SUMS) else tuple(row)


def add_rows(connection: Connection, rows: Sequence[Sequence[Any]]) -> None:
    """Add what ``hour_rows`` gave, in the caller's transaction."""
    # In one order for everybody: two nodes that wait for each other's row would wait for ever.
    rows = sorted(rows, key=lambda row: tuple(row[: len(KEY)]))
    if all(len(row) == _SHORT for row in rows):  # most calls have tokens alone, as all had before there were units
        write_rows(connection, "usage_hours", _SHORT_COLUMNS, rows, _SHORT_ADD)
    else:
        write_rows(connection, "usage_hours", COLUMNS, [in_full(row) for row in rows], _ADD)


def _values(record: CallRecord) -> tuple[int, ...]:
    """In the order of ``SUMS``; without the units where there are none."""
    values = (
        1,
        record.ending not in ("ok", "disconnect"),
        min(record.prompt_tokens, TOKENS_MAX),
        min(record.cached_tokens, TOKENS_MAX),
        min(record.completion_tokens, TOKENS_MAX),
        min(record.reasoning_tokens, TOKENS_MAX),
        record.charge_nano,
        min(record.cost_nano or 0, COST_MAX),
        record.cost_nano is None and record.charge_nano > 0,
    )
    units = record.units
    return values if units is None else (*values, *(min(getattr(units, name), TOKENS_MAX) for name in UNITS))
