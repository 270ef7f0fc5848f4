"""Kinds of credit: the order of use, expiry that never eats what was paid, and the lots against a plain model."""

from __future__ import annotations

import random
from typing import Any

import pytest
from payments_kit import OPERATOR, Clock, Till

from router import BadRequest, DepositPaid
from router.ledger.paid.lots import GRANTED, PAID, credit_kinds, keep_spend_first, read_lots
from router.ledger.transfers import post_grant, post_refund
from router.money.amounts import NANO
from router.office.actor import GATEWAY
from router.office.credits import adjust_credit
from router.office.payments import credits
from router.office.payments.books import clearing_nano
from router.office.payments.expiry import expire_credit
from router.office.payments.refunds import ask_refund, record_payment, refundable

DAY = 86_400.0


def give(till: Till, units: int, reference: str, *, days: float | None = None) -> None:
    until = None if days is None else till.clock() + days * DAY
    till.office.database.write(
        lambda c: post_grant(c, till.account, units * NANO, reason="gift", reference=reference, expires_at=until)
    )
    _told(till, f"grant:{reference}", "credits grant")


def _told(till: Till, made: str, action: str) -> None:
    from router.store.audit import AuditEntry, insert_audit

    entry = AuditEntry(till.clock(), "test", action, till.account, {"made": made})
    till.office.database.write(lambda c: insert_audit(c, entry))


def kinds(till: Till) -> tuple[int, int]:
    found = credit_kinds(till.office.database, till.account)
    return found.paid // NANO, found.granted // NANO


