"""A batch of the journal: claims all or none, settled once, whatever becomes of the commit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from router.db.connection import Connection
from router.db.database import Database
from router.db.journal import Journal, Operation
from router.errors import StoreError
from router.ledger.batch import LedgerBatch
from router.ledger.operations import Authorize, Capture, Hold, Instead, Record, Refused, StaleKey, Taken, Void
from router.metering.usage_hours import sum_hours
from router.metering.usage_rows import list_usage
from router.store.accounts import create_account
from router.store.migrating import migrate
from router.store.opening import open_database
from router.types.claims import BALANCE, Claim, Window
from router.types.records import CallRecord

_numbers = count()


class Books:
    """A migrated database with one account of 100, and a clock that is told the time."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.now = 900_000.0
        self.account = create_account(database, "a").id
        self.set(f"UPDATE balances SET credits = 100 WHERE account_id = '{self.account}'")
        self.batch = LedgerBatch(lambda: self.now)

    def set(self, sql: str) -> None:
        self.database.write(lambda connection: connection.execute(sql))

    def apply(self, *operations: Operation, again: bool = False) -> None:
        self.database.write(lambda connection: self.batch(connection, operations, again=again), behind=True)

    def take(self, *claims: tuple[str, Claim], version: int = 1) -> Authorize:
        request = f"req_{next(_numbers)}"
        hold = Hold(request, self.account, "key_1", "worker", "m", "chat", False, self.now, self.now + 60)
        return Authorize(hold, claims, version)

    def taken(self, *claims: tuple[str, Claim]) -> Hold:
        operation = self.take(*claims)
        self.apply(operation)
        assert operation.error is None
        held: Hold = operation.result
        return held

    def record(self, held: Hold, charge_nano: int = 0, ending: str = "ok") -> CallRecord:
        return CallRecord(
            request_id=held.id,
            created_at=self.now,
            route="chat",
            account=held.account,
            key=held.key,
            model="m",
            provider="p",
            upstream_model="m",
            status=200,
            ending=ending,
            error_code="",
            streamed=False,
            prompt_tokens=1,
            completion_tokens=1,
            cached_tokens=0,
            reasoning_tokens=0,
            estimated=False,
            latency_ms=1,
            first_token_ms=None,
            charge_nano=charge_nano,
        )

    def money(self) -> tuple[int, int]:
        """(posted, held)"""
        row = self._row(f"SELECT credits - debits AS posted, held FROM balances WHERE account_id = '{self.account}'")
        return row["posted"], row["held"]

    def bucket(self, name: str) -> tuple[int, int, int]:
        row = self._row(f"SELECT window_start, used, held FROM buckets WHERE id = '{name}'")
        return row["window_start"], row["used"], row["held"]

    def count(self, table: str) -> int:
        return int(self._row(f"SELECT COUNT(*) AS n FROM {table}")["n"])

    def transfers(self) -> list[tuple[object, ...]]:
        sql = "SELECT reference, debit, credit, amount_nano, balance_nano FROM transfers ORDER BY seq"
        return self.database.read(lambda connection: connection.tuples(sql))

    def _row(self, sql: str) -> dict[str, int]:
        row = self.database.read(lambda connection: connection.row(sql))
        assert row is not None
        return row


@pytest.fixture
def books(database_url: str) -> Iterator[Books]:
    database = open_database(database_url, Path("/"), create=True)
    migrate(database, {})
    yield Books(database)
    database.close()


def money(amount: int, **options: object) -> tuple[str, Claim]:
    return BALANCE, Claim(BALANCE, amount, refusal="balance", **options)  # type: ignore[arg-type]


def requests(ceiling: int, window: Window | None = None, amount: int = 1, **options: Any) -> tuple[str, Claim]:
    return "windows:requests", Claim("requests", amount, ceiling, window, **options)


def test_a_call_is_held_then_charged(books: Books) -> None:
    held = books.taken(money(30), requests(5))
    assert (held.amount_nano, held.taken) == (30, (Taken("windows:requests", 1, 0, remaining=4),))
    assert books.money() == (100, 30)
    settle = Capture(held, [1], books.record(held, 25))
    books.apply(settle)
    assert settle.result.charge_nano == 25
    assert books.money() == (75, 0)
    assert books.bucket("windows:requests") == (0, 1, 0)
    assert books.transfers() == [(f"req:{held.id}", books.account, "@revenue", 25, 75)]
    assert (books.count("holds"), books.count("usage")) == (0, 1)


