"""Transactions: what was credited and taken, with days of usage between."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo

from router.money.amounts import format_nano
from router.office.accounts import show_account
from router.office.customers.transactions import USAGE, Entry, EntryQuery, export_entries, list_entries
from router.office.payments.shown import show_credit
from router.portal.web.pages import PageRoutes
from router.portal.web.ranges import whole_hours
from router.portal.web.replies import PageReply, csv_reply
from router.portal.web.requests import PageRequest
from router.types.periods import iso_time

__all__ = ["KINDS", "PAGES", "days_zone", "entry_query"]

PAGES = PageRoutes()

KINDS: Sequence[str] = (
    *(USAGE, "topup", "grant", "free", "refund", "adjustment"),
    *("topup_refund", "refund_cover", "dispute", "dispute_return", "debt", "debt_paid", "expiry"),
)
"""What one may filter by."""

_PAGE = 50
_MONTHS_MAX = 60
_MONTH = re.compile(r"(20\d{2})-(0[1-9]|1[0-2])", re.ASCII)
_TOPUP = re.compile(r"(top_\w{1,60}):", re.ASCII)
_OF_TOPUPS = ("topup", "topup_refund", "refund_cover", "dispute", "dispute_return", "debt", "debt_paid")
_HEAD = ("time", "day", "kind", "amount", "balance_after", "currency", "reference", "calls")


@dataclass(frozen=True, slots=True)
class _Month:
    """A month that one may choose: as addresses have it, and as it is shown."""

    code: str
    title: str


@PAGES.get("/app/transactions", "viewer")
def transactions(request: PageRequest) -> PageReply:
    """The newest ones that match."""
    kind, month = _chosen(request)
    page = list_entries(
        request.office,
        request.account_id,
        entry_query(request, (kind,) if kind else (), month),
        before=request.query.get("before", ""),
        limit=_PAGE,
    )
    zone, standing = days_zone(request), show_account(request.office, request.account_id)
    return request.render(
        "customer/transactions.html",
        page=page,
        zone=zone,
        in_utc=zone is UTC and request.zone_name != "UTC",
        kind=kind,
        kinds=KINDS,
        month=month,
        months=_months(request, zone, standing.account.created_at),
        standing=standing,
        credit=show_credit(request.office, request.account_id),
        topup_of=_topup_of,
    )


@PAGES.get("/app/transactions.csv", "viewer")
def transactions_csv(request: PageRequest) -> PageReply:
    """All that match, however many."""
    kind, month = _chosen(request)
    query, currency = entry_query(request, (kind,) if kind else (), month), request.site.brand.currency
    found = export_entries(request.office, request.account_id, query)
    return csv_reply("-".join(filter(None, ("transactions", month, kind))), _HEAD, _lines(found, currency))


def entry_query(request: PageRequest, kinds: Collection[str] = (), month: str = "") -> EntryQuery:
    """What kinds and a month (``2026-11``) mean, in the days of the reader's zone; empty for all."""
    zone = days_zone(request)
    found = _MONTH.fullmatch(month)
    if found is None:
        return EntryQuery(zone, kinds)
    first = date(int(found[1]), int(found[2]), 1)
    after = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return EntryQuery(zone, kinds, _start(first, zone), _start(after, zone))


def days_zone(request: PageRequest) -> tzinfo:
    """The reader's zone where its days begin with an hour of UTC, by which usage is summed; else UTC."""
    return request.zone if whole_hours(request.zone, request.now) else UTC


def _chosen(request: PageRequest) -> tuple[str, str]:
    kind, month = request.query.get("kind", ""), request.query.get("month", "")
    return kind if kind in KINDS else "", month if _MONTH.fullmatch(month) else ""


def _topup_of(entry: Entry) -> str:
    """The top-up that an entry is about, as the reason of its transfer names it; empty for none."""
    found = _TOPUP.match(entry.reason) if entry.kind in _OF_TOPUPS else None
    return found[1] if found is not None else ""


def _months(request: PageRequest, zone: tzinfo, created_at: float) -> list[_Month]:
    """Each since the workspace was made, the newest first."""
    day = datetime.fromtimestamp(request.now, zone).date().replace(day=1)
    made = datetime.fromtimestamp(created_at, zone).date()
    found: list[_Month] = []
    while day >= made.replace(day=1) and len(found) < _MONTHS_MAX:
        found.append(_Month(f"{day:%Y-%m}", request.language.month(_start(day, zone), zone)))
        day = date(day.year - (day.month == 1), (day.month - 2) % 12 + 1, 1)
    return found


def _start(day: date, zone: tzinfo) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()


def _lines(found: Iterator[Entry], currency: str) -> Iterator[Sequence[object]]:
    for one in found:
        usage = one.kind == USAGE
        yield (
            "" if usage else iso_time(one.at),
            one.day.isoformat(),
            one.kind,
            format_nano(one.change_nano),
            format_nano(one.balance_nano),
            currency,
            one.reference,
            one.calls if usage else "",
        )
