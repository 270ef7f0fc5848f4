"""The transport contract: everything that can go wrong has a kind, in bounded time, and leaves nothing behind."""

from __future__ import annotations

import re
import socket
import threading
import time
from dataclasses import replace

import pytest
from machine import HANG_S
from raw_upstream import Peer, RawUpstream, answer
from upstream_client import QUICK, Client

from router.config.provider import Timeouts
from router.errors import UpstreamError


def once(*pieces: bytes, pause_s: float = 0.0) -> RawUpstream:
    """Answers one request with these pieces, then closes."""

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(*pieces, pause_s=pause_s)

    return RawUpstream(script)


@pytest.mark.parametrize(
    "response",
    [
        b"",
        answer(b"abc", length=10),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n",
    ],
    ids=["nothing", "length", "in-chunk", "between-chunks"],
)
def test_cut_answers(client: Client, response: bytes) -> None:
    with once(response) as upstream:
        error = client.failure(upstream.url)
    assert error.kind == "connection"
    assert "127.0.0.1" in error.message


def test_cut_head(client: Client) -> None:
    with once(b"HTTP/1.1 200 OK\r\nContent-Le") as upstream:
        assert client.failure(upstream.url).kind == "connection"


@pytest.mark.parametrize(
    "response",
    [
        b"SSH-2.0-OpenSSH_9.7\r\n",
        b"\x15\x03\x03\x00\x02\x02\x46",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: %s\r\n" % (i, b"a" * 990) for i in range(80)) + b"\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: a\r\n" % i for i in range(250)) + b"\r\n",
    ],
    ids=["ssh", "tls", "status", "coding", "chunk", "lengths", "smuggle", "upgrade", "line", "block", "count"],
)
def test_malformed_answers(client: Client, response: bytes) -> None:
    with once(response) as upstream:
        error = client.failure(upstream.url)
    assert error.kind == "malformed"


