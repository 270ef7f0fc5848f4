"""Periodic work that runs only while calls are in flight."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import gevent

from router.calls.call import ActiveCall

__all__ = ["Rounds"]


class Rounds(ABC):
    """Base class of periodic work on calls in flight; it runs in a greenlet of its own.

    Args:
        in_flight: request ID -> call.
        every_s: between two rounds.

    Attributes:
        running: whether it does.
    """

    def __init__(self, in_flight: Mapping[str, ActiveCall], every_s: float) -> None:
        self.running = False
        self._in_flight = in_flight
        self._every_s = every_s

    def start(self) -> None:
        """Run until no call is under way. Harmless when it runs already."""
        if not self.running:
            self.running = True
            gevent.spawn(self._run)

    @abstractmethod
    def _round(self) -> None:
        """Go once through all calls. An exception ends the rounds until the next call comes."""

    def _run(self) -> None:
        try:
            while self._in_flight:
                gevent.sleep(self._every_s)
                self._round()
        finally:
            self.running = False
