"""The journal: rows that arrive together travel together, and none is lost for another's sake."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import peewee
import pytest
from machine import HANG_S

from router.db.connection import Connection
from router.db.database import Database
from router.db.journal import Journal
from router.errors import StoreError
from router.ledger.batch import LedgerBatch
from router.ledger.operations import Record
from router.metering.usage_hours import sum_hours
from router.metering.usage_rows import list_usage
from router.store.migrating import migrate
from router.store.opening import open_database
from router.types.records import CallRecord

pytestmark = pytest.mark.slow

New = Callable[..., CallRecord]


@pytest.fixture
def journal(database: Database) -> Iterator[Journal]:
    journal = Journal(database, LedgerBatch())
    yield journal
    journal.close()


@contextmanager
def _busy(database: Database) -> Iterator[None]:
    """Keep the writer occupied, so that what is handed over meanwhile has to wait."""
    writing, release = threading.Event(), threading.Event()

    def hold(_: Connection) -> None:
        writing.set()
        release.wait(10)

    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(database.write, hold, timeout_s=10)
        assert writing.wait(5)
        try:
            yield
        finally:
            release.set()
            held.result()


def test_a_submitted_row_is_there_when_submit_returns(database: Database, journal: Journal, new_record: New) -> None:
    journal.submit(Record(new_record("r1")))
    assert list_usage(database) == [new_record("r1")]


def test_posted_rows_are_there_after_a_flush(database: Database, journal: Journal, new_record: New) -> None:
    for number in range(2500):
        journal.post(Record(new_record(f"r{number}")))
    assert journal.flush(10)
    assert len(list_usage(database, limit=5000)) == 2500
    assert journal.healthy()


def test_rows_that_arrive_together_share_a_transaction(
    database: Database, new_record: New, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes: list[object] = []
    write = database.write
    monkeypatch.setattr(database, "write", lambda function, **how: (writes.append(function), write(function, **how))[1])
    journal = Journal(database, LedgerBatch())
    with ThreadPoolExecutor(50) as pool:
        rows = [Record(new_record(f"{thread}-{row}")) for thread in range(50) for row in range(10)]
        list(pool.map(journal.submit, rows))
    journal.close()
    assert len(list_usage(database, limit=1000)) == 500
    assert len(writes) < 250


def test_a_bad_row_fails_alone(database: Database, journal: Journal, new_record: New) -> None:
    with ThreadPoolExecutor(20) as pool, _busy(database):
        results = [pool.submit(journal.submit, Record(new_record(f"r{n}", prompt_tokens=-(n == 7)))) for n in range(20)]
    errors = [error for result in results if (error := result.exception()) is not None]
    assert [type(error) for error in errors] == [peewee.IntegrityError]
    assert isinstance(results[7].exception(), peewee.IntegrityError)
    assert {record.request_id for record in list_usage(database)} == {f"r{n}" for n in range(20) if n != 7}
    assert journal.lost == 0  # whoever waited for it knows


def test_a_value_that_no_column_holds_fails_alone(database: Database, journal: Journal, new_record: New) -> None:
    journal.post(Record(new_record("huge", latency_ms=2**70)))
    journal.post(Record(new_record("fine")))
    assert journal.flush(5)
    assert [record.request_id for record in list_usage(database)] == ["fine"]
    assert journal.lost == 1


def test_a_full_backlog_is_unhealthy_and_its_excess_is_counted(database: Database, new_record: New) -> None:
    journal = Journal(database, LedgerBatch(), backlog_max=10, hard_max=20)
    with _busy(database):
        for number in range(10):
            journal.post(Record(new_record(f"r{number}")))
        assert journal.healthy()
        for number in range(10, 25):
            journal.post(Record(new_record(f"r{number}")))
        assert not journal.healthy()
        assert journal.lost == 5
        with pytest.raises(StoreError, match=r"too many operations wait"):
            journal.submit(Record(new_record("r25")))
        assert not journal.flush(0.05)
    assert journal.flush(5)
    assert journal.healthy()
    assert journal.close() == 0
    assert len(list_usage(database)) == 20


def test_rows_wait_for_a_database_that_is_away(sqlite_url: str, tmp_path: Path, new_record: New) -> None:
    database = open_database(sqlite_url, tmp_path, create=True)
    migrate(database)
    journal = Journal(database, LedgerBatch(), age_max_s=0.05)
    files = [file for file in tmp_path.iterdir() if file.name.startswith("router.db")]
    for file in files:
        file.rename(file.with_name("away-" + file.name))
    journal.post(Record(new_record("r1")))
    assert not journal.flush(0.2)
    assert not journal.healthy()
    with pytest.raises(StoreError, match=r"not make an operation durable within 0\.1 s"):
        journal.submit(Record(new_record("r2")), timeout_s=0.1)
    for file in files:
        file.with_name("away-" + file.name).rename(file)
    assert journal.flush(10)
    assert journal.healthy()
    assert {record.request_id for record in list_usage(database)} == {"r1", "r2"}
    assert journal.close() == 0
    database.close()


def _logged(database: Database) -> int:
    sql = "SELECT COUNT(*) FROM ledger_log"
    return int(database.read(lambda connection: connection.tuples(sql), whole=False)[0][0])


def test_a_journal_that_was_about_to_rest_ends_at_once(database: Database, new_record: New) -> None:
    batch = LedgerBatch()
    journal = Journal(database, batch, rest=batch.rest)
    journal.submit(Record(new_record("r1")))
    started = time.monotonic()
    assert journal.close(HANG_S) == 0
    assert time.monotonic() - started < HANG_S


def test_a_journal_that_rests_leaves_nothing_in_the_log(database: Database, new_record: New) -> None:
    batch = LedgerBatch()
    journal = Journal(database, batch, rest=batch.rest)
    journal.submit(Record(new_record("r1")))
    deadline = time.monotonic() + 20
    while _logged(database):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    journal.submit(Record(new_record("r2")))
    assert journal.close() == 0
    assert _logged(database) == 0
    assert sum_hours(database, by=())[0].calls == 2


@pytest.mark.parametrize("who", ["a reader", "a writer"])
def test_whoever_comes_finds_the_tables_whole(database: Database, journal: Journal, new_record: New, who: str) -> None:
    journal.submit(Record(new_record("r1")))
    assert _logged(database) == 1
    sql = "SELECT SUM(calls) FROM usage_hours"
    find = database.read if who == "a reader" else database.write
    assert int(find(lambda connection: connection.tuples(sql))[0][0]) == 1
    assert _logged(database) == 0


def test_close_counts_what_could_not_be_written(sqlite_url: str, tmp_path: Path, new_record: New) -> None:
    database = open_database(sqlite_url, tmp_path)
    journal = Journal(database, LedgerBatch())
    journal.post(Record(new_record("r1")))
    assert journal.close(timeout_s=0.2) == 1
    journal.post(Record(new_record("r2")))
    assert journal.lost == 1
    database.close()
