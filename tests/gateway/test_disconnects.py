"""Clients that vanish or stop reading: what was theirs is given back, and every call of theirs has its row."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator

import psutil
import pytest
from line_wire import Line, events, whole
from waiting import until

from router.testing import Answer, Stream, chunks, completion, token_usage

pytestmark = pytest.mark.slow

CLIENTS = 200
USAGE = token_usage(9, 12)
SLACK = 12  # descriptors: listeners of the moment, connections to the database
WORDS = chunks("Hello", " there", include_usage=True)


@pytest.fixture
def never() -> Iterator[threading.Event]:
    """Set at the end of the test only: what waits for it is silent."""
    event = threading.Event()
    yield event
    event.set()


def worker(line: Line) -> psutil.Process:
    (process,) = psutil.Process(line.gateway.pid).children()
    return process


def vanish(sock: socket.socket, *, reset: bool) -> None:
    if reset:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def read_until(sock: socket.socket, end: bytes) -> bytes:
    data = b""
    while end not in data:
        piece = sock.recv(65536)
        assert piece, data
        data += piece
    return data


@pytest.mark.parametrize("reset", [False, True], ids=["FIN", "RST"])
@pytest.mark.parametrize("spoke", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("ends", ["cancel", "plain"], ids=["cancel", "drain"])
def test_200_clients_vanish_while_the_upstream_is_silent(
    hasty: Line, never: threading.Event, ends: str, spoke: bool, reset: bool
) -> None:
    model = hasty.model(ends)
    script = Stream([*WORDS[:2], never, *WORDS[2:]]) if spoke else Stream(WORDS, hold=never)
    hasty.upstream.on("/v1/chat/completions", script)
    process = worker(hasty)
    descriptors, connections = process.num_fds(), hasty.upstream.open_connections
    clients = [hasty.connect(hasty.body(model)) for _ in range(CLIENTS)]
    hasty.upstream.wait_for_requests(CLIENTS, timeout_s=20)
    if spoke:
        for sock in clients:
            read_until(sock, b"Hello")
    started = time.monotonic()
    for sock in clients:
        vanish(sock, reset=reset)
    hasty.upstream.wait_for(lambda: hasty.upstream.open_connections <= connections, timeout_s=30)
    took_s = time.monotonic() - started
    until(lambda: process.num_fds() <= descriptors + SLACK, lambda: (process.num_fds(), descriptors))
    rows = hasty.wait_for_rows(CLIENTS, model=model)
    assert {row["ending"] for row in rows} == {"disconnect"} and len(rows) == CLIENTS
    assert {row["completion_tokens"] for row in rows} == ({1} if spoke else {0})
    if ends == "cancel":
        assert took_s < 3.0  # at once, were it not for a busy machine
    else:
        assert took_s > 0.5  # each was read on for drain_s
    hasty.upstream.reset()
    assert events(hasty.post(hasty.body()).body)[-1] == b"[DONE]"


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "plain"])
def test_the_rest_of_an_abandoned_call_is_read_for_its_usage(hasty: Line, stream: bool) -> None:
    voice = threading.Event()
    notice_s = 0.3  # for the gateway to see that the client has gone, before the rest arrives
    if stream:
        hasty.upstream.script(Stream([*WORDS[:2], voice, notice_s, *WORDS[2:]]))
    else:
        hasty.upstream.script(Answer(completion("Hello"), hold=voice, body_delay_s=notice_s))
    model = hasty.model()
    sock = hasty.connect(hasty.body(model, stream=stream))
    hasty.upstream.wait_for_requests(1)
    if stream:
        read_until(sock, b"Hello")
    sock.close()
    voice.set()
    (row,) = hasty.wait_for_rows(1, model=model)
    assert (row["ending"], row["status"], row["estimated"]) == ("disconnect", 200 if stream else 499, 0)
    assert (row["prompt_tokens"], row["completion_tokens"]) == (9, 12)
    hasty.upstream.wait_for(lambda: hasty.upstream.last.ending == "complete")


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "plain"])
def test_a_call_left_before_its_answer_is_recorded(line: Line, never: threading.Event, stream: bool) -> None:
    line.upstream.script(Answer(completion("Hello"), hold=never))
    model = line.model("cancel")
    sock = line.connect(line.body(model, stream=stream))
    line.upstream.wait_for_requests(1)
    sock.close()
    (row,) = line.wait_for_rows(1, model=model)
    assert (row["ending"], row["status"], row["completion_tokens"]) == ("disconnect", 499, 0)
    assert row["prompt_tokens"] > 0 and row["estimated"], "the provider has the prompt, and charges it"
    line.upstream.wait_for(lambda: line.upstream.last.ending == "disconnect")


def test_a_client_that_has_everything_may_leave(hasty: Line) -> None:
    model = hasty.model()
    hasty.upstream.script(Stream(WORDS))
    sock = hasty.connect(hasty.body(model))
    read_until(sock, b"[DONE]")
    vanish(sock, reset=True)
    (row,) = hasty.wait_for_rows(1, model=model)
    assert row["ending"] == "ok"


def long_stream() -> Stream:
    """Some 16 MB: more than the buffers of both sockets and of the gateway hold."""
    big = {**WORDS[1], "padding": "x" * 16_000}
    return Stream([WORDS[0], *[big] * 1000, *WORDS[1:]], joined=True)


def test_a_client_that_stops_reading_is_let_go_and_its_stream_drained(hasty: Line) -> None:
    process = worker(hasty)
    descriptors = process.num_fds()
    hasty.upstream.script(long_stream())
    model = hasty.model()
    with hasty.connect(hasty.body(model), receive_bytes=4096):
        (row,) = hasty.wait_for_rows(1, model=model)
        hasty.upstream.wait_for(lambda: hasty.upstream.last.ending == "complete")
        # The upstream's connection stays, idle; the client's goes although the client is still there.
        until(lambda: process.num_fds() <= descriptors + 1, lambda: (process.num_fds(), descriptors))
    assert (row["ending"], row["status"], row["estimated"]) == ("disconnect", 200, 0)
    assert (row["prompt_tokens"], row["completion_tokens"]) == (9, 12)
    assert process.memory_info().rss < 400 * 2**20


def test_a_client_that_reads_on_too_late_sees_a_cut_and_not_an_end(hasty: Line) -> None:
    hasty.upstream.script(long_stream())
    model = hasty.model("cancel")
    with hasty.opened(hasty.body(model)) as response:
        hasty.wait_for_rows(1, model=model)
        answered = whole(response)
    assert answered.cut and b"[DONE]" not in answered.body


def test_a_slow_client_gets_all_of_it(hasty: Line) -> None:
    hasty.upstream.script(long_stream())
    with hasty.opened(hasty.body()) as response:
        body = b""
        for _ in range(8):
            body += response.read(500_000)
            time.sleep(0.1)  # the slowness is the test
        body += response.read()
    found = events(body)
    assert len(found) == 1 + 1000 + 3 + 1 and found[-1] == b"[DONE]"
