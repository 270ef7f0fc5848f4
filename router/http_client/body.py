"""A response of the pool, read by llhttp: whatever is not in the plain form. Its connection goes back, or is closed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import suppress
from time import monotonic
from typing import Protocol

from httptools import HttpParserError

from router.http_client.connection import AT_ONCE, UpstreamConnection
from router.http_client.deadlines import NO_PROGRESS, NO_RESPONSE, CallDeadlines
from router.http_client.decoding import decoded
from router.http_client.exceptions import AnswerTooLong, Malformed, translating
from router.http_client.head import Origin
from router.http_client.parsing import ResponseParser
from router.types.transport import Sending

__all__ = ["BodyReader", "Lender", "PoolResponse", "receive_by"]

_CHUNKED_HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class Lender(Protocol):
    """Whoever a connection goes back to."""

    @property
    def origin(self) -> Origin: ...

    def give_back(self, connection: UpstreamConnection) -> None:
        """Take a connection whose response was read to its end."""

    def discard(self, connection: UpstreamConnection) -> None:
        """Close a connection that cannot be used again."""


class BodyReader(ABC):
    """The two ways to read a body, for both transports."""

    __slots__ = ("_host",)

    _host: str

    @abstractmethod
    def next(self) -> bytes:
        """The next piece of the decoded body; empty at its end. Closes the response when it raises."""

    @abstractmethod
    def close(self) -> None:
        """See ``Response.close``."""

    def chunks(self) -> Iterator[bytes]:
        """The decoded body as it arrives; see ``Response.chunks``."""
        return iter(self.next, b"")

    def read(self, limit_bytes: int) -> bytes:
        """The whole decoded body; see ``Response.read``."""
        pieces: list[bytes] = []
        size = 0
        while piece := self.next():
            size += len(piece)
            if size > limit_bytes:
                raise self.too_long(limit_bytes)
            pieces.append(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def too_long(self, limit_bytes: int) -> AnswerTooLong:
        """Close the response; the error to raise."""
        self.close()
        return AnswerTooLong(f"upstream {self._host}: its answer", limit_bytes)


def receive_by(until: float, connection: UpstreamConnection, limits: CallDeadlines) -> bytes:
    """The next bytes of a body; empty at the end of the stream.

    Args:
        until: monotonic seconds: when its ``idle`` limit, or that of the whole call, is over.
    """
    try:
        return connection.receive(until)
    except TimeoutError as error:
        if error.args:  # the kernel gave up, not we
            raise
        raise limits.missed(until, limits.idle_s, NO_PROGRESS) from None


class PoolResponse(BodyReader):
    """``router.types.transport.Response`` over a pooled connection, from the moment the request is under way."""

    __slots__ = ("_connection", "_first", "_headers", "_limits", "_parser", "_pieces", "_pool", "_status")

    def __init__(self, pool: Lender, connection: UpstreamConnection, limits: CallDeadlines) -> None:
        self._pool = pool
        self._host = pool.origin.host
        self._limits = limits
        self._connection: UpstreamConnection | None = connection
        self._parser = ResponseParser()
        self._first = b""
        self._pieces: Iterator[bytes] | None = None
        self._status = 0
        self._headers: Mapping[str, str] = {}

    @property
    def status(self) -> int:
        """HTTP status."""
        return self._status

    @property
    def headers(self) -> Mapping[str, str]:
        """See ``Response.headers``."""
        return self._headers

    @classmethod
    def midway(
        cls, pool: Lender, connection: UpstreamConnection, limits: CallDeadlines, framing: bytes
    ) -> PoolResponse:
        """The rest of a chunked body of which some was read elsewhere.

        Args:
            framing: brings a parser that has just seen the head to where the body is now; what it holds of a body was
                read already.
        """
        response = cls(pool, connection, limits)
        response._parser.feed(_CHUNKED_HEAD + framing)
        return response

    def feed(self, data: bytes) -> None:
        """Bytes that another reader has received; ``next`` gives what they hold first."""
        try:
            with translating(self._host):
                self._first += self._parser.feed(data)
        except BaseException:
            self.close()
            raise
        if self._parser.complete:
            self.close()

    def read_head(self, sending: Sending | None, data: bytes = b"", until: float = 0.0) -> None:
        """Wait for the head; whatever comes out of it, the connection is taken care of.

        Args:
            sending: is told once the whole request is on its way.
            data: how the response begins, where that is known already: then all was sent.
            until: the time that is over for the first byte; the clock starts when all is sent where there is none yet.

        Raises:
            OSError, Malformed, HttpParserError: there is no head; the connection is closed.
        """
        parser, connection, limits = self._parser, self._connection, self._limits
        assert connection is not None
        try:
            while not parser.head_complete:
                if data:
                    self._first = parser.feed(data)
                    data = b""
                    continue
                if not until and (connection.heard or not connection.sending):
                    until = min(monotonic() + limits.first_byte_s, limits.whole_at)
                    if sending is not None and connection.sent_all:
                        sending.taken_on = True
                if connection.sending and not self._pump(connection, until):
                    continue
                if until:
                    data = self._receive_head(connection, until)
                else:
                    data = receive_by(limits.idle_at(), connection, limits)
                if not data:
                    parser.end()
        except BaseException:
            self.close()
            raise
        self._status, self._headers = parser.status, parser.headers
        encoding = parser.headers.get("content-encoding")
        if encoding is not None:
            self._pieces = decoded(iter(self._receive, b""), encoding)
        if parser.complete:
            self.close()

    def _receive_head(self, connection: UpstreamConnection, until: float) -> bytes:
        try:
            return connection.receive(until)
        except TimeoutError as error:
            if error.args:
                raise
            raise self._limits.missed(until, self._limits.first_byte_s, NO_RESPONSE) from None

    def _pump(self, connection: UpstreamConnection, first_byte_at: float = 0.0) -> bool:
        """Send more; whether there is something to receive."""
        limits = self._limits
        until = first_byte_at or limits.idle_at()
        try:
            return connection.pump(until)
        except TimeoutError as error:
            if error.args:
                raise
            limit_s, missed = (limits.first_byte_s, NO_RESPONSE) if first_byte_at else (limits.idle_s, NO_PROGRESS)
            raise limits.missed(until, limit_s, missed) from None

    def close(self) -> None:
        """See ``Response.close``."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._take_the_rest(connection)
            whole = self._parser.complete and self._parser.reusable
            if whole and connection.sent_all and not connection.sending:
                self._pool.give_back(connection)
            else:
                self._pool.discard(connection)

    def _take_the_rest(self, connection: UpstreamConnection) -> None:
        """The end of the framing often comes in a packet of its own, after the last that anyone cares to read."""
        parser = self._parser
        if parser.head_complete and not parser.complete and not connection.sending:
            with suppress(OSError, Malformed, HttpParserError):  # nothing there yet, or nothing good: it is not kept
                parser.feed(connection.receive(AT_ONCE))

    def next(self) -> bytes:
        """The next piece of the decoded body; empty at its end."""
        try:
            with translating(self._host):
                return self._receive() if self._pieces is None else next(self._pieces, b"")
        except BaseException:
            self.close()
            raise

    def _receive(self) -> bytes:
        """The next piece as it was sent; empty at the end."""
        body, self._first = self._first, b""
        parser = self._parser
        if body or parser.complete:
            return body
        until = self._limits.idle_at()  # bytes that are no body do not move it
        while not (body or parser.complete):
            connection = self._connection
            if connection is None:
                raise ConnectionError("the answer was closed before its end")
            if connection.sending and not self._pump(connection):
                until = self._limits.idle_at()
                continue
            data = receive_by(until, connection, self._limits)
            if data:
                body = parser.feed(data)
            else:
                parser.end()
        if parser.complete:
            self.close()
        return body
