"""The first page: what there is, what was spent, what to do first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from router.office.accounts import show_account
from router.office.keys import list_keys
from router.office.limits import LimitInForce, limits_in_force
from router.office.usage import UsageSum, list_calls, sum_hours
from router.portal.web.charts import bar_chart
from router.portal.web.pages import PageRoutes
from router.portal.web.ranges import DayRange, range_of
from router.portal.web.replies import PageReply
from router.portal.web.requests import PageRequest

__all__ = ["PAGES", "Day", "by_day", "total"]

PAGES = PageRoutes()

_LATEST = 8


@dataclass
class Day:
    """What the calls of one day come to."""

    day: date
    start: float
    calls: int = 0
    errors: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    charge_nano: int = 0

    def add(self, one: UsageSum) -> None:
        """Count an hour in."""
        self.calls += one.calls
        self.errors += one.errors
        self.prompt_tokens += one.prompt_tokens
        self.cached_tokens += one.cached_tokens
        self.completion_tokens += one.completion_tokens
        self.charge_nano += one.charge_nano


@PAGES.get("/app/", "viewer")
def overview(request: PageRequest) -> PageReply:
    """Balance, spending, calls, and the first steps until they are done."""
    office, account = request.office, request.account_id
    days = by_day(request, range_of(request.query, request.zone, request.now))
    month = by_day(request, range_of({"range": "month"}, request.zone, request.now))
    latest = list_calls(office, account=account, limit=_LATEST)
    keys = [one for one in list_keys(office, account) if one.kind == "model" and one.status != "revoked"]
    what = "calls" if request.query.get("show") == "calls" else "spend"
    return request.render(
        "customer/overview.html",
        standing=show_account(office, account),
        today=month[-1],
        month=total(month),
        range_total=total(days),
        days=days,
        chart=_chart(request, days, what),
        what=what,
        chosen=range_of(request.query, request.zone, request.now),
        caps=_caps(limits_in_force(office, account=account)),
        latest=latest,
        keys=keys,
        model=_most_used(request, days),
    )


@PAGES.get("/app/first-steps", "viewer")
def first_steps(request: PageRequest) -> PageReply:
    """The list of first steps alone, which the page asks for until the first call is there."""
    keys = [one for one in list_keys(request.office, request.account_id) if one.kind == "model"]
    latest = list_calls(request.office, account=request.account_id, limit=1)
    return request.render("customer/first_steps.html", keys=keys, latest=latest)


def by_day(request: PageRequest, chosen: DayRange) -> list[Day]:
    """The workspace's calls by the days of a range, each there."""
    days = {day: Day(day, chosen.start_of(day)) for day in chosen.days()}
    sums = sum_hours(request.office, by=("hour",), account=request.account_id, since=chosen.since, until=chosen.until)
    for one in sums:
        days[chosen.day_of(one.group["hour"])].add(one)
    return list(days.values())


def total(days: Sequence[Day]) -> Day:
    """The sum of some days."""
    found = Day(days[0].day, days[0].start)
    for one in days:
        found.calls += one.calls
        found.errors += one.errors
        found.prompt_tokens += one.prompt_tokens
        found.cached_tokens += one.cached_tokens
        found.completion_tokens += one.completion_tokens
        found.charge_nano += one.charge_nano
    return found


def _chart(request: PageRequest, days: Sequence[Day], what: str) -> object:
    language, currency = request.language, request.site.brand.currency
    values = [one.calls if what == "calls" else max(0, one.charge_nano) for one in days]
    names = [language.day(one.start, request.zone) for one in days]
    told = [language.number(value) if what == "calls" else language.money(value, currency) for value in values]
    titles = [f"{name}: {text}" for name, text in zip(names, told, strict=True)]
    return bar_chart(values, titles, [language.short_day(one.start, request.zone) for one in days])


def _caps(found: Sequence[LimitInForce]) -> dict[str, LimitInForce]:
    return {one.name: one for one in found if one.counted == "account"}


def _most_used(request: PageRequest, days: Sequence[Day]) -> str:
    sums = sum_hours(request.office, by=("model",), account=request.account_id, since=days[0].start)
    return max(sums, key=lambda one: one.calls).group["model"] if sums else ""