def test_claims_are_taken_in_the_order_of_arrival_and_all_or_none(books: Books) -> None:
    operations = [books.take(requests(9), money(40)) for _ in range(4)]
    books.apply(*operations)
    assert [type(one.error) for one in operations] == [type(None), type(None), Refused, Refused]
    assert books.money() == (100, 80)
    assert books.bucket("windows:requests") == (0, 0, 2)
    refused = operations[2].error
    assert isinstance(refused, Refused)
    assert (refused.claim.bucket, refused.available, refused.retry_after_s) == (BALANCE, 20, None)


def test_what_must_be_free_is_not_taken(books: Books) -> None:
    held = books.taken(money(0, at_least=1))
    assert (held.amount_nano, books.money()) == (0, (100, 0))
    books.apply(Capture(held, [], books.record(held, 100)))
    operation = books.take(money(0, at_least=1))
    books.apply(operation)
    assert isinstance(operation.error, Refused)


def test_a_charge_above_the_claim_takes_what_there_is(books: Books) -> None:
    held = books.taken(money(10))
    other = books.taken(money(50))
    settle = Capture(held, [], books.record(held, 70))
    books.apply(settle)
    assert (settle.result.charge_nano, settle.result.shortfall_nano) == (50, 20)
    assert books.money() == (50, 50)
    assert books.transfers()[1:] == [(f"short:{held.id}", "@shortfall", "@revenue", 20, 0)]
    books.apply(Capture(other, [], books.record(other, 50)))
    assert books.money() == (0, 0)


def test_a_window_that_a_call_begins(books: Books) -> None:
    minute = Window(60)
    first = books.taken(requests(1, minute, at_once=True))
    operation = books.take(requests(1, minute, at_once=True))
    books.now += 20
    books.apply(operation)
    assert isinstance(operation.error, Refused) and operation.error.retry_after_s == 40
    books.now += 40
    second = books.taken(requests(1, minute, at_once=True))
    assert second.taken[0].window_start == round(books.now * 1000)
    books.apply(Capture(first, [1], books.record(first)))  # a request counts in its own minute alone
    assert books.bucket("windows:requests") == (round(books.now * 1000), 1, 0)
    books.apply(Capture(second, [0], books.record(second)))  # unless the policy says in the end that it was none
    assert books.bucket("windows:requests") == (round(books.now * 1000), 0, 0)


