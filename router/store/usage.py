"""Usage rows: one per finished call, and the hourly sums that they add to."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from router.store.connection import Connection
from router.store.database import Database
from router.store.names import clean_text
from router.store.sets import Columns, select_in, write_new, write_rows
from router.store.usage_hours import HOUR_S, add_hours
from router.types import Attempt, CallRecord

__all__ = ["count_usage", "export_usage", "insert_usage", "list_usage", "prune_usage"]

_COLUMNS: Columns = (
    ("request_id", "text"),
    ("created_at", "float8"),
    ("route", "text"),
    ("account_id", "text"),
    ("key_id", "text"),
    ("model", "text"),
    ("provider", "text"),
    ("upstream_model", "text"),
    ("status", "integer"),
    ("ending", "text"),
    ("error_code", "text"),
    ("streamed", "boolean"),
    ("prompt_tokens", "bigint"),
    ("completion_tokens", "bigint"),
    ("cached_tokens", "bigint"),
    ("reasoning_tokens", "bigint"),
    ("estimated", "boolean"),
    ("latency_ms", "bigint"),
    ("first_token_ms", "bigint"),
    ("attempts", "text"),
    ("cache_write_tokens", "bigint"),
    ("clamped", "boolean"),
    ("charge_nano", "bigint"),
    ("shortfall_nano", "bigint"),
    ("cost_nano", "bigint"),
    ("rate_nano", "bigint"),
)
"""In the order of the fields of ``CallRecord``."""
_NAMES = ", ".join(name for name, _ in _COLUMNS)
_REPLACE = (
    f"ON CONFLICT (request_id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name, _ in _COLUMNS[1:])} "
    "WHERE usage.ending = 'expired'"
)
_LIMIT_MAX = 10_000
_PRUNED = """
INSERT INTO meta (name, value) VALUES ('usage_pruned_before', ?)
ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE meta.value < excluded.value
"""
_HOURS_OF_KEY = """
SELECT hour, SUM(calls) FROM usage_hours WHERE account_id = ? AND key_id = ? GROUP BY hour ORDER BY hour DESC
"""


def insert_usage(connection: Connection, records: Sequence[CallRecord]) -> None:
    """Write rows and add them to their hours, in the caller's transaction and in a few statements for all of them.

    A row whose ``request_id`` is there already is left as it is, and counted once; but one that says that the call
    expired is replaced by what became of the call after all.
    """
    clean = [_clean(record) for record in records]
    written = write_new(connection, "usage", _COLUMNS, [_values(record) for record in clean])
    counted = [(record, 1) for record in clean]
    if len(written) < len(clean):
        counted = _replace_expired(connection, clean, written)
    add_hours(connection, counted)


def list_usage(
    database: Database,
    *,
    account: str | None = None,
    key: str | None = None,
    since: float | None = None,
    limit: int = 100,
) -> list[CallRecord]:
    """The newest rows, newest first.

    Args:
        account: only this account's.
        key: only this key's.
        since: only calls that arrived at this time (Unix seconds) or later.
        limit: how many at most; no more than 10,000.
    """
    count = max(0, min(limit, _LIMIT_MAX))

    def newest(connection: Connection) -> list[tuple[Any, ...]]:
        bounds = _Bounds(account=account, since=since)
        if key is not None and not _narrow_to_key(connection, bounds, key, count):
            return []
        where, params = bounds.sql()
        sql = f"SELECT {_NAMES} FROM usage WHERE {where} ORDER BY created_at DESC, request_id LIMIT ?"  # noqa: S608
        return connection.tuples(sql, [*params, count])

    return [_record(row) for row in database.read(newest)]


def export_usage(
    database: Database,
    *,
    account: str | None = None,
    since: float | None = None,
    until: float | None = None,
    page: int = 1000,
) -> Iterator[CallRecord]:
    """All rows in the order of arrival, read ``page`` at a time: in constant memory, and no reader is kept for long.

    Args:
        account, since: as in ``list_usage``.
        until: only calls that arrived before this time.
    """
    bounds = _Bounds(account=account, since=since, until=until)
    while True:
        where, params = bounds.sql()
        sql = f"SELECT {_NAMES} FROM usage WHERE {where} ORDER BY created_at, request_id LIMIT {page:d}"  # noqa: S608
        rows = database.read(lambda connection, sql=sql, params=params: connection.tuples(sql, params))  # type: ignore[misc]
        yield from map(_record, rows)
        if len(rows) < page:
            return
        request_id, created_at = rows[-1][:2]
        bounds.since, bounds.after = created_at, (created_at, request_id)


def count_usage(database: Database, before: float) -> int:
    """How many rows are of calls that arrived before a time, Unix seconds."""
    sql = "SELECT COUNT(*) FROM usage WHERE created_at < ?"
    return int(database.read(lambda connection: connection.tuples(sql, (before,)))[0][0])


def prune_usage(database: Database, before: float, *, batch: int = 500) -> int:
    """Delete the rows of calls that arrived before a time; hourly sums and transfers stay.

    Args:
        before: Unix seconds.
        batch: rows of one transaction, between which others get to write.

    Returns:
        how many were deleted.
    """
    total = 0
    while deleted := database.write(lambda connection: _prune_some(connection, before, batch)):
        total += deleted
    return total


def _prune_some(connection: Connection, before: float, batch: int) -> int:
    """Delete some rows, and note until when they may be missing: the ledger's proof asks for them otherwise."""
    sql = "DELETE FROM usage WHERE request_id IN (SELECT request_id FROM usage WHERE created_at < ? LIMIT ?)"
    deleted = connection.execute(sql, (before, batch))
    if deleted:
        connection.execute(_PRUNED, (math.ceil(before),))
    return deleted


