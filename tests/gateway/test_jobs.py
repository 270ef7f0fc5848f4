"""Jobs: one of all workers runs each, another takes over, a bad one spoils nothing. Time is the test's own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from router.db.database import Database
from router.errors import Unavailable
from router.jobs.database_clock import DatabaseClock
from router.jobs.leased import Jobs, LeasedJob
from router.jobs.workers import is_alive
from router.store.migrating import migrate
from router.store.opening import open_database

pytestmark = pytest.mark.slow


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


class Runs:
    """Who ran what, in order; ``wait(n)`` until there are ``n``."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self._changed = threading.Condition()

    def add(self, mark: str) -> None:
        with self._changed:
            self.done.append(mark)
            self._changed.notify_all()

    def wait(self, count: int) -> list[str]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.done) >= count, 10), self.done
        for thread in threading.enumerate():
            if thread.name.startswith("job ") and thread.name != "job slow":
                thread.join(10)
        return list(self.done)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def runs() -> Runs:
    return Runs()


@pytest.fixture
def nodes(database_url: str, tmp_path: Path) -> Iterator[list[Database]]:
    """Two workers' views of one database."""
    with ExitStack() as stack:
        found = []
        for _ in range(2):
            database = open_database(database_url, tmp_path, create=True)
            stack.callback(database.close)
            found.append(database)
        migrate(found[0])
        yield found


def test_one_worker_runs_a_job_and_another_takes_over(nodes: list[Database], clock: Clock, runs: Runs) -> None:
    first, second = (
        Jobs(node, [LeasedJob("sweep", 10, lambda mark=mark: runs.add(mark))], clock=clock)  # type: ignore[misc]
        for node, mark in zip(nodes, "ab", strict=True)
    )
    first.beat()
    second.beat()
    assert runs.wait(1) == ["a"]
    for _ in range(4):
        clock.now += 5
        second.beat()
        first.beat()
        runs.wait(0)
    assert runs.wait(3) == ["a"] * 3  # at 0, 10 and 20 s
    clock.now += 14
    second.beat()
    assert is_alive(nodes[0], first.worker.id, clock.now)
    clock.now += 1  # the first has not beaten for 15 s
    second.beat()
    assert runs.wait(4) == ["a", "a", "a", "b"]
    assert not is_alive(nodes[0], first.worker.id, clock.now)
    first.beat()
    assert is_alive(nodes[0], first.worker.id, clock.now)
    for jobs in (second, first):
        jobs.close()
    assert runs.done == ["a", "a", "a", "b"]


def test_a_worker_that_closes_hands_over_at_once(nodes: list[Database], clock: Clock, runs: Runs) -> None:
    first, second = (
        Jobs(node, [LeasedJob("sweep", 10, lambda mark=mark: runs.add(mark))], clock=clock)  # type: ignore[misc]
        for node, mark in zip(nodes, "ab", strict=True)
    )
    first.beat()
    first.close()
    assert not is_alive(nodes[0], first.worker.id, clock.now)
    second.beat()
    assert runs.wait(2) == ["a", "b"]
    second.close()


def test_a_job_that_fails_is_run_again_after_pauses_that_grow_from_seconds(
    nodes: list[Database], clock: Clock, runs: Runs
) -> None:
    def fetch() -> None:
        runs.add("fetch")
        if len(runs.done) != 4:
            raise Unavailable("the rate could not be fetched")

    jobs = Jobs(nodes[0], [LeasedJob("rate", 3600, fetch)], clock=clock)
    started = clock.now
    begun = []
    for _ in range(900):
        before = len(runs.done)
        jobs.beat()
        if jobs._running:
            jobs._running["rate"].join(10)
        if len(runs.done) > before:
            begun.append(clock.now - started)
        clock.now += 5
    jobs.close()
    assert begun == [0, 5, 15, 35, 3635, 3640, 3650, 3670, 3710, 3790, 3950, 4270]  # the fourth went well


def test_who_has_lost_a_job_tells_of_its_failures_no_more(nodes: list[Database], clock: Clock, runs: Runs) -> None:
    def fail() -> None:
        runs.add("run")
        raise Unavailable("no")

    first = Jobs(nodes[0], [LeasedJob("bad", 5, fail)], clock=clock, lease_s=60)
    for count in range(1, 4):
        first.beat()
        runs.wait(count)
        clock.now += 25
    assert first.failed_again() == [("bad", 3)]
    clock.now += 60
    second = Jobs(nodes[1], [LeasedJob("bad", 5, lambda: runs.add("good"))], clock=clock, lease_s=60)
    second.beat()
    runs.wait(4)
    first.beat()
    assert first.failed_again() == second.failed_again() == []
    for one in (first, second):
        one.close()