DAY = 86_400.0
LATE: dict[str, Callable[[float], Window]] = {
    "a minute": lambda now: Window(60.0),
    "a day": lambda now: Window(DAY, now // DAY * DAY),
}


@pytest.mark.parametrize("claimed_first", [True, False])
@pytest.mark.parametrize("window", LATE)
def test_a_call_that_outlives_its_window_counts_in_the_one_in_which_it_ends(
    books: Books, window: str, claimed_first: bool
) -> None:
    """What it holds is carried along, and whoever asks first after its end finds what it used."""
    now = LATE[window]
    held = books.taken(requests(1000, now(books.now), 900))
    books.now += 3 * now(books.now).seconds
    if claimed_first:
        operation = books.take(requests(1000, now(books.now), 200))
        books.apply(operation)
        assert isinstance(operation.error, Refused) and operation.error.available == 100
    books.apply(Capture(held, [80_000], books.record(held)))
    books.now += 1
    late = books.take(requests(1000, now(books.now)))
    books.apply(late)
    assert isinstance(late.error, Refused) and late.error.available == 0
    books.now += now(books.now).seconds
    books.taken(requests(1000, now(books.now), 1000))
    assert books.bucket("windows:requests")[1:] == (0, 1000)


@pytest.mark.parametrize("window", LATE)
def test_a_clock_that_was_ahead_locks_nothing(books: Books, window: str) -> None:
    present = books.now
    now = LATE[window]
    books.now += 10 * now(present).seconds
    ahead = books.taken(requests(5, now(books.now), 5, at_once=True))
    books.now = present
    books.taken(requests(5, now(present), 2, at_once=True))
    assert books.bucket("windows:requests")[1:] == (2, 0)
    books.apply(Capture(ahead, [5], books.record(ahead)))
    assert books.bucket("windows:requests")[1:] == (2, 0)


def test_a_window_of_the_calendar(books: Books) -> None:
    day = 86_400.0
    held = books.taken(requests(10, Window(day, 864_000.0), 4))
    operation = books.take(requests(10, Window(day, 864_000.0), 7))
    books.apply(operation)
    assert isinstance(operation.error, Refused) and operation.error.retry_after_s == 864_000 + day - books.now
    tomorrow = books.taken(requests(10, Window(day, 864_000.0 + day)))
    late = books.take(requests(10, Window(day, 864_000.0), 6))  # another node's clock is behind
    books.apply(late)
    assert isinstance(late.error, Refused) and late.error.available == 5
    books.apply(Capture(held, [4], books.record(held)), Capture(tomorrow, [3], books.record(tomorrow)))
    assert books.bucket("windows:requests") == (round((864_000 + day) * 1000), 7, 0)


def test_a_key_that_was_read_before_a_change_is_stale(books: Books) -> None:
    books.set("UPDATE meta SET value = value + 1 WHERE name = 'access_version'")
    operation = books.take(money(1))
    books.apply(operation)
    assert isinstance(operation.error, StaleKey) and books.count("holds") == 0


def test_a_commit_of_unknown_outcome_is_repeated_without_harm(books: Books) -> None:
    take = books.take(money(30), requests(5))
    books.apply(take)
    books.apply(take, again=True)
    assert take.result.amount_nano == 30 and books.money() == (100, 30)
    settle = Capture(take.result, [1], books.record(take.result, 30))
    books.apply(settle)
    books.apply(settle, again=True)
    assert (books.money(), len(books.transfers()), books.count("usage")) == ((70, 0), 1, 1)


def test_a_caller_that_gave_up_has_taken_nothing(books: Books) -> None:
    early, late = books.take(money(30), requests(5)), books.take(money(30), requests(5))
    undo = early.abandon()  # before it was written
    books.apply(early, late, undo)
    assert early.result is None and books.money() == (100, 30)
    books.apply(late.abandon())  # after
    assert (books.money(), books.count("holds"), books.bucket("windows:requests")) == ((100, 0), 0, (0, 0, 0))


def test_an_abandoned_claim_whose_commit_may_have_happened(books: Books) -> None:
    take = books.take(money(30))
    books.apply(take)
    undo = take.abandon()
    books.apply(take, again=True)
    assert isinstance(undo, Void) and take.result is not None
    books.apply(undo)
    books.apply(undo, again=True)
    assert books.money() == (100, 0)


def test_a_call_that_was_swept_and_ends_after_all_is_charged(books: Books) -> None:
    held = books.taken(money(30))
    books.apply(Capture(held, [], books.record(held, ending="expired"), late=False))
    books.apply(Capture(held, [], books.record(held, ending="expired"), late=False))
    assert (books.money(), books.count("usage")) == ((100, 0), 1)
    books.apply(Capture(held, [], books.record(held, 20)))
    books.apply(Capture(held, [], books.record(held, 20)))
    assert (books.money(), len(books.transfers()), books.count("usage")) == ((80, 0), 1, 1)
    ending = books.database.read(lambda connection: connection.row("SELECT ending, charge_nano FROM usage"))
    assert ending == {"ending": "ok", "charge_nano": 20}


def test_a_call_that_its_account_could_not_pay_is_not_charged_again_by_a_retry(books: Books) -> None:
    held = books.taken(money(100))
    books.apply(Capture(held, [], books.record(held, 100)))
    unpaid = books.taken(money(0))
    settle = Capture(unpaid, [], books.record(unpaid, 30))
    books.apply(settle)
    books.set(f"UPDATE balances SET credits = credits + 50 WHERE account_id = '{books.account}'")
    books.apply(settle, again=True)
    assert (settle.result.charge_nano, settle.result.shortfall_nano) == (0, 30)
    assert (books.money(), len(books.transfers())) == ((50, 0), 2)


def test_a_call_that_is_charged_after_a_sweep_counts_in_its_limits(books: Books) -> None:
    budget = "host:budget:key_1", Claim("budget:key_1", 30, 100)
    held = books.taken(money(30), budget)
    books.apply(Capture(held, [0], books.record(held, ending="expired"), late=False))
    assert books.bucket("host:budget:key_1") == (0, 0, 0)
    for _ in range(2):
        books.apply(Capture(held, [20], books.record(held, 20)))
    assert (books.money(), books.bucket("host:budget:key_1")) == ((80, 0), (0, 20, 0))


def test_a_refused_call_begins_no_window(books: Books) -> None:
    first = books.taken(requests(9, Window(60)))
    books.now += 61
    operation = books.take(requests(9, Window(60)), money(101))
    books.apply(operation)
    assert isinstance(operation.error, Refused)
    assert books.bucket("windows:requests") == (first.taken[0].window_start, 0, 1)


def test_an_operation_that_the_database_refuses_takes_no_other_with_it(books: Books) -> None:
    journal = Journal(books.database, books.batch)
    good, bad = books.taken(money(10)), books.taken(money(10))
    waiting = Capture(good, [], books.record(good, 5))
    spoilt = Capture(bad, [], books.record(bad, 5), extra_statements=[("INSERT INTO no_null (n) VALUES (NULL)", ())])
    books.set("CREATE TABLE no_null (n BIGINT NOT NULL)")
    with pytest.raises(Exception, match=r"(?i)null"):
        books.database.write(lambda connection: books.batch(connection, [waiting, spoilt], again=False))
    journal.post(spoilt)
    assert journal.submit(waiting).charge_nano == 5
    assert journal.flush(5) and journal.lost == 1
    assert books.money() == (95, 10)
    journal.close()


def test_a_row_without_claims(books: Books) -> None:
    hold = books.take().hold
    operation = Record(books.record(hold))
    books.apply(operation)
    books.apply(operation, again=True)
    assert (books.count("usage"), books.count("transfers"), operation.result) == (1, 0, operation.record)


def test_a_journal_whose_database_is_away_undoes_what_nobody_waits_for(books: Books) -> None:
    gate: list[Callable[[Connection], None]] = []

    def apply(connection: Connection, operations: list[Operation], *, again: bool) -> None:
        books.batch(connection, operations, again=again)
        for fail in gate:
            fail(connection)

    def away(connection: Connection) -> None:
        raise StoreError("away")

    journal = Journal(books.database, apply)
    gate.append(away)
    with pytest.raises(StoreError, match="durable"):
        journal.submit(books.take(money(10)), timeout_s=0.2)
    gate.clear()
    assert journal.flush(5)
    assert (books.money(), books.count("holds")) == ((100, 0), 0)
    journal.close()


@pytest.mark.parametrize("written", ["before", "after", "in the same batch"])
def test_a_client_that_was_told_of_a_failure_is_not_charged(books: Books, written: str) -> None:
    """Its call's end may be durable by then without anybody knowing; nor do its limits count it."""
    held = books.taken(money(30), requests(100, amount=30))
    failed = replace(books.record(held, ending="error"), status=503, error_code="database_unavailable")
    settle = Capture(held, [20], books.record(held, 20), instead=lambda: Instead(failed, [0]))
    if written == "before":
        books.apply(settle)
        assert books.money() == (80, 0)
    undo = settle.abandon()
    assert undo is not None
    if written == "after":
        books.apply(settle)
    batch = [undo] if written != "in the same batch" else [settle, undo]
    books.apply(*batch)
    books.apply(*batch, again=True)
    assert (books.money(), books.bucket("windows:requests")) == ((100, 0), (0, 0, 0))
    (row,) = list_usage(books.database)
    assert (row.status, row.ending, row.error_code, row.charge_nano) == (503, "error", "database_unavailable", 0)
    (hour,) = sum_hours(books.database)
    assert (hour.calls, hour.errors, hour.charge_nano) == (1, 1, 0)


def test_a_stream_that_was_read_is_charged_though_its_client_was_told_of_a_failure(books: Books) -> None:
    held = books.taken(money(30))
    cut = replace(books.record(held, 20, "cut"), error_code="database_unavailable")
    settle = Capture(held, [], books.record(held, 20), instead=lambda: Instead(cut, []))
    books.apply(settle)
    books.apply(settle.abandon())
    (row,) = list_usage(books.database)
    assert (row.ending, row.charge_nano, books.money()) == ("cut", 20, (80, 0))
