"""Limits in time, as points in time: a peer that drips bytes cannot move them."""

from __future__ import annotations

from math import ceil, inf
from time import monotonic

from router.settings import Timeouts

__all__ = ["AT_ONCE", "Deadline", "Limits"]


class Deadline:
    """A point in time, and the words for having missed it."""

    __slots__ = ("at", "limit_s", "missed")

    def __init__(self, at: float, limit_s: float = 0.0, missed: str = "") -> None:
        self.at = at
        self.limit_s = limit_s
        self.missed = missed

    def left_s(self) -> float | None:
        """Seconds left, in the form that ``settimeout`` takes; None where there is no limit.

        Raises:
            TimeoutError: none are left.
        """
        if self.at == inf:
            return None
        left = self.at - monotonic()
        if left <= 0:
            raise self.expired()
        return left

    def left_ms(self) -> int | None:
        """Milliseconds left, in the form that ``poll`` takes, rounded up. Errors as in ``left_s``."""
        left = self.left_s()
        return None if left is None else ceil(left * 1000)

    def expired(self) -> TimeoutError:
        """The error to raise when the time is up."""
        return TimeoutError(f"{self.missed} {self.limit_s:g} s")


class _AtOnce(Deadline):
    def left_s(self) -> float:
        return 0.0


AT_ONCE = _AtOnce(0.0)
"""For a read that takes what is there, and raises ``BlockingIOError`` where nothing is."""


class Limits:
    """The deadlines of one call; its clock starts when the object is made. Each is cut short by ``whole``."""

    __slots__ = ("_timeouts", "_whole")

    def __init__(self, timeouts: Timeouts) -> None:
        self._timeouts = timeouts
        whole = timeouts.whole
        self._whole = Deadline(inf) if whole is None else Deadline(monotonic() + whole, whole, "not finished within")

    def connect(self) -> Deadline:
        """For a free slot, the name look-up, TCP and TLS together, from now on."""
        return self._within(self._timeouts.connect, "no connection within")

    def first_byte(self) -> Deadline:
        """For the head of the response, from now on."""
        return self._within(self._timeouts.first_byte, "no response within")

    def idle(self) -> Deadline:
        """For the next piece of a body in either direction, from now on."""
        return self._within(self._timeouts.idle, "no progress for")

    def whole(self) -> Deadline:
        """For everything."""
        return self._whole

    def _within(self, limit_s: float | None, missed: str) -> Deadline:
        whole = self._whole
        if limit_s is None:
            return whole
        at = monotonic() + limit_s
        return Deadline(at, limit_s, missed) if at < whole.at else whole
