"""Limits in time, as points in time: a peer that drips bytes cannot move them."""

from __future__ import annotations

from math import inf
from time import monotonic

from router.config.provider import Timeouts

__all__ = ["NO_PROGRESS", "NO_RESPONSE", "CallDeadlines", "Deadline"]

_NO_CONNECTION = "no connection within"
NO_RESPONSE = "no response within"
NO_PROGRESS = "no progress for"
_NOT_FINISHED = "not finished within"


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

    def expired(self) -> TimeoutError:
        """The error to raise when the time is up."""
        return TimeoutError(f"{self.missed} {self.limit_s:g} s")


class CallDeadlines:
    """The limits of one call; its clock starts when the object is made. Each is cut short by the one on the whole call.

    What runs for every call and chunk takes the numbers: seconds, and ``whole_at`` in monotonic ones, ``math.inf`` for
    no limit. All else asks for a ``Deadline``.
    """

    __slots__ = ("connect_s", "first_byte_s", "idle_s", "whole_at", "whole_s")

    def __init__(self, connect_s: float, first_byte_s: float, idle_s: float, whole_s: float) -> None:
        self.connect_s = connect_s
        self.first_byte_s = first_byte_s
        self.idle_s = idle_s
        self.whole_s = whole_s
        self.whole_at = monotonic() + whole_s

    @classmethod
    def of(cls, timeouts: Timeouts) -> CallDeadlines:
        """Those that start now."""
        limits = (timeouts.connect, timeouts.first_byte, timeouts.idle, timeouts.whole)
        return cls(*(inf if limit is None else limit for limit in limits))

    def connect(self) -> Deadline:
        """For a free slot, the name look-up, TCP and TLS together, from now on."""
        return self._within(self.connect_s, _NO_CONNECTION)

    def first_byte(self) -> Deadline:
        """For the head of the response, from now on."""
        return self._within(self.first_byte_s, NO_RESPONSE)

    def idle(self) -> Deadline:
        """For the next piece of a body in either direction, from now on."""
        return self._within(self.idle_s, NO_PROGRESS)

    def idle_at(self) -> float:
        """When the time for the next piece of a body is over, in monotonic seconds."""
        return min(monotonic() + self.idle_s, self.whole_at)

    def whole(self) -> Deadline:
        """For everything."""
        return Deadline(self.whole_at, self.whole_s, _NOT_FINISHED)

    def missed(self, until: float, limit_s: float, missed: str) -> TimeoutError:
        """The error to raise when the time is up that was ``until``: the whole call's, or ``limit_s``."""
        if until == self.whole_at:
            return self.whole().expired()
        return Deadline(until, limit_s, missed).expired()

    def _within(self, limit_s: float, missed: str) -> Deadline:
        at = monotonic() + limit_s
        return Deadline(at, limit_s, missed) if at < self.whole_at else self.whole()
