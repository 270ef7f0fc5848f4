"""The transports under gevent, as the server runs them: a process of its own, patched before anything else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

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
from router.upstream.pool import PoolTransport
from router.upstream.requests_transport import RequestsTransport
from router.upstream.transport import Request

def script(peer: Peer) -> None:
    peer.request()
    if peer.number == 1:
        peer.hold()
    peer.send(answer(b"ok"))

for make in (PoolTransport, RequestsTransport):
    transport = make(max_connections=1)
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


def run(code: str, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


@pytest.mark.parametrize("name", ["bodies", "failures", "pooling"])
def test_the_contract_holds_under_gevent(name: str) -> None:
    run(SUITE, "-q", "-x", "-p", "no:cacheprovider", str(HERE / f"test_transport_{name}.py"))


def test_a_killed_greenlet_leaves_nothing_behind() -> None:
    run(KILLED, str(HERE))
