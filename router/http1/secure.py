"""TLS towards clients, over memory buffers (``SSLContext.wrap_bio``), so that there is one plain socket to wait on.

``SecureSocket`` does what ``Channel`` asks of a socket, with one addition: whatever was decrypted is given out at once,
since nothing in the kernel would tell that some is left.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from time import monotonic

from router.http1.channel import RECEIVE_BYTES, Channel, ClientGone, RawSocket

__all__ = ["PlainSpoken", "SecureChannel", "SecureSocket"]

_PIECE_BYTES = 64 * 1024
_SILENT_MAX = 16  # reads in a row that held nothing for us (empty records, new keys), before others get their turn
_ANSWERS_MAX_BYTES = 16 * 1024  # of such a client's answers that it does not read


class PlainSpoken(Exception):
    """The client speaks HTTP without TLS."""


class SecureSocket:
    """One accepted connection that is encrypted. Never waits, as its socket does not.

    Args:
        sock: the socket; owned from here on.
        context: with the certificate.
    """

    def __init__(self, sock: RawSocket, context: ssl.SSLContext) -> None:
        self._sock = sock
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._ahead = b""  # decrypted by a look, and not taken yet
        self._sealed = b""  # encrypted, and not taken by the kernel yet
        self._owed = 0  # bytes of the caller's in it, which it is told to have sent once the kernel has all of it
        self._ended = False  # the client said so
        self._told_end = False

    @property
    def at_hand(self) -> bool:
        """Whether ``recv`` has something to tell without the kernel: waiting for that would be in vain."""
        return bool(self._ahead) or self._ended

    def step(self, raw: bytes | None) -> bool:
        """One step of the handshake, with what came; whether it is done. What is to be sent is in ``unsent``.

        Raises:
            PlainSpoken: see there.
            ssl.SSLError: the two do not agree; ``unsent`` says why.
        """
        if raw:
            self._incoming.write(raw)
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError as error:
            if error.reason == "HTTP_REQUEST":
                raise PlainSpoken from None
            raise
        self._ahead = self._decrypted()  # a first request may have come with the handshake's last word
        return True

    def unsent(self) -> bytes:
        """What the handshake has to say."""
        return self._outgoing.read()

    def abandon(self) -> None:
        """Say no more, not even that this is the end; what comes is given out as it is, for it is only thrown away."""
        self._told_end = True

    def recv(self, size: int, flags: int = 0) -> bytes:
        """All that is here, whatever its size; with ``MSG_PEEK`` its first byte, which stays. Empty at the end.

        Raises:
            OSError: as a socket's; ``BlockingIOError`` where nothing is here.
        """
        if not self._ahead and not self._ended:
            self._ahead = self._taken()
        if flags:
            return self._ahead[:1]
        data, self._ahead = self._ahead, b""
        return data

    def _taken(self) -> bytes:
        for _ in range(_SILENT_MAX):
            raw = self._sock.recv(RECEIVE_BYTES)
            if self._told_end:
                return raw
            if raw:
                self._incoming.write(raw)
            else:
                self._incoming.write_eof()
            data = self._decrypted()
            if data or self._ended:
                return data
        raise BlockingIOError

    def _decrypted(self) -> bytes:
        """What the bytes that came hold; ``_ended`` where the client's end is among it."""
        pieces: list[bytes] = []
        try:
            while piece := self._tls.read(_PIECE_BYTES):
                pieces.append(piece)
            self._ended = True
        except ssl.SSLWantReadError:
            pass
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
            self._ended = True
        if self._outgoing.pending:  # an answer to new keys
            self._sealed += self._outgoing.read()
            if len(self._sealed) - self._owed > _ANSWERS_MAX_BYTES + _PIECE_BYTES:
                raise ConnectionAbortedError("the client asks for new keys, and reads none")
            with contextlib.suppress(BlockingIOError):
                self._push()
        return b"".join(pieces)

    def send(self, data: bytes | memoryview) -> int:
        """Encrypt and send; how many bytes were sent. The next call must begin with those that were not.

        Raises:
            OSError: as a socket's; ``BlockingIOError`` where nothing moves.
        """
        sent = 0
        if self._sealed:
            self._push()
            if self._sealed:
                return 0
            sent, self._owed = self._owed, 0
        rest = memoryview(data)[sent:]
        while rest:
            piece = rest[:_PIECE_BYTES]
            self._tls.write(piece)
            self._sealed = self._outgoing.read()
            with contextlib.suppress(BlockingIOError):
                self._push()
            if self._sealed:
                self._owed = len(piece)
                return sent
            sent += len(piece)
            rest = rest[_PIECE_BYTES:]
        return sent

    def _push(self) -> None:
        self._sealed = self._sealed[self._sock.send(self._sealed) :]

    def shutdown(self, how: int) -> None:
        """As a socket's; before the end of writing, the client is told of it."""
        if how != socket.SHUT_RD:
            self._tell_end()
        self._sock.shutdown(how)

    def close(self) -> None:
        """Tell the client, as far as the kernel takes it, and close."""
        self._tell_end()
        self._sock.close()

    def _tell_end(self) -> None:
        if self._told_end:
            return
        self._told_end = True
        if self._sealed:
            return  # within a record nothing can be said
        with contextlib.suppress(OSError):  # it wants the client's word, for which nobody waits
            self._tls.unwrap()
        with contextlib.suppress(OSError):
            self._sock.send(self._outgoing.read())

    def fileno(self) -> int:
        """The descriptor to wait on."""
        return self._sock.fileno()

    def setblocking(self, flag: bool) -> None:
        """As a socket's."""
        self._sock.setblocking(flag)

    def setsockopt(self, level: int, option: int, value: int | bytes) -> None:
        """As a socket's."""
        self._sock.setsockopt(level, option, value)

    def getsockopt(self, level: int, option: int, size: int) -> bytes:
        """As a socket's."""
        return self._sock.getsockopt(level, option, size)


