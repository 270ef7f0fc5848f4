"""Counters: one sum over all who add."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from router.db.connection import Connection
from router.db.database import Database
from router.metering.counters import read_counters
from router.metering.tallies import COUNTERS, add_counters
from router.store.opening import open_database

Hold = Callable[..., None]


def test_all_counters_are_there_from_the_start(database: Database) -> None:
    assert read_counters(database) == dict.fromkeys(COUNTERS, 0)


def test_two_workers_that_add_in_different_orders_lose_nothing(
    database_url: str, database: Database, tmp_path: Path
) -> None:
    other = open_database(database_url, tmp_path)

    def add(one: Database, names: list[str]) -> None:
        for _ in range(20):
            one.write(lambda connection: add_counters(connection, dict.fromkeys(names, 2**40)))

    with ThreadPoolExecutor(2) as pool:
        names = ["sweeps", "refused_claims", "shortfall_nano"]
        for done in [pool.submit(add, database, names), pool.submit(add, other, names[::-1])]:
            done.result()
    other.close()
    assert read_counters(database) == dict.fromkeys(COUNTERS, 0) | dict.fromkeys(names, 40 * 2**40)


def test_open_holds_are_counted_as_they_are(database: Database, add_hold: Hold) -> None:
    add_hold("req_1", owner="a")
    add_hold("req_2", owner="b")
    assert read_counters(database)["holds_open"] == 2


def test_a_counter_belongs_to_its_transaction(database: Database) -> None:
    def write(connection: Connection) -> None:
        add_counters(connection, {"sweeps": 1, "clamped_usage": 0})
        raise LookupError

    with pytest.raises(LookupError):
        database.write(write)
    assert read_counters(database)["sweeps"] == 0


@pytest.mark.parametrize("deltas", [{"sweep": 1}, {"sweeps": -1}, {"holds_open": 1}])
def test_what_is_no_counter_is_refused(database: Database, deltas: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"the counter '\w+' cannot be changed by -?1"):
        database.write(lambda connection: add_counters(connection, {"clamped_usage": 1, **deltas}))
    assert read_counters(database)["clamped_usage"] == 0
