"""Client, server and upstream on one event loop in one thread: everything happens in the same order each time.

For processes that gevent has patched.
"""

from __future__ import annotations

import gc
import json
import os
import socket
from contextlib import closing
from pathlib import Path
from types import TracebackType

import gevent
from greenlet import getcurrent, greenlet

from router.http.app import create_application
from router.http1.connection import Site
from router.http1.limits import ClientLimits
from router.server.acceptor import Acceptor
from router.server.leave import Leave
from router.testing import Gateway, chunks, completion, embeddings, sse

__all__ = ["Rig"]

_CRLF2 = b"\r\n\r\n"


class Rig:
    """A gateway in this process, with a client and an upstream.

    Args:
        folder: for its configuration and database.
        left_out: receives all greenlets that serve no request.
        policies: ``no``; ``usual``, which is what ``router init`` leaves; or ``all``, with every limit and a budget.
    """

    def __init__(self, folder: Path, left_out: set[greenlet], policies: str = "usual") -> None:
        self._left_out = left_out
        self._upstream = socket.create_server(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{self._upstream.getsockname()[1]}/v1"
        config = {"limits": {**_LIMITS, "account": _LIMITS}} if policies == "all" else {}
        gateway = Gateway(folder, upstream=url, start=False, billing=policies != "no", config=config)
        self._key = gateway.api_key
        if policies == "all":
            self._key = gateway.router("keys", "create", "--account", gateway.account, "--budget", "1")["api_key"]
        self._log = _Stderr(folder / "calls.log")
        self._app = create_application(str(folder / "router.toml"))
        self._events: list[bytes] = []
        self._together = 1
        self._accepting = gevent.spawn(self._accept_upstream)
        listener = socket.create_server(("127.0.0.1", 0))
        self._address = listener.getsockname()
        limits = ClientLimits.of(self._app.settings.server)
        site = Site(self._app.wsgi, limits, self._app.render_error, self._app.calls)
        self._acceptor = Acceptor(listener.detach(), site)
        self._acceptor.start()
        gevent.sleep(0)
        left_out.update(one for one in gc.get_objects() if isinstance(one, greenlet))
        self._client = socket.create_connection(self._address)

    def plan(self, count: int, together: int) -> None:
        """Streams have ``count`` chunks from now on, so many of them in a packet."""
        events = [*chunks(*(f"word{number} " for number in range(count)), include_usage=True), "[DONE]"]
        self._events = [_chunk(sse(event)) for event in events]
        self._together = together

    def ask(self, path: str, body: bytes | None) -> None:
        """One request; returns when the whole answer is here and the server has done its rest.

        Raises:
            AssertionError: the answer is not a 200.
        """
        head = [f"{'GET' if body is None else 'POST'} {path} HTTP/1.1", f"Host: {self._address[0]}"]
        head += [
            f"Authorization: Bearer {self._key}",
            "Content-Type: application/json",
            f"Content-Length: {len(body or b'')}",
        ]
        self._client.sendall("\r\n".join(head).encode("ascii") + _CRLF2 + (body or b""))
        answer = b""
        while not _is_whole(answer):
            answer += self._client.recv(65536)
        assert answer.startswith(b"HTTP/1.1 200"), answer[:500]
        gevent.idle()

    def __enter__(self) -> Rig:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._client.close()
        leave = Leave(1.0, 1.0)
        leave.stop()
        self._acceptor.drain(self._app.busy, leave.left_s)
        self._app.close()
        self._accepting.kill()
        self._upstream.close()
        self._log.restore()

    def _accept_upstream(self) -> None:
        while True:
            connection, _ = self._upstream.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            gevent.spawn(self._serve_upstream, connection)

    def _serve_upstream(self, connection: socket.socket) -> None:
        self._left_out.add(getcurrent())
        with closing(connection):
            while request := _read_request(connection):
                if b'"stream":true' in request:
                    self._send_stream(connection)
                else:
                    connection.sendall(_EMBEDDINGS if b"/embeddings" in request else _COMPLETION)

    def _send_stream(self, connection: socket.socket) -> None:
        connection.sendall(_STREAM_HEAD)
        for start in range(0, len(self._events), self._together):
            gevent.idle()  # until all that the last packet set off is over
            connection.sendall(b"".join(self._events[start : start + self._together]))
        connection.sendall(b"0\r\n\r\n")


class _Stderr:
    """Standard error, which is where the call log goes, into a file."""

    def __init__(self, path: Path) -> None:
        self._own = os.dup(2)
        with path.open("wb") as file:
            os.dup2(file.fileno(), 2)

    def restore(self) -> None:
        """Standard error as it was."""
        os.dup2(self._own, 2)
        os.close(self._own)


def _read_request(connection: socket.socket) -> bytes:
    """One request, head and body; empty when the other side has closed."""
    request = b""
    while True:
        head, found, body = request.partition(_CRLF2)
        if found and len(body) >= _content_length(head):
            return request
        data = connection.recv(65536)
        if not data:
            return b""
        request += data


def _is_whole(answer: bytes) -> bool:
    head, found, body = answer.partition(_CRLF2)
    if b"chunked" in head:
        return body.endswith(b"0\r\n\r\n")
    return bool(found) and len(body) >= _content_length(head)


def _content_length(head: bytes) -> int:
    fields = (line.partition(b":") for line in head.lower().split(b"\r\n"))
    return next((int(value) for name, _, value in fields if name == b"content-length"), 0)


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _answer(value: object) -> bytes:
    body = json.dumps(value).encode("ascii")
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode("ascii") + body


_LIMITS = {
    "requests_per_minute": 1_000_000,
    "tokens_per_minute": 1_000_000_000,
    "concurrent": 1_000,
    "spend_per_day": "1",
    "spend_per_month": "1",
}
_COMPLETION = _answer(completion())
_EMBEDDINGS = _answer(embeddings())
_STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
