"""When a worker leaves, and how long it may take over it."""

from __future__ import annotations

import time

from gevent.event import Event

__all__ = ["Leave"]


class Leave:
    """Two ways to go: to retire, when others have taken over, and to stop; a worker that retires may still be stopped.

    Args:
        grace_s: how long calls may take from ``stop`` on.
        call_max_s: how long from ``retire`` on.

    Attributes:
        stopping: the whole gateway stops, or the master is gone.
        orphaned: the master is gone.
    """

    def __init__(self, grace_s: float, call_max_s: float) -> None:
        self.stopping = self.orphaned = False
        self._grace_s = grace_s
        self._call_max_s = max(grace_s, call_max_s)
        self._deadline = float("inf")
        self._told = Event()

    def stop(self) -> None:
        """End soon. Only the first word counts."""
        if not self.stopping:
            self.stopping = True
            self._end_within(self._grace_s)

    def retire(self) -> None:
        """End with the last call."""
        self._end_within(self._call_max_s)

    def prolong(self, seconds: float) -> None:
        """Time that does not count."""
        self._deadline += seconds

    def wait(self) -> None:
        """Until one of the two has been said."""
        self._told.wait()

    def left_s(self) -> float:
        """Seconds until the calls that are left are cut."""
        return self._deadline - time.monotonic()

    def _end_within(self, seconds: float) -> None:
        self._deadline = min(self._deadline, time.monotonic() + seconds)
        self._told.set()
