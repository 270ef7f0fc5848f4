"""Closes idle connections in time: one that no further call comes for would else stay open for ever."""

from __future__ import annotations

import threading
from collections.abc import Callable

__all__ = ["Reaper"]

_EVERY_MAX_S = 10.0
_EVERY_MIN_S = 0.05


class Reaper:
    """Looks after idle connections, in a thread (under gevent a greenlet) that lives only while there are any.

    Args:
        close_idle: closes those whose time is over; says whether any are left.
        ttl_s: how long one may be idle.

    Attributes:
        running: whether it looks after them now.
    """

    def __init__(self, close_idle: Callable[[], bool], ttl_s: float) -> None:
        self._close_idle = close_idle
        self._every_s = min(max(ttl_s / 5, _EVERY_MIN_S), _EVERY_MAX_S)
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self.running = False

    def start(self) -> None:
        """Begin, unless it runs or was stopped."""
        with self._lock:
            if self.running or self._stopped.is_set():
                return
            self.running = True
        threading.Thread(target=self._run, name="idle-connections", daemon=True).start()

    def stop(self) -> None:
        """End it, for good."""
        self._stopped.set()

    def _run(self) -> None:
        left = True
        while left and not self._stopped.wait(self._every_s):
            left = self._close_idle()
        self.running = False
        if not self._stopped.is_set() and self._close_idle():  # one came back between the two
            self.start()
