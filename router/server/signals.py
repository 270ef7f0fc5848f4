"""Signals as something to select on."""

from __future__ import annotations

import contextlib
import signal
import socket
from collections.abc import Sequence
from types import FrameType, TracebackType
from typing import Any

__all__ = ["SignalQueue"]


class SignalQueue:
    """While entered, the given signals are queued in the order of their arrival instead of acting.

    Only in the main thread.

    Attributes:
        readable: a socket to select on; ready when a signal waits.
    """

    def __init__(self, numbers: Sequence[signal.Signals]) -> None:
        self._numbers = numbers
        self.readable, self._writable = socket.socketpair()
        for sock in (self.readable, self._writable):
            sock.setblocking(False)
        self._handlers: list[Any] = []
        self._wakeup_fd = -1

    def __enter__(self) -> SignalQueue:
        self._wakeup_fd = signal.set_wakeup_fd(self._writable.fileno(), warn_on_full_buffer=False)
        self._handlers = [signal.signal(number, _nothing) for number in self._numbers]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in zip(self._numbers, self._handlers, strict=True):
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup_fd)
        self.readable.close()
        self._writable.close()

    def take(self) -> list[int]:
        """The signals that arrived since the last call."""
        taken = b""
        with contextlib.suppress(BlockingIOError):
            taken = self.readable.recv(4096)
        return [number for number in taken if number in self._numbers]


def _nothing(number: int, frame: FrameType | None) -> None:
    """The wakeup descriptor has already been told."""
