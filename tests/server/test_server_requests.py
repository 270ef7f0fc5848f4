"""Requests: what is parsed, how, and what the application sees of it."""

from __future__ import annotations

import json
import random
import socket
import time

import pytest
from server_wire import Server, request

pytestmark = pytest.mark.slow


def environ_of(server: Server, raw: bytes) -> dict[str, object]:
    answer = server.ask(raw)
    assert answer.status == 200, answer.body
    environ: dict[str, object] = json.loads(answer.body)
    return environ


def test_keep_alive_serves_many_requests(server: Server) -> None:
    with server.client() as client:
        answers = [client.get("/hello") for _ in range(20)]
    assert {(answer.status, answer.body) for answer in answers} == {(200, b"hello")}
    assert "connection" not in answers[0].headers
    assert "server" not in answers[0].headers
    assert answers[0].headers["date"].endswith("GMT")


def test_pipelined_requests_are_answered_in_order(server: Server) -> None:
    bodies = [b"number %d" % number for number in range(50)]
    with server.client() as client:
        client.send(b"".join(request("POST", "/echo", body=body) for body in bodies))
        assert [client.answer().body for _ in bodies] == bodies


def test_one_byte_at_a_time(server: Server) -> None:
    raw = request("POST", "/echo", "Transfer-Encoding: chunked") + b"3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: x\r\n\r\n"
    with server.client() as client:
        for byte in raw:
            client.send(bytes([byte]))
        assert client.answer().body == b"abcde"


def test_any_split_parses_alike(server: Server) -> None:
    random.seed(7)
    chunked = request("POST", "/echo", "Transfer-Encoding: chunked") + b"5\r\nhello\r\n0\r\n\r\n"
    raw = chunked + request("GET", "/list") + request("POST", "/echo", body=b"world") + request("GET", "/hello")
    for _ in range(60):
        cuts = sorted(random.sample(range(1, len(raw)), 4))
        with server.client() as client:
            for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True):
                client.send(raw[start:end])
            assert [client.answer().body for _ in range(4)] == [b"hello", b"one item", b"world", b"hello"]


def test_chunked_body_then_another_request(server: Server) -> None:
    with server.client() as client:
        client.send(request("POST", "/echo", "Transfer-Encoding: chunked") + b"5\r\nhello\r\n0\r\n")
        client.send(b"X-Trailer: 1\r\nAuthorization: evil\r\n\r\n" + request("GET", "/environ"))
        assert client.answer().body == b"hello"
        environ = json.loads(client.answer().body)
    assert not {"HTTP_AUTHORIZATION", "HTTP_X_TRAILER"} & set(environ)


def test_large_body(server: Server) -> None:
    body = bytes(range(256)) * 20_000
    with server.client() as client:
        assert client.send(request("POST", "/echo", body=body)).answer().body == body
        assert client.get("/hello").status == 200


def test_body_as_a_file(server: Server) -> None:
    answer = server.ask(request("POST", "/lines", body=b"abcdef\nghi\njkl\nmno"))
    assert json.loads(answer.body) == ["abc", "def\n", "gh", "i\n", "jkl\n", "mno", "", ""]


def test_environ(server: Server) -> None:
    before = time.time()
    environ = environ_of(server, request("GET", "/environ/%C3%A9%20x?q=%20&r", "X-Two: a", "Cookie: a", "X-Two:  b "))
    assert environ["PATH_INFO"] == "/environ/é x".encode().decode("latin-1")
    assert environ["RAW_URI"] == "/environ/%C3%A9%20x?q=%20&r"
    assert environ["QUERY_STRING"] == "q=%20&r"
    assert environ["HTTP_X_TWO"] == "a,b"
    assert environ["REMOTE_ADDR"] == "127.0.0.1"
    assert environ["SERVER_PORT"] == str(server.port)
    assert environ["SERVER_PROTOCOL"] == "HTTP/1.1"
    assert environ["wsgi.input_terminated"] is True
    received_at = environ["router.received_at"]
    assert isinstance(received_at, float)
    assert before - 1 < received_at < time.time() + 1


def test_repeated_cookies_are_joined_as_cookies(server: Server) -> None:
    assert environ_of(server, request("GET", "/environ", "Cookie: a=1", "Cookie: b=2"))["HTTP_COOKIE"] == "a=1; b=2"


