"""Usage: the rows that finished calls leave, and what they come to."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from router.errors import BadRequest, NotFound
from router.metering.counters import read_counters
from router.metering.hour_rows import SUMS
from router.metering.margins import Margin
from router.metering.margins import list_margins as read_margins
from router.metering.usage_hours import GROUPINGS, UsageSum, last_hours, models_used
from router.metering.usage_hours import sum_hours as read_hours
from router.metering.usage_rows import (
    count_usage,
    export_usage,
    find_own_usage,
    find_usage,
    list_usage,
    names_of,
    prune_usage,
)
from router.office.actor import Actor
from router.office.audit import AuditedRunner
from router.office.office import Office
from router.store.accounts import get_account
from router.store.keys import get_key
from router.types.periods import iso_time
from router.types.records import CallRecord

__all__ = [
    "GROUPINGS",
    "Margin",
    "NamedCall",
    "UsageSum",
    "count_calls",
    "count_prunable",
    "export_calls",
    "find_calls",
    "find_own_call",
    "last_used",
    "list_calls",
    "list_margins",
    "list_models_used",
    "prune_calls",
    "sum_hours",
    "sum_keys",
]

_YEAR_S = 366 * 86_400


@dataclass(frozen=True, slots=True)
class NamedCall:
    """A usage row, with the names of its account and its key; empty where these are no more."""

    record: CallRecord
    account_name: str
    key_name: str


def list_calls(
    office: Office,
    *,
    account: str | None = None,
    key: str | None = None,
    model: str | None = None,
    status: tuple[int, int] | None = None,
    failed: bool = False,
    streamed: bool | None = None,
    request_id: str | None = None,
    since: float | None = None,
    until: float | None = None,
    asked_model: str | None = None,
    error_code: str | None = None,
    limit: int = 50,
    before: str | None = None,
) -> list[NamedCall]:
    """The newest calls, newest first.

    Args:
        before: the request ID of the last one of the page before; None for the first page.
        account, key, model, status, failed, streamed, request_id, since, until, asked_model, error_code, limit: as in
            ``router.metering.usage_rows.list_usage``.

    Raises:
        NotFound: there is no such account, key, or row ``before``.
    """
    if account is not None:
        get_account(office.database, account)
    if key is not None:
        get_key(office.database, key)
    records = list_usage(
        office.database,
        account=account,
        key=key,
        model=model,
        status=status,
        failed=failed,
        streamed=streamed,
        request_id=request_id,
        since=since,
        until=until,
        asked_model=asked_model,
        error_code=error_code,
        limit=limit,
        before=before,
    )
    return _named(office, records)


def find_calls(office: Office, request_id: str) -> list[NamedCall]:
    """All that is known of one request, by our ID, or by the client's own, which several calls may have.

    Raises:
        NotFound: there is no row of it.
    """
    records = find_usage(office.database, request_id)
    if not records:
        raise NotFound(
            f"There is no row of a request {request_id[:100]!r}: one that was refused before it reached a provider "
            "stands in the log alone; rows may have been pruned.",
            code="request_not_found",
        )
    return _named(office, records)


def find_own_call(office: Office, account: str, request_id: str) -> NamedCall:
    """An account's call by our ID of it, with the name of its key.

    Raises:
        NotFound: there is none, or it is somebody else's, which is the same.
    """
    record = find_own_usage(office.database, account, request_id)
    if record is None:
        raise NotFound("There is no such call.", code="request_not_found")
    return _named(office, [record])[0]


def list_models_used(office: Office, account: str, since: float, until: float | None = None) -> list[str]:
    """The models that an account has called in a time, by name."""
    return models_used(office.database, account, since, until)


def export_calls(
    office: Office, *, account: str | None = None, since: float | None = None, until: float | None = None
) -> Iterator[CallRecord]:
    """All rows in the order of arrival, in constant memory.

    Raises:
        NotFound: there is no such account.
    """
    if account is not None:
        get_account(office.database, account)
    return export_usage(office.database, account=account, since=since, until=until)


def sum_hours(
    office: Office,
    *,
    by: Sequence[str] = ("hour",),
    account: str | None = None,
    keys: Collection[str] | None = None,
    model: str | None = None,
    since: float | None = None,
    until: float | None = None,
    figures: Sequence[str] = SUMS,
) -> list[UsageSum]:
    """Sums of whole hours, which are kept when rows are pruned; as ``router.metering.usage_hours.sum_hours``.

    Raises:
        NotFound: there is no such account.
        BadRequest: ``by`` holds a name that is none of ``GROUPINGS``, or one twice.
    """
    if account is not None:
        get_account(office.database, account)
    only: dict[str, Any] = {"account": account, "keys": keys, "model": model, "since": since, "until": until}
    return read_hours(office.database, by=by, figures=figures, **only)


def sum_keys(office: Office, account: str, since: float) -> dict[str, int]:
    """What the calls of an account's keys were charged from a time on, in nano-units: the key's ID -> sum."""
    sums = read_hours(office.database, by=("key",), account=account, since=since, figures=("charge_nano",))
    return {one.group["key"]: one.charge_nano for one in sums}


def last_used(office: Office, account: str) -> dict[str, float]:
    """The hour in which each of an account's keys was last used within a year, Unix seconds: the key's ID -> hour."""
    found = last_hours(office.database, account, office.clock() - _YEAR_S)
    return {key: float(hour) for key, hour in found.items()}


def list_margins(office: Office, since: float = 0.0) -> list[Margin]:
    """What models earn, the largest charge first; as ``router.metering.margins.list_margins``."""
    return read_margins(office.database, since)


def count_calls(office: Office) -> dict[str, int]:
    """Counts of what happened, summed over all workers: name -> value."""
    return read_counters(office.database)


def count_prunable(office: Office, before: float) -> int:
    """How many rows ``prune_calls`` would delete. Raises as that does."""
    _check_past(before)
    return count_usage(office.database, before)


def prune_calls(office: Office, actor: Actor, before: float) -> int:
    """Delete the rows of calls that arrived before a time, Unix seconds; how many. Sums, transfers, balances stay.

    Raises:
        BadRequest: the time is not past.
    """
    _check_past(before)
    detail = {"before": iso_time(before)}
    return prune_usage(AuditedRunner(office.database, actor, "usage prune", "", detail), before)


def _check_past(before: float) -> None:
    if before > time.time():
        raise BadRequest("--before must lie in the past: give a time such as 90d, or a date such as 2026-01-31.")


def _named(office: Office, records: Sequence[CallRecord]) -> list[NamedCall]:
    names = names_of(office.database, records)
    return [NamedCall(one, names.get(one.account, ""), names.get(one.key, "")) for one in records]
