"""What a workspace used: a chart over time, and a table by time, model, key or member with its columns' totals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from router.money.amounts import format_nano
from router.office.keys import KeyRow, list_keys
from router.office.usage import UsageSum, list_models_used, sum_hours
from router.portal.customer.own import NOBODY, maker_names, maker_of
from router.portal.customer.sums import Point, Sums, by_day, by_hour, sums_of, units_in
from router.portal.web.charts import BarChart, bar_chart
from router.portal.web.pages import PageRoutes
from router.portal.web.ranges import DayRange, range_of
from router.portal.web.replies import PageReply, csv_reply
from router.portal.web.requests import PageRequest
from router.types.keys import KEY_KINDS

__all__ = ["PAGES", "UsageAsked", "UsageLine", "read_usage"]

PAGES = PageRoutes()

_HOURLY_DAYS = 31
_GROUPS = ("time", "model", "key", "member")
_SHOWN = ("spend", "calls", "tokens")
_VALUES = {"spend": "charge_nano", "calls": "calls", "tokens": "tokens"}
_HEAD = ("calls", "failed", "tokens_in", "tokens_cached", "tokens_out", "tokens_reasoning")


@dataclass(frozen=True, slots=True)
class UsageLine:
    """A line of the table.

    Attributes:
        name: of the model, the key or the member, or the hour or the day.
        id: of the model, key or member, as addresses have it; empty for a line by time.
        day: of a line by time, as addresses have it.
        start: of its hour or day, Unix seconds.
    """

    sums: Sums
    name: str
    id: str = ""
    day: str = ""
    start: float = 0.0


@dataclass
class UsageAsked:
    """What an address asks for, and the sums that answer it.

    Attributes:
        span: the days.
        hourly: whether bars, and lines by time, are hours; else days.
        wished_hourly: whether hours were asked for, be there too many of them.
        group: what a line of the table is: ``time``, ``model``, ``key`` or ``member``.
        shown: what bars show: ``spend``, ``calls`` or ``tokens``.
        model, key, member: only theirs; empty for all. A member's are the keys that they made.
    """

    request: PageRequest
    span: DayRange
    hourly: bool
    wished_hourly: bool
    group: str
    shown: str
    model: str
    key: str
    member: str

    @property
    def filtered(self) -> bool:
        """Whether calls are left out."""
        return bool(self.model or self.key or self.member)

    def sums(self, by: str) -> list[UsageSum]:
        """Sums by an hour, a model or a key."""
        return sum_hours(
            self.request.office,
            by=(by,),
            account=self.request.account_id,
            keys=self._wanted_keys,
            model=self.model or None,
            since=self.span.since,
            until=self.span.until,
        )

    @cached_property
    def points(self) -> list[Point]:
        """The bars."""
        hours = self.sums("hour")
        return by_hour(hours, self.span, self.request.now) if self.hourly else by_day(hours, self.span)

    @cached_property
    def totals(self) -> Sums:
        """All together."""
        return sums_of(point.sums for point in self.points)

    @cached_property
    def lines(self) -> dict[str, list[str]]:
        """As which keys are counted -> the IDs of these keys: one that took another's place is counted with it."""
        found: dict[str, list[str]] = {}
        for row in self._keys:
            found.setdefault(row.counted_as, []).append(row.id)
        return found

    @cached_property
    def key_names(self) -> dict[str, str]:
        """As which keys are counted -> the name of the newest."""
        return {row.counted_as: row.name for row in self._keys}

    @cached_property
    def makers(self) -> dict[str, str]:
        """Who made keys -> their name."""
        return maker_names(self.request, {row.made_by for row in self._keys})

    @cached_property
    def _wanted_keys(self) -> list[str] | None:
        if not self.key and not self.member:
            return None
        line = self.lines.get(self.key, []) if self.key else [row.id for row in self._keys]
        if not self.member:
            return line
        theirs = {row.id for row in self._keys if maker_of(row) == self.member}
        return [id for id in line if id in theirs]

    @cached_property
    def _keys(self) -> list[KeyRow]:
        return list_keys(self.request.office, self.request.account_id, kinds=KEY_KINDS)

    @cached_property
    def rows(self) -> list[UsageLine]:
        """The lines: newest first by time, else the dearest first; none without a call."""
        if self.group == "time":
            return [self._by_time(point) for point in reversed(self.points) if point.sums.calls]
        if self.group == "model":
            return self._lines({one.group["model"]: [one] for one in self.sums("model")}, {})
        if self.group == "key":
            return self._lines(self._of_keys({row.id: row.counted_as for row in self._keys}), self.key_names)
        return self._lines(self._of_keys({row.id: maker_of(row) for row in self._keys}, NOBODY), self.makers)

    def _lines(self, sums: Mapping[str, list[UsageSum]], names: Mapping[str, str]) -> list[UsageLine]:
        found = [UsageLine(sums_of(some), names.get(id, id), id) for id, some in sums.items()]
        return sorted(found, key=lambda row: (-row.sums.charge_nano, -row.sums.calls, row.name))

    def _by_time(self, point: Point) -> UsageLine:
        day = self.span.day_of(point.start).isoformat()
        return UsageLine(point.sums, _moment(self, point.start), day=day, start=point.start)

    def _of_keys(self, owners: Mapping[str, str], unknown: str = "") -> dict[str, list[UsageSum]]:
        """Sums by what keys belong to; ``unknown`` is whose the keys are that are no more, else they are their own."""
        found: dict[str, list[UsageSum]] = {}
        for one in self.sums("key"):
            id = one.group["key"]
            found.setdefault(owners.get(id, unknown or id), []).append(one)
        return found


