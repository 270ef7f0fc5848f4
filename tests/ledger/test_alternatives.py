"""Claims with alternatives, and buckets that refill: exact whatever the engine, and whoever else writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from test_batch import Books, books, money  # noqa: F401

from router.ledger.batch import LedgerBatch
from router.ledger.operations import Authorize, Capture, Hold, Refused, Taken
from router.store.opening import open_database
from router.types.claims import BALANCE, Claim, Window

FREE = ("plans:free", Claim("free", 1, 2))
TEN_A_SECOND = Window(1, refill=10)


def choosing(books: Books, *others: tuple[str, Claim], first: tuple[str, Claim] = FREE) -> Authorize:  # noqa: F811
    operation = books.take(first, ("windows:requests", Claim("requests", 1, 100)))
    operation.alternatives = {0: others}
    return operation


def paid(amount: int) -> tuple[str, Claim]:
    return BALANCE, Claim(BALANCE, amount, refusal="balance")


def refilled(books: Books, amount: int = 1, most: int = 5, window: Window = TEN_A_SECOND, **more: Any) -> Authorize:  # noqa: F811
    operation = books.take(("plans:rate", Claim("rate", amount, most, window, **more)))
    books.apply(operation)
    return operation


# Alternatives.


def test_the_first_that_fits_is_taken_and_told(books: Books) -> None:  # noqa: F811
    takes = [choosing(books, paid(40)) for _ in range(5)]
    books.apply(*takes)
    assert [one.chosen for one in takes] == [{}, {}, {0: 0}, {0: 0}, {0: 0}]
    assert [one.error is None for one in takes] == [True, True, True, True, False]
    refused = takes[-1].error
    assert isinstance(refused, Refused) and (refused.claim.bucket, refused.available) == (BALANCE, 20)
    assert books.money() == (100, 80)
    assert books.bucket("plans:free")[1:] == (0, 2) and books.bucket("windows:requests")[1:] == (0, 4)
    assert [held.result.amount_nano for held in takes[:4]] == [0, 0, 40, 40]
    assert [[one.bucket for one in held.result.taken] for held in takes[1:3]] == [
        ["plans:free", "windows:requests"],
        ["windows:requests"],
    ]


def test_what_was_taken_is_what_is_settled(books: Books) -> None:  # noqa: F811
    takes = [choosing(books, paid(40)) for _ in range(3)]
    books.apply(*takes)
    free, _, bought = (one.result for one in takes)
    books.apply(Capture(free, [1, 1], books.record(free)), Capture(bought, [1], books.record(bought, 25)))
    assert books.money() == (75, 0)
    assert books.bucket("plans:free")[1:] == (1, 1)


def test_a_call_that_fits_nowhere_takes_nothing_and_says_what_the_last_says(books: Books) -> None:  # noqa: F811
    operation = choosing(books, paid(500), ("plans:gift", Claim("gift", 1, 0, message="No gift.")), first=paid(300))
    books.apply(operation)
    assert isinstance(operation.error, Refused) and operation.error.claim.message == "No gift."
    assert books.money() == (100, 0) and operation.chosen == {0: 1}


def test_a_later_claim_that_does_not_fit_gives_back_what_an_alternative_took(books: Books) -> None:  # noqa: F811
    operation = choosing(books, ("plans:gift", Claim("gift", 1, 5)), first=("plans:free", Claim("free", 9, 2)))
    operation.claims = (operation.claims[0], ("windows:requests", Claim("requests", 1, 0)))
    books.apply(operation)
    assert isinstance(operation.error, Refused) and operation.error.claim.bucket == "requests"
    assert books.bucket("plans:gift")[1:] == (0, 0)


def test_two_claims_may_each_have_others(books: Books) -> None:  # noqa: F811
    operation = books.take(("plans:a", Claim("a", 2, 1)), ("plans:b", Claim("b", 2, 1)))
    operation.alternatives = {
        0: [("plans:c", Claim("c", 2, 1)), ("plans:d", Claim("d", 2, 5))],
        1: [("plans:d", Claim("d", 4, 5)), ("plans:e", Claim("e", 3, 5))],
    }
    books.apply(operation)
    assert operation.chosen == {0: 1, 1: 1}, "of d too little is left once the first has taken of it"
    assert [(one.bucket, one.amount) for one in operation.result.taken] == [("plans:d", 2), ("plans:e", 3)]


def test_a_call_that_a_commit_of_unknown_outcome_began_keeps_what_it_chose(books: Books) -> None:  # noqa: F811
    takes = [choosing(books, paid(40)) for _ in range(3)]
    books.apply(*takes)
    again = [one.chosen for one in takes]
    books.apply(*takes, again=True)
    assert [one.chosen for one in takes] == again == [{}, {}, {0: 0}]
    assert books.money() == (100, 40) and books.bucket("plans:free")[1:] == (0, 2)


def test_many_claims_with_many_others_are_decided_without_end(books: Books) -> None:  # noqa: F811
    others = [(f"plans:other{number}", Claim(f"other{number}", 1, 0)) for number in range(7)]
    operation = books.take(*((f"plans:own{place}", Claim(f"own{place}", 1, 0)) for place in range(100)))
    operation.alternatives = {place: [*others, (f"plans:last{place}", Claim("last", 1, 1))] for place in range(100)}
    beside = books.take(paid(40))
    books.apply(operation, beside)
    assert operation.error is None and operation.chosen == dict.fromkeys(range(100), 7)
    assert beside.result.amount_nano == 40, "nobody else's call fails of it"


def test_a_bucket_in_two_windows_is_put_back_as_it_was(books: Books) -> None:  # noqa: F811
    def in_window(start: float, seconds: float) -> tuple[str, Claim]:
        return "plans:two", Claim("two", 1, 100, Window(seconds, start), at_once=True)

    long_ago, now = in_window(books.now - 7200, 3600), books.now
    books.now -= 7000
    books.apply(books.take(long_ago))
    before, books.now = books.bucket("plans:two"), now
    operation = books.take(in_window(now - 60, 30), in_window(now - 10, 3600), ("plans:none", Claim("none", 1, 0)))
    books.apply(operation)
    assert isinstance(operation.error, Refused) and books.bucket("plans:two") == before


# Refilling.


def test_a_bucket_refills_in_whole_steps_and_saves_nothing_up(books: Books) -> None:  # noqa: F811
    assert [refilled(books).error is None for _ in range(6)] == [True] * 5 + [False]
    assert books.bucket("plans:rate")[2] == 5


def settled(books: Books, operation: Authorize, final: int) -> None:  # noqa: F811
    held: Hold = operation.result
    books.apply(Capture(held, [final], books.record(held)))


def test_what_was_used_is_given_back_with_time_and_not_before(books: Books) -> None:  # noqa: F811
    for _ in range(5):
        settled(books, refilled(books), 1)
    refused = refilled(books).error
    assert isinstance(refused, Refused) and (refused.available, refused.retry_after_s) == (0, 0.1)
    books.now += 0.099
    late = refilled(books).error
    assert isinstance(late, Refused) and late.retry_after_s == pytest.approx(0.001)
    books.now += 0.001
    settled(books, refilled(books), 1)
    assert isinstance(refilled(books).error, Refused)
    books.now += 3600
    assert [refilled(books).error is None for _ in range(6)] == [True] * 5 + [False], (
        "an hour saves up no more than five"
    )


def test_used_at_once_it_needs_no_end(books: Books) -> None:  # noqa: F811
    assert [refilled(books, at_once=True).error is None for _ in range(6)] == [True] * 5 + [False]
    books.now += 0.25
    assert [refilled(books, at_once=True).error is None for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize(("seconds", "refill"), [(1, 7), (60, 1000), (0.5, 3), (86_400, 1), (3, 10**12)])
def test_nothing_drifts_however_often_it_is_asked(books: Books, seconds: float, refill: int) -> None:  # noqa: F811
    most, window = 10 * refill, Window(seconds, refill=refill)
    settled(books, refilled(books, most, most, window), most)
    begun_ms, asked = round(books.now * 1000), 0
    while asked < 200:
        asked += 1
        books.now += seconds * 0.037
        refilled(books, most + 1, most, window)
    passed_ms = int(books.now * 1000) - begun_ms
    assert books.bucket("plans:rate")[1] == 0 if passed_ms * refill >= most * seconds * 1000 else most
    other = ("plans:other", Claim("other", most, most, window))
    first = books.take(other)
    books.apply(first)
    settled(books, first, most)
    start_ms = int(books.now * 1000)
    used = most
    for step in (0.013, 0.4, 1.7, 0.002, 2.9):
        books.now += seconds * step
        books.apply(books.take(("plans:other", Claim("other", most + 1, most, window))))
        row = books.bucket("plans:other")
        exact = (row[0] - start_ms) * refill
        assert exact % round(seconds * 1000) == 0 and row[1] == most - exact // round(seconds * 1000)
        assert row[1] <= used
        used = row[1]


def test_a_clock_that_is_behind_refills_nothing_twice(books: Books) -> None:  # noqa: F811
    for _ in range(5):
        settled(books, refilled(books), 1)
    books.now += 0.1
    settled(books, refilled(books), 1)
    books.now -= 2.0  # another node's
    assert isinstance(refilled(books).error, Refused)
    books.now += 2.0
    assert isinstance(refilled(books).error, Refused)


def test_two_workers_share_a_bucket(books: Books, database_url: str) -> None:  # noqa: F811
    other = Books.__new__(Books)
    other.database = open_database(database_url, Path("/"))
    other.now, other.account = books.now, books.account
    other.batch = LedgerBatch(lambda: other.now)
    taken = [refilled(one, at_once=True).error is None for _ in range(4) for one in (books, other)]
    assert taken == [True] * 5 + [False] * 3
    books.now += 0.2
    other.now = books.now
    taken = [refilled(one, at_once=True).error is None for _ in range(2) for one in (books, other)]
    assert taken == [True, True, False, False]
    other.database.close()


def test_a_hold_that_refills_is_read_back_as_it_was(books: Books) -> None:  # noqa: F811
    held: Hold = refilled(books, 2).result
    (read,) = Hold.of(held.row()).taken
    assert read == held.taken[0]._replace(remaining=None)
    assert read == Taken("plans:rate", 2, 900_000_000, 1000, False, None, 10)
