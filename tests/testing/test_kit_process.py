"""The scripted upstream under load, in a gevent-patched process, and as a program."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import requests

from router.testing import ScriptedUpstream, Stream, chunks

pytestmark = pytest.mark.slow

STREAMS = 600
PATCHED = """
from gevent import monkey
monkey.patch_all()
import threading
import gevent, requests
from router.testing import Answer, ScriptedUpstream
with ScriptedUpstream() as upstream:
    release = threading.Event()
    upstream.script(Answer("held", hold=release), Answer("held", hold=threading.Event()))
    call = gevent.spawn(requests.get, upstream.url + "/x", timeout=5)
    upstream.wait_for_requests(1)
    leaver = gevent.spawn(requests.get, upstream.url + "/x", timeout=5)
    upstream.wait_for_requests(2)
    leaver.kill()
    upstream.wait_for(lambda: upstream.open_connections == 1)
    release.set()
    assert call.get().text == "held"
    assert [request.ending for request in upstream.requests] == ["complete", "disconnect"]
print("fine")
"""


def run_python(*args: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def test_hundreds_of_streams_at_once() -> None:
    release = threading.Event()
    request = b"GET /v1/models HTTP/1.1\r\n\r\n"
    stack_bytes = threading.stack_size()
    with ScriptedUpstream() as upstream:
        upstream.on("/v1/models", Stream([*chunks("one"), release, *chunks("two")], framing="eof"))
        sockets = [socket.create_connection(("127.0.0.1", upstream.port), timeout=20) for _ in range(STREAMS)]
        try:
            for sock in sockets:
                sock.sendall(request)
            upstream.wait_for_requests(STREAMS, timeout_s=20)
            assert upstream.open_connections == STREAMS
            release.set()
            for sock in sockets:
                with sock.makefile("rb") as reader:
                    assert reader.read().endswith(b"data: [DONE]\n\n")
        finally:
            for sock in sockets:
                sock.close()
        upstream.wait_for(lambda: upstream.open_connections == 0)
        assert {one.ending for one in upstream.requests} == {"complete"}
    assert threading.stack_size() == stack_bytes


def test_it_works_in_a_patched_process() -> None:
    process = run_python("-W", "error", "-c", PATCHED)
    stdout, stderr = process.communicate(timeout=30)
    assert (process.returncode, stdout, stderr) == (0, "fine\n", "")


def test_it_is_a_program() -> None:
    process = run_python("-W", "error", "-m", "router.testing.upstream", "--api-key", "k")
    try:
        assert process.stdout
        url = process.stdout.readline().strip()
        assert requests.get(f"{url}/models", headers={"Authorization": "Bearer k"}, timeout=5).ok
        assert requests.get(f"{url}/models", timeout=5).status_code == 401
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=10)
        assert (process.returncode, stderr) == (0, "")
    finally:
        process.kill()
        process.communicate()