class SecureChannel(Channel):
    """A channel with TLS. ``handshake`` comes first."""

    def __init__(self, sock: RawSocket, context: ssl.SSLContext) -> None:
        self._plain = sock
        self._secure = SecureSocket(sock, context)
        super().__init__(self._secure)

    def handshake(self, timeout_s: float) -> None:
        """Agree on keys.

        Args:
            timeout_s: for all of it.

        Raises:
            ClientGone: the client left, took too long, or the two do not agree; it has been told.
            PlainSpoken: the client speaks HTTP without TLS. It is answered so, by ``refuse``.
        """
        until = monotonic() + timeout_s
        raw: bytes | None = None
        try:
            while not self._stepped(raw):
                self._say(self._secure.unsent(), until)
                raw = self._heard(until)
            self._say(self._secure.unsent(), until)
        except ssl.SSLError as error:
            self._say(self._secure.unsent(), until)
            raise ClientGone(str(error)) from None
        except TimeoutError:
            raise ClientGone("the client did not end its handshake in time") from None

    def _stepped(self, raw: bytes | None) -> bool:
        try:
            return self._secure.step(raw)
        except ssl.SSLError:
            raise
        except OSError as error:  # its last word came, and then a reset, before we had said ours
            raise ClientGone(str(error)) from None

    def refuse(self, answer: bytes) -> None:
        """Answer a client that speaks without TLS in its own way."""
        self._secure.abandon()
        with contextlib.suppress(OSError):
            self._plain.send(answer)

    def wait_readable(self, timeout_s: float) -> None:
        """As ``Channel.wait_readable``."""
        if not self._secure.at_hand:
            super().wait_readable(timeout_s)

    def close(self, reset: bool = False) -> None:
        """As ``Channel.close``; an end that the client must not take for one is not told either."""
        if reset and not self.closed:
            self._secure.abandon()
        super().close(reset)

    def _heard(self, until: float) -> bytes:
        while True:
            try:
                raw = self._plain.recv(RECEIVE_BYTES)
            except BlockingIOError:
                self.readiness.wait(until)
            except OSError as error:
                raise ClientGone(str(error)) from None
            else:
                if not raw:
                    raise ClientGone("the client left before its handshake ended")
                if monotonic() >= until:
                    raise TimeoutError
                return raw

    def _say(self, data: bytes, until: float) -> None:
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[self._plain.send(rest) :]
            except BlockingIOError:
                self.readiness.wait_writable(until)
            except OSError as error:
                raise ClientGone(str(error)) from None
