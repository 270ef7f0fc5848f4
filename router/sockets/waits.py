"""Waiting for one socket, with one watcher and one timer for as long as the socket lives.

A deadline costs an attribute: the timer is set for the earliest that was asked for, and looks again when it strikes.
The watcher stays on between two waits, and is stopped only by something that comes while nobody waits for it.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from time import monotonic
from typing import Any

from gevent import get_hub
from greenlet import getcurrent, greenlet

__all__ = ["READ", "WRITE", "Readiness"]

READ, WRITE = 1, 2
"""The event loop's bits, for watchers of one's own."""

_EARLY_S = 0.0005  # a timer may strike so much before its time


class Readiness:
    """When one descriptor can be read or written. Used by one greenlet at a time, in the thread that made it.

    Whoever waits may be thrown out of it by an exception, like out of any other wait.

    Args:
        fd: of a socket that does not block. Close this before the socket.

    Attributes:
        idle: called on the hub when bytes, or the end of the stream, come while nobody waits for them; it must not
            block. It is called once, until ``watch`` or the next wait.
        stirred: whether that has happened since the last ``watch``.
    """

    __slots__ = (
        "_armed",
        "_deadline",
        "_hub",
        "_input",
        "_is_on",
        "_output",
        "_reader",
        "_switch",
        "_timer",
        "_writer",
        "idle",
        "stirred",
    )

    def __init__(self, fd: int) -> None:
        hub = self._hub = get_hub()
        self._switch = hub.switch
        self._input: Any = hub.loop.io(fd, READ)
        self._output: Any = None
        self._timer: Any = None
        self._is_on = False
        self._armed = self._deadline = inf
        self._reader: greenlet | None = None
        self._writer: greenlet | None = None
        self.idle: Callable[[], object] | None = None
        self.stirred = False

    def wait(self, until: float) -> None:
        """Wait for bytes or for the end of the stream.

        Args:
            until: monotonic seconds.

        Raises:
            TimeoutError: nothing came until then.
        """
        self._deadline = until
        if until < self._armed:
            self._arm(until)
        if not self._is_on:
            self._is_on = True
            self._input.start(self._readable)
        self._reader = getcurrent()
        try:
            self._switch()
        finally:
            self._reader = None

    def wait_writable(self, until: float, *, or_readable: bool = False) -> bool:
        """Wait until the socket takes more bytes; with ``or_readable``, or until something comes.

        Returns:
            Whether it was something that came.

        Raises:
            TimeoutError: neither happened until then.
        """
        if self._output is None:
            self._output = self._hub.loop.io(self._input.fd, WRITE)
        self._deadline = until
        if until < self._armed:
            self._arm(until)
        self._output.start(self._writable)
        self._writer = getcurrent()
        if or_readable:
            self._reader = self._writer
            if not self._is_on:
                self._is_on = True
                self._input.start(self._readable)
        try:
            return self._switch() is True
        finally:
            self._output.stop()
            self._reader = self._writer = None

    def watch(self) -> None:
        """Call ``idle`` when something comes."""
        self.stirred = False
        if not self._is_on:
            self._is_on = True
            self._input.start(self._readable)

    def close(self) -> None:
        """Give the watchers back. Harmless when called again."""
        self._input.close()
        if self._output is not None:
            self._output.close()
        if self._timer is not None:
            self._timer.close()
            self._timer = None
        self.idle = None

    def _readable(self) -> None:
        reader = self._reader
        if reader is not None:
            self._reader = None
            reader.switch(True)
            return
        self._is_on = False
        self._input.stop()
        self.stirred = True
        if self.idle is not None:
            self.idle()

    def _writable(self) -> None:
        writer = self._writer
        if writer is not None:
            self._writer = self._reader = None
            writer.switch(False)

    def _arm(self, until: float) -> None:
        self._armed = until
        if self._timer is not None:
            self._timer.close()
        self._timer = self._hub.loop.timer(max(until - monotonic(), 0.0))
        self._timer.start(self._strike)

    def _strike(self) -> None:
        """The timer's time has come, which is not always that of the present wait."""
        self._armed = inf
        waiting = self._reader or self._writer
        if waiting is None:
            return
        if self._deadline - monotonic() > _EARLY_S:
            self._arm(self._deadline)
            return
        self._reader = self._writer = None
        waiting.throw(TimeoutError())
