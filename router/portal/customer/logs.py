"""Calls: the list with its filters, its CSV, and one call with its bill."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from router.errors import NotFound
from router.money.amounts import format_nano
from router.office.keys import list_keys
from router.office.usage import NamedCall, find_own_call, list_calls, list_models_used
from router.portal.customer.bill import bill_of
from router.portal.customer.own import nothing_here
from router.portal.web.pages import PageRoutes
from router.portal.web.ranges import DayRange, range_of
from router.portal.web.replies import PageReply, csv_reply
from router.portal.web.requests import PageRequest
from router.types.periods import iso_time
from router.types.records import CallRecord

__all__ = ["PAGES"]

PAGES = PageRoutes()

_PAGE = 50
_CHUNK = 1000
_STATUSES = {"ok": (200, 299), "4xx": (400, 498), "left": (499, 499), "5xx": (500, 599)}
_STREAMED = {"yes": True, "no": False}
_CSV = (
    *("request_id", "created_at", "model", "key", "key_id", "status", "ending", "error_code", "streamed"),
    *("prompt_tokens", "cached_tokens", "completion_tokens", "reasoning_tokens", "latency_ms", "first_token_ms"),
    *("price", "currency"),
)


@dataclass(frozen=True)
class _Filter:
    """Which calls are asked for."""

    chosen: DayRange
    key: str
    model: str
    status: str
    error: str
    streamed: str

    def terms(self) -> dict[str, Any]:
        """For ``list_calls``."""
        return {
            "key": self.key or None,
            "asked_model": self.model or None,
            "status": _STATUSES.get(self.status),
            "failed": self.status == "failed",
            "since": self.chosen.since,
            "until": self.chosen.until,
            "error_code": self.error or None,
            "streamed": _STREAMED.get(self.streamed),
        }

    @property
    def narrow(self) -> bool:
        """Whether calls of these days are left out."""
        return any((self.key, self.model, self.status, self.error, self.streamed))


@PAGES.get("/app/logs", "viewer")
def logs(request: PageRequest) -> PageReply:
    """The newest calls that match."""
    wanted = _filter(request)
    typed = request.query.get("id", "").strip()
    if typed:
        return _by_id(request, typed)
    keys = [one for one in list_keys(request.office, request.account_id) if one.kind != "management"]
    rows = _page(request, wanted, request.query.get("before"), _PAGE + 1)
    more = rows[_PAGE - 1].record.request_id if len(rows) > _PAGE else ""
    return request.render(
        "customer/logs.html",
        calls=rows[:_PAGE],
        more=more,
        keys=keys,
        models=list_models_used(request.office, request.account_id, wanted.chosen.since),
        wanted=wanted,
        filtered=wanted.narrow,
    )


@PAGES.get("/app/logs.csv", "viewer")
def logs_csv(request: PageRequest) -> PageReply:
    """All calls that match, however many."""
    wanted = _filter(request)
    currency = request.site.brand.currency
    return csv_reply("calls", _CSV, (_cells(one, currency) for one in _all(request, wanted)))


@PAGES.get("/app/logs/<request_id>", "viewer")
def one_call(request: PageRequest) -> PageReply:
    """One call, with its bill."""
    try:
        call = find_own_call(request.office, request.account_id, request.params["request_id"])
    except NotFound:
        raise nothing_here(request) from None
    shown: dict[str, Any] = {"call": call, "one": call.record, "bill": bill_of(call.record)}
    return request.render("customer/call.html", in_place=_in_place(request, call.record), **shown)


def _in_place(request: PageRequest, one: CallRecord) -> bool:
    """Whether another than was asked for has answered, where customers may know who did. What is asked for first may
    be left out as it is known to be down: then only a provider's name before its model tells.
    """
    if not request.office.dialect.shows_served or not one.provider or one.ending == "error":
        return False
    asked, first = one.model.partition("/")[0], one.attempts[:1]
    tried = any((it.provider, it.model) != (one.provider, one.upstream_model) for it in first)
    return tried or (asked in request.office.settings.providers and asked != one.provider)


def _by_id(request: PageRequest, typed: str) -> PageReply:
    try:
        found = find_own_call(request.office, request.account_id, typed)
    except NotFound:
        return request.redirect("/app/logs", unknown=typed[:80])
    return request.redirect(f"/app/logs/{found.record.request_id}")


def _filter(request: PageRequest) -> _Filter:
    query = request.query
    status, streamed = query.get("status", ""), query.get("streamed", "")
    return _Filter(
        range_of(query, request.zone, request.now, default="7d"),
        query.get("key", "")[:80],
        query.get("model", "")[:200],
        status if status in (*_STATUSES, "failed") else "",
        query.get("error", "").strip()[:80],
        streamed if streamed in _STREAMED else "",
    )


def _page(request: PageRequest, wanted: _Filter, before: str | None, limit: int) -> list[NamedCall]:
    """A page of what is this workspace's; a key of another's matches nothing."""
    try:
        return list_calls(request.office, account=request.account_id, limit=limit, before=before, **wanted.terms())
    except NotFound:
        return []


def _all(request: PageRequest, wanted: _Filter) -> Iterator[NamedCall]:
    before = None
    while rows := _page(request, wanted, before, _CHUNK):
        yield from rows
        before = rows[-1].record.request_id


def _cells(call: NamedCall, currency: str) -> tuple[object, ...]:
    one = call.record
    return (
        *(one.request_id, iso_time(one.created_at), one.model, call.key_name, one.key, one.status, one.ending),
        *(one.error_code, one.streamed, one.prompt_tokens, one.cached_tokens, one.completion_tokens),
        *(one.reasoning_tokens, one.latency_ms, one.first_token_ms, format_nano(one.charge_nano), currency),
    )
