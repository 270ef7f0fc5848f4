"""A native thread's own connection for writing, which another thread watches and leaves when it hangs."""

from __future__ import annotations

import time
from collections.abc import Callable
from math import inf
from typing import Any, TypeVar

import gevent
from gevent.monkey import get_original, is_module_patched

from router.db.connection import Connection
from router.db.session import ConnectionSession

__all__ = ["ThreadWriter"]

T = TypeVar("T")

_allocate_lock: Callable[[], Any] = get_original("_thread", "allocate_lock")


class ThreadWriter:
    """Writes in the thread that calls it: no other thread stands between that and the disk.

    Args:
        place: how messages call the database.
        holder: says in a sentence who holds the database.

    Attributes:
        limit_s: how long a transaction may take.
    """

    def __init__(self, session: ConnectionSession, *, place: str, holder: Callable[[], str], limit_s: float) -> None:
        self.limit_s = limit_s
        self._session = session
        self._place = place
        self._holder = holder
        self._lock = _allocate_lock()
        self._watched_since = inf

    def write(self, function: Callable[[Connection], T]) -> T:
        """Run a function inside one transaction, as ``ConnectionSession.write``."""
        with self._lock:
            self._watched_since = time.monotonic()
        try:
            return self._session.write(function, self.limit_s)
        finally:
            with self._lock:
                self._watched_since = inf

    def overdue(self, now: float) -> str | None:
        """Cut off what has taken too long; the reason in words, None where nothing has. Called from another thread.

        Args:
            now: on the monotonic clock.
        """
        with self._lock:
            if now - self._watched_since < self.limit_s:
                return None
            self._watched_since = now
            self._session.interrupt()
        who = self._holder()
        return f"The {self._place} did not answer within {self.limit_s:g} s.{who and ' '}{who}"

    def close(self) -> None:
        """Close the connection. Called in the writing thread, at its end."""
        self._session.close()
        if is_module_patched("threading"):
            gevent.get_hub().destroy(destroy_loop=True)  # PostgreSQL's driver waits on a hub of this thread's own
