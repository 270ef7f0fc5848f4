"""A response of the pool: reads its connection, and gives it back or closes it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Protocol

from httptools import HttpParserError

from router.upstream.connection import Connection
from router.upstream.deadlines import AT_ONCE, Deadline, Limits
from router.upstream.decoding import decoded
from router.upstream.exceptions import AnswerTooLong, Malformed, translating
from router.upstream.head import Origin
from router.upstream.parsing import ResponseParser

__all__ = ["BodyReader", "Lender", "PoolResponse"]


class Lender(Protocol):
    """Whoever a connection goes back to."""

    @property
    def origin(self) -> Origin: ...

    def give_back(self, connection: Connection) -> None:
        """Take a connection whose response was read to its end."""

    def discard(self, connection: Connection) -> None:
        """Close a connection that cannot be used again."""


class BodyReader(ABC):
    """The two ways to read a body, for both transports."""

    __slots__ = ("_host",)

    _host: str

    @abstractmethod
    def _next(self) -> bytes:
        """The next piece of the decoded body; empty at its end. Closes the response when it raises."""

    @abstractmethod
    def close(self) -> None:
        """See ``Response.close``."""

    def chunks(self) -> Iterator[bytes]:
        """The decoded body as it arrives; see ``Response.chunks``."""
        return iter(self._next, b"")

    def read(self, limit_bytes: int) -> bytes:
        """The whole decoded body; see ``Response.read``."""
        pieces: list[bytes] = []
        size = 0
        while piece := self._next():
            size += len(piece)
            if size > limit_bytes:
                self.close()
                raise AnswerTooLong(f"upstream {self._host}: its answer", limit_bytes)
            pieces.append(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


class PoolResponse(BodyReader):
    """``router.upstream.transport.Response`` over a pooled connection, from the moment the request is under way."""

    __slots__ = ("_connection", "_first", "_limits", "_parser", "_pieces", "_pool", "headers", "status")

    def __init__(self, pool: Lender, connection: Connection, limits: Limits) -> None:
        self._pool = pool
        self._host = pool.origin.host
        self._limits = limits
        self._connection: Connection | None = connection
        self._parser = ResponseParser()
        self._first = b""
        self._pieces: Iterator[bytes] | None = None
        self.status = 0
        self.headers: Mapping[str, str] = {}

    def read_head(self, sent: Callable[[], None] | None = None) -> None:
        """Wait for the head; whatever comes out of it, the connection is taken care of.

        Args:
            sent: called once the whole request is on its way.

        Raises:
            OSError, Malformed, HttpParserError: there is no head; the connection is closed.
        """
        parser, connection = self._parser, self._connection
        assert connection is not None
        try:
            deadline: Deadline | None = None
            while not parser.head_complete:
                if deadline is None and (connection.heard or not connection.sending):
                    deadline = self._limits.first_byte()
                    if sent is not None and connection.sent_all:
                        sent()
                if connection.sending and not connection.pump(deadline or self._limits.idle()):
                    continue
                data = connection.receive(deadline or self._limits.idle())
                if data:
                    self._first = parser.feed(data)
                else:
                    parser.end()
        except BaseException:
            self.close()
            raise
        self.status, self.headers = parser.status, parser.headers
        encoding = parser.headers.get("content-encoding")
        if encoding is not None:
            self._pieces = decoded(iter(self._receive, b""), encoding)
        if parser.complete:
            self.close()

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

    def _take_the_rest(self, connection: Connection) -> None:
        """The end of the framing often comes in a packet of its own, after the last that anyone cares to read."""
        parser = self._parser
        if parser.head_complete and not parser.complete and not connection.sending:
            with suppress(OSError, Malformed, HttpParserError):  # nothing there yet, or nothing good: it is not kept
                parser.feed(connection.receive(AT_ONCE))

    def _next(self) -> bytes:
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
        deadline = self._limits.idle()
        while not (body or parser.complete):
            connection = self._connection
            if connection is None:
                raise ConnectionError("the answer was closed before its end")
            if connection.sending and not connection.pump(deadline):
                deadline = self._limits.idle()
                continue
            data = connection.receive(deadline)
            if data:
                body = parser.feed(data)
            else:
                parser.end()
        if parser.complete:
            self.close()
        return body
