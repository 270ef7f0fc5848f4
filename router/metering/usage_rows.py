"""Usage rows: one per finished call, and the hourly sums that they add to."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from router.db.bulk import select_in, write_new, write_rows
from router.db.connection import Connection
from router.db.ids import clean_text
from router.db.transaction import Runner
from router.errors import NotFound
from router.metering.hour_rows import HOUR_S, hour_of
from router.metering.usage_columns import COLUMNS, NAMES, clean_record, record_of, values_of
from router.metering.usage_months import drop_months, has_months, old_months
from router.types.records import CallRecord

__all__ = [
    "ANSWERS_KNOWN",
    "Counted",
    "count_usage",
    "export_usage",
    "find_answered",
    "find_own_usage",
    "find_usage",
    "list_usage",
    "names_of",
    "prune_usage",
    "revise_usage",
    "write_usage",
]

_REVISE = f"ON CONFLICT (request_id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name, _ in COLUMNS[1:])}"
_REPLACE = f"{_REVISE} WHERE usage.ending = 'expired'"
_LIMIT_MAX = 10_000
_DROP_S = 600.0
_FAILED = 400
"""From this status on no call ended well."""
_PRUNED = """
INSERT INTO meta (name, value) VALUES ('usage_pruned_before', ?)
ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE meta.value < excluded.value
"""
_HOURS_OF_KEYS = """
SELECT DISTINCT hour FROM usage_hours WHERE account_id = ? AND key_id IN ({keys}) AND hour >= ? ORDER BY hour DESC
"""
_LINE_OF_KEY = """
SELECT m.account_id, m.id FROM api_keys k JOIN api_keys m ON m.account_id = k.account_id
    AND CASE m.origin WHEN '' THEN m.id ELSE m.origin END = CASE k.origin WHEN '' THEN k.id ELSE k.origin END
WHERE k.id = ?
"""

ANSWERS_KNOWN = 20_000
"""Among how many of an account's newest calls an answer is found by its provider's ID."""
_ANSWERED = f"""
SELECT {NAMES} FROM usage WHERE account_id = ? AND created_at >= COALESCE((
    SELECT created_at FROM usage WHERE account_id = ? ORDER BY created_at DESC LIMIT 1 OFFSET ?
), 0) AND answer_id = ? ORDER BY created_at DESC LIMIT 1
"""  # noqa: S608 - constant text


Counted = list[tuple[CallRecord, int]]
"""What the hours are to count: rows, each with 1, or with -1 where it is taken out again."""


def write_usage(connection: Connection, records: Sequence[CallRecord]) -> Counted:
    """Write rows, in the caller's transaction and in a few statements for all of them; what the hours are to count.

    A row whose ``request_id`` is there already is left as it is, and counted once; but one that says that the call
    expired is replaced by what became of the call after all.
    """
    clean = [clean_record(record) for record in records]
    written = write_new(connection, "usage", COLUMNS, [values_of(record) for record in clean])
    if len(written) < len(clean):
        return _replace_expired(connection, clean, written)
    return [(record, 1) for record in clean]


def revise_usage(connection: Connection, revised: Sequence[tuple[CallRecord, CallRecord]]) -> Counted:
    """Put rows in the place of others, in the caller's transaction: (as it is there, as it is to be) each."""
    changes = [(before, clean_record(after)) for before, after in revised]
    write_rows(connection, "usage", COLUMNS, [values_of(after) for _, after in changes], _REVISE)
    return [one for before, after in changes for one in ((before, -1), (after, 1))]


def list_usage(
    database: Runner,
    *,
    account: str | None = None,
    key: str | None = None,
    model: str | None = None,
    status: tuple[int, int] | None = None,
    asked_model: str | None = None,
    error_code: str | None = None,
    failed: bool = False,
    streamed: bool | None = None,
    request_id: str | None = None,
    since: float | None = None,
    until: float | None = None,
    limit: int = 100,
    before: str | None = None,
) -> list[CallRecord]:
    """The newest rows, newest first.

    Args:
        account: only this account's.
        key: only this key's, with those of the keys that it took the place of, or that took its.
        model: only calls for this public ID, or that ``provider/model`` served.
        asked_model: only calls for this public ID, whoever served: what customers may ask by.
        error_code: only calls that ended with it.
        status: only of these statuses, the lowest and the highest.
        failed: only calls that failed, or broke off.
        streamed: only calls that were streams, or only those that were not.
        request_id: only the call of this ID, or those of this ID of the client's own.
        since: only calls that arrived at this time (Unix seconds) or later.
        until: only calls that arrived before this time.
        limit: how many at most; no more than 10,000.
        before: only those that follow the row of this request: the next page.

    Raises:
        NotFound: there is no row ``before``.
    """
    count = max(0, min(limit, _LIMIT_MAX))
    bounds = _Bounds(
        account=account,
        since=since,
        until=until,
        model=model,
        asked_model=asked_model,
        error_code=error_code,
        status=status,
        failed=failed,
        streamed=streamed,
        request_id=request_id,
    )

    def newest(connection: Connection) -> list[tuple[Any, ...]]:
        within = bounds if before is None else replace(bounds, below=_place_of(connection, before, account))
        if key is None:
            return _newest(connection, within, count)
        return _newest_of_key(connection, key, within, count)

    return [record_of(row) for row in database.read(newest)]


