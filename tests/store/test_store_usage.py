"""Usage rows: written once, replaced where a call was given up too soon, found fast, exported and pruned."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from stored_usage import insert_usage

from router.db.connection import Connection
from router.db.database import Database
from router.metering.usage_hours import sum_hours
from router.metering.usage_rows import count_usage, export_usage, find_own_usage, list_usage, prune_usage
from router.store.accounts import Account, create_account
from router.store.keys import create_key
from router.store.opening import open_database
from router.types.records import CallRecord

New = Callable[..., CallRecord]


def _insert(database: Database, *records: CallRecord) -> None:
    database.write(lambda connection: insert_usage(connection, records))


def _found(records: list[CallRecord]) -> list[str]:
    return [record.request_id for record in records]


def _calls(database: Database) -> int:
    return sum(one.calls for one in sum_hours(database))


@pytest.fixture
def second(database_url: str, database: Database, tmp_path: Path) -> Iterator[Database]:
    """Another worker's view of the same database."""
    other = open_database(database_url, tmp_path)
    yield other
    other.close()


def test_a_row_comes_back_as_it_went_in(database: Database, new_record: New) -> None:
    record = new_record(
        "r1",
        cache_write_tokens=3,
        clamped=True,
        charge_nano=2**62,
        shortfall_nano=5,
        cost_nano=0,
        rate_nano=3_500_000_000,
    )
    bare = new_record("r0", attempts=(), first_token_ms=3, streamed=False, estimated=True, created_at=1.5)
    _insert(database, record, bare)
    assert list_usage(database) == [record, bare]


@pytest.mark.parametrize("size", [1, 2, 63, 64, 65, 200])
def test_rows_of_a_batch_of_any_size_are_all_there(database: Database, new_record: New, size: int) -> None:
    records = [new_record(f"r{number:03}", created_at=1e9 - number, prompt_tokens=number) for number in range(size)]
    _insert(database, *records)
    assert list_usage(database, limit=1000) == records
    assert _calls(database) == size


def test_no_rows_are_no_work(database: Database) -> None:
    _insert(database)
    assert list_usage(database) == []


def test_a_row_written_twice_counts_once(database: Database, new_record: New) -> None:
    _insert(database, new_record("r1"), new_record("r2"), new_record("r2", model="again"))
    _insert(database, new_record("r1", model="other"), new_record("r3"))
    assert [(record.request_id, record.model) for record in list_usage(database)] == [
        ("r1", "openai/gpt-4o"),
        ("r2", "openai/gpt-4o"),
        ("r3", "openai/gpt-4o"),
    ]
    assert _calls(database) == 3


def test_a_row_that_two_workers_write_at_once_counts_once(
    database: Database, second: Database, new_record: New
) -> None:
    meet = threading.Barrier(2)

    def write(one: Database, mark: str) -> None:
        for number in range(10):
            meet.wait(10)
            _insert(one, *(new_record(f"r{number}-{row}", model=mark) for row in range(5)))

    with ThreadPoolExecutor(2) as pool:
        for result in [pool.submit(write, database, "a"), pool.submit(write, second, "b")]:
            result.result()
    assert len(list_usage(database)) == _calls(database) == 50


@pytest.mark.parametrize("together", [True, False])
def test_a_call_that_was_given_up_and_then_ended_replaces_its_row(
    database: Database, new_record: New, together: bool
) -> None:
    swept = new_record("r1", ending="expired", provider="", prompt_tokens=0, completion_tokens=0, charge_nano=9)
    ended = new_record("r1", ending="ok", charge_nano=70, prompt_tokens=100)
    if together:
        _insert(database, swept, ended)
    else:
        _insert(database, swept)
        assert [(one.calls, one.errors, one.charge_nano) for one in sum_hours(database)] == [(1, 1, 9)]
        _insert(database, ended)
    assert list_usage(database) == [ended]
    assert [(one.calls, one.errors, one.charge_nano) for one in sum_hours(database)] == [(1, 0, 70)]
    _insert(database, swept, replace(ended, model="later"))
    assert list_usage(database) == [ended]
    assert _calls(database) == 1


def test_a_transaction_that_fails_writes_neither_rows_nor_sums(database: Database, new_record: New) -> None:
    def write(connection: Connection) -> None:
        insert_usage(connection, [new_record("r1")])
        raise LookupError

    with pytest.raises(LookupError):
        database.write(write)
    assert list_usage(database) == []
    assert sum_hours(database) == []


def test_rows_are_filtered_newest_first(database: Database, new_record: New) -> None:
    accounts = [create_account(database, f"account {number}").id for number in range(2)]
    keys = [create_key(database, accounts[number % 2], "key")[0].id for number in range(4)]
    _insert(
        database,
        *(
            new_record(f"r{n}", created_at=n * 1000.0, account=accounts[n % 2], key=keys[n % 4 if n < 8 else n % 2])
            for n in range(10)
        ),
    )

    def found(**filters: Any) -> str:
        return "".join(record.request_id[1:] for record in list_usage(database, **filters))

    assert found() == "9876543210"
    assert found(account=accounts[1]) == "97531"
    assert found(key=keys[0]) == "840"
    assert found(key=keys[0], limit=2) == "84"
    assert found(key=keys[0], since=1000) == "84"
    assert found(key=keys[2]) == "62"
    assert found(account=accounts[0], key=keys[0]) == "840"
    assert found(account=accounts[1], key=keys[0]) == ""
    assert found(account="acct_none") == found(key="key_none") == ""
    assert found(since=6000.0) == "9876"
    assert found(limit=2) == "98"
    assert found(limit=0) == found(key=keys[0], limit=0) == ""


