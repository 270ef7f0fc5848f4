"""Finished calls, and what they come to, as operators look at them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from router.money.amounts import format_nano
from router.office import usage as office_usage
from router.office.actor import Actor
from router.office.names import account_id, key_id
from router.office.office import Office
from router.office.operations.operation import OperationAnswer, operation
from router.office.operations.usage_csv import csv_pieces
from router.office.usage import Margin, NamedCall
from router.types.periods import iso_time

__all__ = ["count_happenings", "export_rows", "find_calls", "list_calls", "list_margins", "prune_calls", "sum_hours"]

_LIMIT = 50
_UNKEPT = ("client", "finish_reasons", "traceparent", "tracestate")  # which observers are told, and no row has


@operation("usage show", "usage:CallsForm")
def list_calls(
    office: Office,
    *,
    account: str | None = None,
    key: str | None = None,
    limit: int | None = None,
    failed: bool | None = None,
    **filters: Any,
) -> OperationAnswer:
    """The newest calls first, with what they cost us."""
    found = office_usage.list_calls(
        office,
        account=None if account is None else account_id(office.database, account),
        key=None if key is None else key_id(office.database, key),
        failed=bool(failed),
        limit=limit or _LIMIT,
        **filters,
    )
    return OperationAnswer([_row(call) for call in found])


@operation("usage find", "usage:OneCallForm")
def find_calls(office: Office, *, request_id: str) -> OperationAnswer:
    """All that is known of one call, by our ID, or by the client's own, which several may have."""
    return OperationAnswer([_row(call) for call in office_usage.find_calls(office, request_id)])


@operation("usage hours", "usage:HoursForm")
def sum_hours(
    office: Office,
    *,
    by: Sequence[str] | None = None,
    account: str | None = None,
    since: float | None = None,
    until: float | None = None,
) -> OperationAnswer:
    """Sums of whole hours, for charts: they are kept when rows are pruned."""
    account = None if account is None else account_id(office.database, account)
    sums = office_usage.sum_hours(office, by=tuple(by or ("hour",)), account=account, since=since, until=until)
    rows = [{**_group(one.group), **{k: v for k, v in asdict(one).items() if k != "group"}} for one in sums]
    return OperationAnswer([_value(row) for row in rows])


@operation("usage margin", "usage:SinceForm")
def list_margins(office: Office, *, since: float | None = None) -> OperationAnswer:
    """By model: what was charged, what the provider charges for it, and the difference."""
    currency = office.currency
    return OperationAnswer([_margin(one, currency) for one in office_usage.list_margins(office, since or 0.0)])


@operation("usage prune", "usage:PruneForm", writes=True)
def prune_calls(office: Office, actor: Actor, *, before: float, yes: bool | None = None) -> OperationAnswer:
    """Delete the rows of old calls, or say how many there are; sums, transfers and balances stay."""
    rows = office_usage.prune_calls(office, actor, before) if yes else office_usage.count_prunable(office, before)
    return OperationAnswer({"rows": rows, "deleted": bool(yes)})


def export_rows(
    office: Office, *, account: str | None = None, since: float | None = None, until: float | None = None
) -> Iterator[str]:
    """All rows as CSV in order of arrival, in constant memory: pieces of text, each of whole lines."""
    account = None if account is None else account_id(office.database, account)
    records = office_usage.export_calls(office, account=account, since=since, until=until)
    return csv_pieces(records)


@operation("usage counters", "form:NothingForm")
def count_happenings(office: Office) -> OperationAnswer:
    """Counts of what happened, summed over all workers: open holds, refusals, shortfall, sweeps."""
    return OperationAnswer(_value(office_usage.count_calls(office)))


def _row(call: NamedCall) -> dict[str, Any]:
    """A row as JSON, with the names of its account and its key."""
    value = _value(asdict(call.record))
    value["units"] = call.record.units.counts() if call.record.units is not None else {}
    for name in _UNKEPT:
        del value[name]
    return {**value, "account_name": call.account_name, "key_name": call.key_name}


def _group(group: Mapping[str, Any]) -> dict[str, Any]:
    return {name: iso_time(value) if name in ("hour", "day") else value for name, value in group.items()}


def _value(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Columns as JSON: money as decimal text under its plain name, a moment as text."""
    value: dict[str, Any] = {}
    for name, held in columns.items():
        if name.endswith("_nano"):
            value[name.removesuffix("_nano")] = None if held is None else format_nano(held)
        else:
            value[name] = iso_time(held) if name == "created_at" else held
    return value


def _margin(one: Margin, currency: str) -> dict[str, Any]:
    return {
        "model": one.model,
        "calls": one.calls,
        "charge": format_nano(one.charge_nano),
        "cost": format_nano(one.cost_nano),
        "margin": format_nano(one.charge_nano - one.cost_nano) if not one.uncosted else None,
        "uncosted": one.uncosted,
        "currency": currency,
    }
