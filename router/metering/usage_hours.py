"""Hourly sums of usage rows: what charts and reports read, and what stays when rows are pruned."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from router.db.bulk import in_list
from router.db.connection import Connection
from router.db.transaction import Runner
from router.errors import BadRequest
from router.metering.hour_rows import COST_MAX, HOUR_S, KEY, SUMS, TOKENS_MAX, hour_of
from router.money.usage import UNITS

__all__ = [
    "GROUPINGS",
    "UsageSum",
    "charged_since",
    "hours_before",
    "last_hours",
    "models_used",
    "sum_hours",
    "wrong_hours",
]

_SUM = "CAST(SUM(charge_nano) AS BIGINT) FROM usage_hours"
_OF_ACCOUNTS = f"SELECT account_id, {_SUM} WHERE {{owners}} account_id {{one_of}} AND hour >= ? GROUP BY 1"
_OF_KEYS = f"SELECT key_id, {_SUM} WHERE {{owners}} key_id {{one_of}} AND hour >= ? GROUP BY 1"
_FIRST = "CASE {0}.origin WHEN '' THEN {0}.id ELSE {0}.origin END"
_LINES = f"""
SELECT k.id, m.id FROM api_keys k JOIN api_keys m
    ON m.account_id = k.account_id AND {_FIRST.format("m")} = {_FIRST.format("k")}
WHERE k.id {{one_of}}
"""  # noqa: S608

_FAR = 2**53

_HOURS_BEFORE = """
SELECT hour, CAST(SUM(calls) AS BIGINT), CAST(SUM(charge_nano) AS BIGINT) FROM usage_hours
WHERE account_id = ? AND hour < ? AND hour >= ? GROUP BY hour ORDER BY hour DESC LIMIT ?
"""

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
        images, milliseconds, characters, searches, requests: as in ``Units``.
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
    images: int = 0
    milliseconds: int = 0
    characters: int = 0
    searches: int = 0
    requests: int = 0


def charged_since(connection: Connection, kind: str, since: float, ids: Sequence[str]) -> dict[str, int]:
    """What calls that arrived at a time or later were charged, in nano-units; whoever was charged nothing is left out.

    Args:
        kind: ``key``: each ID's, and that of the keys that it took the place of; ``account``.
        since: Unix seconds; of an hour in which it lies the whole.
    """
    if kind == "account":
        sql, names = _OF_ACCOUNTS, [*ids]
        lines = {}
    else:
        lines = _lines(connection, ids)
        sql, names = _OF_KEYS, [*lines]
    one_of, values = in_list(connection.engine, names)
    owners = ""
    if kind == "key":  # the sums are kept by account first
        owners = f"account_id IN (SELECT account_id FROM api_keys WHERE id {one_of}) AND"  # noqa: S608 - constant texts
    rows = connection.tuples(
        sql.format(owners=owners, one_of=one_of), [*([values] if owners else []), values, hour_of(since)]
    )
    totals: dict[str, int] = {}
    for name, amount in rows:
        for id in lines.get(name, (name,)):
            totals[id] = totals.get(id, 0) + int(amount)
    return totals


def hours_before(
    connection: Connection, account: str, before: float, since: float, limit: int
) -> list[tuple[int, int, int]]:
    """An account's hours with calls, newest first: when each began, its calls, and what they were charged.

    Args:
        before: only hours that begin before this time, Unix seconds.
        since: only hours that begin at this time or later.
        limit: how many at most; they stand at the end of an index, and so no others are read.
    """
    return connection.tuples(_HOURS_BEFORE, (account, _whole(before), _whole(since), limit))


def _lines(connection: Connection, ids: Sequence[str]) -> dict[str, list[str]]:
    """Each key that one of these is, or took the place of, or that took its place -> which of them."""
    one_of, values = in_list(connection.engine, ids)
    rows = connection.tuples(_LINES.format(one_of=one_of), (values,))
    lines: dict[str, list[str]] = {}
    for id, member in rows:
        lines.setdefault(member, []).append(id)
    return lines or {id: [id] for id in ids}


def last_hours(database: Runner, account: str, since: float) -> dict[str, int]:
    """The last hour in which each key of an account was used, Unix seconds; without those that were not used since."""
    sql = "SELECT key_id, MAX(hour) FROM usage_hours WHERE account_id = ? AND hour >= ? GROUP BY key_id"
    return dict(database.read(lambda connection: connection.tuples(sql, (account, hour_of(since)))))


def models_used(database: Runner, account: str, since: float, until: float | None = None) -> list[str]:
    """The models of an account's calls in the hours that begin in a time, Unix seconds, by name."""
    later, last = ("", []) if until is None else (" AND hour < ?", [_whole(until)])
    sql = f"SELECT DISTINCT model FROM usage_hours WHERE account_id = ? AND hour >= ?{later} ORDER BY 1"  # noqa: S608
    params = [account, _whole(since), *last]
    return [model for (model,) in database.read(lambda connection: connection.tuples(sql, params))]