def test_a_failing_job_is_logged_and_tried_again(
    nodes: list[Database], clock: Clock, runs: Runs, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        runs.add("bad")
        raise LookupError("no rate today")

    jobs = Jobs(nodes[0], [LeasedJob("bad", 5, fail), LeasedJob("good", 5, lambda: runs.add("good"))], clock=clock)
    with caplog.at_level(logging.ERROR, "router.jobs"):
        jobs.beat()
        runs.wait(2)
        clock.now += 5
        jobs.beat()
        assert sorted(runs.wait(4)) == ["bad", "bad", "good", "good"]
        jobs.close()
    assert "The job bad failed, and will be tried again." in caplog.text
    assert "no rate today" in caplog.text


def test_a_slow_job_runs_once_and_keeps_nobody_waiting(nodes: list[Database], clock: Clock, runs: Runs) -> None:
    release = threading.Event()

    def slow() -> None:
        runs.add("slow")
        release.wait(10)

    jobs = Jobs(nodes[0], [LeasedJob("slow", 5, slow), LeasedJob("quick", 5, lambda: runs.add("quick"))], clock=clock)
    jobs.beat()
    runs.wait(2)
    clock.now += 5
    jobs.beat()
    assert sorted(runs.wait(3)) == ["quick", "quick", "slow"]
    jobs.close(timeout_s=0.05)  # bounded, although the job goes on
    release.set()
    assert sorted(runs.done) == ["quick", "quick", "slow"]


@pytest.mark.parametrize("gap_s", [9, 60, -86_400])
def test_after_a_gap_others_get_to_beat_before_a_job_runs(
    nodes: list[Database], clock: Clock, runs: Runs, gap_s: float
) -> None:
    other = Jobs(nodes[1], clock=clock)
    alive: list[bool] = []

    def look() -> None:
        alive.append(is_alive(nodes[0], other.worker.id, clock.now))
        runs.add("run")

    jobs = Jobs(nodes[0], [LeasedJob("sweep", 5, look)], clock=clock)
    jobs.beat()
    runs.wait(1)
    clock.now += gap_s  # neither reached the database, or the clock was set back
    jobs.beat()
    other.beat()
    assert runs.wait(0) == ["run"]
    clock.now += 5
    jobs.beat()
    runs.wait(2)
    assert alive == [True, True]
    for one in (jobs, other):
        one.close()


def test_a_clock_that_is_set_back_delays_a_job_by_one_beat(nodes: list[Database], clock: Clock, runs: Runs) -> None:
    jobs = Jobs(nodes[0], [LeasedJob("sweep", 10, lambda: runs.add("run"))], clock=clock)
    jobs.beat()
    runs.wait(1)
    clock.now -= 86_400
    jobs.beat()
    clock.now += 5
    jobs.beat()
    assert runs.wait(2) == ["run", "run"]
    jobs.close()


class Server:
    """A connection to a database server with a clock of its own, on a machine whose clock can be set."""

    engine = "postgresql"

    def __init__(self) -> None:
        self.passed, self.ahead, self.slow_s = 50.0, 0.0, 0.0
        self.clock = DatabaseClock(lambda: 1_700_000_000.0 + self.passed + self.ahead, lambda: self.passed)
        self.clock.compare(self)  # type: ignore[arg-type]

    @property
    def time(self) -> float:
        return 1_700_000_007.0 + self.passed

    def tuples(self, sql: str) -> list[tuple[float]]:
        self.passed += self.slow_s
        return [(self.time,)]


def test_who_sets_a_machines_clock_changes_no_lease() -> None:
    server = Server()
    assert (server.clock(), server.clock.ahead_s) == (server.time, -7)
    for ahead in (3600.0, -3600.0):
        server.ahead = ahead
        server.passed += 4  # a sweep comes before the next beat
        assert server.clock() == server.time
        server.clock.compare(server)  # type: ignore[arg-type]
        assert (server.clock(), server.clock.ahead_s) == (server.time, ahead - 7)


def test_an_answer_that_took_long_moves_no_clock() -> None:
    server = Server()
    server.slow_s = 60.0  # the server stood still, or this worker did
    server.clock.compare(server)  # type: ignore[arg-type]
    assert server.clock() == server.time


def test_a_beat_goes_by_the_clock_as_it_has_just_been_compared(nodes: list[Database], clock: Clock) -> None:
    far = Clock()

    def compare(_: object) -> None:
        far.now = clock.now

    jobs = Jobs(nodes[0], clock=far, beside=compare)
    far.now -= 3600
    jobs.beat()
    assert is_alive(nodes[1], jobs.worker.id, clock.now)
    jobs.close()


def test_a_started_worker_beats_by_itself_and_stops(nodes: list[Database], runs: Runs) -> None:
    jobs = Jobs(nodes[0], [LeasedJob("often", 0, lambda: runs.add("run"))], beat_s=0.01)
    jobs.start()
    runs.wait(3)
    jobs.close()
    count = len(runs.done)
    assert not is_alive(nodes[0], jobs.worker.id, 0)
    assert len(runs.done) == count


def test_a_beat_that_fails_is_logged_and_not_the_last(
    sqlite_url: str, tmp_path: Path, runs: Runs, caplog: pytest.LogCaptureFixture
) -> None:
    database = open_database(sqlite_url, tmp_path, create=True)
    migrate(database)
    jobs = Jobs(database, [LeasedJob("often", 0, lambda: runs.add("run"))], beat_s=0.01)
    files = [file for file in tmp_path.iterdir() if file.name.startswith("router.db")]
    for file in files:
        file.rename(file.with_name("away-" + file.name))
    warned = threading.Event()
    handler = logging.Handler()
    handler.emit = lambda record: warned.set()  # type: ignore[method-assign]
    logging.getLogger("router.jobs").addHandler(handler)
    try:
        jobs.start()
        assert warned.wait(10)
    finally:
        logging.getLogger("router.jobs").removeHandler(handler)
    for file in files:
        file.with_name("away-" + file.name).rename(file)
    runs.wait(1)
    jobs.close()
    database.close()
    assert f"Worker {jobs.worker.id} could not renew its lease: The SQLite database" in caplog.text
