"""The transport contract: which connections are used again, and which never."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from machine import HANG_S
from raw_upstream import Peer, RawUpstream, answer
from upstream_client import QUICK, Client, make_transport

from router.config.provider import Timeouts
from router.errors import UpstreamError
from router.types.transport import RESEND_S, Request

Script = Callable[[Peer], None]


def serving(*responses: bytes) -> Script:
    """Answers the first requests of every connection with these, then closes."""

    def script(peer: Peer) -> None:
        for response in responses:
            peer.request()
            peer.send(response)

    return script


def test_a_body_read_to_its_end_frees_its_connection(client: Client) -> None:
    with RawUpstream(serving(*[answer(b"x" * 200_000)] * 5)) as upstream:
        for _ in range(5):
            client.fetch(upstream.url)
        assert upstream.connections == 1


def test_closing_in_mid_body_closes_the_connection(client: Client) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(answer(b"abc", length=100))
        peer.hold()

    with RawUpstream(script) as upstream:
        response = client.send(upstream.url)
        response.close()
        response.close()
        assert upstream.closed.acquire(timeout=5)
        client.send(upstream.url).close()
        assert upstream.connections == 2


def test_reading_after_close_is_no_end(client: Client) -> None:
    with RawUpstream(serving(answer(b"abc", length=100))) as upstream:
        response = client.send(upstream.url)
        pieces = response.chunks()
        assert next(pieces) == b"abc"
        response.close()
        with pytest.raises(Exception, match="closed before its end"):
            next(pieces)


@pytest.mark.parametrize(
    "response",
    [
        answer(b"ok", head="Connection: close\r\n"),
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ],
    ids=["close", "http-1.0"],
)
def test_connections_that_end_are_not_kept(client: Client, response: bytes) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(response)
        peer.hold()

    with RawUpstream(script) as upstream:
        for number in (1, 2):
            assert client.fetch(upstream.url) == b"ok"
            assert upstream.closed.acquire(timeout=5)
            assert upstream.connections == number


def test_http_1_0_keep_alive(client: Client) -> None:
    response = b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok"
    with RawUpstream(serving(response, response)) as upstream:
        assert client.fetch(upstream.url) == client.fetch(upstream.url) == b"ok"
        assert upstream.connections == 1


@pytest.mark.parametrize("tls", [False, True])
def test_a_connection_closed_while_idle_is_not_used(client: Client, tls: bool) -> None:
    with RawUpstream(serving(answer()), tls=tls) as upstream:
        for number in (1, 2):
            assert client.fetch(upstream.url) == b"ok"
            assert upstream.closed.acquire(timeout=5)
            assert upstream.connections == number


@pytest.mark.parametrize("ending", ["close", "reset"])
def test_a_connection_that_dies_under_a_request_is_replaced_once(client: Client, ending: str) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(answer(str(peer.number).encode()))
        peer.request()
        if ending == "reset":
            peer.reset()

    with RawUpstream(script) as upstream:
        assert client.fetch(upstream.url) == b"1"
        assert client.fetch(upstream.url) == b"2"
        assert upstream.connections == 2


@pytest.mark.parametrize("body", [b"{}", None], ids=["post", "get"])
def test_after_a_silence_only_what_may_be_repeated_is_sent_again(client: Client, body: bytes | None) -> None:
    """The upstream may have been at work on it."""
    taken: list[int] = []

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(answer())
        peer.request()
        taken.append(peer.number)
        peer.stopped.wait(1.5 * RESEND_S)

    with RawUpstream(script) as upstream:
        client.fetch(upstream.url)
        if body is None:
            assert client.fetch(upstream.url, body) == b"ok"
        else:
            assert client.failure(upstream.url, body).kind == "connection"
        assert (taken, upstream.connections) == ([1], 1 if body else 2)


def test_each_second_sending_is_told(client: Client) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(answer())
        peer.request()

    told: list[UpstreamError] = []
    with RawUpstream(script) as upstream:
        for _ in range(2):
            response = client.transport.send(Request("POST", upstream.url, {}, b"{}", QUICK), resent=told.append)
            response.read(9)
            response.close()
        assert [failure.kind for failure in told] == ["connection"] and "127.0.0.1" in told[0].message


def test_the_replacement_is_not_replaced(client: Client) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        if peer.number == 1:
            peer.send(answer())
            peer.request()

    with RawUpstream(script) as upstream:
        client.fetch(upstream.url)
        assert client.failure(upstream.url).kind == "connection"
        assert upstream.connections == 2


def test_no_second_try_after_a_byte_of_the_response(client: Client) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(answer())
        peer.request()
        peer.send(b"H")
        peer.stopped.wait(0.1)
        peer.reset()

    with RawUpstream(script) as upstream:
        client.fetch(upstream.url)
        assert client.failure(upstream.url).kind == "connection"
        assert upstream.connections == 1


def test_no_second_try_after_a_timeout(client: Client) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(answer())
        peer.hold()

    with RawUpstream(script) as upstream:
        client.fetch(upstream.url)
        assert client.failure(upstream.url, timeouts=replace(QUICK, first_byte=0.2)).kind == "timeout"
        assert upstream.connections == 1


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize(
    "surplus", [answer(b"evil"), b"x", b"\r\nHTTP/1.1 200 OK\r\n"], ids=["response", "byte", "head"]
)
@pytest.mark.parametrize("late", [False, True])
def test_surplus_bytes_answer_nothing(client: Client, surplus: bytes, late: bool, tls: bool) -> None:
    sent = threading.Event()

    def script(peer: Peer) -> None:
        peer.request()
        if late:
            peer.send(answer(b"good"))
            peer.send(surplus)
        else:
            peer.send(answer(b"good") + surplus)
        sent.set()
        while True:
            peer.request()
            peer.send(answer(b"good"))
            sent.set()

    with RawUpstream(script, tls=tls) as upstream:
        for _ in range(3):
            sent.clear()
            assert client.fetch(upstream.url) == b"good"
            sent.wait(5)
            time.sleep(0.02)  # loopback delivers at once; this is for a loaded machine


def test_a_free_slot_is_waited_for_within_connect(narrow: Client) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(answer(b"a", length=2))
        peer.request()

    with RawUpstream(script) as upstream:
        first = narrow.send(upstream.url)
        start = time.monotonic()
        error = narrow.failure(upstream.url, timeouts=Timeouts(connect=0.2))
        assert error.kind == "timeout"
        assert error.message == "upstream 127.0.0.1: no connection within 0.2 s"
        assert 0.15 < time.monotonic() - start < HANG_S
        first.close()
        narrow.send(upstream.url).close()


def test_many_callers_share_few_connections() -> None:
    def script(peer: Peer) -> None:
        while True:
            _, body = peer.request()
            peer.send(answer(body))

    transport = make_transport(max_connections=3)
    client = Client(transport)
    wrong: list[object] = []

    def call(number: int, url: str) -> None:
        for turn in range(10):
            body = f"{number}-{turn}".encode()
            got = client.fetch(url, body)
            if got != body:
                wrong.append(got)

    with RawUpstream(script) as upstream:
        threads = [threading.Thread(target=call, args=(number, upstream.url)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert wrong == []
        assert upstream.connections <= 3
        transport.close()


def test_idle_connections_expire_and_are_few() -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(answer(b"a", length=2))
        peer.stopped.wait(0.05)
        peer.send(b"b")
        peer.hold()

    client = Client(make_transport(max_idle=1, idle_ttl_s=0.0))
    with RawUpstream(script) as upstream:
        first, second = client.send(upstream.url), client.send(upstream.url)
        assert first.read(9) == second.read(9) == b"ab"
        assert upstream.closed.acquire(timeout=5)  # above max_idle
        time.sleep(0.01)
        client.send(upstream.url).close()
        assert upstream.connections == 3  # the idle one was too old
        client.transport.close()


def test_idle_connections_are_closed_without_a_further_call() -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(answer())
        peer.hold()

    client = Client(make_transport(idle_ttl_s=0.3))
    with RawUpstream(script) as upstream:
        for connections in (1, 2):
            assert client.fetch(upstream.url) == b"ok"
            assert upstream.closed.acquire(timeout=20)
            assert upstream.connections == connections
        client.transport.close()


def test_close_closes_idle_connections(client: Client) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(answer())
        peer.hold()

    with RawUpstream(script) as upstream:
        client.fetch(upstream.url)
        client.transport.close()
        assert upstream.closed.acquire(timeout=5)


@pytest.mark.parametrize("late", [b"0\r\n\r\n", b"0\r\nx-trailer: 1\r\n\r\n"], ids=["end", "trailer"])
@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_an_end_that_came_after_the_last_read_frees_the_connection(late: bytes, tls: bool) -> None:
    ended = threading.Event()

    def script(peer: Peer) -> None:
        for _ in range(2):
            peer.request()
            peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nlast\r\n")
            read.acquire()
            peer.send(late)
            ended.set()

    read = threading.Semaphore(0)
    client = Client(make_transport())
    with RawUpstream(script, tls=tls) as upstream:
        for _ in range(2):
            response = client.send(upstream.url)
            assert next(iter(response.chunks())) == b"last"
            ended.clear()
            read.release()
            assert ended.wait(5)
            time.sleep(0.02)  # across the loopback
            response.close()
        assert upstream.connections == 1
        client.transport.close()
