"""Waiting for one socket: what wakes whom, and when a deadline strikes."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from time import monotonic

import gevent
import pytest

from router.sockets.waits import Readiness

LONG_S = 60.0


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        yield ours, theirs


@pytest.fixture
def readiness(pair: tuple[socket.socket, socket.socket]) -> Iterator[Readiness]:
    readiness = Readiness(pair[0].fileno())
    yield readiness
    readiness.close()


def fill(sock: socket.socket) -> None:
    with pytest.raises(BlockingIOError):
        while True:
            sock.send(b"x" * 65536)


def test_a_wait_ends_with_bytes_and_with_the_end(
    pair: tuple[socket.socket, socket.socket], readiness: Readiness
) -> None:
    ours, theirs = pair
    for _ in range(2):
        gevent.spawn(theirs.send, b"x")
        readiness.wait(monotonic() + LONG_S)
        assert ours.recv(10) == b"x"
    gevent.spawn(theirs.close)
    readiness.wait(monotonic() + LONG_S)
    assert ours.recv(10) == b""


@pytest.mark.parametrize("before_s", [None, 0.001, LONG_S])
def test_a_deadline_strikes_at_its_own_time_whichever_came_before(
    pair: tuple[socket.socket, socket.socket], readiness: Readiness, before_s: float | None
) -> None:
    ours, theirs = pair
    if before_s is not None:  # what the timer is set for when the next wait begins
        theirs.send(b"x")
        readiness.wait(monotonic() + before_s)
        ours.recv(1)
    until = monotonic() + 0.05
    with pytest.raises(TimeoutError):
        readiness.wait(until)
    assert monotonic() >= until - 0.01


def test_what_comes_while_nobody_waits_is_told_once(
    pair: tuple[socket.socket, socket.socket], readiness: Readiness
) -> None:
    ours, theirs = pair
    told: list[int] = []
    readiness.idle = lambda: told.append(1)
    readiness.watch()
    gevent.sleep(0.001)
    assert not readiness.stirred
    theirs.send(b"x")
    gevent.sleep(0.01)
    gevent.sleep(0.01)
    assert told == [1] and readiness.stirred
    readiness.wait(monotonic() + LONG_S)  # they are still there
    ours.recv(1)
    readiness.watch()
    gevent.sleep(0.01)
    assert told == [1] and not readiness.stirred


def test_waiting_to_send_is_not_ended_by_what_comes_unless_that_was_asked_for(
    pair: tuple[socket.socket, socket.socket], readiness: Readiness
) -> None:
    ours, theirs = pair
    fill(ours)
    readiness.watch()
    theirs.send(b"x")
    with pytest.raises(TimeoutError):
        readiness.wait_writable(monotonic() + 0.02)
    assert readiness.wait_writable(monotonic() + LONG_S, or_readable=True)
    assert ours.recv(10) == b"x"
    gevent.spawn(theirs.recv, 1 << 24)
    assert not readiness.wait_writable(monotonic() + LONG_S, or_readable=True)
    assert ours.send(b"y") == 1


def test_who_is_thrown_out_of_a_wait_is_not_woken_by_it_again(
    pair: tuple[socket.socket, socket.socket], readiness: Readiness
) -> None:
    _, theirs = pair
    woken: list[str] = []

    def wait() -> None:
        try:
            readiness.wait(monotonic() + 0.02)
        except gevent.GreenletExit:
            woken.append("killed")
            gevent.sleep(0.05)
            woken.append("slept")

    one = gevent.spawn(wait)
    gevent.sleep(0.001)
    one.kill(block=False)
    theirs.send(b"x")
    one.join()
    assert woken == ["killed", "slept"]
