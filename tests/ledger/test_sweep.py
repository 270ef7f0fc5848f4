"""The sweep: expired calls end once, by the rule; those of dead workers when everything is asked for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from books import NOW, fill, settle, take

from router.db.database import Database
from router.errors import BadRequest
from router.jobs.workers import register
from router.ledger.balances import Balance, balance
from router.ledger.progress import progress_of
from router.ledger.sweep import CODE, sweep
from router.ledger.transfers import grant, refund
from router.ledger.verify import verify
from router.metering.counters import read_counters
from router.metering.usage_hours import sum_hours
from router.metering.usage_rows import find_usage, list_usage
from router.store.accounts import Account
from router.store.opening import open_database
from router.types.records import Units, Usage


@pytest.fixture(autouse=True)
def credit(database: Database, account: Account) -> None:
    grant(database, account.id, 1000, reason="credit")


def sound(database: Database) -> bool:
    return all(check.ok for check in verify(database))


def buckets(database: Database) -> dict[str, tuple[int, int]]:
    rows = database.read(lambda connection: connection.tuples("SELECT id, used, held FROM buckets"))
    return {id.rpartition(":key_1")[0]: (used, held) for id, used, held in rows}


def test_what_expired_is_given_back_with_a_row_that_says_so(database: Database, account: Account) -> None:
    take(database, account.id, "req_1", 30)
    held = take(database, account.id, "req_2", 40, expires_at=NOW + 1000)
    assert sweep(database, NOW + 99, "void").ended == []
    (ended,) = sweep(database, NOW + 100, "void").ended
    (row,) = list_usage(database)
    assert ended == row
    assert (row.request_id, row.status, row.ending, row.error_code) == ("req_1", 500, "expired", CODE)
    assert (row.charge_nano, row.estimated, row.latency_ms, row.model) == (0, False, 100_000, "echo/echo")
    assert balance(database, account.id) == Balance(1000, 0, 40)
    assert buckets(database) == {
        "windows:requests": (0, 1),
        "windows:tokens": (0, 50),
        "windows:concurrent": (0, 1),
        "host:budget": (0, 40),
    }
    assert sweep(database, NOW + 100, "void").ended == []
    settle(database, held, 35)
    assert balance(database, account.id) == Balance(1000, 35, 0)
    assert read_counters(database)["sweeps"] == 1
    assert sound(database)


def test_a_call_that_began_by_a_clock_that_was_ahead_is_over(database: Database, account: Account) -> None:
    day_s = 86_400.0
    take(database, account.id, "req_ahead", 30, now=NOW + day_s, expires_at=NOW + day_s + 100)
    take(database, account.id, "req_little", 40, now=NOW + 50, expires_at=NOW + 150)
    assert [row.request_id for row in sweep(database, NOW, "void").ended] == ["req_ahead"]
    assert balance(database, account.id) == Balance(1000, 0, 40)
    assert sound(database)


def test_what_is_known_to_be_used_is_charged_and_the_rest_given_back(database: Database, account: Account) -> None:
    take(database, account.id, "req_1", 30)
    (sql, params) = progress_of("req_1", Usage(9, 4, 3, 2, 1), 12, [1, 13, 12, 0], ("acme", "large"))
    database.write(lambda connection: connection.execute(sql, params))
    (ended,) = sweep(database, NOW + 100, "void").ended
    assert (ended.charge_nano, ended.estimated, ended.provider, ended.upstream_model) == (12, True, "acme", "large")
    assert (ended.prompt_tokens, ended.completion_tokens, ended.cached_tokens) == (9, 4, 3)
    assert balance(database, account.id) == Balance(1000, 12, 0)
    assert buckets(database) == {
        "windows:requests": (1, 0),
        "windows:tokens": (13, 0),
        "windows:concurrent": (0, 0),
        "host:budget": (12, 0),
    }
    assert sound(database)


def test_units_are_kept_in_a_progress(database: Database, account: Account) -> None:
    take(database, account.id, "req_1", 30)
    usage = Usage(9, 4, units=Units(images=2, requests=1))
    (sql, params) = progress_of("req_1", usage, 12, [1, 13, 12, 0], ("acme", "large"))
    database.write(lambda connection: connection.execute(sql, params))
    (ended,) = sweep(database, NOW + 100, "void").ended
    assert (ended.charge_nano, ended.units) == (12, Units(images=2, requests=1))
    (kept,) = find_usage(database, "req_1")
    assert kept.units == ended.units
    (hour,) = sum_hours(database)
    assert (hour.images, hour.requests) == (2, 1)
    assert sound(database)


def test_what_expired_may_be_captured(database: Database, account: Account) -> None:
    take(database, account.id, "req_1", 30)
    take(database, account.id, "req_free", 0)
    ended = {record.request_id: record for record in sweep(database, NOW + 100, "capture").ended}
    assert (ended["req_1"].charge_nano, ended["req_1"].estimated) == (30, True)
    assert (ended["req_free"].charge_nano, ended["req_free"].estimated) == (0, False)
    assert balance(database, account.id) == Balance(1000, 30, 0)
    assert buckets(database) == {
        "windows:requests": (2, 0),
        "windows:tokens": (100, 0),
        "windows:concurrent": (0, 0),
        "host:budget": (30, 0),
    }
    assert sound(database)
    with pytest.raises(ValueError, match="no rule 'shrug'"):
        sweep(database, NOW, "shrug")


def test_a_call_that_was_swept_and_then_ends_is_charged_once(database: Database, account: Account) -> None:
    void, captured = (
        take(database, account.id, "req_1", 30),
        take(database, account.id, "req_2", 40, expires_at=NOW + 200),
    )
    sweep(database, NOW + 100, "void")
    sweep(database, NOW + 200, "capture")
    for _ in range(2):
        settle(database, void, 25, now=NOW + 200)
        settle(database, captured, 25, now=NOW + 200)
    rows = {row.request_id: (row.ending, row.charge_nano) for row in list_usage(database)}
    assert rows == {"req_1": ("ok", 25), "req_2": ("ok", 25)}
    assert balance(database, account.id) == Balance(1015, 65, 0), "15 of 40 are given back"
    assert buckets(database) == {
        "windows:requests": (2, 0),
        "windows:tokens": (80, 0),
        "windows:concurrent": (0, 0),
        "host:budget": (50, 0),
    }
    assert sweep(database, NOW + 300, "void").ended == []
    assert sound(database)


def test_what_an_operator_refunded_of_a_captured_call_is_not_given_back_twice(
    database: Database, account: Account
) -> None:
    held = take(database, account.id, "req_1", 40)
    sweep(database, NOW + 100, "capture")
    refund(database, "req_1", 30, reason="slow")
    assert settle(database, held, 25).charge_nano == 30, "of 40, 30 were given back already, and now the rest"
    assert balance(database, account.id).balance == 1000
    with pytest.raises(BadRequest, match="nothing left"):
        refund(database, "req_1", reason="again")
    assert sound(database)


def test_a_captured_call_that_used_more_than_it_held_is_ours_to_bear(database: Database, account: Account) -> None:
    held = take(database, account.id, "req_1", 40)
    sweep(database, NOW + 100, "capture")
    written = settle(database, held, 50)
    assert (written.charge_nano, written.shortfall_nano) == (40, 10)
    assert balance(database, account.id).balance == 960
    assert sound(database)


def test_everything_ends_dead_workers_calls_and_names_the_others(database: Database, account: Account) -> None:
    alive = register(database, NOW)
    take(database, account.id, "req_alive", 1, owner=alive.id)
    take(database, account.id, "req_dead", 2, owner="wrk_gone")
    take(database, account.id, "req_expired", 4, owner=alive.id, expires_at=NOW - 1)
    assert [record.request_id for record in sweep(database, NOW - 2, "void").ended] == []
    swept = sweep(database, NOW, "void", everything=True)
    assert sorted(record.request_id for record in swept.ended) == ["req_dead", "req_expired"]
    assert [held.id for held in swept.refused] == ["req_alive"]
    assert balance(database, account.id).held == 1
    late = sweep(database, NOW + 60, "void", everything=True)  # its lease is over, though its hold is not
    assert [record.request_id for record in late.ended] == ["req_alive"]
    assert sound(database)


def test_many_sweeps_and_ends_at_once_end_each_call_once(
    database_url: str, database: Database, account: Account
) -> None:
    held = [take(database, account.id, f"req_{number:03}", 3) for number in range(60)]
    databases = [open_database(database_url, Path()) for _ in range(3)]
    try:
        with ThreadPoolExecutor(4) as pool:
            sweeps = [pool.submit(sweep, one, NOW + 100, "void") for one in databases]
            ends = [pool.submit(settle, database, one, 2) for one in held[::3]]
            ended = [record.request_id for one in sweeps for record in one.result().ended]
            for end in ends:
                end.result()
    finally:
        for one in databases:
            one.close()
    assert len(ended) == len(set(ended))
    assert balance(database, account.id) == Balance(1000, 40, 0)
    rows = {row.request_id: row.ending for row in list_usage(database)}
    assert len(rows) == 60
    assert [rows[one.id] for one in held[::3]] == ["ok"] * 20
    assert sound(database)


def test_more_than_one_batch_is_ended(database: Database, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("router.ledger.sweep._BATCH", 3)
    for number in range(10):
        take(database, account.id, f"req_{number}", 1, expires_at=NOW + number % 2)
    assert len(sweep(database, NOW, "void").ended) == 5
    assert len(sweep(database, NOW + 1, "void").ended) == 5
    assert balance(database, account.id).held == 0


def test_an_untouched_ledger_stays_so(database: Database, account: Account) -> None:
    fill(database, account.id)
    before = balance(database, account.id)
    assert sweep(database, NOW, "void").ended == []
    assert balance(database, account.id) == before
