"""Hostile and broken clients: each gets our JSON error or a closed connection, and harms nobody else."""

from __future__ import annotations

import random
import resource
import socket
import time
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
from machine import HANG_S
from server_wire import Server, request, serving
from waiting import until

pytestmark = pytest.mark.slow

HOST = b"Host: a\r\n"
POST = b"POST /echo HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

BROKEN = {
    "not http": (b"\x16\x03\x01\x02\x00", 400),
    "lower-case method": (b"get / HTTP/1.1\r\n", 400),
    "unknown method": (b"FROB / HTTP/1.1\r\n", 400),
    "relative target": (b"GET hello HTTP/1.1\r\n", 400),
    "space in target": (b"GET /a b HTTP/1.1\r\n", 400),
    "control in target": (b"GET /a\x01b HTTP/1.1\r\n", 400),
    "bare line feeds": (b"GET / HTTP/1.1\nHost: a\n\n", 400),
    "no version": (b"GET /\r\n\r\n", 505),
    "future version": (b"GET / HTTP/3.0\r\n", 505),
    "http/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "http/2 in the line": (b"GET / HTTP/2.0\r\n" + HOST + b"\r\n", 505),
    "connect": (b"CONNECT a:443 HTTP/1.1\r\n" + HOST + b"\r\n", 405),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two hosts": (b"GET / HTTP/1.1\r\n" + HOST + HOST + b"\r\n", 400),
    "folded field": (b"GET / HTTP/1.1\r\n" + HOST + b"A: b\r\n c\r\n\r\n", 400),
    "nul in value": (b"GET / HTTP/1.1\r\n" + HOST + b"A: b\0c\r\n\r\n", 400),
    "nul in name": (b"GET / HTTP/1.1\r\n" + HOST + b"A\0: b\r\n\r\n", 400),
    "space before colon": (b"GET / HTTP/1.1\r\n" + HOST + b"A : b\r\n\r\n", 400),
    "no colon": (b"GET / HTTP/1.1\r\n" + HOST + b"Abc\r\n\r\n", 400),
    "cr in value": (b"GET / HTTP/1.1\r\n" + HOST + b"A: b\rc\r\n\r\n", 400),
    "length and chunked": (POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "chunked and length": (POST + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400),
    "two lengths": (POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400),
    "list of lengths": (POST + b"Content-Length: 3, 3\r\n\r\nabc", 400),
    "negative length": (POST + b"Content-Length: -1\r\n\r\n", 400),
    "huge length": (POST + b"Content-Length: 99999999999999999999999\r\n\r\n", 400),
    "other coding": (POST + b"Transfer-Encoding: gzip\r\n\r\n", 501),
    "two codings": (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 501),
    "chunked twice": (POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    "chunked in 1.0": (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "other expectation": (POST + b"Expect: tea\r\n\r\n", 417),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_heads_get_the_json_error(server: Server, name: str) -> None:
    raw, status = BROKEN[name]
    with server.client() as client:
        answer = client.send(raw).answer()
        assert answer.status == status
        assert answer.error()["type"] == "invalid_request_error"
        assert client.at_end()


BROKEN_CHUNKS = {
    "not a number": b"zz\r\n",
    "prefix": b"0x3\r\nabc\r\n",
    "bare line feed": b"3\nabc\r\n",
    "overflow": b"fffffffffffffffff\r\n",
    "longer than said": b"3\r\nabcd\r\n",
    "line feed in extension": b"3;a\nb\r\nabc\r\n",
}


@pytest.mark.parametrize("name", BROKEN_CHUNKS)
def test_broken_chunks_found_before_or_while_the_application_reads(server: Server, name: str) -> None:
    raw = BROKEN_CHUNKS[name]
    assert server.ask(CHUNKED + raw).error()["code"] == "invalid_request"
    before = server.state().get("called echo", 0)
    with server.client() as client:
        client.send(CHUNKED + b"3\r\nabc\r\n")
        until(lambda: server.state().get("called echo", 0) > before, "the application reads")
        client.send(raw)
        assert client.answer().error()["code"] == "invalid_request"
        assert client.at_end()


def test_the_application_may_answer_a_broken_body_itself(server: Server) -> None:
    with server.client() as client:
        client.send(CHUNKED.replace(b"/echo", b"/tolerant") + b"zz\r\n")
        answer = client.answer()
        assert (answer.status, answer.body) == (422, b"BadRequest 400")
        assert answer.headers["connection"] == "close"
        assert client.at_end()


def test_requests_before_a_broken_one_are_answered(server: Server) -> None:
    with server.client() as client:
        client.send(request("GET", "/hello") + request("GET", "/list") + b"\0\0\0")
        assert [client.answer().body, client.answer().body] == [b"hello", b"one item"]
        assert client.answer().error()
        assert client.at_end()


def test_body_shorter_than_said(server: Server) -> None:
    with server.client() as client:
        client.send(request("POST", "/tolerant", "Content-Length: 10") + b"abc")
        client.sock.shutdown(socket.SHUT_WR)
        assert client.answer().body == b"ClientGone"
    with server.client() as client:
        client.send(request("POST", "/echo", "Content-Length: 10") + b"abc")
    assert server.ask(request("GET", "/hello")).status == 200
    assert "ClientGone" not in server.log.read_text()


def test_long_target(strict: Server) -> None:
    assert strict.ask(request("GET", "/" + "a" * 1000)).status == 414
    with strict.client() as client:
        client.send(b"GET /")
        for _ in range(12):
            client.send(b"a" * 100)
        answer = client.answer()
        assert answer.status == 414
        assert answer.error()["code"] == "target_too_long"


@pytest.mark.parametrize(
    "raw",
    [
        request("GET", "/", *[f"X-{number}: 1" for number in range(25)]),
        request("GET", "/", "X-Long: " + "a" * 5000),
        b"GET / HTTP/1.1\r\nX-Endless: " + b"a" * 6000,
        b"GET / HTTP/1.1\r\n" + b"a" * 6000,
        b"\r\n" * 4000,
    ],
)
def test_large_heads(strict: Server, raw: bytes) -> None:
    answer = strict.ask(raw)
    assert answer.status == 431
    assert answer.error()["code"] == "header_too_large"


def test_head_just_within_the_limit_in_many_pieces(strict: Server) -> None:
    raw = request("GET", "/hello", *[f"X-{number}: " + "a" * 200 for number in range(18)])
    with strict.client() as client:
        for start in range(0, len(raw), 500):
            client.send(raw[start : start + 500])
        assert client.answer().status == 200


@pytest.mark.parametrize("endless", [b"0\r\nX: ", b"1;ext="])
def test_endless_trailers_and_extensions(strict: Server, endless: bytes) -> None:
    before = strict.state().get("called echo", 0)
    with strict.client() as client:
        client.send(CHUNKED + endless)
        until(lambda: strict.state().get("called echo", 0) > before, "the application reads")
        client.send(b"a" * 6000)
        assert client.answer().status == 431
        assert client.at_end()


def test_slow_header_is_ended_with_408(strict: Server) -> None:
    started = time.monotonic()
    with strict.client() as client:
        client.sock.settimeout(0.05)
        trickle = iter(b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: " + b"a" * 2000)
        while True:
            try:
                client.sock.recv(1, socket.MSG_PEEK)
                break
            except TimeoutError:
                client.send(bytes([next(trickle)]))
        client.sock.settimeout(5)
        answer = client.answer()
    assert answer.status == 408
    assert answer.error()["code"] == "request_timeout"
    assert time.monotonic() - started < HANG_S


@pytest.mark.parametrize("framing", ["Content-Length: 10", "Transfer-Encoding: chunked"])
def test_slow_body_is_ended_with_408(strict: Server, framing: str) -> None:
    with strict.client() as client:
        answer = client.send(request("POST", "/echo", framing)).answer()
        assert answer.status == 408
        assert "body" in answer.error()["message"]


def test_dripping_body_is_ended_by_its_whole_limit(strict: Server) -> None:
    with strict.client() as client:
        client.send(request("POST", "/echo", "Content-Length: 1000"))
        client.sock.settimeout(0.1)
        started = time.monotonic()
        while True:
            try:
                client.sock.recv(1, socket.MSG_PEEK)
                break
            except TimeoutError:
                client.send(b"x")
        client.sock.settimeout(5)
        assert client.answer().status == 408
    assert 0.5 < time.monotonic() - started < HANG_S


def test_idle_connections_are_closed_without_a_word(strict: Server) -> None:
    with strict.client() as unused, strict.client() as used:
        assert used.get("/hello").status == 200
        assert unused.at_end()
        assert used.at_end()


def test_a_client_that_stops_reading_is_ended(strict: Server) -> None:
    with strict.client() as client:
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.send(request("GET", "/big?count=400"))
        until(lambda: strict.state().get("closed big"), "the stalled response is closed")
    assert strict.state()["closed big"] == 1


def test_half_a_request_then_gone(server: Server) -> None:
    for raw in (b"", b"GET", b"GET / HTTP/1.1\r\nHo"):
        with server.client() as client:
            client.send(raw)
            client.sock.shutdown(socket.SHUT_WR)
            assert client.at_end()


def test_random_damage_never_fails_the_server(server: Server) -> None:
    random.seed(11)
    good = [request("POST", "/echo", body=b"hello"), CHUNKED + b"5\r\nhello\r\n0\r\n\r\n", request("GET", "/hello?a")]
    for _ in range(400):
        raw = bytearray(random.choice(good) + random.choice(good))
        for _ in range(random.randint(1, 4)):
            place = random.randrange(len(raw))
            raw[place : place + random.randint(0, 2)] = bytes(random.choice(b"\0\r\n :;,0a\xff%") for _ in range(2))
        with server.client() as client:
            client.send(bytes(raw))
            client.sock.shutdown(socket.SHUT_WR)
            answers = client.file.read()
        assert answers == b"" or answers.startswith(b"HTTP/1.1 ")
        assert b"HTTP/1.1 500" not in answers


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux can limit another process")
def test_running_out_of_descriptors_harms_no_open_connection(tmp_path: Path) -> None:
    with serving(tmp_path / "log") as server, server.client() as early, ExitStack() as stack:
        assert early.get("/hello").status == 200
        process = psutil.Process(server.pid)
        hard = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)[1]
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (process.num_fds() + 5, hard))
        crowd = [stack.enter_context(server.client()) for _ in range(10)]
        until(lambda: "cannot accept more connections" in server.log.read_text(), "the shortage is reported")
        before_s = sum(process.cpu_times()[:2])
        time.sleep(0.5)  # the span over which it must not spin
        assert sum(process.cpu_times()[:2]) - before_s < 0.2
        assert early.get("/hello").status == 200
        for client in crowd[:5]:
            client.close()
        assert crowd[-1].get("/hello").status == 200
        assert server.log.read_text().count("cannot accept") == 1


def test_the_log_holds_no_fault_of_the_server(server: Server, strict: Server) -> None:
    assert "Traceback" not in server.log.read_text() + strict.log.read_text()
