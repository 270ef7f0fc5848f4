"""Giving memory back: what a burst of calls has taken, glibc keeps for a next one that may never come."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import gevent

__all__ = ["keep_trimming"]

_LOOK_S = 5.0


def keep_trimming(busy: Callable[[], int], look_s: float = _LOOK_S) -> gevent.Greenlet[..., None] | None:
    """Hand free pages back to the system whenever no call is in flight; None where the C library cannot.

    It takes a few milliseconds after a burst and less than one otherwise, which then nobody waits for.

    Args:
        busy: how many calls are in flight.
        look_s: how often to look.
    """
    try:
        trim: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError):  # musl, macOS
        return None
    return gevent.spawn(_trim, trim, busy, look_s)


def _trim(trim: Callable[[int], int], busy: Callable[[], int], look_s: float) -> None:
    while True:
        gevent.sleep(look_s)
        if not busy():
            trim(0)
