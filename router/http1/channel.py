"""One client's socket: non-blocking reads and writes, each wait with a limit.

Made of the C socket type and a watcher and a timer that live as long as the connection: gevent's own socket makes a
timeout object and looks twice for every call, which is a fifth of the cost of a small request.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from _socket import socket as RawSocket  # never monkey-patched, unlike socket.socket
from collections.abc import Callable
from time import monotonic
from typing import Any, Protocol

from gevent import get_hub, sleep

from router.sockets.waits import WRITE, Readiness

__all__ = ["RECEIVE_BYTES", "Channel", "ClientGone", "ClientSocket", "RawSocket"]

RECEIVE_BYTES = 64 * 1024
TURNS_MAX = 16  # reads or writes in a row that did not wait, before other connections get their turn
_TCP_INFO = getattr(socket, "TCP_INFO", None)
_TCP_CLOSE = 7


class ClientGone(ConnectionError):
    """The client closed or lost the connection, or stopped taking the response. Nobody is left to be told."""


class ClientSocket(Protocol):
    """What a channel asks of a socket that does not block."""

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """See ``socket.recv``."""
        ...

    def send(self, data: bytes | memoryview, /) -> int:
        """See ``socket.send``; a caller that has sent a part goes on with the rest."""
        ...

    def shutdown(self, how: int, /) -> None:
        """See ``socket.shutdown``."""
        ...

    def close(self) -> None:
        """See ``socket.close``."""
        ...

    def fileno(self) -> int:
        """See ``socket.fileno``."""
        ...

    def setblocking(self, flag: bool, /) -> None:
        """See ``socket.setblocking``."""
        ...

    def setsockopt(self, level: int, option: int, value: int | bytes, /) -> None:
        """See ``socket.setsockopt``."""
        ...

    def getsockopt(self, level: int, option: int, size: int, /) -> bytes:
        """See ``socket.getsockopt``."""
        ...


class Channel:
    """The bytes of one accepted connection. Owns the socket.

    Args:
        sock: connected and accepted; becomes non-blocking.

    Attributes:
        readiness: when there is something to read; waited for by the greenlet that serves the connection.
        send_some: gives the kernel what it takes of some bytes, and how many that were; raises OSError.
        closed: nothing can be read or written any more.
    """

    def __init__(self, sock: ClientSocket) -> None:
        sock.setblocking(False)
        with contextlib.suppress(OSError):  # not TCP, or already reset: the first read will tell
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock = sock
        self.send_some: Callable[[bytes | memoryview], int] = sock.send
        self.closed = False
        self._output: Any = None
        self.readiness = Readiness(sock.fileno())
        self._turns = 0

    def timer(self, after_s: float, callback: Callable[[], object]) -> Any:
        """A started timer that calls ``callback`` on the hub, again and again until it is closed."""
        timer = get_hub().loop.timer(after_s, repeat=after_s)
        timer.start(callback)
        return timer

    def on_writable(self, callback: Callable[[], object] | None) -> None:
        """Call ``callback`` on the hub whenever the socket takes more, until this is called with None."""
        if self._output is None:
            if callback is None:
                return
            self._output = get_hub().loop.io(self._sock.fileno(), WRITE)
        self._output.stop()
        if callback is not None:
            self._output.start(callback)

    def wait_readable(self, timeout_s: float) -> None:
        """Wait for bytes or for the end of the stream.

        Raises:
            TimeoutError: nothing came in time.
        """
        self._turns = 0
        self.readiness.wait(monotonic() + max(timeout_s, 0.001))

    def receive(self, timeout_s: float, size: int = RECEIVE_BYTES) -> bytes:
        """At least one byte, or ``b""`` at the end of the stream.

        Raises:
            ClientGone: the connection was reset.
            TimeoutError: nothing came in time.
        """
        while True:
            try:
                data = self._sock.recv(size)
            except (BlockingIOError, InterruptedError):
                self.wait_readable(timeout_s)
            except OSError as error:
                raise ClientGone(str(error)) from None
            else:
                self._turns += 1
                if self._turns >= TURNS_MAX:
                    self._give_turn()
                return data

    def send(self, data: bytes, timeout_s: float) -> None:
        """Send all of ``data``.

        Raises:
            ClientGone: the connection is dead, or the client took nothing for ``timeout_s``.
        """
        try:
            sent = self._sock.send(data)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError as error:
            raise ClientGone(str(error)) from None
        if sent < len(data):
            self._send_rest(memoryview(data)[sent:], timeout_s)

    def _send_rest(self, rest: memoryview, timeout_s: float) -> None:
        while rest:
            try:
                rest = rest[self._sock.send(rest) :]
                self._turns += 1
                if self._turns >= TURNS_MAX:
                    self._give_turn()
            except (BlockingIOError, InterruptedError):
                self._wait_writable(timeout_s)
            except OSError as error:
                raise ClientGone(str(error)) from None

    def _wait_writable(self, timeout_s: float) -> None:
        self._turns = 0
        try:
            self.readiness.wait_writable(monotonic() + timeout_s)
        except TimeoutError:
            raise ClientGone("the client stopped reading") from None

    def _give_turn(self) -> None:
        self._turns = 0
        sleep(0)

    def peek(self) -> bytes | None:
        """One byte without taking it; ``b""`` when the client has gone, None when nothing is here. Never waits."""
        try:
            return self._sock.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            return None
        except OSError:
            return b""

    def is_reset(self) -> bool:
        """Whether the connection was reset, even while unread bytes hide it from ``peek``. False where unknown."""
        if _TCP_INFO is None:
            return False
        try:
            return self._sock.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, 1)[0] == _TCP_CLOSE
        except OSError:
            return True

    def end_reading(self) -> None:
        """Let a greenlet that waits in ``receive`` see the end of the stream, after any bytes that are already here."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RD)

    def end_writing(self) -> None:
        """Tell the client that nothing more will come."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)

    def close(self, reset: bool = False) -> None:
        """Close the socket; with ``reset`` so that the client sees an error, not an end. Harmless if called again."""
        if self.closed:
            return
        self.closed = True
        if self._output is not None:
            self._output.close()
        self.readiness.close()
        if reset:
            with contextlib.suppress(OSError):
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._sock.close()
