"""Master and workers as processes: start, stop, reload, death."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from machine import HANG_S
from server_processes import Gateway
from server_wire import HERE, Client, environment, request
from waiting import until

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("mode", ["", "patched"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_start_and_stop(start: Callable[..., Gateway], mode: str, number: signal.Signals) -> None:
    gateway = start(mode=mode, workers=2, name="one")
    assert gateway.name()[0] == "one"
    until(lambda: len(gateway.children()) == 2, "two workers run")
    gateway.signal(number)
    assert gateway.end() == 0
    assert "Traceback" not in gateway.log.read_text()


def test_a_refused_configuration_ends_the_start(start: Callable[..., Gateway]) -> None:
    gateway = start(workers=3, refuse="line 7: no such key 'prot', did you mean 'port'?")
    assert gateway.end() == 1
    log = gateway.log.read_text()
    assert log.count("line 7: no such key 'prot', did you mean 'port'?") == 1
    assert "Traceback" not in log


def test_a_crash_at_the_start_ends_it(start: Callable[..., Gateway]) -> None:
    gateway = start(workers=3, crash=True)
    assert gateway.end() == 1
    assert gateway.log.read_text().count("RuntimeError: the factory crashed") == 1


def test_a_taken_port_is_explained(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        command = [sys.executable, str(HERE / "serve_master.py"), "none.json", str(port), "1", "1", "20"]
        done = subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=20)
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}: another program has the port." in done.stderr
    assert "Traceback" not in done.stderr


def test_stop_finishes_streams_and_ends_idle_connections(start: Callable[..., Gateway], tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    gateway = start(closed=str(closed))
    with Client(gateway.port) as idle, Client(gateway.port) as busy:
        assert idle.get("/hello").status == 200
        busy.send(request("GET", "/stream?count=20&pause_s=0.2"))
        assert busy.answer(head_only=True).status == 200
        gateway.signal(signal.SIGTERM)
        assert idle.at_end()
        assert b"piece 19\n" not in busy.sock.recv(65536, socket.MSG_PEEK), "the idle one ended with the busy one only"
        with pytest.raises(ConnectionRefusedError):
            Client(gateway.port)
        body = busy.file.read()
        assert b"piece 19\n" in body
        assert body.endswith(b"0\r\n\r\n")
    assert gateway.end() == 0
    assert closed.read_text() == "closed"


def test_stop_waits_for_accounting(start: Callable[..., Gateway], tmp_path: Path) -> None:
    flag = tmp_path / "busy"
    flag.touch()
    gateway = start(busy=str(flag))
    gateway.signal(signal.SIGTERM)
    with pytest.raises(subprocess.TimeoutExpired):
        gateway.process.wait(0.5)
    flag.unlink()
    assert gateway.end() == 0


def test_grace_is_not_endless(start: Callable[..., Gateway], tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    gateway = start(grace_s=0.5, closed=str(closed))
    with Client(gateway.port) as client:
        client.send(request("GET", "/stream?count=1000&pause_s=0.1"))
        assert client.answer(head_only=True).status == 200
        gateway.signal(signal.SIGTERM)
        started = time.monotonic()
        assert gateway.end() == 0
        assert time.monotonic() - started < HANG_S
    assert closed.exists()
    assert "1 connections and 0 calls unfinished" in gateway.log.read_text()


def test_a_worker_that_does_not_end_is_killed(start: Callable[..., Gateway]) -> None:
    gateway = start(grace_s=0, hang_s=60)
    gateway.signal(signal.SIGTERM)
    assert gateway.end() == 0
    assert "did not end in time: killed" in gateway.log.read_text()


def test_a_second_interrupt_ends_at_once(start: Callable[..., Gateway]) -> None:
    gateway = start()
    with Client(gateway.port) as client:
        client.send(request("GET", "/stream?count=1000&pause_s=0.1"))
        assert client.answer(head_only=True).status == 200
        gateway.signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            gateway.process.wait(0.3)
        gateway.signal(signal.SIGINT)
        started = time.monotonic()
        assert gateway.end() == 0
        assert time.monotonic() - started < HANG_S


def test_a_killed_worker_is_replaced(start: Callable[..., Gateway]) -> None:
    gateway = start(name="one")
    for _ in range(2):
        pid = gateway.name()[1]
        os.kill(pid, signal.SIGKILL)
        until(lambda pid=pid: gateway.children() - {pid}, "another worker is started")
        assert gateway.name()[1] != pid  # waits in the backlog, which the master keeps open
    assert "was ended by SIGKILL" in gateway.log.read_text()
    assert not [c for c in psutil.Process(gateway.process.pid).children() if c.status() == psutil.STATUS_ZOMBIE]


def test_master_and_workers_log_json_lines(start: Callable[..., Gateway]) -> None:
    gateway = start(name="one")
    with Client(gateway.port) as client:
        assert client.get("/early").status == 500
    gateway.signal(signal.SIGHUP)
    until(lambda: "reloaded" in gateway.log.read_text(), "the reload is told")
    lines = [json.loads(line) for line in gateway.log.read_text().splitlines()]
    assert [(line["event"], line["level"], line["logger"]) for line in lines] == [
        ("log", "error", "router.server"),
        ("log", "warning", "router.server"),
    ]
    failed, reloaded = lines
    assert abs(failed["time"] - time.time()) < 60
    assert failed["exception"].startswith("Traceback (most recent call last):\n")
    assert (
        failed["exception"].endswith("\nbuiltins.ValueError: secret detail") and "serve_app.py" in failed["exception"]
    )
    assert "exception" not in reloaded and "1 new workers serve" in reloaded["message"]


def test_a_second_sigterm_ends_at_once(start: Callable[..., Gateway]) -> None:
    gateway = start(grace_s=600.0)
    with Client(gateway.port) as client:
        client.send(request("GET", "/stream?count=100000&pause_s=0.1"))
        assert client.answer(head_only=True).status == 200
        gateway.signal(signal.SIGTERM)
        until(lambda: refused(gateway.port), "the port is closed")
        gateway.signal(signal.SIGTERM)
        assert gateway.end() == 0


def refused(port: int) -> bool:
    try:
        Client(port).close()
    except ConnectionRefusedError:
        return True
    return False


def test_the_port_is_free_soon_after_the_masters_death(start: Callable[..., Gateway]) -> None:
    from router.server.listener import listen

    gateway = start(workers=2, grace_s=600.0)
    with Client(gateway.port) as client:
        client.send(request("GET", "/stream?count=100000&pause_s=0.1"))
        assert client.answer(head_only=True).status == 200
        gateway.children()
        gateway.process.kill()
        until(lambda: not listens(gateway.port), "no worker listens")
        listen("127.0.0.1", gateway.port).close()


def listens(port: int) -> bool:
    found = psutil.net_connections("tcp")
    return any(one.laddr and one.laddr.port == port and one.status == psutil.CONN_LISTEN for one in found)


def test_workers_end_when_the_master_is_killed(start: Callable[..., Gateway]) -> None:
    gateway = start(workers=2)
    until(lambda: len(gateway.children()) == 2, "two workers run")
    gateway.process.kill()
    gateway.end()


def test_ipv6(tmp_path: Path) -> None:
    from router.server.listener import listen, url_of

    try:
        sock = listen("::1", 0)
    except Exception as error:
        pytest.skip(f"no IPv6 here: {error}")
    with sock:
        assert url_of(sock).startswith("http://[::1]:")
