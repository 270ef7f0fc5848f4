"""Workers and leases: who is alive, and who of many does a job."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from router.db.database import Database
from router.jobs import workers
from router.jobs.leases import try_lease
from router.jobs.workers import Worker, dead_owners, is_alive, leave, process_started, register, renew, this_host
from router.store.opening import open_database

pytestmark = pytest.mark.slow

NOW = 1_700_000_000.0
Hold = Callable[..., None]


def _put(database: Database, worker: Worker, now: float = NOW) -> None:
    database.write(lambda connection: renew(connection, worker, now))


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process that ends when its standard input does."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as one:
        yield one
        one.kill()


def _worker_of(database: Database, process: int, id: str = "wrk_child") -> Worker:
    worker = Worker(id, this_host(), process, process_started(process) or "")
    _put(database, worker)
    return worker


def test_a_worker_is_alive_until_its_lease_is_over(database: Database, add_hold: Hold) -> None:
    worker = register(database, NOW)
    add_hold("req_1", owner=worker.id)
    assert is_alive(database, worker.id, NOW + 14.9)
    assert dead_owners(database, NOW + 14.9) == set()
    assert not is_alive(database, worker.id, NOW + 15)
    assert dead_owners(database, NOW + 15) == {worker.id}
    _put(database, worker, NOW + 20)
    assert is_alive(database, worker.id, NOW + 30)
    assert dead_owners(database, NOW + 30) == set()


def test_owners_that_left_or_never_were_are_dead(database: Database, add_hold: Hold) -> None:
    worker, other = register(database, NOW), register(database, NOW)
    for number, owner in enumerate((worker.id, other.id, "wrk_unknown", "")):
        add_hold(f"req_{number}", owner=owner)
    leave(database, worker)
    assert dead_owners(database, NOW) == {worker.id, "wrk_unknown", ""}
    assert not is_alive(database, worker.id, NOW)
    assert not is_alive(database, "wrk_unknown", NOW)


def test_a_killed_process_is_dead_before_its_lease_is_over(
    database: Database, add_hold: Hold, child: subprocess.Popen[bytes]
) -> None:
    worker = _worker_of(database, child.pid)
    add_hold("req_1", owner=worker.id)
    assert dead_owners(database, NOW) == set()
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, and not yet reaped
    assert dead_owners(database, NOW) == {worker.id}
    child.wait(5)
    assert dead_owners(database, NOW) == {worker.id}
    assert not is_alive(database, worker.id, NOW)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the kernel tells no start times")
def test_a_process_that_has_only_the_same_number_is_another(database: Database) -> None:
    worker = replace(register(database, NOW), id="wrk_before")
    assert worker.started
    _put(database, replace(worker, started="1"))
    assert not is_alive(database, "wrk_before", NOW)


def test_processes_elsewhere_have_their_lease_alone(database: Database, child: subprocess.Popen[bytes]) -> None:
    child.kill()
    child.wait(5)
    for place in ("elsewhere", this_host().replace("/", "/another-boot")):
        _put(database, Worker(f"wrk_{place}", place, child.pid, "1"))
        assert is_alive(database, f"wrk_{place}", NOW)


def test_without_proc_a_process_is_known_by_its_number(
    database: Database, child: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(workers, "_PROC", tmp_path)
    assert process_started(child.pid) == ""
    worker = _worker_of(database, child.pid)
    assert is_alive(database, worker.id, NOW)
    child.kill()
    child.wait(5)
    assert not is_alive(database, worker.id, NOW)


def test_workers_long_dead_are_forgotten(database: Database) -> None:
    register(database, NOW)
    register(database, NOW + 86_400 + 10)
    register(database, NOW + 86_400 + 20)
    assert len(database.read(lambda connection: connection.rows("SELECT id FROM workers"))) == 2


def test_a_lease_has_one_owner_until_it_is_over(database: Database) -> None:
    assert try_lease(database, "sweep", "a", NOW, 15)
    assert not try_lease(database, "sweep", "b", NOW + 14, 15)
    assert try_lease(database, "rates", "b", NOW, 15)
    assert try_lease(database, "sweep", "a", NOW + 14, 15)
    assert not try_lease(database, "sweep", "b", NOW + 28, 15)
    assert try_lease(database, "sweep", "b", NOW + 29, 15)
    assert not try_lease(database, "sweep", "a", NOW + 30, 15)


def test_what_a_clock_that_was_ahead_left_is_over(database: Database, add_hold: Hold) -> None:
    """Anything that begins later than now plus its own length; what begins sooner may be a node's a little ahead."""
    worker = register(database, NOW + 86_400)
    add_hold("req_1", owner=worker.id)
    assert try_lease(database, "sweep", "a", NOW + 86_400, 15)
    assert not is_alive(database, worker.id, NOW)
    assert dead_owners(database, NOW) == {worker.id}
    assert try_lease(database, "sweep", "b", NOW, 15)
    _put(database, worker, NOW + 10)
    assert is_alive(database, worker.id, NOW)
    assert dead_owners(database, NOW) == set()
    assert try_lease(database, "rates", "a", NOW + 10, 15)
    assert not try_lease(database, "rates", "b", NOW, 15)


def test_a_worker_that_leaves_gives_its_leases_back(database: Database) -> None:
    worker = register(database, NOW)
    assert try_lease(database, "sweep", worker.id, NOW, 15)
    assert not try_lease(database, "sweep", "b", NOW, 15)
    leave(database, worker)
    assert try_lease(database, "sweep", "b", NOW, 15)


def test_of_many_that_try_at_once_one_gets_the_lease(database_url: str, database: Database, tmp_path: Path) -> None:
    nodes = [database, *(open_database(database_url, tmp_path) for _ in range(3))]
    meet = threading.Barrier(len(nodes))

    def compete(number: int) -> list[int]:
        won = []
        for turn in range(15):
            meet.wait(10)
            if try_lease(nodes[number], "sweep", f"node_{number}", NOW + turn * 20, 15):
                won.append(turn)
        return won

    with ThreadPoolExecutor(len(nodes)) as pool:
        won = sorted(turn for turns in pool.map(compete, range(len(nodes))) for turn in turns)
    for node in nodes[1:]:
        node.close()
    assert won == list(range(15))
