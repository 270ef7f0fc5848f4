"""``wsgi.input``: reads the request's body from the socket only when the application asks for it."""

from __future__ import annotations

import time
from collections.abc import Iterator

from router.errors import RequestTimeout
from router.http1.channel import Channel, ClientGone
from router.http1.limits import ClientLimits
from router.http1.parser import ParsedRequest, RequestParser

__all__ = ["RequestBody"]

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class RequestBody:
    """The body of one request as a file that is read once, from its start to its end.

    Every method that reads raises:
        BadRequest: the body is not valid chunked coding.
        RequestTimeout: the client is too slow.
        ClientGone: the connection ended before the body did.
    """

    def __init__(self, channel: Channel, parser: RequestParser, request: ParsedRequest, limits: ClientLimits) -> None:
        self._channel = channel
        self._parser = parser
        self._request = request
        self._limits = limits
        self._deadline: float | None = None

    def read(self, size: int | None = -1) -> bytes:
        """``size`` bytes, fewer at the end of the body; all that is left when ``size`` is negative or None."""
        wanted = float("inf") if size is None or size < 0 else size
        buffer = self._request.buffer
        while len(buffer) < wanted and self._more():
            pass
        return self._take(len(buffer) if size is None or size < 0 else size)

    def readline(self, size: int | None = -1) -> bytes:
        """The bytes up to and with the next line feed, at most ``size`` when that is not negative."""
        limit = float("inf") if size is None or size < 0 else size
        buffer = self._request.buffer
        seen = 0
        while (end := buffer.find(b"\n", seen)) < 0 and len(buffer) < limit:
            seen = len(buffer)
            if not self._more():
                break
        return self._take(int(min(limit, len(buffer) if end < 0 else end + 1)))

    def __iter__(self) -> Iterator[bytes]:
        while line := self.readline():
            yield line

    def discard(self, size_max: int, timeout_s: float) -> bool:
        """Skip what the application left unread; whether the end of the body was reached within the bounds."""
        request = self._request
        self._deadline = time.monotonic() + timeout_s
        bound = request.received + size_max
        while not request.complete and not request.expects_continue and request.received <= bound:
            request.buffer.clear()
            if not self._more():
                break
        return request.complete

    def _take(self, size: int) -> bytes:
        buffer = self._request.buffer
        if size >= len(buffer):
            data = bytes(buffer)
            buffer.clear()
        else:
            with memoryview(buffer) as view:
                data = bytes(view[:size])
            del buffer[:size]
        return data

    def _more(self) -> bool:
        """Receive once; False when the whole body is here."""
        request = self._request
        if request.error is not None:
            raise request.error
        if request.complete:
            return False
        if self._deadline is None:
            self._deadline = time.monotonic() + self._limits.body_total_s
        if request.expects_continue:
            request.expects_continue = False
            if not request.received:
                self._channel.send(CONTINUE, self._limits.send_timeout_s)
        data = self._receive(min(self._limits.body_timeout_s, self._deadline - time.monotonic()))
        if not data:
            raise ClientGone("the connection ended before the request's body did")
        self._parser.feed(data)
        return True

    def _receive(self, timeout_s: float) -> bytes:
        try:
            if timeout_s > 0:
                return self._channel.receive(timeout_s)
        except TimeoutError:
            pass
        error = RequestTimeout(
            f"The request's body did not arrive in time: {self._request.received} bytes came. Send it faster or retry."
        )
        self._request.error = error
        raise error
