"""Ranges of days in a time zone, from a page's address: half open inside, the last day included on the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

__all__ = ["PRESETS", "DayRange", "range_of", "whole_hours"]

PRESETS = ("7d", "30d", "90d", "month", "last-month")
"""The ranges that pages link to."""

_DAYS_MAX = 366
_HOUR_S = 3600
_FIRST, _LAST = date(1971, 1, 1), date(3000, 1, 1)


@dataclass(frozen=True)
class DayRange:
    """Some days, one after another.

    Attributes:
        first, last: the days, both included.
        zone: in which they begin and end.
        preset: its name in ``PRESETS``; ``own`` for one that was typed.
        in_utc: whether the days are those of UTC: sums are kept by its hours, and the zone's days begin within one.
    """

    first: date
    last: date
    zone: tzinfo
    preset: str
    in_utc: bool = False

    @property
    def since(self) -> float:
        """When the first day begins, Unix seconds."""
        return _midnight(self.first, self.zone)

    @property
    def until(self) -> float:
        """When the day after the last begins."""
        return _midnight(self.last + timedelta(days=1), self.zone)

    def days(self) -> Iterator[date]:
        """Each day."""
        day = self.first
        while day <= self.last:
            yield day
            day += timedelta(days=1)

    def day_of(self, seconds: float) -> date:
        """The day in which a moment lies."""
        return datetime.fromtimestamp(seconds, self.zone).date()

    def start_of(self, day: date) -> float:
        """When a day begins."""
        return _midnight(day, self.zone)


def range_of(query: Mapping[str, str], zone: tzinfo, now: float, *, default: str = "30d") -> DayRange:
    """What ``range``, or ``from`` and ``to``, ask for, a year at most; the default where that is nothing."""
    in_utc = not whole_hours(zone, now)
    used = UTC if in_utc else zone
    today = datetime.fromtimestamp(now, used).date()
    first, last = _day(query.get("from", "")), _day(query.get("to", ""))
    if first is not None or last is not None:
        last = min(last or today, today)
        first = min(first or last, last)
        return DayRange(max(first, last - timedelta(days=_DAYS_MAX - 1)), last, used, "own", in_utc)
    name = query.get("range", default)
    return _preset(name if name in PRESETS else default, today, used, in_utc)


def whole_hours(zone: tzinfo, now: float) -> bool:
    """Whether a zone's days begin with an hour of UTC, over the year before."""
    moments = (datetime.fromtimestamp(now - days * 86_400, zone) for days in (0, 91, 182, 273))
    return all((one.utcoffset() or timedelta()).total_seconds() % _HOUR_S == 0 for one in moments)


def _preset(name: str, today: date, zone: tzinfo, in_utc: bool) -> DayRange:
    if name == "month":
        return DayRange(today.replace(day=1), today, zone, name, in_utc)
    if name == "last-month":
        last = today.replace(day=1) - timedelta(days=1)
        return DayRange(last.replace(day=1), last, zone, name, in_utc)
    return DayRange(today - timedelta(days=int(name[:-1]) - 1), today, zone, name, in_utc)


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text[:10]) if text else None
    except ValueError:
        return None
    return day if day is not None and _FIRST <= day < _LAST else None


def _midnight(day: date, zone: tzinfo) -> float:
    return datetime.combine(day, time(), zone).timestamp()