def read_usage(request: PageRequest) -> UsageAsked:
    """What an address asks for; what it says wrong is as if it said nothing."""
    query = request.query
    span = range_of(query, request.zone, request.now)
    wished = query.get("per") == "hour"
    return UsageAsked(
        request,
        span,
        hourly=wished and (span.last - span.first).days < _HOURLY_DAYS,
        wished_hourly=wished,
        group=_one_of(query, "by", _GROUPS),
        shown=_one_of(query, "show", _SHOWN if request.office.settings.gateway.bills else _SHOWN[1:]),
        model=query.get("model", ""),
        key=query.get("key", ""),
        member=query.get("member", ""),
    )


@PAGES.get("/app/usage", "viewer")
def usage_page(request: PageRequest) -> PageReply:
    """The chart and the table."""
    usage = read_usage(request)
    return request.render(
        "customer/usage.html",
        usage=usage,
        units=units_in(usage.totals),
        models=sorted({usage.model, *_models(usage)} - {""}),
        keys=sorted(usage.key_names.items(), key=lambda pair: pair[1].casefold()),
        members=sorted(usage.makers.items(), key=lambda pair: pair[1].casefold()),
        chart=_chart(usage),
        plot=_plot(usage) if usage.hourly else None,
    )


def _models(usage: UsageAsked) -> list[str]:
    """Those that were called in these days."""
    request, span = usage.request, usage.span
    return list_models_used(request.office, request.account_id, span.since, span.until)


@PAGES.get("/app/usage.csv", "viewer")
def usage_csv(request: PageRequest) -> PageReply:
    """The table's lines, as they are shown."""
    usage = read_usage(request)
    units = units_in(usage.totals)
    first = ("hour" if usage.hourly else "day",) if usage.group == "time" else _named_head(usage.group)
    head = (*first, *_HEAD, *units, f"price_{request.site.brand.currency}")
    name = f"usage-{usage.span.first.isoformat()}-{usage.span.last.isoformat()}"
    return csv_reply(name, head, _lines(usage, units))


def _named_head(group: str) -> tuple[str, ...]:
    return (group,) if group == "model" else (group, f"{group}_id")


def _lines(usage: UsageAsked, units: Sequence[str]) -> Iterator[Sequence[object]]:
    for row in usage.rows:
        sums = row.sums
        first = (_written(usage, row.start),) if usage.group == "time" else (row.name, row.id)
        tokens = (sums.prompt_tokens, sums.cached_tokens, sums.completion_tokens, sums.reasoning_tokens)
        beside = (getattr(sums, name) for name in units)
        shown = first if usage.group != "model" else first[:1]
        yield (*shown, sums.calls, sums.errors, *tokens, *beside, format_nano(sums.charge_nano))


def _written(usage: UsageAsked, start: float) -> str:
    """A day as ``2026-11-29``, an hour as ``2026-11-29T21:00+05:00``, in the days' zone."""
    when = datetime.fromtimestamp(start, usage.span.zone)
    return when.isoformat(timespec="minutes") if usage.hourly else when.date().isoformat()


def _value(usage: UsageAsked, sums: Sums) -> int:
    return int(getattr(sums, _VALUES[usage.shown]))


def _chart(usage: UsageAsked) -> BarChart:
    values = [_value(usage, point.sums) for point in usage.points]
    told = [_text(usage, value) for value in values]
    titles = [f"{_moment(usage, point.start)}: {text}" for point, text in zip(usage.points, told, strict=True)]
    return bar_chart(values, titles, [_label(usage, point.start) for point in usage.points])


def _plot(usage: UsageAsked) -> Mapping[str, Any]:
    """The same for the browser's own chart, in which one zooms; texts stand beside the numbers that are drawn."""
    values = [_value(usage, point.sums) for point in usage.points]
    return {
        "starts": [point.start for point in usage.points],
        "values": values,
        "texts": [_text(usage, value) for value in values],
        "moments": [_moment(usage, point.start) for point in usage.points],
        "labels": [_tick(usage, point.start) for point in usage.points],
        "unit": 10**9 if usage.shown == "spend" else 1,
    }


def _moment(usage: UsageAsked, start: float) -> str:
    """A day, or an hour with its day."""
    day = usage.request.language.day(start, usage.span.zone)
    return f"{day}, {_clock(usage, start)}" if usage.hourly else day


def _label(usage: UsageAsked, start: float) -> str:
    """What stands below a bar: its day without the year, or its hour where there is one day alone."""
    if usage.hourly and usage.span.first == usage.span.last:
        return _clock(usage, start)
    return usage.request.language.short_day(start, usage.span.zone)


def _tick(usage: UsageAsked, start: float) -> str:
    """What stands below an hour where one zooms: its day where that begins, else its time."""
    at = _clock(usage, start)
    return usage.request.language.short_day(start, usage.span.zone) if at == "00:00" else at


def _clock(usage: UsageAsked, start: float) -> str:
    return f"{datetime.fromtimestamp(start, usage.span.zone):%H:%M}"


def _text(usage: UsageAsked, value: int) -> str:
    if usage.shown == "spend":
        return usage.request.language.price(value, usage.request.site.brand.currency)
    return usage.request.language.number(value)


def _one_of(query: Mapping[str, str], name: str, known: Sequence[str]) -> str:
    found = query.get(name, "")
    return found if found in known else known[0]
