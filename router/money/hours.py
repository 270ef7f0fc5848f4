"""Spans of the week, in UTC, as price lists name them: ``mon-fri 06:00-10:00``, ``22:00-04:00``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["Hours", "parse_hours"]

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_S = 86_400
_EPOCH_WEEKDAY = 3  # 1 January 1970 was a Thursday
_SPAN = re.compile(r"(?:(\S+)\s+)?(\d\d):(\d\d)\s*-\s*(\d\d):(\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Hours:
    """A span of some days of the week.

    Attributes:
        days: 0 for Monday to 6 for Sunday; those on which the span begins.
        start_s, end_s: seconds since midnight UTC; an end that is not after the start is on the next day.
    """

    days: frozenset[int]
    start_s: int
    end_s: int

    def hold(self, at: float) -> bool:
        """Whether the Unix time ``at`` is within; the start is, the end is not."""
        day, second = divmod(int(at), _DAY_S)
        weekday = (day + _EPOCH_WEEKDAY) % 7
        if self.start_s < self.end_s:
            return weekday in self.days and self.start_s <= second < self.end_s
        if second >= self.start_s:
            return weekday in self.days
        return second < self.end_s and (weekday - 1) % 7 in self.days


@lru_cache(maxsize=1024)
def parse_hours(text: str) -> Hours:
    """A span as it is written; without days it is that of every day.

    Raises:
        ValueError: what is wrong with it.
    """
    match = _SPAN.fullmatch(text.strip().lower())
    if match is None:
        raise ValueError(f'{text!r} is no span of hours: write "06:00-10:00", or "mon-fri 06:00-10:00", in UTC')
    days, *digits = match.groups()
    start_s, end_s = _second(text, *digits[:2]), _second(text, *digits[2:])
    if start_s in (end_s, _DAY_S):
        raise ValueError(f'{text!r} is empty: a whole day is "00:00-24:00"')
    return Hours(_days(days, text) if days else frozenset(range(7)), start_s, end_s)


def _second(text: str, hour: str, minute: str) -> int:
    second = int(hour) * 3600 + int(minute) * 60
    if int(minute) > 59 or second > _DAY_S:
        raise ValueError(f"{text!r}: {hour}:{minute} is no time of the day")
    return second


def _days(names: str, text: str) -> frozenset[int]:
    """``mon``, ``mon,wed`` or ``fri-mon``."""
    found: set[int] = set()
    for part in names.split(","):
        first, dash, last = part.partition("-")
        if first not in _DAYS or (dash and last not in _DAYS):
            raise ValueError(f"{text!r}: {part!r} is no day: write {', '.join(_DAYS)}, or two of them as in mon-fri")
        start = _DAYS.index(first)
        length = (_DAYS.index(last) - start) % 7 if dash else 0
        found.update((start + step) % 7 for step in range(length + 1))
    return frozenset(found)
