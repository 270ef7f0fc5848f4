"""The transport under gevent, as the server runs them: a process of its own, patched before anything else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
PATCHED = "from gevent import monkey; monkey.patch_all(); "
SUITE = PATCHED + "import pytest, sys; sys.exit(pytest.main(sys.argv[1:]))"
KILLED = (
    PATCHED
    + """
import sys
sys.path.insert(0, sys.argv[1])
import gevent
from raw_upstream import Peer, RawUpstream, answer
from router.http_client.pool import PoolTransport
from router.types.transport import Request

def script(peer: Peer) -> None:
    peer.request()
    if peer.number == 1:
        peer.hold()
    peer.send(answer(b"ok"))

transport = PoolTransport(max_connections=1)
with RawUpstream(script) as upstream:
    call = gevent.spawn(transport.send, Request("POST", upstream.url, {}, b"x"))
    waiting = gevent.spawn(transport.send, Request("POST", upstream.url, {}, b"x"))
    next_one = gevent.spawn(transport.send, Request("POST", upstream.url, {}, b"x"))
    while not upstream.connections:
        gevent.sleep(0.01)
    gevent.sleep(0.05)
    waiting.kill()
    call.kill()
    assert upstream.closed.acquire(timeout=5), "the killed call's socket is closed"
    response = next_one.get(timeout=5)
    assert response.read(10) == b"ok"
    response.close()
transport.close()
"""
)


SAME_TURN = (
    PATCHED
    + """
import socket
import sys
sys.path.insert(0, sys.argv[1])
from raw_upstream import Peer, RawUpstream, answer
from router.http_client.pool import PoolTransport
from router.types.transport import Request

peers = []

def script(peer: Peer) -> None:
    peers.append(peer)
    while True:
        peer.request()
        peer.send(answer(b"%d" % peer.number))

def unasked(sock: socket.socket) -> None:
    sock.send(answer(b"unasked"))

def ends(sock: socket.socket) -> None:
    sock.shutdown(socket.SHUT_WR)

for stirs in (unasked, ends):
    peers.clear()
    transport = PoolTransport()
    with RawUpstream(script) as upstream:
        def fetch() -> bytes:
            return transport.send(Request("POST", upstream.url, {}, b"x"), resent=failures.append).read(100)
        failures = []
        assert fetch() == fetch() == b"1"
        stirs(peers[0].sock)  # no turn of the event loop lies between this and the next request
        assert fetch() == b"2" and not failures, (stirs, failures)
        assert fetch() == b"2"
    transport.close()
"""
)


def run(code: str, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


@pytest.mark.parametrize("name", ["bodies", "failures", "pooling", "proxy"])
def test_the_contract_holds_under_gevent(name: str) -> None:
    run(SUITE, "-q", "-x", "-p", "no:cacheprovider", str(HERE / f"test_transport_{name}.py"))


def test_a_killed_greenlet_leaves_nothing_behind() -> None:
    run(KILLED, str(HERE))


def test_what_stirs_in_the_turn_of_the_next_request_does_not_answer_it() -> None:
    run(SAME_TURN, str(HERE))
