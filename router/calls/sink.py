"""The interface by which a stream reaches its client; ``http1/stream`` and ``http/piped`` implement it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from time import monotonic

from gevent.event import Event

__all__ = ["Sink"]


class Sink(ABC):
    """A stream to one client. Only ``wait_room`` waits; all else may be called on the hub, too.

    Attributes:
        pending: bytes that the client has not taken yet and that are kept for it.
        stopped: the client is gone, or was given up: nothing more goes to it.
        on_gone: called when the client turns out to be gone, perhaps on the hub; it must not block.
    """

    __slots__ = ("_moved", "on_gone", "pending", "stopped")

    def __init__(self) -> None:
        self.pending = 0
        self.stopped = False
        self.on_gone: Callable[[], object] | None = None
        self._moved: Event | None = None

    @abstractmethod
    def begin(self, headers: Mapping[str, str]) -> None:
        """Begin the response, as a 200; its head goes out with the first bytes."""

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Send bytes of the body, at least one; what the client does not take at once is kept."""

    @abstractmethod
    def end(self, data: bytes) -> None:
        """Send the last bytes. Without this the client sees a stream that was cut."""

    def stop(self) -> None:
        """Give the client up: drop what is kept, and let it see that the stream was cut."""
        self.stopped = True
        self.pending = 0
        self._tell_moved()

    def wait_room(self, most: int, timeout_s: float | None = None) -> bool:
        """Wait until no more than ``most`` bytes are kept; False when they still are after ``timeout_s``."""
        deadline = None if timeout_s is None else monotonic() + timeout_s
        if self._moved is None:
            self._moved = Event()
        while self.pending > most:
            self._moved.clear()
            left_s = None if deadline is None else deadline - monotonic()
            if left_s is not None and left_s <= 0:
                return False
            self._moved.wait(left_s)
        return True

    def _tell_moved(self) -> None:
        """Wake whoever waits for room, to look again."""
        if self._moved is not None:
            self._moved.set()
