"""Every way in which the scripted upstream delivers a response, seen from a raw socket."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import requests

from router.testing import Answer, Raw, ReceivedRequest, ScriptedUpstream, Stream, chunks, sse, stream

pytestmark = pytest.mark.slow

GET = b"GET /v1/models HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\n\r\n"


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as running:
        yield running


def dial(upstream: ScriptedUpstream, request: bytes = GET) -> closing[socket.socket]:
    sock = socket.create_connection(("127.0.0.1", upstream.port), timeout=5)
    sock.sendall(request)
    return closing(sock)


def read_all(sock: socket.socket) -> bytes:
    data = b""
    while piece := sock.recv(65536):
        data += piece
    return data


def read_until(sock: socket.socket, mark: bytes) -> bytes:
    data = b""
    while mark not in data:
        piece = sock.recv(1)
        assert piece, f"ended early: {data!r}"
        data += piece
    return data


def exchange(upstream: ScriptedUpstream, script: Answer | Stream | Raw) -> bytes:
    upstream.script(script)
    with dial(upstream) as sock:
        return read_all(sock)


def test_head_and_body_are_exactly_what_was_scripted(upstream: ScriptedUpstream) -> None:
    script = Answer({"a": "ü"}, status=418, headers={"content-type": "text/x", "X-Own": "1"}, close=True)
    assert exchange(upstream, script).decode() == (
        "HTTP/1.1 418 I'm a Teapot\r\nContent-Length: 10\r\nConnection: close\r\n"
        'content-type: text/x\r\nX-Own: 1\r\n\r\n{"a":"ü"}'
    )


def test_a_header_may_come_twice(upstream: ScriptedUpstream) -> None:
    reply = exchange(upstream, Answer(headers=[("X-A", "1"), ("X-A", "2")], close=True))
    assert b"X-A: 1\r\nX-A: 2\r\n" in reply


@pytest.mark.parametrize("framing", ["length", "chunked", "eof"])
@pytest.mark.parametrize("write_size", [None, 1])
@pytest.mark.parametrize("compressed", [False, True])
def test_every_framing_carries_the_body(
    upstream: ScriptedUpstream, framing: Any, write_size: int | None, compressed: bool
) -> None:
    upstream.script(
        Stream(chunks("Hello", " wörld"), framing=framing, write_size=write_size, gzip=compressed, split_at=[1, 40, 41])
    )
    response = requests.get(f"{upstream.url}/models", timeout=5)
    assert response.content == b"".join(map(sse, chunks("Hello", " wörld"))) + b"data: [DONE]\n\n"


def test_split_offsets_begin_new_chunks(upstream: ScriptedUpstream) -> None:
    reply = exchange(upstream, Answer(b"abcdef", framing="chunked", split_at=[4, 1], close=True))
    assert reply.endswith(b"\r\n\r\n1\r\na\r\n3\r\nbcd\r\n2\r\nef\r\n0\r\n\r\n")


def test_split_offsets_count_through_all_events(upstream: ScriptedUpstream) -> None:
    script = Stream([b"abc", b"def"], done=False, split_at=[2, 3, 5], close=True)
    assert exchange(upstream, script).endswith(b"2\r\nab\r\n1\r\nc\r\n2\r\nde\r\n1\r\nf\r\n0\r\n\r\n")


def test_interim_responses_come_first(upstream: ScriptedUpstream) -> None:
    reply = exchange(upstream, Answer(b"x", interim=[100, 103], close=True))
    assert reply.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n")


def test_a_cut_answer_ends_short_of_its_length(upstream: ScriptedUpstream) -> None:
    head, _, body = exchange(upstream, Answer(b"0123456789", cut_after_bytes=4)).partition(b"\r\n\r\n")
    assert b"Content-Length: 10" in head
    assert b"Connection" not in head, "a cut comes unannounced"
    assert body == b"0123"
    assert upstream.last.ending == "cut"


def test_a_cut_stream_ends_after_whole_events_or_inside_one(upstream: ScriptedUpstream) -> None:
    body = exchange(upstream, Stream([b"abc", b"def", b"ghi"], cut_after=2)).partition(b"\r\n\r\n")[2]
    assert body == b"3\r\nabc\r\n3\r\ndef\r\n"
    body = exchange(upstream, Stream([b"abc", b"def", b"ghi"], cut_after_bytes=4)).partition(b"\r\n\r\n")[2]
    assert body == b"3\r\nabc\r\n3\r\nd"


def test_cut_before_the_first_event(upstream: ScriptedUpstream) -> None:
    head, _, body = exchange(upstream, stream("Hello", cut_after=0)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert body == b""


@pytest.mark.parametrize("script", [Raw(b"half a li", reset=True), Answer(b"0123", cut_after_bytes=2, reset=True)])
def test_a_reset_is_a_reset(upstream: ScriptedUpstream, script: Raw | Answer) -> None:
    upstream.script(script)
    with dial(upstream) as sock, pytest.raises(ConnectionResetError):
        read_until(sock, b"never")


def test_raw_bytes_need_not_be_http(upstream: ScriptedUpstream) -> None:
    assert exchange(upstream, Raw(b"\x00 no HTTP")) == b"\x00 no HTTP"
    assert exchange(upstream, Raw()) == b""


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_line_ends_of_events(upstream: ScriptedUpstream, newline: str) -> None:
    script = Stream([{"a": 1}, b": ping\n\n"], newline=newline, framing="eof", joined=True)
    body = exchange(upstream, script).partition(b"\r\n\r\n")[2]
    assert body.decode() == f'data: {{"a":1}}{newline * 2}: ping\n\ndata: [DONE]{newline * 2}'


def test_held_responses_wait_for_their_flags(upstream: ScriptedUpstream) -> None:
    head, body, middle = threading.Event(), threading.Event(), threading.Event()
    upstream.script(Stream([b"one", middle, b"two"], hold=head, body_hold=body, done=False, framing="eof"))
    with dial(upstream) as sock:
        upstream.wait_for_requests(1)
        sock.setblocking(False)
        with pytest.raises(BlockingIOError):
            sock.recv(1)
        sock.settimeout(5)
        head.set()
        read_until(sock, b"\r\n\r\n")
        assert upstream.last.ending == ""
        body.set()
        assert read_until(sock, b"one").endswith(b"one")
        middle.set()
        assert read_all(sock) == b"two"
    assert upstream.last.ending == "complete"


def test_waits_are_taken(upstream: ScriptedUpstream) -> None:
    upstream.script(Stream([b"a", b"b", 0.01], delay_s=0.01, body_delay_s=0.01, gap_s=0.01, done=False, close=True))
    response = requests.get(f"{upstream.url}/models", timeout=5)
    assert response.content == b"ab"
    assert response.elapsed.total_seconds() >= 0.01


def test_a_head_may_drip(upstream: ScriptedUpstream) -> None:
    upstream.script(Answer(b"x", write_size=1, write_gap_s=60))
    with dial(upstream) as sock:
        assert sock.recv(100) == b"H"
        upstream.wait_for(lambda: upstream.last.sent_bytes == 1)
    upstream.wait_for(lambda: upstream.open_connections == 0)
    assert (upstream.last.ending, upstream.last.sent_bytes) == ("disconnect", 1)


def test_a_client_that_hangs_up_is_noticed_while_the_response_is_held(upstream: ScriptedUpstream) -> None:
    upstream.script(Answer(hold=threading.Event()), Answer(delay_s=60))
    for _ in range(2):
        with dial(upstream):
            upstream.wait_for(lambda: upstream.open_connections == 1)
            upstream.wait_for(lambda: upstream.requests and upstream.last.ending == "")
        upstream.wait_for(lambda: upstream.open_connections == 0)
        assert upstream.last.ending == "disconnect"


def test_an_endless_stream_ends_with_its_client(upstream: ScriptedUpstream) -> None:
    upstream.script(Stream(iter(lambda: b"x" * 1000, None)))
    with dial(upstream) as sock:
        read_until(sock, b"x" * 1000 + b"\r\n3e8\r\n")
    upstream.wait_for(lambda: upstream.open_connections == 0)
    assert upstream.last.ending == "disconnect"
    assert upstream.last.sent_bytes > 1000


def test_requests_are_recorded_as_they_came(upstream: ScriptedUpstream) -> None:
    body = b"5;ext=1\r\nhello\r\n1\r\n!\r\n0\r\nTrailer: x\r\n\r\n"
    head = b"POST /v1/x?a=b HTTP/1.1\r\nA: 1\r\na: 2\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    with dial(upstream, head + body) as sock:
        assert read_all(sock).startswith(b"HTTP/1.1 404")
    request = upstream.last
    assert (request.method, request.path, request.query, request.body) == ("POST", "/v1/x", "a=b", b"hello!")
    assert request.headers["a"] == "1, 2"


def test_a_client_that_expects_100_gets_it_before_its_body(upstream: ScriptedUpstream) -> None:
    with dial(upstream, b"POST /v1/x HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n") as sock:
        assert read_until(sock, b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"{}")
        read_until(sock, b"HTTP/1.1 404")
    assert upstream.last.json() == {}


def test_what_is_no_request_ends_its_connection_alone(upstream: ScriptedUpstream) -> None:
    with dial(upstream, b"nonsense\r\n\r\n") as sock:
        assert read_all(sock) == b""
    with dial(upstream, b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nshort") as sock:
        sock.shutdown(socket.SHUT_WR)
        assert read_all(sock) == b""
    assert upstream.requests == []
    assert requests.get(f"{upstream.url}/models", headers={"Authorization": "Bearer k"}, timeout=5).ok


def test_a_connection_serves_many_requests_even_pipelined(upstream: ScriptedUpstream) -> None:
    upstream.script(Answer(b"one"), Answer(b"two", delay_s=0.01), Answer(b"three", close=True))
    with dial(upstream, GET * 3) as sock:
        reply = read_all(sock)
    assert [reply.find(word) > 0 for word in (b"one", b"two", b"three")] == [True] * 3
    assert {request.connection for request in upstream.requests} == {1}
    assert upstream.connections_total == 1


@pytest.mark.parametrize("reset", [False, True])
def test_idle_connections_can_be_dropped(upstream: ScriptedUpstream, reset: bool) -> None:
    upstream.script(Answer(b"."))
    with dial(upstream) as sock:
        read_until(sock, b"\r\n\r\n.")
        upstream.drop_connections(reset=reset)
        assert upstream.open_connections == 0
        try:
            assert sock.recv(1) == b""
            assert not reset
        except ConnectionResetError:
            assert reset


def test_queued_scripts_come_before_handlers_and_fit_their_path(upstream: ScriptedUpstream) -> None:
    def handler(request: ReceivedRequest) -> Answer:
        return Answer(f"handled {request.path}")

    upstream.on("/v1/b", handler)
    upstream.script(Answer("only a"), path="/v1/a")
    upstream.script(Answer("any"))
    texts = [requests.get(f"{upstream.url}/{name}", timeout=5).text for name in ("b", "b", "a")]
    assert texts == ["any", "handled /v1/b", "only a"]
    assert upstream.scripts_left == 0


def test_a_shared_upstream_can_forget(upstream: ScriptedUpstream) -> None:
    upstream.on("/v1/x", Answer("handler"))
    requests.get(f"{upstream.url}/x", timeout=5)
    upstream.script(Answer("queued"))
    upstream.reset()
    assert (upstream.requests, upstream.scripts_left) == ([], 0)
    assert requests.get(f"{upstream.url}/x", timeout=5).status_code == 404


def test_a_failing_handler_fails_the_test() -> None:
    def handler(request: ReceivedRequest) -> Answer:
        raise LookupError("a mistake in the test")

    with pytest.raises(LookupError, match="a mistake in the test"), ScriptedUpstream() as upstream:
        upstream.on("/v1/models", handler)
        assert requests.get(f"{upstream.url}/models", timeout=5).status_code == 500


def test_waiting_in_vain_says_what_was_seen(upstream: ScriptedUpstream) -> None:
    requests.get(f"{upstream.url}/models", timeout=5)
    with pytest.raises(TimeoutError, match="GET /v1/models complete"):
        upstream.wait_for(lambda: False, timeout_s=0.01)


def test_closing_frees_held_connections_and_refuses_new_ones() -> None:
    upstream = ScriptedUpstream()
    upstream.script(Answer(hold=threading.Event()))
    with dial(upstream) as sock:
        upstream.wait_for_requests(1)
        upstream.close()
        assert sock.recv(1) == b""
    upstream.close()
    with pytest.raises(ConnectionRefusedError):
        dial(upstream)


def test_gzip_is_said_and_done(upstream: ScriptedUpstream) -> None:
    head, _, body = exchange(upstream, Answer(b"abc" * 100, gzip=True, close=True)).partition(b"\r\n\r\n")
    assert b"Content-Encoding: gzip" in head
    assert gzip.decompress(body) == b"abc" * 100


def test_statuses_without_a_body_have_none(upstream: ScriptedUpstream) -> None:
    assert exchange(upstream, Answer(status=204, close=True)).endswith(b"\r\n\r\n")
