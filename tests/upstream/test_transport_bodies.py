"""The transport contract: requests as sent, and bodies in every framing and encoding."""

from __future__ import annotations

import gzip
import threading
import zlib

import brotli
import pytest
from raw_upstream import Peer, RawUpstream, answer
from upstream_client import Client

from router.errors import UpstreamError
from router.types.transport import Request


def once(*pieces: bytes, pause_s: float = 0.0) -> RawUpstream:
    """Answers one request with these pieces, then closes."""

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(*pieces, pause_s=pause_s)

    return RawUpstream(script)


def chunked(*chunks: bytes, head: str = "", end: bytes = b"0\r\n\r\n") -> bytes:
    framed = b"".join(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n" for chunk in chunks)
    return f"HTTP/1.1 200 OK\r\n{head}Transfer-Encoding: chunked\r\n\r\n".encode() + framed + end


def test_request_as_sent(client: Client) -> None:
    requests: list[tuple[bytes, bytes]] = []

    def script(peer: Peer) -> None:
        for _ in range(3):
            requests.append(peer.request())
            peer.send(answer())

    with RawUpstream(script) as upstream:
        headers = {"Authorization": "Bearer k", "Host": "evil", "connection": "close", "Content-Length": "9"}
        client.send(upstream.url + "?a=b%20c&d=é", b"{1}", **headers).close()
        client.send(upstream.url, None).close()
        client.transport.send(Request("POST", upstream.url)).close()
    head, body = requests[0]
    first, *lines = head.lower().split(b"\r\n")
    assert first == b"post /v1/x?a=b%20c&d=%c3%a9 http/1.1"
    host = b"host: 127.0.0.1:%d" % upstream.port
    assert sorted(lines) == [b"accept-encoding: identity", b"authorization: bearer k", b"content-length: 3", host]
    assert body == b"{1}"
    assert requests[1][0].startswith(b"GET /v1/x HTTP/1.1\r\n") and b"ontent-" not in requests[1][0]
    assert b"Content-Length: 0" in requests[2][0]


@pytest.mark.parametrize(
    "response",
    [
        answer(b"hello world"),
        b"HTTP/1.1 200 OK\r\n\r\nhello world",
        b"HTTP/1.0 200 OK\r\n\r\nhello world",
        chunked(b"hello", b" world"),
        chunked(b"hello", b" world", end=b"0\r\nX-Trailer: 1\r\n\r\n"),
        b"HTTP/1.1 100 Continue\r\n\r\n" + answer(b"hello world"),
    ],
    ids=["length", "eof", "http-1.0", "chunked", "trailers", "continue"],
)
@pytest.mark.parametrize("cut", ["whole", "bytes"])
def test_body_framings(client: Client, response: bytes, cut: str) -> None:
    pieces = [response] if cut == "whole" else [response[i : i + 1] for i in range(len(response))]
    with once(*pieces) as upstream:
        assert client.fetch(upstream.url) == b"hello world"


def test_early_hints_are_skipped(client: Client) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    with once(hints, hints + answer(b"yes")) as upstream:
        response = client.send(upstream.url)
        assert (response.status, dict(response.headers)) == (200, {"content-length": "3"})
        assert response.read(10) == b"yes"


def test_early_hints_never_answer_the_next_call(client: Client) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 103 Early Hints\r\n\r\n", answer(b"first"), pause_s=0.05)
        peer.request()
        peer.send(answer(b"second"))

    with RawUpstream(script) as upstream:
        try:
            assert client.fetch(upstream.url) == b"first"
        except UpstreamError as error:
            assert error.kind == "malformed"


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_no_body(client: Client, status: str) -> None:
    def script(peer: Peer) -> None:
        while True:
            peer.request()
            peer.send(f"HTTP/1.1 {status}\r\nX-A: 1\r\n\r\n".encode())

    with RawUpstream(script) as upstream:
        for _ in range(2):
            response = client.send(upstream.url)
            assert response.read(0) == b"" and list(response.chunks()) == []
            response.close()
        assert upstream.connections == 1


def test_status_headers_and_redirects_come_back(client: Client) -> None:
    head = "Location: http://127.0.0.1:1/\r\nX-Rate: 1\r\nX-RATE: 2\r\n"
    with once(answer(b"", status="302 Found", head=head)) as upstream:
        response = client.send(upstream.url)
        response.close()
    assert response.status == 302
    assert dict(response.headers) == {"location": "http://127.0.0.1:1/", "x-rate": "1, 2", "content-length": "0"}


def test_chunks_come_as_they_arrive(client: Client) -> None:
    go_on = threading.Event()

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(chunked(b"one", end=b""))
        go_on.wait(5)
        peer.send(b"3\r\ntwo\r\n0\r\n\r\n")

    with RawUpstream(script) as upstream:
        chunks = client.send(upstream.url).chunks()
        assert next(chunks) == b"one"
        go_on.set()
        assert list(chunks) == [b"two"]


def test_one_piece_per_read(client: Client) -> None:
    with once(chunked(b"a", b"b", b"c")) as upstream:
        assert list(client.send(upstream.url).chunks()) == [b"abc"]


ENCODINGS = {
    "gzip": gzip.compress,
    "x-gzip": lambda data: gzip.compress(data[:7]) + gzip.compress(data[7:]),
    "deflate": zlib.compress,
    "Deflate": lambda data: zlib.compress(data)[2:-4],
    "br": brotli.compress,
    "identity": bytes,
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_content_encodings(client: Client, encoding: str) -> None:
    plain = b"some text, " * 40_000 + bytes(200_000)
    packed = ENCODINGS[encoding](plain)
    step = len(packed) // 1000 + 1
    head = f"Content-Encoding: {encoding}\r\n"
    with once(answer(packed, head=head)) as upstream:
        assert client.fetch(upstream.url) == plain
    with once(chunked(*(packed[i : i + step] for i in range(0, len(packed), step)), head=head)) as upstream:
        assert client.fetch(upstream.url) == plain
    with once(answer(b"", head=head)) as upstream:
        assert client.fetch(upstream.url) == b""


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "Deflate", "br"])
def test_bombs_stay_small(client: Client, encoding: str) -> None:
    packed = ENCODINGS[encoding](bytes(20 << 20))
    with once(answer(packed, head=f"Content-Encoding: {encoding}\r\n")) as upstream:
        response = client.send(upstream.url)
        sizes = [len(piece) for piece in response.chunks()]
        response.close()
    assert sum(sizes) == 20 << 20
    assert max(sizes) <= 320 << 10


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "Deflate", "br"])
def test_truncated_encodings_are_malformed(client: Client, encoding: str) -> None:
    packed = ENCODINGS[encoding](b"some text, " * 1000)[:-3]
    with once(answer(packed, head=f"Content-Encoding: {encoding}\r\n")) as upstream:
        assert client.failure(upstream.url).kind == "malformed"