def find_usage(database: Runner, request_id: str) -> list[CallRecord]:
    """The rows of a request, by our ID, or by the one that the client gave it, which several may have."""

    def find(connection: Connection) -> list[tuple[Any, ...]]:
        sql = f"SELECT {NAMES} FROM usage WHERE "  # noqa: S608 - constant text
        own = connection.tuples(f"{sql} request_id = ?", (request_id,))
        return own or connection.tuples(
            f"{sql} client_request_id = ? ORDER BY created_at DESC LIMIT {_LIMIT_MAX}", (request_id,)
        )

    return [record_of(row) for row in database.read(find)]


def find_own_usage(database: Runner, account: str, request_id: str) -> CallRecord | None:
    """The row of a request, by our ID; None where there is none, or it is not this account's."""
    sql = f"SELECT {NAMES} FROM usage WHERE request_id = ? AND account_id = ?"  # noqa: S608 - constant text
    rows = database.read(lambda connection: connection.tuples(sql, (clean_text(request_id), account)), whole=False)
    return record_of(rows[0]) if rows else None


def find_answered(database: Runner, account: str, answer_id: str) -> CallRecord | None:
    """The newest row of an account whose answer the provider gave this ID, among its last ``ANSWERS_KNOWN`` calls.

    The IDs have no index: they come in no order, so that each row would cost a page of it, in the transaction that
    calls wait for. Whoever asks has just got the answer.
    """
    values = (account, account, ANSWERS_KNOWN, clean_text(answer_id))
    rows = database.read(lambda connection: connection.tuples(_ANSWERED, values), whole=False)
    return record_of(rows[0]) if rows else None


def names_of(database: Runner, records: Sequence[CallRecord]) -> dict[str, str]:
    """ID -> name of the accounts and keys of some rows; those that are not known are left out."""

    def load(connection: Connection) -> dict[str, str]:
        accounts = select_in(connection, "accounts", "id, name", "id", {record.account for record in records})
        keys = select_in(connection, "api_keys", "id, name", "id", {record.key for record in records})
        return dict([*accounts, *keys])

    return database.read(load)


