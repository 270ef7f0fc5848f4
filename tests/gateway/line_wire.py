"""A gateway in front of a scripted upstream, and a client that sees every byte of an answer."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import socket
import sqlite3
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from router.testing import Gateway, ScriptedUpstream

__all__ = ["Answered", "Line", "events", "public", "text"]

SECRET = "sk-upstream-canary-0123456789"
COUNT = {"plain": 240, "cancel": 10, "timed": 8, "short": 4, "first": 64, "second": 64, "third": 64}


@dataclass(frozen=True)
class Answered:
    """A whole response. ``cut`` where the connection ended before the body did. Header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    cut: bool = False

    @property
    def request_id(self) -> str:
        return self.headers["x-request-id"]

    @property
    def error(self) -> dict[str, Any]:
        """The error object of a failed call, or of the one event that ended a stream."""
        found = json.loads(self.body if self.status != 200 else events(self.body)[-1])["error"]
        assert isinstance(found, dict)
        return found


class Line:
    """One gateway and its upstream.

    Each test takes providers of its own, since the gateway leaves one that failed alone for a while: ``plain``,
    ``cancel`` (``on_disconnect``), ``timed`` (0.4 s to the first byte and between two reads), and chains of three that
    fall back on each other.
    """

    def __init__(self, gateway: Gateway, upstream: ScriptedUpstream) -> None:
        self.gateway = gateway
        self.upstream = upstream
        self._unused = {kind: iter(range(count)) for kind, count in COUNT.items()}

    def model(self, kind: str = "plain") -> str:
        """The public ID of a model of a provider that no test has used."""
        return f"{kind}{next(self._unused[kind])}/m"

    def body(self, model: str | None = None, *, stream: bool = True, **fields: Any) -> dict[str, Any]:
        """A request for one short chat."""
        messages = [{"role": "user", "content": "Hi"}]
        return {"model": model or self.model(), "messages": messages, "stream": stream, **fields}

    def post(
        self,
        body: Mapping[str, Any],
        path: str = "/v1/chat/completions",
        headers: Mapping[str, str] | None = None,
    ) -> Answered:
        """Send a request and read the answer to its end, or to where it is cut."""
        with self.opened(body, path, headers) as response:
            return whole(response)

    @contextlib.contextmanager
    def opened(
        self,
        body: Mapping[str, Any],
        path: str = "/v1/chat/completions",
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[http.client.HTTPResponse]:
        """Send a request; the answer when its head is there."""
        connection = http.client.HTTPConnection("127.0.0.1", self.gateway.port, timeout=30)
        try:
            connection.request("POST", path, json.dumps(body), {**self.headers, **(headers or {})})
            with connection.getresponse() as response:
                yield response
        finally:
            connection.close()

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.gateway.api_key}", "Content-Type": "application/json"}

    def connect(self, body: Mapping[str, Any], receive_bytes: int | None = None) -> socket.socket:
        """A socket on which a request has been sent and nothing was read."""
        sock = socket.socket()
        if receive_bytes is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        sock.settimeout(30)
        sock.connect(("127.0.0.1", self.gateway.port))
        data = json.dumps(body).encode("ascii")
        head = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        start = f"POST /v1/chat/completions HTTP/1.1\r\nHost: gateway\r\n{head}Content-Length: {len(data)}\r\n\r\n"
        sock.sendall(start.encode("ascii") + data)
        return sock

    def rows(self, **where: str) -> list[dict[str, Any]]:
        """The usage rows with these values."""
        test = " AND ".join(f"{name} = ?" for name in where) or "1"
        path = self.gateway.folder / "router.db"
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            database.row_factory = sqlite3.Row
            query = f"SELECT * FROM usage WHERE {test} ORDER BY created_at"
            return [dict(row) for row in database.execute(query, tuple(where.values()))]

    def wait_for_rows(self, count: int, **where: str) -> list[dict[str, Any]]:
        """The usage rows with these values, once there are so many."""
        deadline = time.monotonic() + 60
        while len(rows := self.rows(**where)) < count:
            assert time.monotonic() < deadline, f"{len(rows)} rows of {count} where {where}: {rows[:3]}"
            time.sleep(0.01)
        return rows

    def row(self, answered: Answered) -> dict[str, Any]:
        """The usage row of an answer; ``attempts`` decoded, ``kinds`` of them taken out."""
        (row,) = self.wait_for_rows(1, request_id=answered.request_id)
        row["attempts"] = json.loads(row["attempts"])
        row["kinds"] = [attempt["kind"] for attempt in row["attempts"]]
        return row


def whole(response: http.client.HTTPResponse) -> Answered:
    """Read the rest of a response."""
    cut = False
    try:
        body = response.read()
    except http.client.IncompleteRead as error:
        body, cut = error.partial, True
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answered(response.status, headers, body, cut)


def events(body: bytes) -> list[bytes]:
    """The payload of every event; comments apart, a stream of ours holds one data line an event and nothing else."""
    lines = [line for line in body.split(b"\n") if not line.startswith(b":")]
    blocks = b"\n".join(lines).split(b"\n\n")
    assert blocks.pop() == b"", f"the stream ends inside an event: {body[-200:]!r}"
    assert all(block.startswith(b"data: ") and b"\n" not in block for block in blocks), blocks
    return [block[6:] for block in blocks]


def public(chunk: Mapping[str, Any], model: str) -> bytes:
    """A chunk as the client should see it, to the byte."""
    return text({**chunk, "model": model})


def text(value: Any) -> bytes:
    """JSON as the scripted upstream writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def sections(upstream: ScriptedUpstream) -> dict[str, dict[str, Any]]:
    """The providers of a line, all at one upstream."""
    common = {"kind": "compatible", "base_url": upstream.url, "api_key": SECRET}
    timed = {"timeouts": {"first_byte": 0.4, "idle": 0.4}}
    found: dict[str, dict[str, Any]] = {}
    for kind, number in itertools.chain.from_iterable(((k, n) for n in range(c)) for k, c in COUNT.items()):
        extra: dict[str, Any] = {}
        if kind == "timed":
            extra = timed
        elif kind == "short":
            extra = {"max_reply_bytes": 2000}
        elif kind == "cancel":
            extra = {"on_disconnect": "cancel"}
        elif kind in ("first", "second"):
            extra = {"fallback": [f"{'second' if kind == 'first' else 'third'}{number}/m"]}
        found[f"{kind}{number}"] = common | extra
    return found
