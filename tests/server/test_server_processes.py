"""Master and workers as processes: start, stop, reload, death."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from machine import HANG_S
from server_wire import HERE, Client, environment, request, until


class Gateway:
    """A master with its workers, in a directory where nothing can be imported from."""

    def __init__(
        self,
        folder: Path,
        workers: int = 1,
        grace_s: float = 10.0,
        mode: str = "",
        frozen_s: float = 20.0,
        **config: Any,
    ) -> None:
        self.folder = folder
        self.log = folder / "log"
        self.configure(**{"grace_s": grace_s, **config})
        command = [sys.executable, "-P", str(HERE / "serve_master.py"), str(folder / "config.json"), "0"]
        command += [str(workers), str(grace_s), str(frozen_s), mode]
        with self.log.open("wb") as stderr:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=stderr, env=environment(), cwd=folder
            )
        assert self.process.stdout is not None
        url = self.process.stdout.readline().decode().strip()
        self.process.stdout.close()
        self.port = int(url.rpartition(":")[2]) if url else 0
        self.workers_seen: set[int] = set()

    def configure(self, **config: Any) -> None:
        (self.folder / "config.json").write_text(json.dumps(config), encoding="utf-8")

    def children(self) -> set[int]:
        children = {child.pid for child in psutil.Process(self.process.pid).children()}
        self.workers_seen |= children
        return children

    def built(self) -> int:
        """How many workers have read the configuration so far."""
        return len(list(self.folder.glob("built-*")))

    def name(self) -> tuple[str, int]:
        """What the configuration calls the worker that answered, and its process ID."""
        with Client(self.port) as client:
            name, _, pid = client.get("/name").body.decode().partition(" ")
        return name, int(pid)

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> int:
        """Wait for the end; no worker may be left."""
        status = self.process.wait(20)
        until(lambda: not any(psutil.pid_exists(pid) for pid in self.workers_seen), "no worker is left")
        return status


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Gateway]]:
    started: list[Gateway] = []

    def start(**options: Any) -> Gateway:
        gateway = Gateway(tmp_path, **options)
        started.append(gateway)
        if gateway.port:
            gateway.children()
        return gateway

    yield start
    for gateway in started:
        if gateway.process.poll() is None:
            with suppress(psutil.NoSuchProcess):
                gateway.children()
            gateway.process.kill()
            gateway.process.wait()
        for pid in gateway.workers_seen:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


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


class Load:
    """Clients that never pause; each answer is checked."""

    def __init__(self, port: int, clients: int) -> None:
        self.failures: list[str] = []
        self.names: dict[str, int] = {}
        self._port = port
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._work) for _ in range(clients)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(10)

    def _work(self) -> None:
        client: Client | None = None
        while not self._stop.is_set():
            try:
                client = client or Client(self._port)
                answer = client.get("/name")
                assert answer.status == 200
                name = answer.body.decode().split()[0]
                self.names[name] = self.names.get(name, 0) + 1
                if answer.headers.get("connection") == "close":
                    client.close()
                    client = None
            except Exception as error:
                self.failures.append(repr(error))
                client = None
        if client is not None:
            client.close()


def test_reload_under_load_drops_nothing(start: Callable[..., Gateway]) -> None:
    gateway = start(workers=2, name="generation-0")
    with Load(gateway.port, 6) as load:
        for generation in (1, 2):
            old = gateway.children()
            gateway.configure(name=f"generation-{generation}")
            gateway.signal(signal.SIGHUP)
            until(lambda name=f"generation-{generation}": load.names.get(name, 0) > 50, "the new generation serves")
            until(lambda old=old: not old & gateway.children(), "the old generation is gone")
    assert load.failures == []
    assert len(gateway.children()) == 2


def test_streams_live_through_a_reload(start: Callable[..., Gateway]) -> None:
    gateway = start(name="old")
    with Client(gateway.port) as client:
        client.send(request("GET", "/stream?count=10&pause_s=0.2"))
        assert client.answer(head_only=True).status == 200
        gateway.configure(name="new")
        gateway.signal(signal.SIGHUP)
        until(lambda: gateway.name()[0] == "new", "the new generation serves")
        body = client.file.read()
        assert b"piece 9\n" in body
        assert body.endswith(b"0\r\n\r\n")


@pytest.mark.parametrize("broken", [{"refuse": "line 3 is wrong"}, {"crash": True}])
def test_reload_with_a_broken_configuration_changes_nothing(
    start: Callable[..., Gateway], broken: dict[str, object]
) -> None:
    gateway = start(workers=2, name="good")
    until(lambda: gateway.built() == 2, "both workers have read the good configuration")
    workers = gateway.children()
    gateway.configure(**broken)
    gateway.signal(signal.SIGHUP)
    until(lambda: "reload given up" in gateway.log.read_text(), "the reload is given up")
    assert gateway.name()[0] == "good"
    until(lambda: gateway.children() == workers, "the old workers are left alone")
    gateway.configure(name="better")
    gateway.signal(signal.SIGHUP)
    until(lambda: gateway.name()[0] == "better", "a good configuration is taken")
    until(lambda: not workers & gateway.children(), "the old generation is gone")


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
    assert failed["exception"].endswith("\nbuiltins.ValueError") and "serve_app.py" in failed["exception"]
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


def test_a_reload_gives_the_old_workers_calls_all_the_time_that_a_call_may_take(start: Callable[..., Gateway]) -> None:
    gateway = start(name="old", grace_s=0.1)
    with Client(gateway.port) as client:
        client.send(request("GET", "/stream?count=20&pause_s=0.1"))
        assert client.answer(head_only=True).status == 200
        gateway.configure(name="new", grace_s=0.1)
        gateway.signal(signal.SIGHUP)
        until(lambda: gateway.name()[0] == "new", "the new generation serves")
        body = client.file.read()
    assert b"piece 19\n" in body and body.endswith(b"0\r\n\r\n")
    until(lambda: len(gateway.children()) == 1, "the old generation is gone")


def test_what_is_left_of_an_old_generation_gets_the_grace_of_a_stop(start: Callable[..., Gateway]) -> None:
    gateway = start(name="old", grace_s=0.1)
    with Client(gateway.port) as client:
        client.send(request("GET", "/stream?count=100000&pause_s=0.1"))
        assert client.answer(head_only=True).status == 200
        gateway.configure(name="new", grace_s=0.1)
        gateway.signal(signal.SIGHUP)
        until(lambda: gateway.name()[0] == "new", "the new generation serves")
        gateway.children()
        gateway.signal(signal.SIGTERM)
        assert gateway.end() == 0


def test_a_frozen_worker_is_killed_and_replaced(start: Callable[..., Gateway]) -> None:
    gateway = start(name="one", frozen_s=1.5)
    pid = gateway.name()[1]
    os.kill(pid, signal.SIGSTOP)
    until(lambda: gateway.children() - {pid} and pid not in gateway.children(), "another worker is started")
    assert gateway.name()[1] != pid
    assert f"worker {pid} gave no sign of life" in gateway.log.read_text()


def test_a_master_that_stood_still_kills_nobody(start: Callable[..., Gateway]) -> None:
    gateway = start(name="one", frozen_s=1.5)
    pid = gateway.name()[1]
    gateway.signal(signal.SIGSTOP)
    os.kill(pid, signal.SIGSTOP)
    time.sleep(2)  # of the machine's clock: the whole machine, or its container, was asleep
    gateway.signal(signal.SIGCONT)
    os.kill(pid, signal.SIGCONT)
    assert gateway.name()[1] == pid
    time.sleep(1)
    assert gateway.name()[1] == pid


@pytest.mark.parametrize("text", ["", "\n \n# nothing yet\n"])
def test_a_reload_of_an_empty_file_is_refused(start: Callable[..., Gateway], text: str) -> None:
    gateway = start(name="good")
    (gateway.folder / "config.json").write_text(text)
    gateway.signal(signal.SIGHUP)
    until(lambda: "the configuration file is empty" in gateway.log.read_text(), "the reload is given up")
    assert gateway.name()[0] == "good" and gateway.built() == 1


def test_a_reload_that_loses_a_plugin_is_refused(start: Callable[..., Gateway]) -> None:
    gateway = start(name="good", plugins={"acme": "", "worn": "never loaded"})
    gateway.configure(name="bad", plugins={"acme": "no module named acme", "worn": "never loaded"})
    gateway.signal(signal.SIGHUP)
    until(lambda: "reload given up" in gateway.log.read_text(), "the reload is given up")
    assert "the plugin 'acme' is in use, and does not load any more: no module named acme" in gateway.log.read_text()
    assert gateway.name()[0] == "good"
    gateway.configure(name="without", plugins={"worn": "never loaded"})
    gateway.signal(signal.SIGHUP)
    until(lambda: gateway.name()[0] == "without", "a plugin may be taken off")


@pytest.mark.parametrize("broken", [{"refuse": "line 1"}, {"name": "two"}])
def test_a_worker_that_dies_is_replaced_by_one_of_the_last_good_configuration(
    start: Callable[..., Gateway], broken: dict[str, object]
) -> None:
    gateway = start(name="one")
    gateway.configure(**broken)
    name, pid = gateway.name()
    os.kill(pid, signal.SIGKILL)
    until(lambda: gateway.children() - {pid}, "another worker is started")
    assert gateway.name()[0] == name == "one"


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
    return any(one.laddr.port == port and one.status == psutil.CONN_LISTEN for one in found)


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
