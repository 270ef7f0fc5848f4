"""The fast reader of whole POSTs against llhttp: what it accepts, llhttp accepts, and reads the same in it."""

from __future__ import annotations

import sys
from dataclasses import replace
from types import FrameType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.calls.request import Incoming
from router.http.incoming import incoming_of
from router.http.peer import PeerReader
from router.http1.body import RequestBody
from router.http1.environ import connection_environ
from router.http1.fast_reader import PostReader
from router.http1.limits import ClientLimits
from router.http1.parser import RequestParser
from router.types.peer import Peer

pytestmark = pytest.mark.slow

PATH = "/v1/chat/completions"
CLIENT, SERVER = ("192.0.2.7", 4711), ("192.0.2.1", 8080)
LIMITS = ClientLimits(max_header_bytes=600, max_headers=12)
PEERS = [PeerReader(), PeerReader(["192.0.2.0/24"])]  # nobody is trusted; the other side of the socket is
READER = PostReader(frozenset({PATH}), LIMITS, 64, PEERS[0].at(CLIENT[0]))
READ = ("path", "authorization", "x_api_key", "idempotency_key", "client_request_id", "peer", "body_size")
TRACE = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
PLAIN = b"POST %s HTTP/1.1\r\nHost: gateway\r\nContent-Length: 2\r\n\r\n{}" % PATH.encode()


def by_llhttp(data: bytes, peers: PeerReader = PEERS[0]) -> Incoming | None:
    """What llhttp makes of exactly these bytes; None where they are not one whole request that it accepts."""
    parser = RequestParser(LIMITS, connection_environ(CLIENT, SERVER))
    parser.feed(data)
    if parser.error is not None or parser.started or len(parser.ready) != 1:
        return None
    request = parser.ready.popleft()
    if not request.complete or request.error is not None or request.expects_continue or not request.keep_alive:
        return None
    environ = {**request.environ, "router.request_id": "req_1"}
    environ["wsgi.input"] = RequestBody(None, parser, request, LIMITS)  # type: ignore[arg-type]
    return incoming_of(environ, 64, peers)


