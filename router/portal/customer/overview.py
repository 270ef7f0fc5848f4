"""The first page: what there is, what was spent, what to do first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from router.office.accounts import show_account
from router.office.keys import list_keys
from router.office.limits import LimitInForce, limits_in_force
from router.office.payments.shown import show_credit
from router.office.usage import list_calls, sum_hours
from router.portal.customer.sums import Point, by_day, sums_of
from router.portal.web.charts import bar_chart
from router.portal.web.pages import PageRoutes
from router.portal.web.ranges import DayRange, range_of
from router.portal.web.replies import PageReply
from router.portal.web.requests import PageRequest

__all__ = ["PAGES"]

PAGES = PageRoutes()

_LATEST = 8


@PAGES.get("/app/", "viewer")
def overview(request: PageRequest) -> PageReply:
    """Balance, spending, calls, and the first steps until they are done."""
    office, account = request.office, request.account_id
    chosen = range_of(request.query, request.zone, request.now)
    days, month = _days(request, chosen, range_of({"range": "month"}, request.zone, request.now))
    latest = list_calls(office, account=account, limit=_LATEST)
    keys = [one for one in list_keys(office, account) if one.kind == "model" and one.status != "revoked"]
    what = "calls" if request.query.get("show") == "calls" else "spend"
    return request.render(
        "customer/overview.html",
        standing=show_account(office, account),
        credit=show_credit(office, account),
        today=month[-1].sums,
        month=sums_of(one.sums for one in month),
        range_total=sums_of(one.sums for one in days),
        days=days,
        chart=_chart(request, chosen, days, what),
        what=what,
        chosen=chosen,
        caps=_caps(limits_in_force(office, account=account)),
        latest=latest,
        keys=keys,
        model=_most_used(request, chosen),
    )


@PAGES.get("/app/first-steps", "viewer")
def first_steps(request: PageRequest) -> PageReply:
    """The list of first steps alone, which the page asks for until the first call is there."""
    keys = [one for one in list_keys(request.office, request.account_id) if one.kind == "model"]
    latest = list_calls(request.office, account=request.account_id, limit=1)
    return request.render("customer/first_steps.html", keys=keys, latest=latest)


def _days(request: PageRequest, *spans: DayRange) -> list[list[Point]]:
    """The workspace's calls by the days of each range, all of them from one reading."""
    since, until = min(one.since for one in spans), max(one.until for one in spans)
    hours = sum_hours(request.office, account=request.account_id, since=since, until=until)
    return [by_day(hours, one) for one in spans]


def _chart(request: PageRequest, span: DayRange, days: Sequence[Point], what: str) -> object:
    language, currency = request.language, request.site.brand.currency
    values = [one.sums.calls if what == "calls" else max(0, one.sums.charge_nano) for one in days]
    names = [language.day(one.start, span.zone) for one in days]
    told = [language.number(value) if what == "calls" else language.money(value, currency) for value in values]
    titles = [f"{name}: {text}" for name, text in zip(names, told, strict=True)]
    return bar_chart(values, titles, [language.short_day(one.start, span.zone) for one in days])


def _caps(found: Sequence[LimitInForce]) -> dict[str, LimitInForce]:
    return {one.name: one for one in found if one.counted == "account"}


def _most_used(request: PageRequest, span: DayRange) -> str:
    only: dict[str, Any] = {"account": request.account_id, "since": span.since, "until": span.until}
    sums = sum_hours(request.office, by=("model",), figures=("calls",), **only)
    return max(sums, key=lambda one: one.calls).group["model"] if sums else ""
