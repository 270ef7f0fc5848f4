"""One connection: bytes out, bytes in, both at once where a body is large.

The socket never blocks, and never is gevent's: one watcher and one timer (``router.sockets.waits``) live as long as it.
"""

from __future__ import annotations

import socket
from _socket import socket as RawSocket  # never monkey-patched, unlike socket.socket
from select import POLLIN
from time import monotonic

from gevent.monkey import get_original, is_module_patched

from router.sockets.polled import Polled, Waits
from router.sockets.waits import Readiness
from router.types.transport import RESEND_S

__all__ = ["AT_ONCE", "FIRST_BYTES", "UpstreamConnection"]

AT_ONCE = 0.0
"""For a read that takes what is there, and raises ``BlockingIOError`` where nothing is."""

_RECEIVE_BYTES = 65_536
FIRST_BYTES = 65_536
"""So much of a body goes out together with the head."""
_SLICE_BYTES = 262_144
_NOTHING = memoryview(b"")
_new_poller = get_original("select", "poll")  # it never waits here


class UpstreamConnection:
    """A connected socket, Used by one call at a time.

    Under gevent it belongs to the event loop of the thread that made it. ``until`` is in monotonic seconds; a
    ``TimeoutError`` without arguments says that it has passed.

    Args:
        sock: is taken over.

    Attributes:
        idle_since: monotonic seconds at which it came back to the pool.
        reused: it has served a call before this one.
        heard: a byte of the present response has arrived.
        sending: a part of the present request is still to be sent.
        sent_all: the upstream took the whole request; False once sending failed.
        sent_at: monotonic seconds at which the present request had been sent, as far as the kernel is concerned.
    """

    __slots__ = (
        "_body",
        "_is_more",
        "_out",
        "_poller",
        "_sock",
        "_waits",
        "heard",
        "idle_since",
        "rest",
        "reused",
        "sending",
        "sent_all",
        "sent_at",
    )

    def __init__(self, sock: socket.socket) -> None:
        raw = self._sock = RawSocket(fileno=sock.detach())
        raw.setblocking(False)
        fd = raw.fileno()
        self._waits: Waits = Readiness(fd) if is_module_patched("socket") else Polled(fd)
        self.rest = self._waits.watch  # it goes back to the pool: whatever comes from now on makes it useless
        self._poller = _new_poller()
        self._poller.register(fd, POLLIN)
        self._out = self._body = _NOTHING
        self._is_more = False  # to be received, most likely
        self.idle_since = self.sent_at = 0.0
        self.reused = self.heard = self.sending = False
        self.sent_all = True

    def is_quiet(self) -> bool:
        """Whether an idle connection is alive and silent: bytes that came unasked must not answer the next request.

        What the event loop has not told yet, since both happened in one of its turns, is asked of the kernel.
        """
        return not self._waits.stirred and not self._poller.poll(0)

    def died_idle(self) -> bool:
        """Whether a failure means that the upstream had closed it before the request came, and so never took that."""
        if not self.reused or self.heard:
            return False
        return self.sending or not self.sent_all or monotonic() - self.sent_at <= RESEND_S

    def start(self, head: bytes, body: bytes | None) -> None:
        """Begin a request: send what the kernel takes at once. ``pump`` sends the rest.

        A failure is not raised here, since the answer may explain it: ``receive`` meets it, or gets the answer.
        """
        self.heard = self._is_more = False
        self.sent_all = True
        if body is None or len(body) <= FIRST_BYTES:
            data = head + body if body else head
            try:
                sent = self._sock.send(data)
            except BlockingIOError:
                sent = 0
            except OSError:
                self.sending = self.sent_all = False
                return
            if sent == len(data):  # the many
                self.sending = False
                self.sent_at = monotonic()
                return
            self._out = memoryview(data)[sent:]
        else:
            self._out, self._body = memoryview(head + body[:FIRST_BYTES]), memoryview(body)[FIRST_BYTES:]
        self._push()

    def _encoded(self, data: memoryview) -> memoryview:
        """What goes over the wire."""
        return data

    def _push(self) -> None:
        """Send until the kernel takes no more."""
        try:
            while self._out or self._body:
                if not self._out:
                    piece, self._body = self._body[:_SLICE_BYTES], self._body[_SLICE_BYTES:]
                    self._out = self._encoded(piece)
                self._out = self._out[self._sock.send(self._out) :]
            self.sending = False
            self.sent_at = monotonic()
        except BlockingIOError:
            self.sending = True
        except OSError:
            self._out = self._body = _NOTHING
            self.sending = self.sent_all = False

    def pump(self, until: float) -> bool:
        """Wait until the upstream takes more of the request or says something; send more if it takes more.

        Returns:
            Whether there is something to receive.
        """
        if self._waits.wait_writable(until, or_readable=True):
            self._is_more = True
            return True
        self._push()
        return False

    def receive(self, until: float) -> bytes:
        """What one read gives; empty at the end of the stream.

        Raises:
            OSError: the connection failed, or the time is over.
        """
        # Mostly nothing is there yet, and to find that out costs more than to be told when something is.
        if not self._is_more and until:
            self._waits.wait(until)
        while True:
            try:
                data = self._sock.recv(_RECEIVE_BYTES)
            except BlockingIOError:
                self._is_more = False
                if not until:
                    raise
                self._waits.wait(until)
                continue
            self._is_more = len(data) == _RECEIVE_BYTES
            if data:
                self.heard = True
            return data

    def close(self) -> None:
        """Close the socket. Harmless when called again."""
        self._out = self._body = _NOTHING
        self._waits.close()
        self._sock.close()
