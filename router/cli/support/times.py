"""Durations and moments on the command line: ``30s``, ``15m``, ``24h``, ``7d``, ``2027-01-01``."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import click

from router.config.durations import DURATION_TEXT, parse_duration_s

__all__ = ["DURATION", "FUTURE", "PAST"]


class _Duration(click.ParamType):  # type: ignore[type-arg] # generic in new versions of click only
    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        try:
            return parse_duration_s(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class _Moment(click.ParamType):  # type: ignore[type-arg]
    """A date, a date with a time (UTC unless it says otherwise), or a duration counted from now; gives Unix seconds."""

    name = "time"

    def __init__(self, direction: int) -> None:
        self._direction = direction

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        try:
            duration_s = parse_duration_s(value) if DURATION_TEXT.fullmatch(value.strip().lower()) else None
        except ValueError as error:
            self.fail(str(error), param, ctx)
        try:
            if duration_s is not None:
                return time.time() + self._direction * duration_s
            moment = datetime.fromisoformat(value.strip())
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is neither a duration, such as 24h or 7d, nor a date, such as 2027-01-31", param, ctx)


DURATION = _Duration()
FUTURE = _Moment(+1)
PAST = _Moment(-1)
