"""Sums of usage as pages show them: by hour or by the days of a zone, by model, by key, and all together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter

from router.office.usage import UsageSum
from router.portal.web.ranges import DayRange

__all__ = ["HOUR_S", "UNIT_COLUMNS", "Point", "Sums", "by_day", "by_hour", "sums_of", "units_in"]

HOUR_S = 3600
UNIT_COLUMNS = ("images", "milliseconds", "characters", "searches", "requests")
"""What calls are paid for beside tokens: columns that are shown where there is something in them."""


@dataclass(frozen=True, slots=True)
class Sums:
    """What some calls come to; as ``UsageSum``, without what customers are not shown."""

    calls: int = 0
    errors: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    charge_nano: int = 0
    images: int = 0
    milliseconds: int = 0
    characters: int = 0
    searches: int = 0
    requests: int = 0

    @property
    def tokens(self) -> int:
        """In and out."""
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class Point:
    """One bar of a chart: when its hour or day begins, Unix seconds, and what its calls come to."""

    start: float
    sums: Sums


_figures = attrgetter(*(one.name for one in fields(Sums)))


def sums_of(rows: Iterable[UsageSum | Sums]) -> Sums:
    """All of them together."""
    return Sums(*map(sum, zip(*map(_figures, rows), strict=True)))


def by_day(hours: Sequence[UsageSum], span: DayRange) -> list[Point]:
    """Each day of a range, those without calls as well, from sums by hour."""
    found: dict[object, list[UsageSum]] = {}
    for row in hours:
        found.setdefault(span.day_of(row.group["hour"]), []).append(row)
    return [Point(span.start_of(day), sums_of(found.get(day, ()))) for day in span.days()]


def by_hour(hours: Sequence[UsageSum], span: DayRange, now: float) -> list[Point]:
    """Each hour of a range until now, from sums by hour."""
    found = {row.group["hour"]: row for row in hours}
    return [Point(start, sums_of([found[start]] if start in found else [])) for start in _hours(span, now)]


def units_in(totals: Sums) -> list[str]:
    """Those of ``UNIT_COLUMNS`` in which there is something."""
    return [name for name in UNIT_COLUMNS if getattr(totals, name)]


def _hours(span: DayRange, now: float) -> Iterator[int]:
    start = int(span.since) // HOUR_S * HOUR_S
    while start < min(span.until, now):
        yield start
        start += HOUR_S
