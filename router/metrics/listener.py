"""Where Prometheus asks: a listener of the master's own, apart from the one that serves calls.

A thread takes one request after another; each has a few seconds, whoever sends it and however slowly.
"""

from __future__ import annotations

import contextlib
import hmac
import logging
import socket
import threading
import time
from collections.abc import Callable, Mapping

__all__ = ["METRICS_PATH", "MetricsListener"]

METRICS_PATH = "/metrics"

_log = logging.getLogger("router.metrics")

_HEAD_MOST = 8192
_REQUEST_S = 2.0
_ANSWER_S = 10.0
_AT_ONCE = 8
"""Requests that are looked at together; further ones wait to be accepted."""

Expose = Callable[[str], tuple[str, bytes]]
Answer = tuple[int, Mapping[str, str], bytes]
_PHRASES = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 405: "Method Not Allowed"}
_PLAIN = "text/plain; charset=utf-8"


class MetricsListener:
    """Answers ``GET /metrics``.

    Args:
        sock: listens; closed with this.
        token: what a request must show as a bearer; empty for nothing.
        expose: ``Accept`` header -> content type and body.
    """

    def __init__(self, sock: socket.socket, token: str, expose: Expose) -> None:
        self._sock = sock
        self._token = token.encode("utf-8", "surrogateescape")
        self._expose = expose
        self._room = threading.BoundedSemaphore(_AT_ONCE)
        self._closed = False

    def start(self) -> None:
        """Answer from now on, in threads that end with the process."""
        self._sock.setblocking(True)
        self._sock.set_inheritable(False)
        threading.Thread(target=self._accept, name="metrics", daemon=True).start()

    def close(self) -> None:
        """Answer no more."""
        self._closed = True
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()

    def _accept(self) -> None:
        while not self._closed:
            self._room.acquire()
            try:
                client, _ = self._sock.accept()
            except OSError as error:
                self._room.release()
                if not self._closed:
                    _log.warning("metrics: a request could not be accepted: %s", error)
                    time.sleep(1.0)
                continue
            threading.Thread(target=self._serve, args=(client,), name="metrics request", daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            with client, contextlib.suppress(OSError):
                head = _head(client)
                if head is None:
                    return
                method, status, headers, body = self._answer(head)
                client.settimeout(_ANSWER_S)
                client.sendall(_written(status, headers, body, with_body=method != "HEAD"))
                client.shutdown(socket.SHUT_WR)
        except Exception:
            _log.exception("metrics could not be told")
        finally:
            self._room.release()

    def _answer(self, head: bytes) -> tuple[str, int, Mapping[str, str], bytes]:
        line, *lines = head.decode("latin-1").split("\r\n")
        words = line.split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            return "", 400, {}, b"This is no request of HTTP/1.1.\n"
        method, target, _ = words
        headers = {name.strip().lower(): value.strip() for name, _, value in (one.partition(":") for one in lines)}
        return (method, *self._found(method, target.partition("?")[0], headers))

    def _found(self, method: str, path: str, headers: Mapping[str, str]) -> Answer:
        if not self._is_allowed(headers.get("authorization", "")):
            said = b"Show the token of [metrics] token: Authorization: Bearer TOKEN.\n"
            return 401, {"WWW-Authenticate": 'Bearer realm="metrics"'}, said
        if path != METRICS_PATH:
            return 404, {}, f"There is nothing here but {METRICS_PATH}.\n".encode("ascii")
        if method not in ("GET", "HEAD"):
            return 405, {"Allow": "GET, HEAD"}, b"Metrics are read with GET.\n"
        content_type, body = self._expose(headers.get("accept", ""))
        return 200, {"Content-Type": content_type}, body

    def _is_allowed(self, authorization: str) -> bool:
        if not self._token:
            return True
        scheme, _, shown = authorization.partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(shown.strip().encode("latin-1"), self._token)


def _head(client: socket.socket) -> bytes | None:
    """Request line and headers; None where they do not come in time, or are too long."""
    deadline = time.monotonic() + _REQUEST_S
    data = b""
    while b"\r\n\r\n" not in data:
        left_s = deadline - time.monotonic()
        if left_s <= 0 or len(data) > _HEAD_MOST:
            return None
        client.settimeout(left_s)
        more = client.recv(_HEAD_MOST)
        if not more:
            return None
        data += more
    return data.partition(b"\r\n\r\n")[0]


def _written(status: int, headers: Mapping[str, str], body: bytes, *, with_body: bool) -> bytes:
    told = {"Content-Type": _PLAIN, **headers, "Content-Length": str(len(body))}
    told |= {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Connection": "close"}
    lines = [f"HTTP/1.1 {status} {_PHRASES[status]}", *(f"{name}: {value}" for name, value in told.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body if with_body else b"")
