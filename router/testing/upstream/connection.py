"""One connection of the scripted upstream: reads requests from a socket, plays scripts onto it."""

from __future__ import annotations

import http
import json
import select
import socket
import struct
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from router.testing.upstream.scripts import Flag, Piece, Raw, Script

__all__ = ["Disconnected", "ReceivedRequest", "ScriptedConnection"]

_TICK_S = 0.02  # how soon a released flag is noticed by a connection that has waited for long


class Disconnected(Exception):
    """The client has hung up, or sent something that is no HTTP request."""


@dataclass
class ReceivedRequest:
    """One request as it came, and what became of its response.

    Attributes:
        method: ``GET``, ``POST``, ...
        path: without the query.
        query: without the question mark.
        headers: lower-case names; repeated ones joined by ``", "``.
        body: decoded from chunks, if it was sent in any.
        time: ``time.monotonic()`` at which the last byte was there.
        connection: number of the connection that it came by, from 1.
        ending: empty while the response is under way, then ``complete``, ``cut`` (as scripted) or ``disconnect``.
        sent_bytes: how much of the response was handed to the socket.
    """

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    connection: int
    time: float = field(default_factory=time.monotonic)
    ending: str = ""
    sent_bytes: int = 0

    def json(self) -> Any:
        """The decoded body.

        Raises:
            ValueError: the body is not JSON.
        """
        return json.loads(self.body)


