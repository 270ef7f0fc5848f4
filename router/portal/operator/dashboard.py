"""The console's first page: what was earned and spent, who came, and what wants looking at."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from router.office.alerts import current_alerts
from router.office.console.figures import arrivals, figures, owed
from router.office.console.provider_health import provider_health
from router.office.console.provider_switches import providers_off
from router.office.console.verification import verification
from router.office.usage import UsageSum, sum_hours
from router.portal.operator.frame import show
from router.portal.web.charts import BarChart, bar_chart
from router.portal.web.pages import PageRoutes
from router.portal.web.ranges import DayRange, range_of
from router.portal.web.replies import PageReply
from router.portal.web.requests import PageRequest

__all__ = ["PAGES"]

PAGES = PageRoutes()

_HEALTH_S = 3600


@PAGES.get("/ops/", "operator")
def dashboard(request: PageRequest) -> PageReply:
    """Today and this month."""
    month = range_of({"range": "month"}, request.zone, request.now)
    today = DayRange(month.last, month.last, month.zone, "own", month.in_utc)
    lately = range_of({"range": "30d"}, request.zone, request.now)
    health, whole = provider_health(request.office, _HEALTH_S)
    hours = sum_hours(request.office, by=("hour",), since=min(month.since, lately.since), until=request.now + 1)
    chart, rows = _days(request, lately, hours)
    return show(
        request,
        "dashboard.html",
        today=figures(request.office, today.since, request.now + 1, hours),
        month=figures(request.office, month.since, request.now + 1, hours),
        came=arrivals(request.office, today.since, request.now + 1),
        came_month=arrivals(request.office, month.since, request.now + 1),
        owed=owed(request.office),
        health=[health[name] for name in sorted(health)],
        whole=whole,
        off=providers_off(request.office),
        alerts=current_alerts(request.office),
        verified=verification(request.office),
        chart=chart,
        days=rows,
        zone="UTC" if month.in_utc else request.zone_name,
    )


def _days(
    request: PageRequest, chosen: DayRange, hours: Sequence[UsageSum]
) -> tuple[BarChart, Sequence[Sequence[Any]]]:
    """What was charged by day: the chart, and (day, calls, charged) for its table."""
    calls: dict[date, int] = dict.fromkeys(chosen.days(), 0)
    charged = dict(calls)
    for one in hours:
        day = chosen.day_of(float(one.group["hour"]))
        if day in calls:
            calls[day] += one.calls
            charged[day] += one.charge_nano
    language, currency = request.language, request.site.brand.currency
    named = {day: language.day(_noon(day, chosen), chosen.zone) for day in calls}
    money = {day: language.money(amount, currency) for day, amount in charged.items()}
    chart = bar_chart(
        [charged[day] for day in calls],
        [f"{named[day]}: {money[day]}" for day in calls],
        [named[day].rpartition("\u00a0")[0] for day in calls],
    )
    return chart, [(named[day], language.number(calls[day]), money[day]) for day in calls]


def _noon(day: date, chosen: DayRange) -> float:
    return datetime(day.year, day.month, day.day, 12, tzinfo=chosen.zone).timestamp()
