"""Responses: framing, cuts, and the end of an iterable."""

from __future__ import annotations

import socket

import pytest
from server_wire import Client, Server, request
from waiting import until

pytestmark = pytest.mark.slow


def test_single_item_gets_a_length(server: Server) -> None:
    answer = server.ask(request("GET", "/list"))
    assert (answer.headers["content-length"], answer.body) == ("8", b"one item")


def test_stream_is_chunked_and_the_connection_kept(server: Server) -> None:
    before = server.state().get("closed stream", 0)
    with server.client() as client:
        for _ in range(2):
            answer = client.get("/stream")
            assert answer.headers["transfer-encoding"] == "chunked"
            assert (answer.body, answer.whole) == (b"piece 0\npiece 1\npiece 2\n", True)
    assert server.state()["closed stream"] == before + 2


def test_each_item_is_sent_as_it_comes(server: Server) -> None:
    with server.client() as client:
        client.send(request("GET", "/stream?count=2&pause_s=0.3"))
        assert client.answer(head_only=True).status == 200
        assert client.file.readline() == b"8\r\n"
        assert client.file.readline() == b"piece 0\n"
        client.sock.setblocking(False)
        with pytest.raises(BlockingIOError):
            client.sock.recv(1)


def test_stream_to_http_1_0_ends_with_the_connection(server: Server) -> None:
    with server.client() as client:
        answer = client.send(request("GET", "/stream", "Connection: keep-alive", version="1.0")).answer()
        assert answer.headers["connection"] == "close"
        assert "transfer-encoding" not in answer.headers
        assert answer.body.endswith(b"piece 2\n")


@pytest.mark.parametrize("path", ["/hello", "/stream", "/list", "/big"])
def test_head_has_no_body(server: Server, path: str) -> None:
    with server.client() as client:
        client.send(request("HEAD", path))
        answer = client.answer(head_only=True)
        assert answer.headers.get("content-length") == ("5" if path == "/hello" else None)
        assert client.get("/list").body == b"one item"


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_statuses_without_a_body(server: Server, status: str) -> None:
    with server.client() as client:
        answer = client.get("/empty?status=" + status.replace(" ", "%20"))
        assert answer.status == int(status[:3])
        assert ("content-length" in answer.headers) == (answer.status == 304)
        assert client.get("/list").body == b"one item"


def test_old_write_and_forbidden_headers(server: Server) -> None:
    with server.client() as client:
        answer = client.get("/written")
        assert (answer.body, answer.whole) == (b"by write, by return", True)
        assert answer.headers["connection"] == "close"
        assert "server" not in answer.headers
        assert client.at_end()


@pytest.mark.parametrize("path", ["/early", "/long", "/split", "/silent"])
def test_failure_before_the_head_is_500_without_detail(server: Server, path: str) -> None:
    with server.client() as client:
        answer = client.get(path)
        assert answer.status == 500
        assert answer.error()["code"] == "internal_error"
        assert b"secret" not in answer.body
        assert client.at_end()
    assert "Traceback" in server.log.read_text()


def test_failure_after_the_head_cuts_the_response(server: Server) -> None:
    with server.client() as client:
        answer = client.get("/late")
        assert (answer.status, answer.body, answer.whole) == (200, b"first", False)
    assert server.state()["closed late"] == 1


def test_failure_after_the_head_resets_where_only_the_end_delimits(server: Server) -> None:
    with server.client() as client, pytest.raises(ConnectionResetError):
        client.send(request("GET", "/late", version="1.0"))
        until(lambda: server.state().get("closed late", 0) >= 2, "the iterable is closed")
        client.answer()


def test_response_shorter_than_its_length_is_cut(server: Server) -> None:
    with server.client() as client:
        answer = client.get("/short")
        assert (answer.body, answer.whole) == (b"short", False)


def leave(client: Client) -> None:
    client.close()


def reset(client: Client) -> None:
    client.reset()


@pytest.mark.parametrize("go", [leave, reset])
def test_a_client_that_leaves_closes_the_iterable_once(server: Server, go: object) -> None:
    before = server.state().get("closed big", 0)
    client = server.client()
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.send(request("GET", "/big?count=400"))
    assert client.answer(head_only=True).status == 200
    assert callable(go)
    go(client)
    until(lambda: server.state().get("closed big", 0) > before, "the iterable is closed")
    assert server.state()["closed big"] == before + 1
