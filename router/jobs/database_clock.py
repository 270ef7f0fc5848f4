"""The one clock of several machines: the database's."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from router.db.connection import Connection

__all__ = ["NOTICED_S", "DatabaseClock"]

_log = logging.getLogger("router.jobs")

NOTICED_S = 2.0
"""How far a machine's clock may be off before operators are told."""

_BOOTTIME = getattr(time, "CLOCK_BOOTTIME", None)
_TIME = "SELECT EXTRACT(EPOCH FROM clock_timestamp())::float8"


def _running() -> float:
    """Seconds that nobody sets, those in which the machine slept among them where it tells."""
    return time.clock_gettime(_BOOTTIME) if _BOOTTIME is not None else time.monotonic()


class DatabaseClock:
    """Unix seconds as the database's server counts them: by these, processes of several machines compare leases.

    Until it was compared, and on SQLite, whose processes share one machine, it is this machine's own clock. From then
    on it is counted by a clock that nobody sets: where this machine's is set, no lease of others seems over.

    Args:
        clock: this machine's.
        running: seconds from any moment on, which nobody sets.

    Attributes:
        ahead_s: how far this machine's clock is ahead of the database's; below zero where it is behind.
    """

    def __init__(self, clock: Callable[[], float] = time.time, running: Callable[[], float] = _running) -> None:
        self._clock = clock
        self._running = running
        self._since: float | None = None
        self._told = False
        self.ahead_s = 0.0

    def __call__(self) -> float:
        return self._clock() if self._since is None else self._since + self._running()

    def compare(self, connection: Connection) -> None:
        """Ask the database for its time. What the question took there and back is shared between both ways; an answer
        that took long says less than what is known.
        """
        if connection.engine != "postgresql":
            return
        asked = self._running()
        (told,) = connection.tuples(_TIME)[0]
        took_s = self._running() - asked
        if self._since is not None and took_s > NOTICED_S:
            return
        self._since = float(told) - asked - took_s / 2
        self.ahead_s = self._clock() - self()
        off = abs(self.ahead_s) > NOTICED_S
        if off and not self._told:
            where = "ahead of" if self.ahead_s > 0 else "behind"
            _log.warning(
                "This machine's clock is %.1f s %s the database's: leases are kept by the database's, but windows of "
                "limits, prices that begin and times of calls are this machine's. Have it set (NTP).",
                abs(self.ahead_s),
                where,
            )
        self._told = off