NAMES = st.sampled_from(
    b"Host|host|Content-Length|content-length|Authorization|X-Api-Key|X_Api_Key|Idempotency-Key|X-Request-ID|"
    b"X-Forwarded-For|x-forwarded-for|X_Forwarded_For|X-Forwarded-Proto|X-Forwarded-Host|Forwarded|Traceparent|"
    b"Connection|Expect|Transfer-Encoding|Content-Encoding|Upgrade|Proxy-Connection|User-Agent||a b|X-\0".split(b"|")
)
VALUES = st.one_of(
    st.sampled_from([b"", b"2", b"02", b"+2", b"0", b"64", b"65", b"2, 2", b"0x2", b"keep-alive", b"Keep-Alive"])
    | st.sampled_from([b"close", b"chunked", b"gzip", b"100-continue", b"websocket", b"Bearer sk-1", b" \t x \t "]),
    st.binary(max_size=12),
    st.sampled_from(
        [b"198.51.100.7", b"1.1.1.1, 192.0.2.8", b"[2001:db8::1]:443 ,192.0.2.8", b"https", b"api.example:1"]
    ),
    st.sampled_from(
        [b'for="[2001:db8::1]";proto=https;host=api.example', TRACE, b"cc" + TRACE[2:] + b"-more", b"evil/x"]
    ),
    st.sampled_from([b"caf\xc3\xa9", b"a\tb", b"a\rb", b"a\nb", b"a\x7fb", b"a\0b", b"x" * 300]),
)
FIELDS = st.lists(st.tuples(NAMES, st.sampled_from([b":", b": ", b":\t ", b" : "]), VALUES), max_size=5)
ENDS = st.sampled_from([b"\r\n"] * 12 + [b"\n", b"\r", b"\r\n\r\n", b"\r\n "])
STARTS = st.just(b"POST /v1/chat/completions HTTP/1.1") | st.sampled_from(
    [
        b"POST /v1/chat/completions?a=b HTTP/1.1",
        b"POST  /v1/chat/completions HTTP/1.1",
        b"POST /v1/chat/completions HTTP/1.0",
        b"POST /v1/chat%2Fcompletions HTTP/1.1",
        b"GET / HTTP/1.1",
        b"\r\nPOST / HTTP/1.1",
    ]
)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Bytes that are a request, or nearly one."""
    body = draw(st.sampled_from([b"{}", b"", b"x" * 64, b"x" * 65]) | st.binary(max_size=10))
    lines = [draw(STARTS)]
    if draw(st.integers(0, 9)):
        lines.append(b"Host: gateway")
    if draw(st.integers(0, 9)):
        lines.append(b"Content-Length: %d" % len(body))
    lines += [name + colon + value for name, colon, value in draw(FIELDS | st.just([]))]
    whole = b"".join(line + draw(ENDS) for line in lines) + draw(ENDS) + body
    if draw(st.integers(0, 3)):
        return whole
    place = draw(st.integers(0, len(whole)))
    return whole[:place] + draw(st.binary(max_size=2)) + whole[place + draw(st.integers(0, 2)) :]


@settings(max_examples=1500, deadline=None)
@given(requests(), st.lists(requests(), max_size=1), st.sampled_from(PEERS))
def test_what_the_fast_reader_accepts_llhttp_accepts_and_reads_the_same(
    data: bytes, before: list[bytes], peers: PeerReader
) -> None:
    reader = PostReader(READER.paths, LIMITS, 64, peers.at(CLIENT[0]))
    for earlier in before:  # on the same connection
        reader.read(earlier)
    fast = reader.read(data)
    if fast is None:
        return
    slow = by_llhttp(data, peers)
    assert slow is not None, data
    assert [getattr(fast, name) for name in READ] == [getattr(slow, name) for name in READ]
    assert fast.read_body() == slow.read_body()


@pytest.mark.parametrize(
    ("field", "read"),
    [
        (b"Authorization: Bearer sk-1", ("authorization", "Bearer sk-1")),
        (b"x-api-key:sk-1 ", ("x_api_key", "sk-1")),
        (b"Idempotency-Key: caf\xe9", ("idempotency_key", "café")),
        (b"X-Request-ID: caf\xc3\xa9\t1", ("client_request_id", "café 1")),
        (b"Connection: keep-alive", ("body_size", 2)),
        (b"X_Api_Key: sk-1", ("x_api_key", None)),
    ],
)
def test_what_clients_send_is_read_fast(field: bytes, read: tuple[str, object]) -> None:
    data = PLAIN.replace(b"Host:", field + b"\r\nHost:")
    fast, slow = READER.read(data), by_llhttp(data)
    assert fast is not None and slow is not None
    assert getattr(fast, read[0]) == getattr(slow, read[0]) == read[1]


@pytest.mark.parametrize("peers", PEERS)
def test_whose_a_request_is_is_read_fast_and_is_no_word_on_the_next(peers: PeerReader) -> None:
    told = b"X-Forwarded-For: 1.1.1.1, 198.51.100.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: api.example\r\n"
    traced = b"traceparent: " + TRACE + b"\r\n"
    reader = PostReader(READER.paths, LIMITS, 64, peers.at(CLIENT[0]))
    plain = Peer(CLIENT[0], "http", "gateway")
    behind = Peer("198.51.100.7", "https", "api.example") if peers is PEERS[1] else plain
    for fields, peer in [
        (b"", plain),
        (told, behind),
        (b"", plain),
        (traced, replace(plain, traceparent=TRACE.decode())),
        (told + traced, replace(behind, traceparent=TRACE.decode())),
        (b"", plain),
    ]:
        data = PLAIN.replace(b"Host:", fields + b"Host:").replace(b"2\r\n\r\n", b"2\r\nAccept: */*\r\n\r\n")
        fast, slow = reader.read(data), by_llhttp(data, peers)
        assert fast is not None and slow is not None
        assert fast.peer == slow.peer == peer


def test_a_request_without_a_word_on_its_client_costs_no_function_call() -> None:
    reader = PostReader(READER.paths, LIMITS, 64, PEERS[1].at(CLIENT[0]))
    first = reader.read(PLAIN)
    entered: list[str] = []

    def note(frame: FrameType, event: str, argument: object) -> None:
        if event == "call" and frame.f_code.co_filename.endswith("peer.py"):
            entered.append(frame.f_code.co_name)

    sys.setprofile(note)
    try:
        second = reader.read(PLAIN)
    finally:
        sys.setprofile(None)
    assert first is not None and second is not None
    assert second.peer is first.peer and not entered


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"}", b"}}"),
        (b"{}", b""),
        (b"1.1", b"1.0"),
        (b"POST", b"GET"),
        (b"completions", b"completions?a=b"),
        (b"Host: gateway\r\n", b""),
        (b"Host", b"Host: gateway\r\nHost"),
        (b"Host", b"Expect: 100-continue\r\nHost"),
        (b"Host", b"Content-Encoding: gzip\r\nHost"),
        (b"Host", b"Connection: close\r\nHost"),
        (b"Host", b"Connection: keep-alive\r\nUpgrade: h2c\r\nHost"),
        (b"Host", b"Transfer-Encoding: chunked\r\nHost"),
        (b"Host", b"X: " + b"x" * 600 + b"\r\nHost"),
        (b"Host", b"".join(b"X-%d: x\r\n" % number for number in range(12)) + b"Host"),
        (b"Content-Length: 2\r\n\r\n{}", b"Content-Length: 65\r\n\r\n" + b"x" * 65),
    ],
)
def test_all_else_is_for_llhttp(old: bytes, new: bytes) -> None:
    assert READER.read(PLAIN) is not None
    assert READER.read(PLAIN.replace(old, new)) is None
