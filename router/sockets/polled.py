"""What ``router.sockets.waits`` is on an event loop, for operating-system threads: those of commands, and of tests."""

from __future__ import annotations

import select
from math import ceil, inf
from time import monotonic
from typing import Protocol

__all__ = ["Polled", "Waits"]

_BY_MS_MAX = 2**31 - 1


class Waits(Protocol):
    """When one socket can be read or written. Times are monotonic seconds, ``math.inf`` for no limit.

    ``stirred`` tells whether something came since ``watch`` while nobody waited, as far as that is noticed.
    """

    stirred: bool

    def wait(self, until: float) -> None:
        """Wait for bytes or for the end of the stream; ``TimeoutError`` where neither comes."""

    def wait_writable(self, until: float, *, or_readable: bool = False) -> bool:
        """Wait until bytes are taken, or until some come; whether it was that."""

    def watch(self) -> None:
        """Nobody will wait for a while."""

    def close(self) -> None:
        """Before the socket is closed."""


class Polled:
    """``Waits`` by polling: nothing is noticed while nobody waits."""

    __slots__ = ("_fd", "stirred")

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self.stirred = False

    def wait(self, until: float) -> None:
        self._poll(select.POLLIN, until)

    def wait_writable(self, until: float, *, or_readable: bool = False) -> bool:
        events = self._poll(select.POLLOUT | (select.POLLIN if or_readable else 0), until)
        return or_readable and bool(events & ~select.POLLOUT)

    def watch(self) -> None:
        """Nothing watches."""

    def close(self) -> None:
        """There is nothing to give back."""

    def _poll(self, events: int, until: float) -> int:
        poller = select.poll()
        poller.register(self._fd, events)
        left_ms = None if until == inf else min(max(ceil((until - monotonic()) * 1000), 0), _BY_MS_MAX)
        ready = poller.poll(left_ms)
        if not ready:
            raise TimeoutError
        return ready[0][1]