def test_a_new_keys_rows_are_none(database: Database, account: Account, new_record: New) -> None:
    key = create_key(database, account.id, "idle")[0].id
    _insert(database, new_record("r1", account=account.id))
    assert list_usage(database, key=key) == []


def test_whatever_a_client_calls_a_model_is_kept(database: Database, new_record: New) -> None:
    texts = {
        "a\0b": "a\ufffdb",
        "\ud800": "\ufffd",
        "x\udfffy": "x\ufffdy",
        "🦊 ü\n": "🦊 ü\n",
        "%s ? '; DROP TABLE usage; --": "%s ? '; DROP TABLE usage; --",
        '{"a": [1]}': '{"a": [1]}',
    }
    _insert(database, *(new_record(f"r{number}", model=text) for number, text in enumerate(texts)))
    assert [record.model for record in list_usage(database)] == list(texts.values())
    assert {one.group["model"] for one in sum_hours(database, by=["model"])} == set(texts.values())


@pytest.mark.parametrize("field", ["charge_nano", "cost_nano", "shortfall_nano", "latency_ms", "prompt_tokens"])
def test_a_number_that_no_column_holds_is_refused(database: Database, new_record: New, field: str) -> None:
    with pytest.raises(Exception, match=r"too large|out of range"):
        _insert(database, new_record("r1", **{field: 2**63}))
    assert list_usage(database) == []
    assert sum_hours(database) == []


def test_an_export_has_every_row_once_in_order_of_arrival(database: Database, new_record: New) -> None:
    times = [0.0] * 7 + [1.0, 1.25, 1.25, 1.25, 2.0, 3.0]
    records = [new_record(f"r{n:02}", created_at=at, account=f"acct_{n % 2}") for n, at in enumerate(times)]
    _insert(database, *reversed(records))
    for page in (1, 2, 3, 5, 13, 100):
        assert list(export_usage(database, page=page)) == records
    assert list(export_usage(database, account="acct_1", page=2)) == records[1::2]
    assert _found(list(export_usage(database, since=1.25, until=3.0, page=2))) == ["r08", "r09", "r10", "r11"]
    assert list(export_usage(database, since=4.0)) == []


def test_rows_that_are_pruned_during_an_export_stop_nothing(database: Database, new_record: New) -> None:
    _insert(database, *(new_record(f"r{n}", created_at=float(n)) for n in range(9)))
    rows = export_usage(database, page=3)
    assert next(rows).request_id == "r0"
    assert prune_usage(database, 6.0) == 6
    assert _found(list(rows)) == ["r1", "r2", "r6", "r7", "r8"]


def test_pruning_takes_old_rows_and_leaves_their_sums(
    database: Database, new_record: New, monkeypatch: pytest.MonkeyPatch
) -> None:
    _insert(database, *(new_record(f"r{n}", created_at=float(n), charge_nano=5) for n in range(10)))
    writes: list[object] = []
    write = database.write
    monkeypatch.setattr(database, "write", lambda function: (writes.append(function), write(function))[1])
    assert count_usage(database, 7.0) == 7
    assert prune_usage(database, 7.0, batch=3) == 7
    assert len(writes) == 4  # 3, 3, 1, none left
    assert _found(list_usage(database)) == ["r9", "r8", "r7"]
    assert [(one.calls, one.charge_nano) for one in sum_hours(database)] == [(10, 50)]
    assert prune_usage(database, 7.0) == 0


def test_a_row_is_found_by_its_own_account_alone_and_no_text_is_too_odd_to_look_for(
    database: Database, new_record: New
) -> None:
    record = new_record("r1", account="acct_1")
    _insert(database, record)
    assert find_own_usage(database, "acct_1", "r1") == record
    for account, request_id in (("acct_2", "r1"), ("acct_1", "r1\0"), ("acct_1", "\ud800")):
        assert find_own_usage(database, account, request_id) is None


_BETWEEN = "(account_id=? AND created_at>? AND created_at<?)"


@pytest.mark.parametrize(
    ("filters", "index", "wanted"),
    [
        ({"failed": True}, "usage_failed", ["r3"]),
        ({"error_code": "bad_gateway"}, "usage_failed", ["r3"]),
        ({"status": (500, 599)}, "usage_failed", ["r3"]),
        ({"status": (200, 299)}, "usage_account", ["r0", "r1", "r2"]),
        ({"before": "r1"}, "usage_account", ["r2", "r3"]),
    ],
)
def test_a_page_of_an_account_reads_one_index_between_two_times(
    database: Database,
    new_record: New,
    monkeypatch: pytest.MonkeyPatch,
    filters: dict[str, Any],
    index: str,
    wanted: list[str],
) -> None:
    records = [new_record(f"r{number}", created_at=100.0 - number, status=200, ending="ok") for number in range(3)]
    failed = new_record("r3", created_at=50.0, status=502, ending="error", error_code="bad_gateway")
    _insert(database, *records, failed)
    asked: list[tuple[str, Any]] = []
    tuples = Connection.tuples

    def heard(connection: Connection, sql: str, params: Any = ()) -> list[tuple[Any, ...]]:
        asked.append((sql, params))
        return tuples(connection, sql, params)

    with monkeypatch.context() as patch:
        patch.setattr(Connection, "tuples", heard)
        found = list_usage(database, account=failed.account, since=10.0, until=1000.0, **filters)
    assert _found(found) == wanted
    sql, params = asked[-1]
    assert (1000.0 in params) is ("before" not in filters), "of two ends the nearer one alone"
    if database.engine == "sqlite":  # the planner of PostgreSQL scans so small a table
        plan = database.read(lambda connection: connection.tuples(f"EXPLAIN QUERY PLAN {sql}", params))
        assert f"{index} {_BETWEEN}" in str(plan)