def export_usage(
    database: Runner,
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
        sql = f"SELECT {NAMES} FROM usage WHERE {where} ORDER BY created_at, request_id LIMIT {page:d}"  # noqa: S608
        rows = database.read(lambda connection, sql=sql, params=params: connection.tuples(sql, params))  # type: ignore[misc]
        yield from map(record_of, rows)
        if len(rows) < page:
            return
        request_id, created_at = rows[-1][:2]
        bounds = replace(bounds, since=created_at, after=(created_at, request_id))


def count_usage(database: Runner, before: float) -> int:
    """How many rows are of calls that arrived before a time, Unix seconds."""
    sql = "SELECT COUNT(*) FROM usage WHERE created_at < ?"
    return int(database.read(lambda connection: connection.tuples(sql, (before,)))[0][0])


def prune_usage(database: Runner, before: float, *, batch: int = 500) -> int:
    """Delete the rows of calls that arrived before a time; hourly sums and transfers stay.

    Args:
        before: Unix seconds.
        batch: rows of one transaction, between which others get to write.

    Returns:
        how many were deleted.
    """
    total = 0
    if database.read(has_months, whole=False):
        total = _drop_old(database, before)
    while deleted := database.write(lambda connection: _prune_some(connection, before, batch)):
        total += deleted
    return total


def _drop_old(database: Runner, before: float) -> int:
    """Drop whole months; how many rows these had."""
    old = database.read(lambda connection: old_months(connection, before), whole=False, timeout_s=_DROP_S)
    if not old:
        return 0

    def drop(connection: Connection) -> int:
        dropped = drop_months(connection, before, old)
        if dropped:
            connection.execute(_PRUNED, (math.ceil(before),))
        return sum(old[name] for name in dropped)

    return database.write(drop, timeout_s=_DROP_S)


def _prune_some(connection: Connection, before: float, batch: int) -> int:
    """Delete some rows, and note until when they may be missing: the ledger's proof asks for them otherwise."""
    sql = "DELETE FROM usage WHERE request_id IN (SELECT request_id FROM usage WHERE created_at < ? LIMIT ?)"
    deleted = connection.execute(sql, (before, batch))
    if deleted:
        connection.execute(_PRUNED, (math.ceil(before),))
    return deleted


@dataclass(frozen=True, slots=True)
class _Bounds:
    """What rows must fit; None for whatever.

    Attributes:
        after: (created_at, request_id) of the row before the first, in the order of arrival.
        below: the same, newest first.
    """

    account: str | None = None
    keys: tuple[str, ...] = ()
    since: float | None = None
    until: float | None = None
    after: tuple[float, str] | None = None
    below: tuple[float, str] | None = None
    model: str | None = None
    asked_model: str | None = None
    error_code: str | None = None
    status: tuple[int, int] | None = None
    failed: bool = False
    streamed: bool | None = None
    request_id: str | None = None

    def sql(self) -> tuple[str, list[Any]]:
        """The condition and its parameters."""
        # SQLite looks in its index for one bound alone, be it the further one.
        beyond = self.below is not None and self.until is not None and self.below[0] < self.until
        given = [
            ("account_id = ?", self.account),
            ("created_at >= ?", self.since),
            ("created_at < ?", None if beyond else self.until),
            ("model = ?", self.asked_model),
            ("error_code = ?", self.error_code),
            ("streamed = ?", self.streamed),
        ]
        used = [(condition, value) for condition, value in given if value is not None]
        conditions: list[str] = ["true", *(condition for condition, _ in used)]
        params: list[Any] = [value for _, value in used]
        if self.keys:
            conditions.append(f"key_id IN ({', '.join('?' * len(self.keys))})")
            params += self.keys
        if self.model is not None:
            conditions.append("(model = ? OR provider || '/' || upstream_model = ?)")
            params += [self.model, self.model]
        if self.status is not None:
            conditions.append("status BETWEEN ? AND ?")
            params += self.status
        if self.request_id is not None:
            conditions.append("(request_id = ? OR client_request_id = ?)")
            params += [self.request_id, self.request_id]
        if self.failed:
            conditions.append("ending NOT IN ('ok', 'disconnect')")
        if self.failed or self.error_code or (self.status is not None and self.status[0] >= _FAILED):
            conditions.append("ending <> 'ok'")  # the rows of an index of their own
        if self.after is not None:
            conditions.append("(created_at > ? OR request_id > ?)")
            params += self.after
        if self.below is not None:
            conditions.append("created_at <= ? AND (created_at < ? OR request_id > ?)")
            params += [self.below[0], *self.below]
        return " AND ".join(conditions), params


def _place_of(connection: Connection, request_id: str, account: str | None) -> tuple[float, str]:
    sql = "SELECT created_at, request_id, account_id FROM usage WHERE request_id = ?"
    found = connection.tuples(sql, (clean_text(request_id),))
    if not found or account not in (None, found[0][2]):
        raise NotFound("There is no row of that request to go on from.", code="request_not_found")
    return float(found[0][0]), str(found[0][1])


def _newest(connection: Connection, bounds: _Bounds, count: int) -> list[tuple[Any, ...]]:
    where, params = bounds.sql()
    sql = f"SELECT {NAMES} FROM usage WHERE {where} ORDER BY created_at DESC, request_id LIMIT ?"  # noqa: S608
    return connection.tuples(sql, [*params, count])


def _newest_of_key(connection: Connection, key: str, bounds: _Bounds, count: int) -> list[tuple[Any, ...]]:
    """The newest rows of a key and its line, which has no index of its own.

    Its account's rows have one, and the hourly sums tell in which hours to look: a key that rests among busy ones is
    found without reading theirs.
    """
    line = connection.tuples(_LINE_OF_KEY, (key,))
    if not line or bounds.account not in (None, line[0][0]):
        return []
    account, since, until = line[0][0], bounds.since or 0, bounds.until
    bounds = replace(bounds, keys=tuple(id for _, id in line))
    rows: list[tuple[Any, ...]] = []
    keys = ", ".join("?" * len(line))
    hours = connection.tuples(_HOURS_OF_KEYS.format(keys=keys), (account, *bounds.keys, hour_of(since)))
    for start, end in _spans([hour for (hour,) in hours]):
        if (until is not None and start >= until) or (bounds.below is not None and start > bounds.below[0]):
            continue
        last = end if until is None else min(end, until)
        within = replace(bounds, account=account, since=max(start, since), until=last)
        rows += _newest(connection, within, count - len(rows))
        if len(rows) >= count:
            break
    return rows


def _spans(hours: Iterable[int]) -> Iterator[tuple[int, int]]:
    """(start, end) of each run of hours without a gap; both descend."""
    for _, run in groupby(enumerate(hours), lambda one: one[0] * HOUR_S + one[1]):
        found = [hour for _, hour in run]
        yield found[-1], found[0] + HOUR_S


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
    rows = select_in(connection, "usage", NAMES, "request_id", others, lock=True)
    expired = [record for record in map(record_of, rows) if record.ending == "expired"]
    final = [others[record.request_id] for record in expired]
    write_rows(connection, "usage", COLUMNS, [values_of(record) for record in final], _REPLACE)
    return [*counted, *((record, -1) for record in expired), *((record, 1) for record in final)]
