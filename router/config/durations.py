"""Durations as they are written: ``30s``, ``15m``, ``24h``, ``7d``, ``2w``."""

from __future__ import annotations

import re

__all__ = ["DURATION_TEXT", "parse_duration_s"]

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_LONGEST_S = 100 * 366 * 86_400
DURATION_TEXT = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)\s*([smhdw])", re.ASCII)


def parse_duration_s(text: str) -> float:
    """Seconds.

    Raises:
        ValueError: no number with a unit, or above a hundred years.
    """
    match = DURATION_TEXT.fullmatch(text.strip().lower())
    if match is None:
        raise ValueError(f"{text!r} is not a duration: write a number and a unit, such as 30s, 15m, 24h or 7d")
    duration_s = float(match.group(1)) * _UNITS_S[match.group(2)]
    if duration_s > _LONGEST_S:
        raise ValueError(f"{text!r} is more than a hundred years")
    return duration_s
