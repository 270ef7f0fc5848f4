"""What usage rows add to the hourly sums, and how it is written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from router.db.bulk import Columns, write_rows
from router.db.connection import Connection
from router.types.records import CallRecord

__all__ = ["COLUMNS", "COST_MAX", "HOUR_S", "KEY", "SUMS", "TOKENS_MAX", "add_rows", "hour_of", "hour_rows"]

HOUR_S = 3600
TOKENS_MAX = 2**40  # of one call: without a policy, an upstream's absurd count stays in its row, but must not
COST_MAX = 2**50  # overflow the sum that all further rows of the hour are added to

KEY = ("account_id", "hour", "key_id", "model", "provider")
SUMS = (
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
COLUMNS: Columns = (
    *((name, "bigint" if name == "hour" else "text") for name in KEY),
    *((n, "bigint") for n in SUMS),
)
_ADD = f"ON CONFLICT ({', '.join(KEY)}) DO UPDATE SET " + ", ".join(
    f"{name} = usage_hours.{name} + excluded.{name}" for name in SUMS
)


def hour_of(moment: float) -> int:
    """The hour in which a moment lies: Unix seconds of its start."""
    return int(moment // HOUR_S) * HOUR_S


def hour_rows(records: Iterable[tuple[CallRecord, int]]) -> list[tuple[Any, ...]]:
    """What rows add to the sums of their hours: keys and sums.

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
            sums[key] = [total + sign * value for total, value in zip(found, values, strict=True)]
    return [(*key, *totals) for key, totals in sums.items()]


def add_rows(connection: Connection, rows: Sequence[Sequence[Any]]) -> None:
    """Add what ``hour_rows`` gave, in the caller's transaction."""
    # In one order for everybody: two nodes that wait for each other's row would wait for ever.
    write_rows(connection, "usage_hours", COLUMNS, sorted(rows, key=lambda row: tuple(row[: len(KEY)])), _ADD)


def _values(record: CallRecord) -> tuple[int, ...]:
    """In the order of ``SUMS``."""
    return (
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