class ScriptedConnection:
    """A socket with a buffer. Used by one thread, except for ``shutdown``."""

    def __init__(self, sock: socket.socket, number: int) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.number = number
        self._socket = sock
        self._buffer = b""
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)

    def read_request(self) -> ReceivedRequest | None:
        """The next request; None when the client closed the connection between two requests.

        Raises:
            Disconnected: the connection ended inside a request, or the request is not HTTP.
        """
        while not self._buffer:
            if not self._fill():
                return None
        head = self._read_until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        try:
            method, target, _ = head[0].split(" ")
            headers = _headers(head[1:])
            if headers.get("expect", "").lower() == "100-continue":
                self._socket.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            body = self._read_body(headers)
        except ValueError as fault:
            raise Disconnected(f"not an HTTP request: {head[0]!r}") from fault
        path, _, query = target.partition("?")
        return ReceivedRequest(method, path, query, headers, body, self.number)

    def play(self, script: Script | Raw, request: ReceivedRequest) -> bool:
        """Send a response; True if the connection may serve another request.

        Raises:
            Disconnected: the client hung up first.
            OSError: the same, noticed while writing.
        """
        self._wait_both(script.delay_s, script.hold)
        write = self._writer(script.write_size, script.write_gap_s, request)
        if isinstance(script, Raw):
            write(script.data)
            self._wait_both(0, script.end_hold)
            keep = False
        else:
            keep = self._play_response(script, request, write)
        request.ending = "cut" if isinstance(script, Raw) or script.cut else "complete"
        if script.reset:
            self._linger_not()
        return keep

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def shutdown(self, *, reset: bool = False) -> None:
        """End the connection from another thread; its own thread notices and closes the socket."""
        try:
            if reset:
                self._linger_not()
            self._socket.shutdown(socket.SHUT_RD if reset else socket.SHUT_RDWR)
        except OSError:
            return  # it has ended by itself

    def _linger_not(self) -> None:
        """Make the close that follows a RST."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _play_response(self, script: Script, request: ReceivedRequest, write: Callable[[bytes], None]) -> bool:
        for status in script.interim:
            write(_status_line(status) + b"\r\n")
        keep = not (script.close or script.cut or script.reset or script.framing == "eof")
        keep = keep and request.headers.get("connection", "").lower() != "close"
        pieces: Iterable[Piece] = script.pieces()
        length = None
        if script.framing == "length":
            pieces = list(pieces)
            length = sum(len(piece) for piece in pieces if isinstance(piece, bytes))
        write(_head(script, length, keep or script.cut or script.reset))
        self._wait_both(script.body_delay_s, script.body_hold)
        if script.status in (204, 304):
            return keep
        self._write_body(pieces, script, write)
        return keep

    def _write_body(self, pieces: Iterable[Piece], script: Script, write: Callable[[bytes], None]) -> None:
        chunked = script.framing == "chunked"
        left = script.cut_after_bytes
        for piece in pieces:
            if not isinstance(piece, bytes):
                self._wait(piece)
                continue
            shown = piece if left is None else piece[:left]
            # The chunk's size is that of the whole piece: a cut is a cut inside a chunk.
            framed = b"%x\r\n%b" % (len(piece), shown) if chunked else shown
            if piece:
                write(framed + b"\r\n" if chunked and len(shown) == len(piece) else framed)
            if left is not None:
                left -= len(shown)
                if not left:
                    return
        if chunked and not script.cut:
            write(b"0\r\n\r\n")

    def _writer(self, size: int | None, gap_s: float, request: ReceivedRequest) -> Callable[[bytes], None]:
        def write(data: bytes) -> None:
            step = size or len(data) or 1
            for start in range(0, len(data), step):
                self._socket.sendall(data[start : start + step])
                request.sent_bytes += len(data[start : start + step])
                if gap_s:
                    self._wait(gap_s)

        return write

    def _wait_both(self, delay_s: float, flag: Flag | None) -> None:
        if delay_s:
            self._wait(delay_s)
        if flag is not None:
            self._wait(flag)

    def _wait(self, until: float | Flag) -> None:
        """Wait for seconds or for a flag, noticing a client that hangs up meanwhile."""
        if not isinstance(until, Flag):
            deadline = time.monotonic() + until
            while (left_s := deadline - time.monotonic()) > 0:
                self._watch(left_s)
            return
        tick_s = 0.001
        while not until.is_set():
            self._watch(tick_s)
            tick_s = min(tick_s * 2, _TICK_S)

    def _watch(self, limit_s: float) -> None:
        if not self._poll.poll(limit_s * 1000):
            return
        try:
            gone = not self._socket.recv(1, socket.MSG_PEEK)
        except OSError as fault:
            raise Disconnected("the client reset the connection") from fault
        if gone:
            raise Disconnected("the client closed the connection")
        time.sleep(min(limit_s, _TICK_S))  # a pipelined request is waiting, so that poll() does not

    def _fill(self) -> bool:
        try:
            data = self._socket.recv(65536)
        except OSError as fault:
            raise Disconnected("the client reset the connection") from fault
        self._buffer += data
        return bool(data)

    def _read_until(self, mark: bytes) -> bytes:
        while (end := self._buffer.find(mark)) < 0:
            if not self._fill():
                raise Disconnected("the connection ended inside a request")
        found, self._buffer = self._buffer[:end], self._buffer[end + len(mark) :]
        return found

    def _read_exactly(self, size: int) -> bytes:
        found = bytearray(self._buffer)
        while len(found) < size:
            self._buffer = b""
            if not self._fill():
                raise Disconnected("the connection ended inside a request's body")
            found += self._buffer
        self._buffer = bytes(found[size:])
        return bytes(found[:size])

    def _read_body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() != "chunked":
            return self._read_exactly(int(headers.get("content-length", "0")))
        body = b""
        while size := int(self._read_until(b"\r\n").partition(b";")[0], 16):
            body += self._read_exactly(size)
            self._read_until(b"\r\n")
        while self._read_until(b"\r\n"):
            pass  # trailers
        return body


def _headers(lines: Iterable[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        name = name.strip().lower()
        headers[name] = f"{headers[name]}, {value.strip()}" if name in headers else value.strip()
    return headers


def _status_line(status: int) -> bytes:
    try:
        phrase = http.HTTPStatus(status).phrase
    except ValueError:
        phrase = "Scripted"
    return f"HTTP/1.1 {status} {phrase}\r\n".encode("ascii")


def _head(script: Script, length: int | None, keep: bool) -> bytes:
    given = list(script.headers.items()) if hasattr(script.headers, "items") else list(script.headers)
    ours = {"Content-Type": script.content_type}
    if script.gzip:
        ours["Content-Encoding"] = "gzip"
    if length is not None:
        ours["Content-Length"] = str(length)
    elif script.framing == "chunked":
        ours["Transfer-Encoding"] = "chunked"
    if not keep:
        ours["Connection"] = "close"
    names = {name.lower() for name, _ in given}
    lines = [*((name, value) for name, value in ours.items() if name.lower() not in names), *given]
    text = "".join(f"{name}: {value}\r\n" for name, value in lines)
    return _status_line(script.status) + text.encode("latin-1") + b"\r\n"