def test_names_with_underscores_are_dropped(server: Server) -> None:
    environ = environ_of(server, request("GET", "/environ", "X_API_KEY: stolen", "X-Other: kept"))
    assert "HTTP_X_API_KEY" not in environ
    assert environ["HTTP_X_OTHER"] == "kept"


def test_absolute_target_names_the_host(server: Server) -> None:
    environ = environ_of(server, request("GET", "http://user@other:81/environ?x#y"))
    assert (environ["PATH_INFO"], environ["QUERY_STRING"]) == ("/environ", "x")
    assert environ["HTTP_HOST"] == "other:81"


def test_asterisk_target_is_for_options(server: Server) -> None:
    with server.client() as client:
        client.send(request("OPTIONS", "*"))
        assert client.answer().status == 404
        client.send(request("GET", "*"))
        assert client.answer().error()["message"].startswith("The request's target is not a path")


@pytest.mark.parametrize(("fields", "kept"), [((), False), (("Connection: keep-alive",), True)])
def test_http_1_0(server: Server, fields: tuple[str, ...], kept: bool) -> None:
    with server.client() as client:
        client.send(request("GET", "/hello", *fields, version="1.0"))
        answer = client.answer()
        assert answer.body == b"hello"
        assert answer.headers["connection"] == ("keep-alive" if kept else "close")
        assert kept or client.at_end()


def test_http_1_0_needs_no_host(server: Server) -> None:
    assert server.ask(b"GET /hello HTTP/1.0\r\n\r\n").status == 200


def test_connection_close_is_honoured(server: Server) -> None:
    with server.client() as client:
        client.send(request("GET", "/hello", "Connection: close") + b"and then nonsense")
        assert client.answer().headers["connection"] == "close"
        assert client.at_end()


@pytest.mark.parametrize("framing", ["Content-Length: 5", "Transfer-Encoding: chunked"])
def test_upgrade_is_ignored_and_the_body_kept(server: Server, framing: str) -> None:
    body = b"5\r\nhello\r\n0\r\n\r\n" if "chunked" in framing else b"hello"
    with server.client() as client:
        head = request("POST", "/echo", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", framing)
        client.send(head + body[:3])
        client.send(body[3:] + request("GET", "/hello"))
        assert client.answer().body == b"hello"
        assert client.answer().status == 200
        client.send(request("GET", "/hello", "Connection: Upgrade", "Upgrade: websocket"))
        assert client.answer().body == b"hello"
        assert client.get("/list").body == b"one item"


@pytest.mark.parametrize("behind", [b"NONSENSE\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET /hello HTTP/1.1\r\n\r\n"])
def test_a_refused_request_behind_an_upgrade_costs_the_good_answer_nothing(server: Server, behind: bytes) -> None:
    with server.client() as client:
        client.send(request("GET", "/hello", "Connection: Upgrade", "Upgrade: h2c") + behind)
        assert client.answer().body == b"hello"
        assert client.answer().error()["type"] == "invalid_request_error"
    assert "Traceback" not in server.log.read_text()


def test_continue_is_sent_when_the_body_is_read(server: Server) -> None:
    with server.client() as client:
        client.send(request("POST", "/echo", "Expect: 100-continue", "Content-Length: 5"))
        assert client.answer().status == 100
        client.send(b"hello")
        assert client.answer().body == b"hello"
        assert client.get("/hello").status == 200


def test_continue_is_not_sent_to_a_refused_request(server: Server) -> None:
    with server.client() as client:
        client.send(request("POST", "/refuse", "Expect: 100-continue", "Content-Length: 5"))
        answer = client.answer()
        assert (answer.status, answer.headers["connection"]) == (401, "close")
        assert client.at_end()


def test_a_client_that_only_half_closes_gets_its_answers(server: Server) -> None:
    with server.client() as client:
        client.send(request("GET", "/hello") + request("GET", "/list"))
        client.sock.shutdown(socket.SHUT_WR)
        assert [client.answer().body, client.answer().body] == [b"hello", b"one item"]
        assert client.at_end()


def test_small_unread_body_is_skipped(server: Server) -> None:
    with server.client() as client:
        client.send(request("POST", "/refuse", body=b"x" * 30_000))
        assert client.answer().status == 401
        assert client.get("/hello").status == 200


def test_large_unread_body_does_not_lose_the_answer(server: Server) -> None:
    with server.client() as client:
        client.send(request("POST", "/refuse", "Content-Length: 4000000") + b"x" * 4_000_000)
        answer = client.answer()
        assert (answer.status, answer.headers["connection"]) == (401, "close")
        assert client.at_end()
