"""Days, weeks and months of a time zone's calendar, as windows of time; and moments as they are written.

A day is 23 or 25 hours long where clocks change, and begins at its first moment, be that midnight or not.
"""

from __future__ import annotations

import time
from datetime import date, datetime, timedelta, tzinfo
from functools import lru_cache

from router.types.claims import Window

__all__ = ["PERIODS", "iso_time", "window_of"]

PERIODS = ("day", "week", "month")
_latest: dict[tuple[str, tzinfo], Window] = {}


def window_of(period: str, at: float, timezone: tzinfo) -> Window:
    """The day, week (from Monday) or month that holds the moment ``at``, in Unix seconds.

    Raises:
        ValueError: there is no such period.
    """
    latest = _latest.get((period, timezone))
    if latest is not None and latest.start is not None and 0 <= at - latest.start < latest.seconds:
        return latest
    window = _window(period, datetime.fromtimestamp(at, timezone).date(), timezone)
    _latest[period, timezone] = window
    return window


@lru_cache(maxsize=512)
def _window(period: str, today: date, timezone: tzinfo) -> Window:
    if period == "day":
        first, after = today, today + timedelta(days=1)
    elif period == "week":
        first = today - timedelta(days=today.weekday())
        after = first + timedelta(days=7)
    elif period == "month":
        first = today.replace(day=1)
        after = (first + timedelta(days=31)).replace(day=1)
    else:
        raise ValueError(f"there is no period {period!r}: the periods are {', '.join(PERIODS)}")
    start = _midnight(first, timezone)
    return Window(_midnight(after, timezone) - start, start)


def _midnight(day: date, timezone: tzinfo) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=timezone).timestamp()


def iso_time(seconds: float | None) -> str | None:
    """Unix seconds as ``2026-01-31T12:00:00Z``; None stays None."""
    return None if seconds is None else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