def test_endless_head_ends(client: Client) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        while True:
            peer.send(b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\n" * 100)

    with RawUpstream(script) as upstream:
        assert client.failure(upstream.url).kind == "malformed"


def test_endless_framing_ends(client: Client) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;")
        while True:
            peer.send(b"x" * 10_000)

    with RawUpstream(script) as upstream:
        assert client.failure(upstream.url).kind == "malformed"


def test_refused(client: Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    error = client.failure(f"http://127.0.0.1:{port}/v1?key=secret")
    assert error.kind == "connection"
    assert error.message == "upstream 127.0.0.1: connection failed: Connection refused"


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\nX: y"], ids=["silent", "mid-head"])
def test_reset_on_a_fresh_connection_is_not_retried(client: Client, sent: bytes) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(sent)
        peer.reset()

    with RawUpstream(script) as upstream:
        assert client.failure(upstream.url).kind == "connection"
        assert upstream.connections == 1


SILENT: dict[str, tuple[Timeouts, list[bytes]]] = {
    "first_byte": (replace(QUICK, first_byte=0.2), []),
    "first_byte-dripped-head": (replace(QUICK, first_byte=0.3), [b"HTTP/1.1 200 OK\r\nX: ", *[b"y"] * 100]),
    "whole-before-head": (replace(QUICK, first_byte=None, whole=0.2), []),
    "whole-dripped-head": (Timeouts(first_byte=None, whole=0.3), [b"HTTP/1.1 200 OK\r\nX: ", *[b"y"] * 100]),
    "idle": (replace(QUICK, idle=0.2), [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"]),
    "whole-dripped-body": (replace(QUICK, whole=0.4), [answer(b"", length=200), *[b"y"] * 100]),
    "whole-dripped-eof-body": (replace(QUICK, whole=0.4), [b"HTTP/1.1 200 OK\r\n\r\n", *[b"y"] * 100]),
}


@pytest.mark.parametrize("case", SILENT)
def test_time_limits(client: Client, case: str) -> None:
    timeouts, pieces = SILENT[case]

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(*pieces, pause_s=0.1)
        peer.hold()

    with RawUpstream(script) as upstream:
        start = time.monotonic()
        error = client.failure(upstream.url, timeouts=timeouts)
        assert error.kind == "timeout"
        assert 0.15 < time.monotonic() - start < HANG_S
        assert upstream.closed.acquire(timeout=5)
    assert re.fullmatch(
        r"upstream 127\.0\.0\.1: (no response|not finished|no progress) (within|for) 0\.\d s", error.message
    )


def test_steady_drip_is_not_idle(client: Client) -> None:
    with once(answer(b"", length=6), *[b"y"] * 6, pause_s=0.1) as upstream:
        assert client.fetch(upstream.url, timeouts=replace(QUICK, idle=0.4)) == b"yyyyyy"


def test_upstream_that_does_not_take_the_request(client: Client) -> None:
    with RawUpstream(lambda peer: peer.send(b"", b"", pause_s=5)) as upstream:
        error = client.failure(upstream.url, b"x" * (14 << 20), timeouts=replace(QUICK, idle=0.2))
    assert error.kind == "timeout"


def test_hanging_name_look_up(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    calls: list[str] = []

    def getaddrinfo(host: str, *args: object, **kwargs: object) -> list[object]:
        calls.append(host)
        release.wait(10)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    for _ in range(2):
        error = client.failure("http://upstream.test/", timeouts=replace(QUICK, connect=0.1))
        assert error.kind == "timeout"
        assert error.message == "upstream upstream.test: no connection within 0.1 s"
    assert calls == ["upstream.test"]
    release.set()


def test_failing_name_look_up(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*args: object, **kwargs: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    error = client.failure("http://upstream.test/")
    assert error.kind == "connection"
    assert "its name cannot be looked up" in error.message
    assert client.failure(f"http://{'a' * 70}.test/").kind == "connection"


def test_all_addresses_are_tried(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    with once(answer(b"found")) as upstream:
        port = upstream.port
        found = [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", port, 0, 0)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.2", port)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)),
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)
        assert client.fetch(f"http://upstream.test:{port}/") == b"found"


def test_tls(client: Client) -> None:
    def script(peer: Peer) -> None:
        while True:
            _, body = peer.request()
            peer.send(answer(body))

    body = bytes(range(256)) * 20_000
    with RawUpstream(script, tls=True) as upstream:
        for size in (2, 100_000, len(body)):
            assert client.fetch(upstream.url, body[:size]) == body[:size]
        assert upstream.connections == 1
        error = client.failure(upstream.url.replace("localhost", "127.0.0.1"))
    assert error.kind == "connection"
    assert "TLS certificate is not accepted" in error.message


def test_tls_is_not_spoken(client: Client) -> None:
    with RawUpstream(lambda peer: peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as upstream:
        error = client.failure(f"https://localhost:{upstream.port}/")
    assert error.kind == "connection" and "TLS" in error.message


@pytest.mark.parametrize("dripped", [False, True])
def test_silent_tls_handshake(client: Client, dripped: bool) -> None:
    # A record of 16 KiB that never ends.
    pieces = [b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc\x03\x03", *[b"y"] * 2000] if dripped else []

    def script(peer: Peer) -> None:
        peer.send(*pieces, pause_s=0.05)
        peer.hold()

    with RawUpstream(script) as upstream:
        start = time.monotonic()
        error = client.failure(f"https://localhost:{upstream.port}/", timeouts=replace(QUICK, connect=0.3))
        assert error.kind == "timeout"
        assert time.monotonic() - start < HANG_S


def test_tls_large_bodies_both_ways_at_once(client: Client) -> None:
    size = 4 << 20

    def script(peer: Peer) -> None:
        peer.request_head()
        reader = threading.Thread(target=peer.hold)  # OpenSSL does not mind: one reads, one writes, no renegotiation
        peer.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        reader.start()
        peer.send(b"r" * size)
        peer.sock.shutdown(socket.SHUT_WR)
        reader.join(5)

    with RawUpstream(script, tls=True) as upstream:
        assert client.fetch(upstream.url, b"q" * size).count(b"r") == size


def test_a_foreign_exception_leaves_nothing_behind(narrow: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(answer(b"ab", length=4))
        peer.hold()

    def killed(*args: object) -> None:
        raise Killed

    with RawUpstream(script) as upstream:
        response = narrow.send(upstream.url)
        pieces = response.chunks()
        assert next(pieces) == b"ab"
        with monkeypatch.context() as patched:
            patched.setattr("router.http_client.deadlines.Deadline.left_s", killed)
            patched.setattr("router.http_client.connection.UpstreamConnection.receive", killed)
            with pytest.raises(Killed):
                next(pieces)
            assert upstream.closed.acquire(timeout=5)
            with pytest.raises(Killed):
                narrow.send(upstream.url)
        narrow.send(upstream.url).close()  # the one slot is free again


def test_high_descriptors(client: Client) -> None:
    spare = [socket.socket() for _ in range(1100)]
    try:
        with once(answer(b"high")) as upstream:
            assert client.fetch(upstream.url, b"x" * (4 << 20)) == b"high"
    finally:
        for sock in spare:
            sock.close()


def test_messages_hold_no_query(client: Client) -> None:
    with once(b"garbage") as upstream, pytest.raises(UpstreamError) as caught:
        client.send(upstream.url + "?key=secret", b"secret", Authorization="secret")
    assert "secret" not in caught.value.message
