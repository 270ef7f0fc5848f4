"""Writes the response of one request: head, framing, and one send for each item that the application yields."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from types import TracebackType
from typing import TYPE_CHECKING, Any

from router.errors import faults
from router.http1.channel import Channel
from router.http1.parser import ParsedRequest

if TYPE_CHECKING:
    from _typeshed import OptExcInfo

__all__ = ["OWN_FIELDS", "Responder", "close_pieces", "http_date", "plain_response", "status_line"]

log = logging.getLogger("router.server")

OWN_FIELDS = frozenset({"connection", "keep-alive", "transfer-encoding", "upgrade", "date", "server"})
"""Names of fields that are the server's, whatever an application says."""
_JOIN_MAX_BYTES = 64 * 1024  # up to here a copy is cheaper than a second packet
LAST_CHUNK = b"0\r\n\r\n"


class Responder:
    """The response of one request.

    Args:
        channel: where to write.
        request: what is answered.
        send_timeout_s: see ``Limits``.
        may_keep_alive: asked when the head is written: whether the connection may serve another request.

    Attributes:
        keep_alive: whether the client was told that it may use the connection again.
        head_sent: too late for another status.
        delimited: whether a client sees a response that is cut; not so where the end of the connection is its end.
    """

    def __init__(
        self, channel: Channel, request: ParsedRequest, send_timeout_s: float, may_keep_alive: Callable[[], bool]
    ) -> None:
        self.keep_alive = False
        self.head_sent = False
        self.delimited = True
        self._channel = channel
        self._request = request
        self._send_timeout_s = send_timeout_s
        self._may_keep_alive = may_keep_alive
        self._status = ""
        self._headers: list[tuple[str, str]] = []
        self._chunked = False
        self._left: int | None = None  # bytes of the declared length that were not sent yet

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: OptExcInfo | None = None
    ) -> Callable[[bytes], None]:
        """WSGI's ``start_response``; returns the old ``write``."""
        if exc_info is not None and self.head_sent:
            _raise(exc_info)
        if exc_info is None and self._status:
            raise RuntimeError("start_response was called twice")
        self._status = status
        self._headers = headers
        return self.write

    def send_all(self, pieces: Iterable[bytes]) -> None:
        """Write the application's iterable to its end; each piece that is not empty is one send."""
        if isinstance(pieces, list | tuple) and len(pieces) <= 1:
            self._write_whole(pieces[0] if pieces else b"")
            return
        for piece in pieces:
            if piece:
                self.write(piece)
        self._finish()

    def write(self, data: bytes) -> None:
        """Send one piece of the body, with the head before the first one."""
        head = b"" if self.head_sent else self._head(None)
        if not self._has_body():
            self._send(head, b"")
        elif self._chunked:
            self._send(b"%b%x\r\n" % (head, len(data)), data, b"\r\n")
        else:
            self._send(head, self._within_length(data))

    def _write_whole(self, body: bytes) -> None:
        if self.head_sent:  # by the old write()
            if body:
                self.write(body)
            self._finish()
            return
        head = self._head(len(body))
        self._send(head, self._within_length(body) if self._has_body() else b"")
        self._finish()

    def _finish(self) -> None:
        if not self.head_sent:
            head = self._head(0)
            self._send(head, b"")
        elif self._chunked and self._has_body():
            self._channel.send(LAST_CHUNK, self._send_timeout_s)
        if self._left and self._has_body():
            self.keep_alive = False
            raise RuntimeError(f"the response is {self._left} bytes shorter than its Content-Length")

    def _within_length(self, data: bytes) -> bytes:
        if self._left is None:
            return data
        if len(data) > self._left:
            self.keep_alive = False
            raise RuntimeError("the response is longer than its Content-Length")
        self._left -= len(data)
        return data

    def _send(self, start: bytes, data: bytes, end: bytes = b"") -> None:
        self.head_sent = True
        if len(data) <= _JOIN_MAX_BYTES:
            joined = start + data + end
            if joined:
                self._channel.send(joined, self._send_timeout_s)
            return
        for part in (start, data, end):
            if part:
                self._channel.send(part, self._send_timeout_s)

    def _has_body(self) -> bool:
        return self._request.method != "HEAD" and self._status[:3] != "304" and not self._bodiless()

    def _bodiless(self) -> bool:
        return self._status[:3] == "204" or self._status[:1] == "1"

    def _head(self, length: int | None) -> bytes:
        """The head. ``length`` is that of the whole body where it is known."""
        if not self._status:
            raise RuntimeError("the application returned without calling start_response")
        lines, declared, closing = self._own_lines()
        has_body = self._has_body()
        if declared is None and length is not None and has_body:
            declared = length
            lines.append(f"Content-Length: {length}")
        self._left = declared
        if declared is None and has_body:
            self._chunked = self._request.version == "1.1"
            self.delimited = self._chunked
            if self._chunked:
                lines.append("Transfer-Encoding: chunked")
        self.keep_alive = not closing and self.delimited and self._request.keep_alive and self._may_keep_alive()
        if not self.keep_alive:
            lines.append("Connection: close")
        elif self._request.version == "1.0":
            lines.append("Connection: keep-alive")
        return _encode(lines)

    def _own_lines(self) -> tuple[list[str], int | None, bool]:
        """Lines of the application's head, the length it declares, and whether it wants the connection closed."""
        lines = [f"HTTP/1.1 {self._status}", f"Date: {http_date(int(time.time()))}"]
        declared: int | None = None
        closing = False
        for name, value in self._headers:
            lower = name.lower()
            if lower in OWN_FIELDS:
                closing = closing or (lower == "connection" and value.lower() == "close")
                continue
            if lower == "content-length":
                if self._bodiless():
                    continue
                declared = int(value)
            lines.append(f"{name}: {value}")
        return lines, declared, closing


def plain_response(status: int, headers: Iterable[tuple[str, str]], body: bytes) -> bytes:
    """A whole response that ends its connection."""
    lines = [f"HTTP/1.1 {status_line(status)}", f"Date: {http_date(int(time.time()))}"]
    lines += [f"{name}: {value}" for name, value in headers if name.lower() not in OWN_FIELDS | {"content-length"}]
    lines += [f"Content-Length: {len(body)}", "Connection: close"]
    return _encode(lines) + body


def close_pieces(pieces: Any) -> None:
    """Close an application's iterable, which may have nothing to close. Never raises an ``Exception``."""
    close: Callable[[], None] | None = getattr(pieces, "close", None)
    if close is None:
        return
    try:
        close()
    except faults():
        log.exception("closing the response failed")


def status_line(status: int) -> str:
    """``404 Not Found`` for 404."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"{status} Unknown"


def _encode(lines: list[str]) -> bytes:
    text = "\r\n".join(lines)
    if text.count("\n") != len(lines) - 1 or text.count("\r") != len(lines) - 1 or "\0" in text:
        raise ValueError("a response header holds a line break or NUL")
    return text.encode("latin-1") + b"\r\n\r\n"


@lru_cache(maxsize=2)
def http_date(second: int) -> str:
    """Unix seconds as ``Date`` writes them."""
    return formatdate(second, usegmt=True)


def _raise(exc_info: OptExcInfo) -> None:
    error, trace = exc_info[1], exc_info[2]
    if isinstance(error, BaseException) and isinstance(trace, TracebackType | None):
        raise error.with_traceback(trace)