class _Bounds:
    """What rows must fit, as SQL."""

    def __init__(
        self,
        account: str | None = None,
        key: str | None = None,
        since: float | None = None,
        until: float | None = None,
        after: tuple[float, str] | None = None,
    ) -> None:
        self.account, self.key, self.since, self.until, self.after = account, key, since, until, after

    def sql(self) -> tuple[str, list[Any]]:
        """The condition and its parameters."""
        given = [
            ("account_id = ?", self.account),
            ("key_id = ?", self.key),
            ("created_at >= ?", self.since),
            ("created_at < ?", self.until),
        ]
        used = [(condition, value) for condition, value in given if value is not None]
        conditions, params = ["true", *(condition for condition, _ in used)], [value for _, value in used]
        if self.after is not None:
            conditions.append("(created_at > ? OR request_id > ?)")
            params += self.after
        return " AND ".join(conditions), params


def _narrow_to_key(connection: Connection, bounds: _Bounds, key: str, count: int) -> bool:
    """Bounds for the newest ``count`` rows of a key, which has no index of its own; False when it has none.

    Its account's rows have one, and the hourly sums tell in which hours to look: a key that has rested for long among
    busy ones is found without reading theirs.
    """
    owner = connection.tuples("SELECT account_id FROM api_keys WHERE id = ?", (key,))
    if not owner or bounds.account not in (None, owner[0][0]):
        return False
    bounds.account, bounds.key = owner[0][0], key
    hours = connection.tuples(_HOURS_OF_KEY, (bounds.account, key))
    seen = 0
    for hour, calls in hours:
        seen += calls
        oldest = hour
        if seen >= count:
            break
    if not hours:
        return False
    bounds.until = hours[0][0] + HOUR_S
    bounds.since = oldest if bounds.since is None else max(bounds.since, oldest)
    return True


def _replace_expired(
    connection: Connection, records: Sequence[CallRecord], written: set[str]
) -> list[tuple[CallRecord, int]]:
    """Replace the rows of calls that were given up; what the hours have to count, and to count no longer."""
    counted: list[tuple[CallRecord, int]] = []
    others: dict[str, CallRecord] = {}
    for record in records:
        if record.request_id in written:
            written.discard(record.request_id)
            counted.append((record, 1))
        elif record.ending != "expired":
            others.setdefault(record.request_id, record)
    rows = select_in(connection, "usage", _NAMES, "request_id", others, lock=True)
    expired = [record for record in map(_record, rows) if record.ending == "expired"]
    final = [others[record.request_id] for record in expired]
    write_rows(connection, "usage", _COLUMNS, [_values(record) for record in final], _REPLACE)
    return [*counted, *((record, -1) for record in expired), *((record, 1) for record in final)]


def _clean(record: CallRecord) -> CallRecord:
    """Text that a client or an upstream chose, as a database takes it: no NUL, no half a character."""
    if (record.model + record.upstream_model + record.error_code).isprintable():
        return record
    return replace(
        record,
        model=clean_text(record.model),
        upstream_model=clean_text(record.upstream_model),
        error_code=clean_text(record.error_code),
    )


def _values(record: CallRecord) -> tuple[Any, ...]:
    """The columns in order."""
    attempts = [
        {
            "provider": one.provider,
            "model": one.model,
            "kind": one.kind,
            "status": one.status,
            "latency_ms": one.latency_ms,
        }
        for one in record.attempts
    ]
    return (
        record.request_id,
        record.created_at,
        record.route,
        record.account,
        record.key,
        record.model,
        record.provider,
        record.upstream_model,
        record.status,
        record.ending,
        record.error_code,
        record.streamed,
        record.prompt_tokens,
        record.completion_tokens,
        record.cached_tokens,
        record.reasoning_tokens,
        record.estimated,
        record.latency_ms,
        record.first_token_ms,
        json.dumps(attempts),
        record.cache_write_tokens,
        record.clamped,
        record.charge_nano,
        record.shortfall_nano,
        record.cost_nano,
        record.rate_nano,
    )


def _record(row: Sequence[Any]) -> CallRecord:
    values = list(row)
    for place in _BOOLEANS:
        values[place] = bool(values[place])
    values[_ATTEMPTS] = tuple(Attempt(**attempt) for attempt in json.loads(values[_ATTEMPTS]))
    return CallRecord(*values)


_BOOLEANS = [place for place, (_, kind) in enumerate(_COLUMNS) if kind == "boolean"]
_ATTEMPTS = next(place for place, (name, _) in enumerate(_COLUMNS) if name == "attempts")
