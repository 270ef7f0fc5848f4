"""One node and what it may answer: a failure is a ``NodeFault`` that names its host, in bounded time and size."""

from __future__ import annotations

import gzip
import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

import pytest
from router_plugins.chains import Limited, Node, NodeFault, nodes
from router_plugins.chains.nodes import Pacer

GOOD = json.dumps({"jsonrpc": "2.0", "id": 0, "result": "0x1"}).encode()


@contextmanager
def answering(write: Callable[[socket.socket, Event], object]) -> Iterator[Node]:
    """A node that answers each connection's first request by what ``write`` sends."""
    over = Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while not over.is_set():
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    with suppress(OSError):
                        write(connection, over)

        Thread(target=serve, daemon=True).start()
        port = server.getsockname()[1]
        pacer = Pacer(1000, time.monotonic, lambda seconds: None)
        try:
            yield Node(f"http://user:SECRET@127.0.0.1:{port}/v3/SECRET", pacer)
        finally:
            over.set()
            socket.create_connection(("127.0.0.1", port)).close()


def _http(body: bytes, status: str = "200 OK", head: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\n{head}content-length: {len(body)}\r\nconnection: close\r\n\r\n".encode() + body


def _plain(content: bytes) -> Callable[[socket.socket, Event], object]:
    return lambda connection, over: connection.sendall(content)


@pytest.mark.parametrize(
    "content", [_http(GOOD), _http(gzip.compress(GOOD), head="content-encoding: gzip\r\n"), _http(GOOD, "500 Oops")]
)
def test_a_good_answer_is_read_however_it_comes(content: bytes) -> None:
    with answering(_plain(content)) as node:
        assert node.call("eth_blockNumber") == "0x1"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "does not answer"),
        (b"SSH-2.0-OpenSSH\r\n", "does not answer"),
        (_http(GOOD)[:-5], "does not answer"),
        (_http(b"not gzip", head="content-encoding: gzip\r\n"), "does not answer"),
        (_http(b"<html>", "502 Bad Gateway"), "answered with 502 and no JSON"),
        (_http(b"", "302 Found", "location: http://127.0.0.1:1/\r\n"), "answered with 302 and no JSON"),
        (_http(b"\xff\xfe"), "no JSON"),
        (_http(b"[" * 100_000), "no JSON"),
        (_http(b"[]"), "left a question unanswered"),
        (_http(b"{}"), "refuses"),
        (_http(b'{"error": null}'), "refuses"),
        (_http(b'{"error": {"code": -32000, "message": "header not found"}}'), "refuses: header not found"),
    ],
)
def test_what_is_no_answer_is_a_fault_that_names_the_host_alone(content: bytes, told: str) -> None:
    with answering(_plain(content)) as node, pytest.raises(NodeFault, match=told) as caught:
        node.call("eth_blockNumber")
    assert "SECRET" not in str(caught.value) and "127.0.0.1:" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "pause_s"),
    [
        (_http(b"", "429 Too Many Requests", "retry-after: 77\r\n"), 77),
        (_http(b"", "429 Too Many Requests", "retry-after: Tue, 01 Dec 2026 00:00:00 GMT\r\n"), 0),
        (_http(b"", "503 Unavailable", "retry-after: 1e9\r\n"), 600),
        (_http(b"", "403 Forbidden"), 0),
        (_http(b'{"error": {"code": -32005, "message": "daily request limit reached"}}'), 0),
        (_http(b'{"error": {"code": 429, "message": "Too Many Requests, slow down"}}'), 0),
    ],
)
def test_limits_are_told_apart_with_the_pause_that_is_asked_for(content: bytes, pause_s: float) -> None:
    with answering(_plain(content)) as node, pytest.raises(Limited) as caught:
        node.call("eth_getLogs", {})
    assert caught.value.pause_s == pause_s


def test_too_many_results_are_no_limit_on_us() -> None:
    content = _http(b'{"error": {"code": -32005, "message": "query returned more than 10000 results"}}')
    with answering(_plain(content)) as node, pytest.raises(NodeFault) as caught:
        node.call("eth_getLogs", {})
    assert not isinstance(caught.value, Limited)


def test_an_answer_without_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "_MOST_BYTES", 2**20)

    def pour(connection: socket.socket, over: Event) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while not over.is_set():
            connection.sendall(b" " * 65536)

    with answering(pour) as node, pytest.raises(NodeFault, match="more than 1 MiB"):
        node.call("eth_blockNumber")


def test_an_answer_that_drips_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "_WHOLE_S", 0.2)

    def drip(connection: socket.socket, over: Event) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while not over.wait(0.02):
            connection.sendall(b" ")

    with answering(drip) as node, pytest.raises(NodeFault, match=r"took more than 0\.2 s"):
        node.call("eth_blockNumber")


def test_answers_of_a_batch_are_known_by_their_numbers() -> None:
    answers = [{"jsonrpc": "2.0", "id": number, "result": hex(number)} for number in (2, 0, 1)]
    with answering(_plain(_http(json.dumps(answers).encode()))) as node:
        assert node.batch("eth_getBalance", [["a"], ["b"], ["c"]]) == ["0x0", "0x1", "0x2"]
    with (
        answering(_plain(_http(json.dumps(answers[:2]).encode()))) as node,
        pytest.raises(NodeFault, match="unanswered"),
    ):
        node.batch("eth_getBalance", [["a"], ["b"], ["c"]])


def test_requests_are_spaced_out_and_a_clock_that_is_set_back_stops_nothing() -> None:
    now, waited = [1000.0], []

    def sleep(seconds: float) -> None:
        waited.append(round(seconds, 3))
        now[0] += seconds

    pacer = Pacer(4, lambda: now[0], sleep)
    for _ in range(5):
        pacer.wait()
    assert waited == [0.25] * 4
    now[0] += 60
    pacer.wait()
    now[0] -= 3600
    pacer.wait()
    assert waited == [0.25] * 4
