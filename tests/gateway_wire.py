"""A client that sends what it is told, well formed or not, and a prober that sees whether the server stands still."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil

from router.testing import Gateway, Result

__all__ = ["CHAT", "EMBEDDINGS", "STALL_MAX", "USER", "Prober", "get", "post", "send", "worst_stall"]

CHAT = "/v1/chat/completions"
EMBEDDINGS = "/v1/embeddings"
USER = [{"role": "user", "content": "Hello there"}]
TESTS = Path(__file__).parent
TIMEOUT_S = 30.0
STALL_MAX = 200.0  # units of machine.known_work_s; the worst body needs 70


def send(port: int, *pieces: bytes, head_only: bool = False) -> Result:
    """What the server answers to these bytes on a connection of their own; ``head_only`` if they are a HEAD request."""
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S) as sock:
        try:
            for piece in pieces:
                sock.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has answered already
        response = http.client.HTTPResponse(sock, method="HEAD" if head_only else None)
        response.begin()
        return _result(response)


def post(
    gateway: Gateway,
    path: str,
    body: Any,
    headers: Mapping[str, str] | None = None,
    *,
    key: str | None = None,
    chunked: Iterable[bytes] | None = None,
) -> Result:
    """POST ``body``, as it is if it is bytes, else as JSON; with ``chunked``, these pieces in its place.

    Args:
        key: another key than the gateway's own; empty for none.
    """
    data = body if isinstance(body, bytes) else json.dumps(body).encode("ascii")
    return _call(gateway, "POST", path, headers, key, data if chunked is None else chunked)


def get(gateway: Gateway, path: str, headers: Mapping[str, str] | None = None, *, key: str | None = None) -> Result:
    """GET. Arguments as for ``post``."""
    return _call(gateway, "GET", path, headers, key, None)


def _call(
    gateway: Gateway,
    method: str,
    path: str,
    headers: Mapping[str, str] | None,
    key: str | None,
    body: bytes | Iterable[bytes] | None,
) -> Result:
    key = gateway.api_key if key is None else key
    sent = {"Authorization": f"Bearer {key}"} if key else {}
    sent |= dict(headers or {})
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=TIMEOUT_S)
    try:
        chunked = body is not None and not isinstance(body, bytes)
        if chunked:
            sent["Transfer-Encoding"] = "chunked"
        connection.request(method, path, body, sent, encode_chunked=chunked)
        return _result(connection.getresponse())
    finally:
        connection.close()


def _result(response: http.client.HTTPResponse) -> Result:
    body = response.read()
    headers: dict[str, str] = {}
    for name, value in response.getheaders():
        assert name.lower() not in headers, f"{name} comes twice"
        headers[name.lower()] = value
    response.close()
    return Result(response.status, headers, body)


_PROBE = """
import select, socket, sys, time
import psutil
sys.path.insert(0, sys.argv[3])
from machine import known_work_s
worker = psutil.Process(int(sys.argv[2]))
busy_s = lambda: sum(worker.cpu_times()[:2])
sock = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
worst, count = 0.0, 0
while True:
    started, before_s = time.perf_counter(), busy_s()
    sock.sendall(b"GET /healthz HTTP/1.1\\r\\nHost: probe\\r\\n\\r\\n")
    assert sock.recv(4096).startswith(b"HTTP/1.1 200 ")
    took_s = time.perf_counter() - started
    worst, count = max(worst, min(took_s, busy_s() - before_s + 0.02)), count + 1
    if select.select([sys.stdin], [], [], 0.002)[0]:
        if not sys.stdin.readline():
            break
        print(worst / known_work_s(), count, flush=True)
        worst, count = 0.0, 0
"""


class Prober:
    """Asks ``/healthz`` again and again, from a process of its own so that the test's own work does not count.

    Of the time that an answer took, what the worker spent waiting for a core is left out: a busy machine is no stall.
    Nor is a slow one: stalls are told in units of known work, which the prober does between its questions.
    """

    def __init__(self, gateway: Gateway) -> None:
        (worker,) = psutil.Process(gateway.pid).children()
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PROBE, str(gateway.port), str(worker.pid), str(TESTS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.worst()

    def worst(self) -> float:
        """The longest that an answer took the worker since this was last asked, in units of the known work."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        worst, count = self._process.stdout.readline().split()
        assert int(count) > 0
        return float(worst)

    def __enter__(self) -> Prober:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._process:
            assert self._process.stdin is not None
            self._process.stdin.close()


def worst_stall(prober: Prober, action: Callable[[], object]) -> float:
    """How long the server stood still during ``action``, in units of the known work.

    It is the least of up to eight tries, as others use the machine; the first below ``STALL_MAX`` is good enough.
    """
    stalls: list[float] = []
    while len(stalls) < 8 and (not stalls or stalls[-1] >= STALL_MAX):
        prober.worst()
        action()
        stalls.append(prober.worst())
    return min(stalls)
