"""One reads, many wait: nobody is given what is too old, and one reading serves all who came while it was under way."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from waiting import until

from router.errors import StoreError
from router.store.fresh import Flights, Fresh

CROWD = 8


class Slow:
    """A source that is as slow as the test wants."""

    def __init__(self) -> None:
        self.value = 1
        self.begun = threading.Semaphore(0)
        self.go = threading.Semaphore(0)
        self.readings = 0
        self.away = False

    def read(self) -> int:
        self.readings += 1
        value = self.value
        self.begun.release()
        assert self.go.acquire(timeout=10)
        if self.away:
            raise StoreError("away")
        return value


def known(slow: Slow, now: list[float]) -> Fresh[int]:
    """One that has read 1 at the time 0."""
    fresh = Fresh(slow.read, max_age_s=1.0, clock=lambda: now[0])
    slow.go.release()
    assert fresh.get() == 1
    assert slow.begun.acquire(timeout=10)
    slow.value = 2
    return fresh


@pytest.mark.parametrize("away", [False, True])
def test_what_is_too_old_is_given_to_nobody_while_one_reads_it_again(away: bool) -> None:
    slow, now = Slow(), [0.0]
    fresh = known(slow, now)
    now[0] = 10.0
    slow.away = away
    with ThreadPoolExecutor(CROWD) as pool:
        asked = [pool.submit(fresh.get) for _ in range(CROWD)]
        assert slow.begun.acquire(timeout=10)
        for _ in range(CROWD):
            slow.go.release()
        if away:
            assert all(isinstance(one.exception(10), StoreError) for one in asked)
        else:
            assert [one.result(10) for one in asked] == [2] * CROWD


def test_it_is_read_in_good_time_and_by_one() -> None:
    slow, now = Slow(), [0.0]
    fresh = known(slow, now)
    now[0] = 0.4
    assert fresh.get() == 1
    now[0] = 0.9
    with ThreadPoolExecutor(1) as pool:
        reading: Future[int] = pool.submit(fresh.get)
        assert slow.begun.acquire(timeout=10)
        assert [fresh.get() for _ in range(CROWD)] == [1] * CROWD, "young enough, and read again already"
        slow.go.release()
        assert reading.result(10) == 2
    assert slow.readings == 2


def test_of_many_who_look_for_one_thing_one_reads_and_who_wants_it_fresh_reads_again() -> None:
    slow = Slow()
    flights: Flights[int] = Flights()
    with ThreadPoolExecutor(CROWD + 2) as pool:
        first = pool.submit(flights.get, "key", slow.read)
        assert slow.begun.acquire(timeout=10)
        others = [pool.submit(flights.get, "key", slow.read) for _ in range(CROWD)]
        slow.value = 2
        fresh = pool.submit(lambda: flights.get("key", slow.read, fresh=True))
        until(lambda: flights.waiting("key") == CROWD + 1)
        slow.go.release(2)
        assert [one.result(10) for one in (first, *others)] == [1] * (1 + CROWD)
        assert fresh.result(10) == 2
    assert slow.readings == 2
