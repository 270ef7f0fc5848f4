"""A response of the pool in the plain form, which nearly all have: a head in one piece, then a length or chunks.

What is accepted here is a strict part of what llhttp accepts: all else goes on to it as it came (``PoolResponse``), and
llhttp words every refusal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from time import monotonic

from router.errors import UpstreamError
from router.http_client.body import BodyReader, Lender, PoolResponse
from router.http_client.connection import AT_ONCE, UpstreamConnection
from router.http_client.deadlines import NO_PROGRESS, CallDeadlines
from router.http_client.exceptions import translating

__all__ = ["PlainResponse", "plain_response"]

_HEAD = re.compile(
    rb"HTTP/1\.1 ([2-9]\d\d)(?: [\t -~\x80-\xff]*)?\r\n((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~\x80-\xff]*\r\n)*)\r\n"
)
_FIELDS = re.compile(rb"([^:]+):[\t ]*([^\r]*?)[\t ]*\r\n")
_NOT_PLAIN = frozenset({b"content-encoding", b"proxy-connection", b"trailer", b"upgrade"})
_NO_BODY = frozenset({b"204", b"304"})
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})\r\n")
_PART_OF_SIZE = re.compile(rb"[0-9A-Fa-f]{0,8}\r?")
_END = b"0\r\n\r\n"
_HEAD_BYTES_MAX = 65_536
_FIELDS_MAX = 200
_DIGITS_MAX = 15


def plain_response(
    data: bytes, pool: Lender, connection: UpstreamConnection, limits: CallDeadlines
) -> PlainResponse | None:
    """The response that begins with ``data``; None where it is not in the plain form."""
    match = _HEAD.match(data)
    if match is None or match[1] in _NO_BODY or match.end() > _HEAD_BYTES_MAX:
        return None
    found = _FIELDS.findall(match[2])
    fields = {name.lower(): value for name, value in found}
    if len(fields) != len(found) or len(found) > _FIELDS_MAX or not _NOT_PLAIN.isdisjoint(fields):
        return None
    if fields.get(b"connection", b"keep-alive").lower() != b"keep-alive":
        return None
    length, coding = fields.get(b"content-length"), fields.get(b"transfer-encoding")
    if coding is None:
        if length is None or not length.isdigit() or len(length) > _DIGITS_MAX:
            return None
        size = int(length)
    elif length is not None or coding.lower() != b"chunked":
        return None
    else:
        size = None
    return PlainResponse(pool, connection, limits, int(match[1]), fields, data[match.end() :], size)


class PlainResponse(BodyReader):
    """``router.types.transport.Response``.

    Args:
        fields: of the head, lower-case names.
        data: what came behind the head.
        length: of the body; None for chunks.
    """

    __slots__ = (
        "_connection",
        "_data",
        "_fields",
        "_is_over",
        "_left",
        "_length",
        "_limits",
        "_other",
        "_pool",
        "status",
    )

    def __init__(
        self,
        pool: Lender,
        connection: UpstreamConnection,
        limits: CallDeadlines,
        status: int,
        fields: Mapping[bytes, bytes],
        data: bytes,
        length: int | None,
    ) -> None:
        self._pool = pool
        self._host = pool.origin.host
        self._connection: UpstreamConnection | None = connection
        self._limits = limits
        self.status = status
        self._fields = fields
        self._data = data
        self._length = length
        self._left = length or 0  # of the body, or of the present chunk and the end of its line
        self._is_over = False
        self._other: PoolResponse | None = None  # reads on where the framing is not plain
        if length is not None and len(data) >= length:  # it is all here
            self._data = data[:length]
            self._over(data[length:])

    @property
    def headers(self) -> Mapping[str, str]:
        """See ``Response.headers``."""
        return {name.decode("latin-1"): value.decode("latin-1").strip() for name, value in self._fields.items()}

    def read(self, limit_bytes: int) -> bytes:
        """See ``Response.read``."""
        if self._length is not None:
            if self._length > limit_bytes:
                raise self.too_long(limit_bytes)
            if self._is_over:
                data, self._data = self._data, b""
                return data
        return super().read(limit_bytes)

    def next(self) -> bytes:
        """See ``Response.next``."""
        data, self._data = self._data, b""
        if self._is_over:
            return data
        if self._other is not None:
            return self._other.next()
        limits = self._limits
        until = monotonic() + limits.idle_s
        if until > limits.whole_at:
            until = limits.whole_at
        try:
            while True:
                if data:
                    body = self._of_length(data) if self._length is not None else self._in_chunks(data)
                    if body or self._is_over:
                        return body
                    if self._other is not None:
                        return self._other.next()
                connection = self._connection
                if connection is None:
                    raise ConnectionError("the answer was closed before its end")
                data = connection.receive(until)
                if not data:
                    raise ConnectionError("closed the connection in the middle of its answer")
                if not self._left and self._length is None and not self._data:  # the many: one chunk in one packet
                    match = _SIZE.match(data)
                    if match is not None and data.endswith(b"\r\n"):
                        size = len(data) - match.end() - 2
                        if size > 0 and int(match[1], 16) == size:
                            return data[match.end() : -2]
                data, self._data = self._data + data, b""
        except TimeoutError as error:
            self.close()
            with translating(self._host):
                if error.args:  # the kernel gave up, not we
                    raise
                raise limits.missed(until, limits.idle_s, NO_PROGRESS) from None
        except BaseException:
            self.close()
            with translating(self._host):
                raise

    def close(self) -> None:
        """See ``Response.close``."""
        if self._connection is not None and self._length is None:
            self._take_the_rest(self._connection)
        connection, self._connection = self._connection, None
        if connection is not None:
            self._pool.discard(connection)
        if self._other is not None:
            self._other.close()

    def _take_the_rest(self, connection: UpstreamConnection) -> None:
        """The end of the framing often comes in a packet of its own, after the last that anyone cares to read."""
        data, self._data = self._data, b""
        with suppress(OSError, UpstreamError):  # nothing there yet, or nothing good: it is not kept
            if data:
                self._in_chunks(data)
            if self._connection is not None and (data := connection.receive(AT_ONCE)):
                self._in_chunks(self._data + data)

    def _of_length(self, data: bytes) -> bytes:
        """What a read holds of a body whose length was told."""
        body = data[: self._left]
        self._left -= len(body)
        if not self._left:
            self._over(data[len(body) :])
        return body

    def _in_chunks(self, data: bytes) -> bytes:
        """What a read holds of a body in chunks."""
        pieces: list[bytes] = []
        at, left, size = 0, self._left, len(data)
        while at < size:
            if left:
                ends_at = max(at + left - 2, at)
                end = b"\r\n" if left > 1 else b"\n"
                if ends_at > at:
                    pieces.append(data[at:ends_at])
                if not end.startswith(data[ends_at : at + left]):
                    self._left = len(end)
                    return self._not_plain(pieces, b"1\r\nx\r"[: 6 - len(end)], data[ends_at:])
                taken = min(left, size - at)
                at, left = at + taken, left - taken
                continue
            match = _SIZE.match(data, at)
            if match is not None and (length := int(match[1], 16)):
                at, left = match.end(), length + 2
            elif data[at:] == _END:
                self._left = 0
                self._over(b"")
                return b"".join(pieces)
            elif match is None and _PART_OF_SIZE.fullmatch(data, at):
                self._data = data[at:]
                break
            else:
                self._left = 0
                return self._not_plain(pieces, b"", data[at:])
        self._left = left
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _not_plain(self, pieces: list[bytes], framing: bytes, data: bytes) -> bytes:
        """Hand on to llhttp what is not plain, once all that came before it has been given out.

        Args:
            framing: what the present chunk looks like to a parser up to here.
        """
        if pieces:
            self._data = data
            return b"".join(pieces)
        connection, self._connection = self._connection, None
        assert connection is not None
        self._other = PoolResponse.midway(self._pool, connection, self._limits, framing)
        self._other.feed(data)
        return b""

    def _over(self, rest: bytes) -> None:
        """The body has ended, and this came after it: more than line breaks is not asked for."""
        self._is_over = True
        connection, self._connection = self._connection, None
        if connection is not None:
            if rest.strip(b"\r\n"):
                self._pool.discard(connection)
            else:
                self._pool.give_back(connection)
