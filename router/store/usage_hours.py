"""Hourly sums of usage rows: what charts and reports read, and what stays when rows are pruned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from router.errors import BadRequest
from router.store.connection import Connection
from router.store.database import Database
from router.store.sets import Columns, write_rows
from router.types import CallRecord

__all__ = ["GROUPINGS", "HOUR_S", "UsageSum", "add_hours", "hour_of", "sum_hours"]

HOUR_S = 3600
_TOKENS_MAX = 2**40  # of one call: without a policy, an upstream's absurd count stays in its row, but must not
_COST_MAX = 2**50  # overflow the sum that all further rows of the hour are added to

_KEY = ("account_id", "hour", "key_id", "model", "provider")
_SUMS = (
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
_COLUMNS: Columns = (
    *((name, "bigint" if name == "hour" else "text") for name in _KEY),
    *((n, "bigint") for n in _SUMS),
)
_ADD = f"ON CONFLICT ({', '.join(_KEY)}) DO UPDATE SET " + ", ".join(
    f"{name} = usage_hours.{name} + excluded.{name}" for name in _SUMS
)

GROUPINGS: Mapping[str, str] = {
    "account": "account_id",
    "day": "hour - hour % 86400",
    "hour": "hour",
    "key": "key_id",
    "model": "model",
    "provider": "provider",
}
"""What sums may be grouped by -> its SQL. ``hour`` and ``day`` (UTC) are Unix seconds of their start."""


@dataclass(frozen=True, slots=True)
class UsageSum:
    """What the calls of one group come to.

    Attributes:
        group: each of ``GROUPINGS`` that was asked for -> its value.
        calls: how many; those that clients left and those that failed included.
        errors: those that failed.
        prompt_tokens, cached_tokens, completion_tokens, reasoning_tokens: as in ``Usage``.
        charge_nano: what accounts were charged.
        cost_nano: what providers charge, as far as their prices are known. Never shown to customers.
        uncosted: calls that were charged and whose cost is not known.
    """

    group: Mapping[str, Any]
    calls: int
    errors: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    charge_nano: int
    cost_nano: int
    uncosted: int


def hour_of(moment: float) -> int:
    """The hour in which a moment lies: Unix seconds of its start."""
    return int(moment // HOUR_S) * HOUR_S


def add_hours(connection: Connection, records: Iterable[tuple[CallRecord, int]]) -> None:
    """Add rows to the sums of their hours, in the caller's transaction.

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
    # In one order for everybody: two nodes that wait for each other's row would wait for ever.
    write_rows(connection, "usage_hours", _COLUMNS, [(*key, *sums[key]) for key in sorted(sums)], _ADD)


def sum_hours(
    database: Database,
    *,
    by: Sequence[str] = ("hour",),
    account: str | None = None,
    since: float | None = None,
    until: float | None = None,
) -> list[UsageSum]:
    """Sums per group, in the groups' order, from whole hours alone: no usage row is read.

    Args:
        by: names in ``GROUPINGS``; none gives one sum of all, or nothing where there was no call.
        account: only this account's.
        since: only hours that begin at this time (Unix seconds) or later.
        until: only hours that begin before it.

    Raises:
        BadRequest: ``by`` holds another name, or one twice.
    """
    if not set(by) <= GROUPINGS.keys() or len(set(by)) < len(by):
        raise BadRequest(f"Sums are by {', '.join(GROUPINGS)}, each once, not by {', '.join(by)}.")
    filters = [("account_id = ?", account), ("hour >= ?", since), ("hour < ?", until)]
    given = [(condition, value) for condition, value in filters if value is not None]
    where = " AND ".join(["true", *(condition for condition, _ in given)])
    wanted = [*(GROUPINGS[name] for name in by), *(f"CAST(SUM({name}) AS BIGINT)" for name in _SUMS)]
    places = ", ".join(str(place + 1) for place in range(len(by)))
    ending = f"GROUP BY {places} ORDER BY {places}" if by else "HAVING COUNT(*) > 0"
    sql = f"SELECT {', '.join(wanted)} FROM usage_hours WHERE {where} {ending}"  # noqa: S608 - constant texts
    rows = database.read(lambda connection: connection.tuples(sql, [value for _, value in given]))
    return [UsageSum(dict(zip(by, row, strict=False)), *row[len(by) :]) for row in rows]


def _values(record: CallRecord) -> tuple[int, ...]:
    """In the order of ``_SUMS``."""
    return (
        1,
        record.ending not in ("ok", "disconnect"),
        min(record.prompt_tokens, _TOKENS_MAX),
        min(record.cached_tokens, _TOKENS_MAX),
        min(record.completion_tokens, _TOKENS_MAX),
        min(record.reasoning_tokens, _TOKENS_MAX),
        record.charge_nano,
        min(record.cost_nano or 0, _COST_MAX),
        record.cost_nano is None and record.charge_nano > 0,
    )
