"""One connection: bytes out, bytes in, both at once where a body is large.

TLS runs over memory buffers (``SSLContext.wrap_bio``), so that there is one plain socket to wait on: deadlines hold
within a TLS record too, ``MSG_PEEK`` sees what came unasked, and one read takes many records.
"""

from __future__ import annotations

import select
import socket
import ssl
from time import monotonic

from router.upstream.deadlines import Deadline
from router.upstream.transport import RESEND_S

__all__ = ["Connection"]

_RECEIVE_BYTES = 65_536
_FIRST_BYTES = 65_536
_SLICE_BYTES = 262_144
_NOTHING = memoryview(b"")


class Connection:
    """A connected socket, with TLS where ``tls`` is given. Used by one call at a time.

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
        "_incoming",
        "_out",
        "_outgoing",
        "_sock",
        "_tls",
        "heard",
        "idle_since",
        "reused",
        "sending",
        "sent_all",
        "sent_at",
    )

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._tls: ssl.SSLObject | None = None
        self._incoming: ssl.MemoryBIO | None = None
        self._outgoing: ssl.MemoryBIO | None = None
        self._out = self._body = _NOTHING
        self.idle_since = self.sent_at = 0.0
        self.reused = self.heard = self.sending = False
        self.sent_all = True

    def secure(self, context: ssl.SSLContext, host: str, deadline: Deadline) -> None:
        """The TLS handshake; ``host`` is asked for (SNI) and checked.

        Raises:
            OSError: it failed, or the deadline passed.
        """
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_hostname=host)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._send_all(outgoing.read(), deadline)
            data = self._receive_raw(deadline)
            if data:
                incoming.write(data)
            else:
                incoming.write_eof()
        self._send_all(outgoing.read(), deadline)
        self._tls, self._incoming, self._outgoing = tls, incoming, outgoing

    def _send_all(self, data: bytes, deadline: Deadline) -> None:
        if data:
            self._sock.settimeout(deadline.left_s())
            self._sock.sendall(data)

    def is_quiet(self) -> bool:
        """Whether an idle connection is alive and silent: bytes that came unasked must not answer the next request."""
        try:
            self._sock.settimeout(0.0)
            self._sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def died_idle(self) -> bool:
        """Whether a failure means that the upstream had closed it before the request came, and so never took that."""
        if not self.reused or self.heard:
            return False
        return self.sending or not self.sent_all or monotonic() - self.sent_at <= RESEND_S

    def start(self, head: bytes, body: bytes | None) -> None:
        """Begin a request: send what the kernel takes at once. ``pump`` sends the rest.

        A failure is not raised here, since the answer may explain it: ``receive`` meets it, or gets the answer.
        """
        self.heard = False
        self.sent_all = True
        body = body or b""
        if len(body) <= _FIRST_BYTES:
            self._out = memoryview(head + body)
        else:
            self._out = memoryview(head + body[:_FIRST_BYTES])
            self._body = memoryview(body)[_FIRST_BYTES:]
        if self._tls is not None:
            self._out = self._encrypted(self._out)
        self._sock.settimeout(0.0)
        self._push()

    def _encrypted(self, data: memoryview) -> memoryview:
        assert self._tls is not None and self._outgoing is not None
        self._tls.write(data)
        return memoryview(self._outgoing.read())

    def _push(self) -> None:
        """Send until the kernel takes no more."""
        try:
            while self._out or self._body:
                if not self._out:
                    piece, self._body = self._body[:_SLICE_BYTES], self._body[_SLICE_BYTES:]
                    self._out = piece if self._tls is None else self._encrypted(piece)
                self._out = self._out[self._sock.send(self._out) :]
            self.sending = False
            self.sent_at = monotonic()
        except BlockingIOError:
            self.sending = True
        except OSError:
            self._out = self._body = _NOTHING
            self.sending = self.sent_all = False

    def pump(self, deadline: Deadline) -> bool:
        """Wait until the upstream takes more of the request or says something; send more if it takes more.

        Returns:
            Whether there is something to receive.
        """
        poller = select.poll()
        poller.register(self._sock, select.POLLIN | select.POLLOUT)
        ready = poller.poll(deadline.left_ms())
        if not ready:
            raise deadline.expired()
        events = ready[0][1]
        if events & select.POLLOUT:
            self._sock.settimeout(0.0)
            self._push()
        return bool(events & ~select.POLLOUT)

    def receive(self, deadline: Deadline) -> bytes:
        """What one read gives, decrypted; empty at the end of the stream.

        Raises:
            OSError: the connection failed, or the deadline passed (``TimeoutError``).
        """
        data = self._receive_raw(deadline) if self._tls is None else self._receive_tls(deadline)
        if data:
            self.heard = True
        return data

    def _receive_raw(self, deadline: Deadline) -> bytes:
        self._sock.settimeout(deadline.left_s())
        try:
            return self._sock.recv(_RECEIVE_BYTES)
        except TimeoutError as error:
            if error.errno is not None:  # the kernel gave up, not we
                raise
            raise deadline.expired() from None

    def _receive_tls(self, deadline: Deadline) -> bytes:
        assert self._incoming is not None
        while True:
            ended, data = self._decrypted()
            if data or ended:
                return data
            raw = self._receive_raw(deadline)
            if raw:
                self._incoming.write(raw)
            else:
                self._incoming.write_eof()

    def _decrypted(self) -> tuple[bool, bytes]:
        """Whether the stream has ended, and all that the bytes received so far hold."""
        assert self._tls is not None and self._outgoing is not None
        pieces: list[bytes] = []
        ended = False
        try:
            while piece := self._tls.read(_RECEIVE_BYTES):
                pieces.append(piece)
            ended = True
        except ssl.SSLWantReadError:
            pass
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
            ended = True
        if self._outgoing.pending:  # an answer to a key update
            self._out = memoryview(bytes(self._out) + self._outgoing.read())
            self._sock.settimeout(0.0)
            self._push()
        return ended, b"".join(pieces)

    def close(self) -> None:
        """Close the socket. Harmless when called again."""
        self._out = self._body = _NOTHING
        self._sock.close()