def _whole(moment: float | None) -> int | None:
    """The first whole second from a moment on. PostgreSQL looks hours up in the index by whole numbers alone: beside
    others it reads all that an account has, and takes them for few.
    """
    if moment is None:
        return None
    return math.ceil(moment) if -_FAR < moment < _FAR else int(math.copysign(_FAR, moment))


def wrong_hours(connection: Connection, since: int | None) -> list[tuple[Any, ...]]:
    """The sums, by ``KEY``, that are not those of their usage rows; some of them.

    Args:
        since: from the hour that begins then; None for all.
    """
    least = "LEAST" if connection.engine == "postgresql" else "MIN"
    hour = f"CAST(FLOOR(created_at / {HOUR_S}) AS BIGINT)"
    if connection.engine == "sqlite":
        hour = f"CAST(created_at / {HOUR_S} AS INTEGER)"
    rows = (
        "COUNT(*)",
        "SUM(CASE WHEN ending IN ('ok', 'disconnect') THEN 0 ELSE 1 END)",
        *(f"SUM({least}({name}, {TOKENS_MAX}))" for name in SUMS if name.endswith("_tokens")),
        "SUM(charge_nano)",
        f"SUM({least}(COALESCE(cost_nano, 0), {COST_MAX}))",
        "SUM(CASE WHEN cost_nano IS NULL AND charge_nano > 0 THEN 1 ELSE 0 END)",
        *(f"SUM({least}(COALESCE({_unit(connection.engine, name)}, 0), {TOKENS_MAX}))" for name in UNITS),
    )
    kept = ("WHERE hour >= ?", "WHERE created_at >= ?") if since is not None else ("", "")
    differ = " OR ".join(f"SUM({name}) <> 0" for name in SUMS)
    sql = f"""
        SELECT {", ".join(KEY)} FROM (
            SELECT {", ".join((*KEY, *SUMS))} FROM usage_hours {kept[0]}
            UNION ALL
            SELECT account_id, {hour} * {HOUR_S}, key_id, model, provider, {", ".join(f"-{one}" for one in rows)}
            FROM usage {kept[1]} GROUP BY 1, 2, 3, 4, 5
        ) AS sides GROUP BY {", ".join(KEY)} HAVING {differ} LIMIT 20
    """  # noqa: S608 - constant texts
    return connection.tuples(sql, () if since is None else (since, since))


def _unit(engine: str, name: str) -> str:
    """A count of a row's units, as SQL; NULL where there is none."""
    return f"(units::jsonb->>'{name}')::bigint" if engine == "postgresql" else f"json_extract(units, '$.{name}')"


def sum_hours(
    database: Runner,
    *,
    by: Sequence[str] = ("hour",),
    account: str | None = None,
    keys: Collection[str] | None = None,
    model: str | None = None,
    since: float | None = None,
    until: float | None = None,
    figures: Sequence[str] = SUMS,
) -> list[UsageSum]:
    """Sums per group, in the groups' order, from whole hours alone: no usage row is read.

    Args:
        by: names in ``GROUPINGS``; none gives one sum of all, or nothing where there was no call.
        account: only this account's.
        keys, model: only of calls with one of these keys, and for this public ID.
        since: only hours that begin at this time (Unix seconds) or later.
        until: only hours that begin before it.
        figures: which of ``SUMS`` are wanted; the others are 0, and need not be summed.

    Raises:
        BadRequest: ``by`` holds another name, or one twice.
    """
    if not set(by) <= GROUPINGS.keys() or len(set(by)) < len(by):
        raise BadRequest(f"Sums are by {', '.join(GROUPINGS)}, each once, not by {', '.join(by)}.")
    span = [("hour >= ?", _whole(since)), ("hour < ?", _whole(until))]
    filters = [("account_id = ?", account), *span, ("model = ?", model)]
    given: list[tuple[str, Any]] = [(condition, value) for condition, value in filters if value is not None]
    wanted = [
        *(GROUPINGS[name] for name in by),
        *(f"CAST(SUM({name}) AS BIGINT)" if name in figures else "0" for name in SUMS),
    ]
    places = ", ".join(str(place + 1) for place in range(len(by)))
    ending = f"GROUP BY {places} ORDER BY {places}" if by else "HAVING COUNT(*) > 0"
    everybody = account is None and keys is None and not {"account", "key"} & set(by)
    table = "usage_totals" if everybody else "usage_hours"

    def read(connection: Connection) -> list[tuple[Any, ...]]:
        filled = list(given)
        if keys is not None:
            one_of, values = in_list(connection.engine, [*keys])
            filled.append((f"key_id {one_of}", values))
        where = " AND ".join(["true", *(condition for condition, _ in filled)])
        sql = f"SELECT {', '.join(wanted)} FROM {table} WHERE {where} {ending}"  # noqa: S608 - constant texts
        return connection.tuples(sql, [value for _, value in filled])

    return [UsageSum(dict(zip(by, row, strict=False)), *row[len(by) :]) for row in database.read(read)]
