"""What workers tell each other of endpoints that rest. Clocks are the test's own; the database is real."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from test_endpoints import Clock, fail, is_open, places, succeed

from router.db.database import Database
from router.providers.circuit_breaker import OPEN
from router.providers.endpoints import Endpoints
from router.providers.shared_circuits import SharedCircuits
from router.store.care.circuits import read_circuits
from router.store.migrating import migrate
from router.store.opening import open_database

pytestmark = pytest.mark.slow


class Worker:
    """A worker with one provider of one endpoint."""

    def __init__(self, database: Database, clock: Clock, name: str, host: str = "one") -> None:
        self.endpoints = Endpoints("acme", places(1), clock=clock)
        self.shared = SharedCircuits(
            database,
            [self.endpoints],
            worker=name,
            host=host,
            clock=lambda: clock.now + 1_700_000_000,
            monotonic=lambda: clock.now,
        )

    def open(self, model: str = "") -> bool:
        return is_open(self.endpoints, model=model)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(database_url: str, tmp_path: Path) -> Iterator[Database]:
    opened = open_database(database_url, tmp_path, create=True)
    migrate(opened)
    yield opened
    opened.close()


def exchange(*workers: Worker) -> None:
    for one in workers:
        one.shared.exchange()


def refuse_key(worker: Worker) -> None:
    """A refused key is ours, and rests the endpoint at once."""
    fail(worker.endpoints, "auth", status=401)


def test_what_one_worker_met_the_other_does_not_meet(database: Database, clock: Clock) -> None:
    here, there = Worker(database, clock, "wrk_1"), Worker(database, clock, "wrk_2", "two")
    exchange(here, there)
    refuse_key(here)
    assert there.open()
    exchange(here, there)
    assert not there.open() and there.endpoints.refusal().kind == "auth"
    clock.now += 31
    assert here.open() and there.open(), "the trial of each"


def test_an_answer_anywhere_is_told_to_all(database: Database, clock: Clock) -> None:
    here, there = Worker(database, clock, "wrk_1"), Worker(database, clock, "wrk_2", "two")
    refuse_key(here)
    exchange(here, there)
    clock.now += 31
    succeed(there.endpoints)
    exchange(there, here)
    assert here.open() and read_circuits(database) == []
    assert here.endpoints.places[0].breaker.state != OPEN


def test_an_answer_to_whoever_met_it_ends_it_for_others_before_its_time(database: Database, clock: Clock) -> None:
    here, there = Worker(database, clock, "wrk_1"), Worker(database, clock, "wrk_2")
    lease = here.endpoints.lease()
    refuse_key(there)
    exchange(there, here)
    assert not here.open() and lease is not None
    place = there.endpoints.places[0]
    place.breaker.close()
    exchange(there, here)
    assert here.open()


def test_a_limit_of_one_model_rests_that_model_alone(database: Database, clock: Clock) -> None:
    here, there = Worker(database, clock, "wrk_1"), Worker(database, clock, "wrk_2", "two")
    for account in ("a", "b"):
        fail(here.endpoints, "rate_limit", 40, account=account, model="m")
    exchange(here, there)
    assert not there.open("m") and there.open("other") and there.open()
    refusal = there.endpoints.refusal("m")
    assert refusal.kind == "rate_limit" and 30 < (refusal.retry_after_s or 0) <= 40
    clock.now += 41
    succeed_with_model(here, "m")
    exchange(here, there)
    assert read_circuits(database) == [] and there.open("m")


def succeed_with_model(worker: Worker, model: str) -> None:
    lease = worker.endpoints.lease(model=model)
    assert lease is not None
    lease.answered()
    lease.release()


def test_what_could_not_be_reached_is_told_on_one_machine_alone(database: Database, clock: Clock) -> None:
    """It may be the network of that machine: it must not take the provider from all."""
    here, beside = Worker(database, clock, "wrk_1"), Worker(database, clock, "wrk_2")
    away = Worker(database, clock, "wrk_3", "two")
    for account in ("a", "b", "c", "d"):
        if here.open():
            fail(here.endpoints, "connection", account=account)
    exchange(here, beside, away)
    assert [row.kind for row in read_circuits(database)] == ["connection"]
    assert not is_open(beside.endpoints, account="c") and is_open(away.endpoints, account="c")


def test_who_comes_up_learns_what_the_others_know(database: Database, clock: Clock) -> None:
    here = Worker(database, clock, "wrk_1")
    refuse_key(here)
    exchange(here)
    late = Worker(database, clock, "wrk_9", "two")
    assert late.open()
    exchange(late)
    assert not late.open()


def test_what_was_told_is_not_told_again_as_ones_own(database: Database, clock: Clock) -> None:
    here, there = Worker(database, clock, "wrk_1"), Worker(database, clock, "wrk_2", "two")
    refuse_key(here)
    for _ in range(3):
        exchange(here, there)
    assert [row.worker for row in read_circuits(database)] == ["wrk_1"]


def test_a_failed_trial_rests_it_longer_everywhere(database: Database, clock: Clock) -> None:
    here, there = Worker(database, clock, "wrk_1"), Worker(database, clock, "wrk_2", "two")
    refuse_key(here)
    exchange(here, there)
    clock.now += 31
    refuse_key(there)
    exchange(there, here)
    assert [row.worker for row in read_circuits(database)] == ["wrk_2"]
    clock.now += 31
    assert not here.open() and not there.open(), "twice as long"


def test_rows_long_over_are_forgotten(database: Database, clock: Clock) -> None:
    here, there = Worker(database, clock, "wrk_1"), Worker(database, clock, "wrk_2", "two")
    fail(here.endpoints, "auth", status=401, model="")
    exchange(here)
    clock.now += 4000
    for account in ("a", "b"):
        fail(there.endpoints, "rate_limit", 5, account=account, model="m")
    exchange(there)
    assert [row.model for row in read_circuits(database)] == ["m"]


def test_an_answer_to_one_that_came_up_since_ends_it(database: Database, clock: Clock) -> None:
    here = Worker(database, clock, "wrk_1")
    refuse_key(here)
    exchange(here)
    clock.now += 31  # over, and wrk_1 was restarted with a good key
    anew = Worker(database, clock, "wrk_2")
    exchange(anew)
    assert read_circuits(database), "nobody was answered yet"
    clock.now += 1
    succeed(anew.endpoints)
    exchange(anew)
    assert read_circuits(database) == []
