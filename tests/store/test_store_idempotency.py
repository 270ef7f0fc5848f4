"""Places of ``Idempotency-Key``: who takes one, who finds it taken, when it is free again."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from stored_usage import insert_usage

from router.db.database import Database
from router.errors import BadRequest
from router.store.idempotency import (
    KEPT_S,
    IdempotencySlot,
    IdempotentCall,
    begin,
    expire_answers,
    finishing,
    look,
    reference_of,
    releasing,
    still_owns,
    take_over,
)
from router.types.records import CallRecord

NOW = 1_800_000_000.0
PLACE = IdempotencySlot("key_1", reference_of("a-b-c"))
FIRST = IdempotentCall("req_1", "wrk_1", "hash")
SECOND = IdempotentCall("req_2", "wrk_2", "hash")
HEADERS = {"Content-Type": "application/json", "x-router-charge": "0.1"}
Hold = Callable[..., None]


def run(database: Database, statement: tuple[str, tuple[object, ...]]) -> int:
    return database.write(lambda connection: connection.execute(*statement))


def charge(database: Database, request_id: str) -> None:
    sql = "INSERT INTO transfers (reference, kind, debit, credit, amount_nano, balance_nano, reason, created_at)"
    values = (f"req:{request_id}", "usage", "acct_1", "@revenue", 5, 0, "m", NOW)
    run(database, (f"{sql} VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values))


def test_the_first_makes_the_call_and_the_next_finds_it(database: Database) -> None:
    assert look(database, PLACE, NOW) is None
    assert begin(database, PLACE, FIRST, NOW) is None
    found = begin(database, PLACE, SECOND, NOW + 1)
    assert found is not None
    assert (found.request_id, found.owner, found.body_hash, found.status, found.body) == (
        "req_1",
        "wrk_1",
        "hash",
        0,
        None,
    )
    assert look(database, PLACE, NOW + 1) == found
    for other in (IdempotencySlot("key_2", PLACE.reference), IdempotencySlot("key_1", reference_of("a-b-d"))):
        assert begin(database, other, SECOND, NOW) is None


def test_of_many_at_once_one_makes_the_call(database: Database) -> None:
    together = threading.Barrier(8)

    def one(number: int) -> bool:
        together.wait(10)
        return begin(database, PLACE, IdempotentCall(f"req_{number}", "wrk_1", "hash"), NOW) is None

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(one, range(8))) == [False] * 7 + [True]


def test_an_answer_is_kept_with_what_the_call_was_charged_in_the_end(
    database: Database, new_record: Callable[..., CallRecord]
) -> None:
    begin(database, PLACE, FIRST, NOW)
    body = bytes(range(256)) * 10
    assert run(database, finishing(PLACE, "req_2", 200, HEADERS, b"of another")) == 0
    assert run(database, finishing(PLACE, "req_1", 200, HEADERS, body)) == 1
    assert run(database, finishing(PLACE, "req_1", 200, HEADERS, b"later")) == 0
    found = begin(database, PLACE, SECOND, NOW)
    assert found is not None
    assert (found.status, found.headers, found.body, found.charge_nano) == (200, HEADERS, body, None)
    database.write(lambda connection: insert_usage(connection, [new_record("req_1", charge_nano=7)]))
    found = look(database, PLACE, NOW)
    assert found is not None
    assert found.charge_nano == 7


def test_a_call_that_came_to_nothing_frees_its_place_and_a_finished_one_does_not(database: Database) -> None:
    begin(database, PLACE, FIRST, NOW)
    assert run(database, releasing(PLACE, "req_2")) == 0
    assert run(database, releasing(PLACE, "req_1")) == 1
    assert begin(database, PLACE, SECOND, NOW) is None
    run(database, finishing(PLACE, "req_2", 200, {}, None))
    assert run(database, releasing(PLACE, "req_2")) == 0


def test_after_a_day_the_place_is_free(database: Database) -> None:
    begin(database, PLACE, FIRST, NOW)
    run(database, finishing(PLACE, "req_1", 200, HEADERS, b"answer"))
    assert begin(database, PLACE, SECOND, NOW + KEPT_S - 1) is not None
    assert look(database, PLACE, NOW + KEPT_S) is None
    assert begin(database, PLACE, SECOND, NOW + KEPT_S) is None
    found = look(database, PLACE, NOW + KEPT_S)
    assert found is not None
    assert (found.request_id, found.status, found.headers, found.body) == ("req_2", 0, {}, None)


def test_old_rows_are_deleted_in_small_batches(database: Database) -> None:
    for number in range(230):
        begin(database, IdempotencySlot("key_1", str(number)), FIRST, NOW + number)
    assert expire_answers(database, NOW + KEPT_S - 1) == 0
    assert expire_answers(database, NOW + KEPT_S + 219) == 220
    assert look(database, IdempotencySlot("key_1", "219"), NOW) is None
    assert look(database, IdempotencySlot("key_1", "220"), NOW) is not None


def test_the_place_of_a_dead_call_is_taken_over_once_nothing_of_it_is_open(database: Database, add_hold: Hold) -> None:
    begin(database, PLACE, FIRST, NOW)
    add_hold("req_1", owner="wrk_1")
    assert not take_over(database, PLACE, "req_1", SECOND, NOW)
    run(database, ("DELETE FROM holds", ()))
    assert not take_over(database, PLACE, "req_9", SECOND, NOW)
    assert take_over(database, PLACE, "req_1", SECOND, NOW + 60)
    assert not take_over(database, PLACE, "req_1", IdempotentCall("req_3", "wrk_3", "hash"), NOW)
    found = look(database, PLACE, NOW + KEPT_S + 59)
    assert found is not None
    assert (found.request_id, found.owner, found.status) == ("req_2", "wrk_2", 0)
    for request_id, still in (("req_1", False), ("req_2", True)):
        assert database.write(lambda connection, id=request_id: still_owns(connection, PLACE, id)) is still  # type: ignore[misc]


def test_a_dead_call_that_was_charged_is_over_without_an_answer(database: Database) -> None:
    begin(database, PLACE, FIRST, NOW)
    charge(database, "req_1")
    assert not take_over(database, PLACE, "req_1", SECOND, NOW)
    found = look(database, PLACE, NOW)
    assert found is not None
    assert (found.request_id, found.body) == ("req_1", None)
    assert found.status


def test_a_call_whose_place_is_gone_may_be_charged(database: Database) -> None:
    assert database.write(lambda connection: still_owns(connection, PLACE, "req_1"))


def test_the_value_is_not_kept(database: Database) -> None:
    begin(database, IdempotencySlot("key_1", reference_of("canary-0815")), FIRST, NOW)
    rows = database.read(lambda connection: connection.rows("SELECT * FROM idempotency"))
    assert "canary" not in json.dumps(rows)


@pytest.mark.parametrize("value", ["", "x" * 256, "a b", "a\tb", "\x7f", "clé", "a\x00"])
def test_values_that_are_none_are_refused(value: str) -> None:
    with pytest.raises(BadRequest, match="1 to 255 visible ASCII") as raised:
        reference_of(value)
    assert raised.value.code == "invalid_idempotency_key"


def test_values_differ_in_every_character() -> None:
    values = ["!", "~", "a", "A", "x" * 255, "x" * 254]
    assert len({reference_of(value) for value in values}) == len(values)