def test_what_expires_is_used_first_then_gifts_then_what_was_paid(till: Till) -> None:
    till.paid(10 * NANO)
    give(till, 5, "for ever")
    give(till, 4, "soon", days=2)
    give(till, 3, "sooner", days=1)
    till.spend(5 * NANO)
    assert kinds(till) == (10, 7)
    assert [lot.left_nano // NANO for lot in credit_kinds(till.office.database, till.account).expiring] == [2]
    till.spend(6 * NANO)
    assert kinds(till) == (10, 1)
    till.spend(4 * NANO)
    assert kinds(till) == (7, 0)
    till.check()


def test_the_operator_may_have_paid_credit_used_first(till: Till) -> None:
    keep_spend_first(till.office.database, "paid")
    till.paid(10 * NANO)
    give(till, 5, "for ever")
    give(till, 4, "soon", days=2)
    till.spend(6 * NANO)
    assert kinds(till) == (8, 5)
    keep_spend_first(till.office.database, "granted")
    till.spend(1 * NANO)
    till.check()


def test_expiry_takes_what_is_left_of_the_gift_and_nothing_that_was_paid(till: Till, clock: Clock) -> None:
    till.paid(10 * NANO)
    give(till, 4, "soon", days=1)
    till.spend(3 * NANO)
    assert expire_credit(till.office, GATEWAY) == 0
    clock.now += DAY
    assert expire_credit(till.office, GATEWAY) == 1
    assert kinds(till) == (10, 0) and till.balance() == 10 * NANO
    assert expire_credit(till.office, GATEWAY) == 0
    till.check()


def test_expiry_leaves_to_calls_under_way_what_they_hold(till: Till, clock: Clock) -> None:
    give(till, 4, "soon", days=1)
    hold = "UPDATE balances SET held = ? WHERE account_id = ?"
    till.office.database.write(lambda c: c.execute(hold, (3 * NANO, till.account)))
    clock.now += DAY
    assert expire_credit(till.office, GATEWAY) == 1 and till.balance() == 3 * NANO
    assert expire_credit(till.office, GATEWAY) == 0
    till.office.database.write(lambda c: c.execute(hold, (0, till.account)))
    till.spend(1 * NANO)
    assert expire_credit(till.office, GATEWAY) == 1 and till.balance() == 0
    till.check()


def test_credit_from_before_there_were_lots_is_told_apart(till: Till) -> None:
    give(till, 5, "old")
    till.paid(10 * NANO)
    till.office.database.write(lambda c: c.execute("DELETE FROM credit_lots"))
    till.office.database.write(lambda c: c.execute("DELETE FROM credit_marks"))
    till.spend(2 * NANO)
    assert kinds(till) == (10, 3)
    adjust_credit(till.office, OPERATOR, till.account, -4 * NANO, reason="wrong")
    assert kinds(till) == (9, 0)
    till.check()


@pytest.mark.parametrize("seed", range(6))
def test_lots_are_as_a_plain_model_has_them(local_till: Till, seed: int) -> None:
    till, dice = local_till, random.Random(seed)
    lots: dict[str, list[Any]] = {}  # reference -> [kind, left, expires_at]
    for step in range(60):
        has = sum(lot[1] for lot in lots.values())
        do = dice.choice(("give", "gift", "spend", "spend", "take", "time"))
        if do == "give":
            amount = dice.randint(1, 9)
            record_payment(till.office, OPERATOR, till.account, amount * NANO, reference=f"b{step}", reason="bank")
            lots[f"topup:manual:b{step}"] = [PAID, amount, None]
        elif do == "gift":
            days = dice.choice((None, 1, 3))
            amount = dice.randint(1, 9)
            give(till, amount, f"g{step}", days=days)
            lots[f"grant:g{step}"] = [GRANTED, amount, None if days is None else till.clock() + days * DAY]
        elif do in ("spend", "take") and has:
            amount = dice.randint(1, has)
            if do == "spend":
                till.spend(amount * NANO)
            else:
                adjust_credit(till.office, OPERATOR, till.account, -amount * NANO, reason="r")
            order = sorted(lots, key=lambda one: _rank(lots, one))
            for reference in order:
                part = min(amount, lots[reference][1])
                lots[reference][1] -= part
                amount -= part
        elif do == "time":
            till.clock.now += DAY  # type: ignore[attr-defined]
            expire_credit(till.office, GATEWAY)
            for lot in lots.values():
                if lot[2] is not None and lot[2] <= till.clock():
                    lot[1] = 0
        found = till.office.database.read(lambda c: read_lots(c, till.account))
        assert {one.reference: one.left_nano // NANO for one in found if one.left_nano} == {
            name: lot[1] for name, lot in lots.items() if lot[1]
        }, (seed, step, do)
    till.check()


def _rank(lots: dict[str, list[Any]], reference: str) -> tuple[object, ...]:
    kind, _, expires_at = lots[reference]
    place = list(lots).index(reference)
    return (expires_at is None, expires_at or 0.0, kind == PAID, place)


def test_a_refunded_call_gives_back_what_it_took(till: Till) -> None:
    give(till, 2, "gift")
    till.paid(3 * NANO)
    till.spend(4 * NANO, reference="req:one")
    assert kinds(till) == (1, 0)
    till.office.database.write(lambda c: post_refund(c, "one", 3 * NANO, reason="sorry"))
    assert sum(kinds(till)) == 4 and kinds(till)[1] <= 2
    adjust_credit(till.office, OPERATOR, till.account, NANO, reason="more")
    assert sum(kinds(till)) == 5
    found = till.office.database.read(lambda c: read_lots(c, till.account))
    assert sum(lot.left_nano for lot in found) == till.balance()


@pytest.mark.parametrize("lasts", [0.0, 30 * DAY])
def test_what_a_method_grants_is_no_payment(sqlite_url: str, make_till: Any, clock: Clock, lasts: float) -> None:
    till = make_till(sqlite_url)
    until = clock.now + lasts if lasts else 0.0
    sold = DepositPaid("voucher:1", till.account, 10 * NANO, "USD", 9)
    gift = DepositPaid("voucher:2", till.account, 4 * NANO, "USD", 9, granted=True, expires_at=until)
    [outcome] = till.tell(gift)
    assert outcome.state == "booked" and [one.state for one in till.tell(gift)] == ["repeated"]
    assert kinds(till) == (0, 4) and clearing_nano(till.office, "card") == 0
    row = till.row(outcome.topup)
    assert (row.state, row.amount, row.credit_nano, refundable(row)) == ("paid", 0, 4 * NANO, 0)
    with pytest.raises(BadRequest, match="can be refunded"):
        ask_refund(till.office, OPERATOR, till.methods, row.id, reason="no")
    [paid] = till.tell(sold)
    assert kinds(till) == (10, 4) and refundable(till.row(paid.topup)) == 10 * NANO
    clock.now += 31 * DAY
    assert expire_credit(till.office, GATEWAY) == bool(lasts)
    assert kinds(till) == (10, 0 if lasts else 4)
    till.check()


def test_a_gift_does_not_take_an_account_out_of_the_new_tier(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[str] = []
    monkeypatch.setattr(credits, "leave_new_tier", lambda booking, account: left.append(account))
    till.tell(DepositPaid("voucher:1", till.account, NANO, "USD", 9, granted=True))
    assert left == []
    till.tell(DepositPaid("voucher:2", till.account, NANO, "USD", 9))
    assert left == [till.account]
