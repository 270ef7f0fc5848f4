"""The first page: what there is, what was spent, what to do first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from router.office.accounts import AccountStanding, show_account
from router.office.keys import list_keys
from router.office.limits import LimitInForce, limits_in_force
from router.office.payments.shown import page_of_topups, show_credit
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
_PAID = ("paid", "part_refunded", "refunded", "disputed")
_NEW_S = 7 * 86_400


@dataclass(frozen=True, slots=True)
class _Steps:
    """What there is to do first.

    Attributes:
        done: whether each is, by its name in the order to do them: ``verify``, ``key``, ``topup``, ``call``. Topping up
            is one where something can be paid in: before the call where that needs it, else after.
        shown: whether the first page has them still.
    """

    done: dict[str, bool]
    shown: bool


@PAGES.get("/app/", "viewer")
def overview(request: PageRequest) -> PageReply:
    """Balance, spending, calls, and the first steps until they are done."""
    office, account = request.office, request.account_id
    chosen = range_of(request.query, request.zone, request.now)
    days, month = _days(request, chosen, range_of({"range": "month"}, request.zone, request.now))
    latest = list_calls(office, account=account, limit=_LATEST)
    what = "calls" if request.query.get("show") == "calls" else "spend"
    standing = show_account(office, account)
    return request.render(
        "customer/overview.html",
        standing=standing,
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
        steps=_steps(request, standing, called=bool(latest)),
        model=_most_used(request, chosen),
    )


@PAGES.get("/app/first-steps", "viewer")
def first_steps(request: PageRequest) -> PageReply:
    """The list of first steps alone, which the page asks for until the first call is there."""
    latest = list_calls(request.office, account=request.account_id, limit=1)
    standing = show_account(request.office, request.account_id)
    return request.render("customer/first_steps.html", steps=_steps(request, standing, called=bool(latest)))


def _steps(request: PageRequest, standing: AccountStanding, *, called: bool) -> _Steps:
    """The steps of a workspace. Whoever was given credit may never top up: that step alone keeps them up for a week."""
    office, account = request.office, request.account_id
    keys = [one for one in list_keys(office, account) if one.kind == "model" and one.status != "revoked"]
    done = {"verify": True, "key": bool(keys), "call": called}
    shown = not (keys and called)
    if all(one.offer is None for one in office.payments.states(account)):
        return _Steps(done, shown)
    can_call = called or standing.balance.available > 0
    given = request.site.free_credit_nano > 0
    topped_up = bool(page_of_topups(office, account_id=account, states=_PAID, limit=1).rows)
    done["topup"] = topped_up or (can_call and not given)
    if not (given and can_call):
        done["call"] = done.pop("call")  # it comes last then
    new = request.now - standing.account.created_at < _NEW_S
    return _Steps(done, shown or (new and request.may("owner") and not done["topup"]))


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
