"""The usage table in parts of a month: as exact as one table, and old months go in one stroke."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from stored_usage import insert_usage

from router.db.columns import table_names
from router.db.connection import Connection
from router.db.database import Database
from router.errors import BadRequest
from router.ledger.verify import verify
from router.metering.usage_months import has_months, make_months, partition_usage
from router.metering.usage_rows import list_usage, prune_usage
from router.store.migrating import migrate, step_back
from router.store.moving.copying import copy
from router.store.opening import open_database
from router.types.records import CallRecord

pytestmark = pytest.mark.slow

NOW = datetime(2026, 12, 15, tzinfo=UTC).timestamp()
New = Callable[..., CallRecord]


@pytest.fixture
def server(postgresql_url: str, tmp_path: Path) -> Iterator[Database]:
    with closing(open_database(postgresql_url, tmp_path)) as database:
        migrate(database)
        yield database


def at(year: int, month: int, day: int, number: int = 0) -> tuple[str, float]:
    """A request ID and the time that it begins with."""
    time = datetime(year, month, day, tzinfo=UTC).timestamp()
    return f"req_{int(time * 1000):011x}{number:013}", time


def record(new: New, when: tuple[str, float], **changes: object) -> CallRecord:
    return new(when[0], created_at=when[1], **changes)


def parts(database: Database) -> dict[str, int]:
    sql = "SELECT tableoid::regclass::text, count(*) FROM usage GROUP BY 1"
    return dict(database.read(lambda connection: connection.tuples(sql)))  # type: ignore[arg-type]


def partition(database: Database) -> int:
    return database.write(lambda connection: partition_usage(connection, NOW))


def write(database: Database, *records: CallRecord) -> None:
    database.write(lambda connection: insert_usage(connection, list(records)))


def test_rows_go_where_their_ids_say_and_are_written_once(server: Database, new_record: New) -> None:
    old, here = record(new_record, at(2026, 10, 1)), record(new_record, at(2026, 12, 20))
    write(server, old)
    assert partition(server) == 3
    next_month, far = record(new_record, at(2027, 1, 1)), record(new_record, at(2028, 1, 1))
    odd = new_record("stranger", created_at=NOW)
    write(server, here, next_month, far, odd)
    write(server, old, here, next_month, far, odd)  # as a commit of unknown outcome is repeated
    assert parts(server) == {"usage_before": 2, "usage_2027_01": 1, "usage_rest": 2}
    assert len(list_usage(server)) == 5
    hours = server.read(lambda c: c.tuples("SELECT sum(calls) FROM usage_hours"))
    assert int(hours[0][0]) == 5
    assert {check.name: check.detail for check in verify(server) if not check.ok} == {}
    with pytest.raises(BadRequest, match="in months already"):
        partition(server)


def test_a_call_that_was_given_up_is_replaced_across_parts(server: Database, new_record: New) -> None:
    partition(server)
    when = at(2027, 1, 2)
    write(server, record(new_record, when, ending="expired", status=500))
    write(server, new_record(when[0], created_at=when[1] - 90, ending="ok"))
    assert [(row.ending, row.status) for row in list_usage(server)] == [("ok", 200)]


def test_coming_months_are_made_and_take_what_was_put_aside(server: Database, new_record: New) -> None:
    partition(server)
    write(server, record(new_record, at(2027, 5, 5)))
    assert parts(server) == {"usage_rest": 1}
    later = datetime(2027, 2, 1, tzinfo=UTC).timestamp()
    assert server.write(lambda connection: make_months(connection, later)) == 2  # April and May
    assert server.write(lambda connection: make_months(connection, later)) == 0
    assert parts(server) == {"usage_2027_05": 1}
    much_later = datetime(2028, 1, 15, tzinfo=UTC).timestamp()
    assert server.write(lambda connection: make_months(connection, much_later)) == 3  # after a long silence
    write(server, record(new_record, at(2028, 2, 1)))
    assert parts(server)["usage_2028_02"] == 1


def test_pruning_drops_whole_months_and_the_rest_row_by_row(server: Database, new_record: New) -> None:
    write(server, record(new_record, at(2026, 11, 1)))
    partition(server)
    write(server, *(record(new_record, at(2027, 1, day)) for day in range(1, 11)))
    write(server, *(record(new_record, at(2027, 2, day)) for day in range(1, 4)))
    assert prune_usage(server, datetime(2027, 2, 2, tzinfo=UTC).timestamp()) == 12
    assert parts(server) == {"usage_2027_02": 2}
    there = "SELECT count(*) FROM pg_inherits WHERE inhrelid = to_regclass('usage_2027_01')"
    assert server.read(lambda connection: connection.tuples(there)) == [(0,)]
    assert {check.name: check.detail for check in verify(server) if not check.ok} == {}


def test_no_call_waits_while_old_months_are_counted(
    server: Database, new_record: New, postgresql_url: str, tmp_path: Path
) -> None:
    partition(server)
    write(server, record(new_record, at(2027, 1, 3)))
    locked, release = threading.Event(), threading.Event()

    def lock(connection: Connection) -> None:
        connection.execute("LOCK TABLE usage_2027_01 IN ACCESS EXCLUSIVE MODE")  # so that counting takes long
        locked.set()
        assert release.wait(30)

    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    with (
        closing(open_database(postgresql_url, tmp_path)) as slow,
        closing(open_database(postgresql_url, tmp_path)) as calls,
        ThreadPoolExecutor(2) as pool,
    ):
        try:
            holding = pool.submit(lambda: slow.write(lock, behind=True, timeout_s=40))
            assert locked.wait(10)
            pruning = pool.submit(lambda: prune_usage(server, at(2027, 2, 10)[1]))
            deadline = time.monotonic() + 20
            while calls.read(lambda connection: connection.tuples(waiting), whole=False) == [(0,)]:
                assert time.monotonic() < deadline and not pruning.done()
            assert calls.write(lambda connection: 1, timeout_s=5) == 1
        finally:
            release.set()
        holding.result(30)
        assert pruning.result(30) == 1 and parts(server) == {}


def test_a_month_with_a_call_that_came_later_is_not_dropped(server: Database, new_record: New) -> None:
    partition(server)
    write(server, new_record(at(2027, 1, 31)[0], created_at=at(2027, 2, 20)[1]), record(new_record, at(2027, 1, 3)))
    assert prune_usage(server, datetime(2027, 2, 10, tzinfo=UTC).timestamp()) == 1
    assert parts(server) == {"usage_2027_01": 1}


def test_a_table_in_months_is_copied_and_stepped_back(
    server: Database, new_record: New, sqlite_url: str, tmp_path: Path
) -> None:
    partition(server)
    write(server, record(new_record, at(2026, 12, 1)), record(new_record, at(2027, 3, 1)))
    assert [name for name in server.read(table_names) if name.startswith("usage_") and name[6].isdigit()] == []
    with closing(open_database(sqlite_url, tmp_path, create=True)) as target:
        assert copy(server, target, {}).rows["usage"] == 2
        assert len(list_usage(target)) == 2
    indexes = "SELECT indexname FROM pg_indexes WHERE tablename = 'usage' AND schemaname = current_schema() ORDER BY 1"
    assert ("usage_time",) in server.read(lambda connection: connection.tuples(indexes))
    while step_back(server).number > 22:
        pass
    migrate(server)
    assert server.read(has_months)


def test_sqlite_has_no_parts(sqlite_url: str, tmp_path: Path) -> None:
    with closing(open_database(sqlite_url, tmp_path, create=True)) as database:
        migrate(database)
        with pytest.raises(BadRequest, match="router db copy"):
            partition(database)
