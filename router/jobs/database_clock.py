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

_TIME = "SELECT EXTRACT(EPOCH FROM clock_timestamp())::float8"


class DatabaseClock:
    """Unix seconds as the database's server counts them: by these, processes of several machines compare leases.

    Until it was compared, and on SQLite, whose processes share one machine, it is this machine's own clock.

    Args:
        clock: this machine's.

    Attributes:
        ahead_s: how far this machine's clock is ahead of the database's; below zero where it is behind.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._told = False
        self.ahead_s = 0.0

    def __call__(self) -> float:
        return self._clock() - self.ahead_s

    def compare(self, connection: Connection) -> None:
        """Ask the database for its time. What the question took there and back is shared between both ways."""
        if connection.engine != "postgresql":
            return
        asked = self._clock()
        (told,) = connection.tuples(_TIME)[0]
        self.ahead_s = (asked + self._clock()) / 2 - float(told)
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
