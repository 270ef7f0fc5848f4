"""Something that is done again and again while calls are under way, and not at all while there are none."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import gevent

from router.calls.call import ActiveCall

__all__ = ["Rounds"]


class Rounds(ABC):
    """Runs in a greenlet of its own.

    Args:
        under_way: request ID -> call.
        every_s: between two rounds.

    Attributes:
        running: whether it does.
    """

    def __init__(self, under_way: Mapping[str, ActiveCall], every_s: float) -> None:
        self.running = False
        self._under_way = under_way
        self._every_s = every_s

    def start(self) -> None:
        """Run until no call is under way. Harmless when it runs already."""
        if not self.running:
            self.running = True
            gevent.spawn(self._run)

    @abstractmethod
    def _round(self) -> None:
        """Once through all calls. Whatever this raises ends the rounds until a call comes."""

    def _run(self) -> None:
        try:
            while self._under_way:
                gevent.sleep(self._every_s)
                self._round()
        finally:
            self.running = False
