"""Hourly sums: they equal what the rows say, and need none of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from stored_usage import insert_usage

from router.db.database import Database
from router.errors import BadRequest
from router.metering.hour_rows import TOKENS_MAX, add_rows, hour_of, hour_rows
from router.metering.hour_totals import wrong_totals
from router.metering.usage_hours import UsageSum, hours_before, models_used, sum_hours, wrong_hours
from router.metering.usage_rows import export_usage
from router.money.usage import Units
from router.store import migrating
from router.store.host_migrations import MIGRATIONS
from router.store.ledger_log import Effects, catch_up, merged
from router.store.migrating import migrate, step_back
from router.store.opening import open_database
from router.types.records import CallRecord

pytestmark = pytest.mark.slow

New = Callable[..., CallRecord]
HOUR = 3600
DAY = 24 * HOUR


def _insert(database: Database, *records: CallRecord) -> None:
    database.write(lambda connection: insert_usage(connection, records))


def _by(database: Database, *by: str, **filters: Any) -> dict[Any, int]:
    """Group -> calls."""
    return {tuple(one.group[name] for name in by): one.calls for one in sum_hours(database, by=by, **filters)}


def test_sums_are_those_of_the_rows(database: Database, new_record: New) -> None:
    _insert(
        database,
        new_record("r1", created_at=HOUR + 0.5, charge_nano=100, cost_nano=60),
        new_record("r2", created_at=2 * HOUR - 0.25, charge_nano=10),
        new_record("r3", created_at=HOUR, ending="error", prompt_tokens=0, completion_tokens=0),
        new_record("r4", created_at=HOUR, ending="disconnect", cached_tokens=0, cost_nano=1),
    )
    _insert(database, new_record("r5", created_at=HOUR + 1.0, ending="cut", reasoning_tokens=1))
    assert sum_hours(database) == [UsageSum({"hour": HOUR}, 5, 2, 40, 20, 80, 29, 110, 61, 1)]


def test_sums_are_grouped_and_bounded(database: Database, new_record: New) -> None:
    _insert(
        database,
        *(
            new_record(
                f"r{n}",
                created_at=n * 8.0 * HOUR + 60,
                account=f"acct_{n % 2}",
                key=f"key_{n % 4}",
                model=f"m{n % 3}",
                provider="p" if n else "",
            )
            for n in range(12)
        ),
    )
    assert _by(database, "day") == {(0,): 3, (DAY,): 3, (2 * DAY,): 3, (3 * DAY,): 3}
    assert _by(database, "account") == {("acct_0",): 6, ("acct_1",): 6}
    assert _by(database, "model", "account")[("m1", "acct_0")] == 2
    assert _by(database, "key", account="acct_1") == {("key_1",): 3, ("key_3",): 3}
    assert _by(database, "provider") == {("",): 1, ("p",): 11}
    assert _by(database, "hour", since=64 * HOUR, until=80 * HOUR) == {(64 * HOUR,): 1, (72 * HOUR,): 1}
    assert _by(database) == {(): 12}
    assert _by(database, account="acct_none") == {}


def test_what_sums_cannot_be_grouped_by_is_refused(database: Database) -> None:
    for by in (["hour", "hour"], ["minute"], ["hour; DROP TABLE usage"]):
        with pytest.raises(BadRequest, match=r"Sums are by account, day, hour, key, model, provider, each once"):
            sum_hours(database, by=by)


def test_absurd_counts_of_one_call_spoil_no_later_one(database: Database, new_record: New) -> None:
    for number in range(3):
        _insert(database, new_record(f"r{number}", prompt_tokens=2**62, cost_nano=2**62, charge_nano=1))
    _insert(database, new_record("fine"))
    (found,) = sum_hours(database)
    assert (found.calls, found.charge_nano) == (4, 3)
    assert found.prompt_tokens >= 2**40


def test_units_are_kept_on_rows_and_in_sums(database: Database, new_record: New) -> None:
    units = Units(images=2, milliseconds=1_500, requests=1)
    _insert(database, new_record("r1", created_at=HOUR, units=units), new_record("r2", created_at=HOUR))
    _insert(database, new_record("r3", created_at=HOUR), new_record("r4", created_at=HOUR, units=Units(images=2**60)))
    _insert(database, new_record("r5", created_at=HOUR))
    assert [one.units for one in export_usage(database)] == [units, None, None, Units(images=2**60), None]
    (found,) = sum_hours(database)
    assert (found.calls, found.images, found.milliseconds, found.requests) == (5, 2 + TOKENS_MAX, 1_500, 1)
    assert database.read(lambda connection: wrong_hours(connection, None)) == []
    database.write(lambda connection: connection.execute("UPDATE usage_hours SET images = images + 1"))
    assert len(database.read(lambda connection: wrong_hours(connection, None))) == 1


def undo_later_than_units(database: Database) -> None:
    """Take back every migration after that of units, of which none stands in the way of an empty database."""
    while step_back(database).title != "kept responses":
        pass


def test_a_log_of_the_release_before_is_brought_into_the_sums(database: Database, new_record: New) -> None:
    """Its hours have no units: they are added before the migration, while the columns are not there, and after it."""
    plain, counted = new_record("r1", created_at=HOUR), new_record("r2", created_at=HOUR, units=Units(requests=1))
    undo_later_than_units(database)
    assert step_back(database).title == "units beside tokens"
    database.write(lambda connection: add_rows(connection, hour_rows([(plain, 1)])))
    migrate(database)
    before, after = (Effects(hours=[*hour_rows([(one, 1)])]) for one in (plain, counted))
    database.write(lambda connection: catch_up(connection, merged([before, after, before])))
    (found,) = sum_hours(database)
    assert (found.calls, found.requests, found.prompt_tokens) == (4, 1, 40)


def test_a_step_back_that_would_lose_units_is_refused(database: Database, new_record: New) -> None:
    _insert(database, new_record("r1", created_at=HOUR, units=Units(requests=1)))
    undo_later_than_units(database)
    sql = "INSERT INTO prices (list, model, price, created_at) VALUES ('', 'm', '{\"per_request\": 1}', 0)"
    database.write(lambda connection: connection.execute(sql))
    with pytest.raises(BadRequest, match=r"Prices per unit .* are set.*--remove"):
        step_back(database, lossy=True)
    database.write(lambda connection: connection.execute("UPDATE prices SET price = '{}'"))
    with pytest.raises(BadRequest, match=r"counts of units .* --lossy"):
        step_back(database)
    assert step_back(database, lossy=True).title == "units beside tokens"
    migrate(database)
    assert [(one.calls, one.requests) for one in sum_hours(database)] == [(1, 0)]
    assert [one.units for one in export_usage(database)] == [None]


def test_an_hour_begins_where_it_should() -> None:
    assert [hour_of(moment) for moment in (0.0, 3599.999, 3600.0, 1_700_000_000.25)] == [0, 0, 3600, 1_699_999_200]


def test_rows_from_before_there_were_sums_are_in_them(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = open_database(database_url, tmp_path, create=True)
    with monkeypatch.context() as patch:
        patch.setattr(migrating, "MIGRATIONS", MIGRATIONS[:5])
        migrate(database)
    sql = """
    INSERT INTO usage (request_id, created_at, route, account_id, key_id, model, provider, upstream_model, status,
        ending, error_code, streamed, prompt_tokens, completion_tokens, cached_tokens, reasoning_tokens, estimated,
        latency_ms, attempts)
    VALUES (?, ?, 'chat', 'a', 'k', 'm', 'p', 'u', 200, ?, '', true, 1, 2, 3, 4, false, 5, '[]')
    """
    rows = [("r1", 3600.0, "ok"), ("r2", 7199.9, "cut"), ("r3", 7200.0, "disconnect"), ("r4", 1.8e9 + 0.7, "ok")]
    database.write(lambda connection: [connection.execute(sql, row) for row in rows])
    migrate(database)
    assert sum_hours(database) == [
        UsageSum({"hour": 3600}, 2, 1, 2, 6, 4, 8, 0, 0, 0),
        UsageSum({"hour": 7200}, 1, 0, 1, 3, 2, 4, 0, 0, 0),
        UsageSum({"hour": 1_800_000_000}, 1, 0, 1, 3, 2, 4, 0, 0, 0),
    ]
    database.close()


def test_totals_of_all_accounts_are_the_sums_of_their_hours(database: Database, new_record: New) -> None:
    """Whether they are written with their hours, or by the migration that makes their table."""
    rows = [
        new_record(
            f"r{number}",
            account=f"acct_{number % 3}",
            model=f"m{number % 2}",
            created_at=HOUR + 3600 * (number % 4),
            charge_nano=number,
            units=Units(requests=1) if number % 5 == 0 else None,
        )
        for number in range(24)
    ]
    database.write(
        lambda connection: catch_up(connection, Effects(hours=[*hour_rows([(one, 1) for one in rows[:20]])]))
    )
    database.write(
        lambda connection: catch_up(connection, Effects(hours=[*hour_rows([(one, 1) for one in rows[20:]])]))
    )
    database.write(lambda connection: catch_up(connection, Effects(hours=[*hour_rows([(rows[3], -1)])])))
    for _ in range(2):
        assert database.read(wrong_totals) == []
        for by in (("hour",), ("day", "model"), ("provider",), ()):
            of_all = sum_hours(database, by=by)
            grouped = sum_hours(database, by=("account", *by))
            assert sum(one.calls for one in of_all) == sum(one.calls for one in grouped) == 23
            assert sum(one.charge_nano for one in of_all) == sum(one.charge_nano for one in grouped)
            assert sum(one.requests for one in of_all) == sum(one.requests for one in grouped) == 5
        (first,) = sum_hours(database, by=("model",), model="m0", since=HOUR, until=HOUR + 3600)
        assert first.calls == len([one for one in rows if one.model == "m0" and one.created_at == HOUR])
        while step_back(database).title != "what all accounts' calls come to by hour":
            pass
        migrate(database)
    database.write(lambda connection: connection.execute("UPDATE usage_totals SET charge_nano = charge_nano + 1"))
    assert len(database.read(wrong_totals)) == 4


def test_hours_are_told_apart_by_any_moments(database: Database, new_record: New) -> None:
    """Between the seconds, and without end; sums that nobody wants are not made."""
    _insert(database, *(new_record(f"r{number}", created_at=HOUR + 3600.0 * number) for number in range(3)))
    spans: list[tuple[float | None, float | None, int]] = [
        (HOUR, HOUR + 3600, 1),
        (HOUR + 0.5, None, 2),
        (None, HOUR + 3600.5, 2),
        (-math.inf, math.inf, 3),
    ]
    account = new_record("r").account
    for since, until, hours in spans:
        assert [one.calls for one in sum_hours(database, account=account, since=since, until=until)] == [1] * hours
        assert models_used(database, account, since or 0.0, until) == ["openai/gpt-4o"]
    found = database.read(lambda connection: hours_before(connection, account, math.inf, 0.0, 9))
    assert [hour for hour, _, _ in found] == [HOUR + 7200, HOUR + 3600, HOUR]
    (few,) = sum_hours(database, by=(), figures=("calls",))
    assert (few.calls, few.prompt_tokens) == (3, 0)