@pytest.mark.parametrize(("encoding", "body"), [("gzip", b"not gzip"), ("br", b"\xff\xff\xff"), ("zstd", b"(")])
def test_undecodable_encodings_are_malformed(client: Client, encoding: str, body: bytes) -> None:
    with once(answer(body, head=f"Content-Encoding: {encoding}\r\n")) as upstream:
        assert client.failure(upstream.url).kind == "malformed"


def test_read_limit(client: Client) -> None:
    with once(answer(b"x" * 100_000)) as upstream:
        response = client.send(upstream.url)
        with pytest.raises(UpstreamError, match=r"longer than 99,999 bytes") as caught:
            response.read(99_999)
        assert (caught.value.kind, caught.value.code) == ("bad_request", "answer_too_long")
        assert upstream.closed.acquire(timeout=5)
    with once(answer(b"x" * 100_000)) as upstream:
        response = client.send(upstream.url)
        assert len(response.read(100_000)) == 100_000
        response.close()


@pytest.mark.parametrize("size", [1, 65_536, 65_537, 14 << 20])
def test_bodies_both_ways(client: Client, size: int) -> None:
    def script(peer: Peer) -> None:
        for _ in range(2):
            _, body = peer.request()
            peer.send(answer(body))

    body = bytes(range(256)) * (size // 256 + 1)
    with RawUpstream(script) as upstream:
        for _ in range(2):
            assert client.fetch(upstream.url, body) == body
        assert upstream.connections == 1


def test_large_bodies_both_ways_at_once(client: Client) -> None:
    # Not on requests: it reads nothing before it has sent everything, so both sides would wait for each other.
    size = 14 << 20

    def script(peer: Peer) -> None:
        peer.request_head()
        peer.send(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode() + b"r" * size)
        peer.hold()

    with RawUpstream(script) as upstream:
        assert client.fetch(upstream.url, b"q" * size) == b"r" * size


def test_an_early_answer_is_returned(client: Client) -> None:
    def script(peer: Peer) -> None:
        peer.request_head()
        peer.send(answer(b"too large", status="413 Too Large", head="Connection: close\r\n"))
        peer.stopped.wait(0.3)  # then close with unread data: a reset

    with RawUpstream(script) as upstream:
        response = client.send(upstream.url, b"x" * (14 << 20))
        assert (response.status, response.read(100)) == (413, b"too large")
        response.close()


@pytest.mark.parametrize("headers", [{"A": "b\r\nX: y"}, {"A": "b\n"}, {"A\r\nX": "b"}, {"A b": "c"}, {"A": "\u20ac"}])
def test_unsafe_headers_are_refused(client: Client, headers: dict[str, str]) -> None:
    with pytest.raises(ValueError) as caught:
        client.transport.send(Request("POST", "http://127.0.0.1:1/", headers, b""))
    assert "X: y" not in str(caught.value)


@pytest.mark.parametrize("url", ["ftp://h/", "/v1", "http://", "http://u:secret@h/", "http://h:99999/", "http://h:x/"])
def test_unusable_urls_are_refused(client: Client, url: str) -> None:
    with pytest.raises(ValueError) as caught:
        client.transport.send(Request("GET", url))
    assert "secret" not in str(caught.value)
