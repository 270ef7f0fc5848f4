"""What the running workers are spared: reloads of good and bad configurations, frozen and dead workers."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable

import pytest
from server_processes import Gateway
from server_wire import Client, request
from waiting import until

pytestmark = pytest.mark.slow


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
