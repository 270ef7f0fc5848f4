"""Calls with an ``Idempotency-Key`` whose worker was taken for dead, and lived: of two calls one is charged."""

from __future__ import annotations

import pytest
from books import NOW, record, take

from router.db.database import Database
from router.db.journal import Operation
from router.ledger.balances import balance
from router.ledger.batch import LedgerBatch
from router.ledger.operations import Capture, Hold, Statements
from router.ledger.sweep import sweep
from router.ledger.transfers import grant
from router.ledger.verify import verify
from router.store.accounts import Account
from router.store.idempotency import (
    IdempotencySlot,
    IdempotentCall,
    begin,
    finishing,
    look,
    releasing,
    still_owns,
    take_over,
)

PLACE = IdempotencySlot("key_1", "reference")


def apply(database: Database, *operations: Operation) -> None:
    database.write(lambda connection: LedgerBatch(lambda: NOW)(connection, operations))


def settle(database: Database, held: Hold, charge_nano: int) -> int:
    """What the call is charged."""
    operation = Capture(
        held,
        [1, 40, charge_nano, 0],
        record(held.id, held.account, charge_nano),
        extra_statements=[finishing(PLACE, held.id, 200, {}, held.id.encode())],
        still_owns=lambda connection: still_owns(connection, PLACE, held.id),
    )
    apply(database, operation)
    charged: int = operation.result.charge_nano
    return charged


@pytest.fixture
def funded(database: Database, account: Account) -> str:
    grant(database, account.id, 1000, reason="credit")
    return account.id


def swept_and_taken_over(database: Database, account: str) -> tuple[Hold, Hold]:
    """A call that the sweep ended, and the one that took its place."""
    begin(database, PLACE, IdempotentCall("req_1", "wrk_1", "hash"), NOW)
    first = take(database, account, "req_1", 100)
    again = IdempotentCall("req_2", "wrk_2", "hash")
    assert not take_over(database, PLACE, "req_1", again, NOW)
    sweep(database, NOW, "void", everything=True)
    assert take_over(database, PLACE, "req_1", again, NOW)
    return first, take(database, account, "req_2", 100)


@pytest.mark.parametrize("late", ["before", "after"])
def test_the_call_that_lost_its_place_is_not_charged(database: Database, funded: str, late: str) -> None:
    first, second = swept_and_taken_over(database, funded)
    held = [first, second] if late == "before" else [second, first]
    assert {one.id: settle(database, one, 70) for one in held} == {"req_1": 0, "req_2": 70}
    assert balance(database, funded).available == 930
    found = look(database, PLACE, NOW)
    assert found is not None
    assert (found.request_id, found.body) == ("req_2", b"req_2")
    assert not [check for check in verify(database) if not check.ok]


def test_a_swept_call_whose_place_nobody_took_is_charged_late_and_keeps_its_answer(
    database: Database, funded: str
) -> None:
    begin(database, PLACE, IdempotentCall("req_1", "wrk_1", "hash"), NOW)
    first = take(database, funded, "req_1", 100)
    sweep(database, NOW, "void", everything=True)
    assert settle(database, first, 70) == 70
    assert not take_over(database, PLACE, "req_1", IdempotentCall("req_2", "wrk_2", "hash"), NOW)
    found = look(database, PLACE, NOW)
    assert found is not None
    assert (found.body, found.charge_nano) == (b"req_1", 70)
    assert not [check for check in verify(database) if not check.ok]


def test_a_dead_call_that_the_sweep_charged_is_not_made_again(database: Database, funded: str) -> None:
    begin(database, PLACE, IdempotentCall("req_1", "wrk_1", "hash"), NOW)
    take(database, funded, "req_1", 100)
    sweep(database, NOW, "capture", everything=True)
    assert not take_over(database, PLACE, "req_1", IdempotentCall("req_2", "wrk_2", "hash"), NOW)
    found = look(database, PLACE, NOW)
    assert found is not None
    assert found.status and found.body is None
    assert balance(database, funded).available == 900


def test_a_note_is_written_with_the_batch(database: Database) -> None:
    begin(database, PLACE, IdempotentCall("req_1", "wrk_1", "hash"), NOW)
    apply(database, Statements("req_1", [releasing(PLACE, "req_1")]))
    assert look(database, PLACE, NOW) is None
