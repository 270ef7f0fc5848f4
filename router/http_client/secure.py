"""A connection with TLS, which runs over memory buffers (``SSLContext.wrap_bio``).

So there is one plain socket to wait on: deadlines hold within a TLS record too, what came unasked is seen, and one read
takes many records.
"""

from __future__ import annotations

import socket
import ssl

from router.http_client.connection import FIRST_BYTES, UpstreamConnection

__all__ = ["SecureConnection"]

_PIECE_BYTES = 65_536


class SecureConnection(UpstreamConnection):
    """``UpstreamConnection`` with TLS. ``handshake`` comes first.

    Args:
        host: is asked for (SNI), and checked.
    """

    __slots__ = ("_incoming", "_outgoing", "_tls")

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, host: str) -> None:
        super().__init__(sock)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)

    def handshake(self, until: float) -> None:
        """Raises:
        OSError: it failed, or the time is over.
        """
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._send_all(self._outgoing.read(), until)
            self._incoming_from(super().receive(until))
        self._send_all(self._outgoing.read(), until)
        self.heard = False

    def _send_all(self, data: bytes, until: float) -> None:
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[self._sock.send(rest) :]
            except BlockingIOError:
                self._waits.wait_writable(until)

    def start(self, head: bytes, body: bytes | None) -> None:
        """As ``UpstreamConnection.start``, encrypted."""
        self.heard = self._is_more = False
        self.sent_all = True
        body = body or b""
        self._out = self._encoded(memoryview(head + body[:FIRST_BYTES]))
        self._body = memoryview(body)[FIRST_BYTES:]
        self._push()

    def _encoded(self, data: memoryview) -> memoryview:
        self._tls.write(data)
        return memoryview(self._outgoing.read())

    def receive(self, until: float) -> bytes:
        """As ``UpstreamConnection.receive``, decrypted."""
        heard = self.heard
        while True:
            ended, data = self._decrypted()
            if data or ended:
                self.heard = heard or bool(data)
                return data
            self._incoming_from(super().receive(until))
            self.heard = heard

    def _incoming_from(self, raw: bytes) -> None:
        if raw:
            self._incoming.write(raw)
        else:
            self._incoming.write_eof()

    def _decrypted(self) -> tuple[bool, bytes]:
        """Whether the stream has ended, and all that the bytes received so far hold."""
        pieces: list[bytes] = []
        ended = False
        try:
            while piece := self._tls.read(_PIECE_BYTES):
                pieces.append(piece)
            ended = True
        except ssl.SSLWantReadError:
            pass
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
            ended = True
        if self._outgoing.pending:  # an answer to a key update
            self._out = memoryview(bytes(self._out) + self._outgoing.read())
            self._push()
        return ended, b"".join(pieces)
