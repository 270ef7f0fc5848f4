"""The reader of plain responses against llhttp: whatever it takes, it takes as that does, however the bytes are cut."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from router.errors import UpstreamError
from router.http_client.body import BodyReader, PoolResponse
from router.http_client.deadlines import CallDeadlines
from router.http_client.exceptions import translating
from router.http_client.head import Origin
from router.http_client.plain import plain_response

LIMIT_BYTES = 10_000
ORIGIN = Origin("http", "host", 80)


@dataclass
class Script:
    """A connection that gives these packets, then the end of the stream; and the pool that takes it back."""

    packets: list[bytes]
    sent_all: bool = True
    sending: bool = False
    heard: bool = False
    origin: Origin = ORIGIN
    fate: list[str] = field(default_factory=list)

    def receive(self, until: float) -> bytes:
        assert not self.fate, "a connection is read that is no longer ours"
        self.heard = True
        return self.packets.pop(0) if self.packets else b""

    def give_back(self, connection: object) -> None:
        self.fate.append("kept")

    def discard(self, connection: object) -> None:
        self.fate.append("closed")


def by_llhttp(script: Any) -> BodyReader:
    response = PoolResponse(script, script, CallDeadlines(inf, inf, inf, inf))
    with translating("host"):
        response.read_head(None, script.receive(inf), inf)
    return response


def by_plain(script: Any) -> BodyReader:
    limits = CallDeadlines(inf, inf, inf, inf)
    data = script.receive(inf)
    response = plain_response(data, script, script, limits)
    if response is not None:
        return response
    other = PoolResponse(script, script, limits)
    with translating("host"):
        other.read_head(None, data, inf)
    return other


def outcome(read: Callable[[Any], Any], packets: list[bytes]) -> tuple[object, ...]:
    """Status, headers and body, or the fault alone: packets decide what came before it; and the connection's fate."""
    script = Script(list(packets))
    try:
        response = read(script)
    except UpstreamError as error:
        return (error.kind, error.message, *script.fate)
    try:
        body = b"".join(response.chunks())
    except UpstreamError as error:
        return (error.kind, error.message, *script.fate)
    response.close()
    assert len(script.fate) == 1, "the connection is taken care of, once"
    return (response.status, response.headers, body, *script.fate)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    marks = sorted({min(place, len(data)) for place in places} | {len(data)})
    pieces = [data[before:after] for before, after in zip([0, *marks], marks, strict=False)]
    return [piece for piece in pieces if piece]


STATUS = st.sampled_from(
    ["200 OK", "200", "200 ", "404 Not Found", "204 No Content", "304 X", "100 Continue", "099 X", "700"]
)
FIELD = st.sampled_from(
    [
        "Content-Type: application/json",
        "Content-Length: 5",
        "Content-Length: 0",
        "Content-Length: +5",
        "Content-Length:5 ",
        "content-length: 5, 5",
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: Chunked",
        "transfer-encoding: gzip, chunked",
        "Connection: keep-alive",
        "Connection: close",
        "Connection: Keep-Alive, x",
        "Proxy-Connection: close",
        "Upgrade: h2c",
        "Trailer: X",
        "Content-Encoding: identity",
        "X-Odd:\t a\xe9b \t",
        "X-Empty:",
        "X Y: 1",
        " folded",
        "X-Nul: \x00",
        "X-Del: \x7f",
    ]
)
CHUNK = st.sampled_from(
    [
        b"5\r\nhello\r\n",
        b"0005\r\nhello\r\n",
        b"A\r\n0123456789\r\n",
        b"2\r\n\r\n\r\n",
        b"5;name=value\r\nhello\r\n",
        b"5 \r\nhello\r\n",
        b"5\nhello\n",
        b"5\r\nhellox",
        b"5\r\nhello\rx",
        b"g\r\n",
        b"\r\n",
        b"123456789\r\nx",
    ]
)
END = st.sampled_from(
    [b"0\r\n\r\n", b"0\r\nX-Trailer: 1\r\n\r\n", b"00\r\n\r\n", b"0\r\n\r\nHTTP/1.1 200 OK\r\n", b"0\r\n", b""]
)


@st.composite
def responses(draw: st.DrawFn) -> bytes:
    kind = draw(st.sampled_from(["plain", "chunks", "any"]))
    fields = draw(st.lists(FIELD, max_size=4)) if kind == "any" else ["Content-Type: text/plain"]
    fields += {"plain": ["Content-Length: 5"], "chunks": ["Transfer-Encoding: chunked"], "any": []}[kind]
    head = (
        f"HTTP/1.1 {draw(STATUS) if kind == 'any' else '200 OK'}\r\n" + "".join(f"{one}\r\n" for one in fields) + "\r\n"
    )
    if kind == "plain" or (kind == "any" and draw(st.booleans())):
        body = draw(st.sampled_from([b"hello", b"hell", b"hello!", b"", b"hello\r\n"]))
    else:
        body = b"".join(draw(st.lists(CHUNK, max_size=4))) + draw(END)
    return head.encode("latin-1") + body


@settings(max_examples=600, deadline=None)
@given(responses(), st.lists(st.integers(0, 220), max_size=6))
@example(
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    [47, 50, 55, 56, 57, 58, 59, 60, 61],
)
def test_plain_responses_are_read_as_llhttp_reads_them(data: bytes, places: list[int]) -> None:
    packets = cut(data, places)
    assert outcome(by_plain, packets) == outcome(by_llhttp, packets)


def test_the_many_are_read_without_llhttp() -> None:
    for packets in (
        [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", b"hel", b"lo"],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"5\r\nhello\r\n", b"0\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r", b"\nhel", b"lo", b"\r\n0\r\n\r\n"],
    ):
        script: Any = Script(list(packets))
        response = plain_response(script.receive(inf), script, script, CallDeadlines(inf, inf, inf, inf))
        assert response is not None
        assert response.read(LIMIT_BYTES) == b"hello"
        assert script.fate == ["kept"] and response._other is None
