"""Facts that a method tells: each is booked once, in whatever order, and what does not fit credits nothing."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace

import pytest
from payments_kit import Till

from router import Dispute, Refund, TopUpClosed, TopUpPaid, TopUpPending, VerifiedNotice
from router.ledger.paid.lots import credit_kinds
from router.money.amounts import NANO
from router.office import accounts
from router.store.payments.facts import list_facts


def fact_of(till: Till, credit: int = 10) -> TopUpPaid:
    row = till.begin(credit * NANO)
    return TopUpPaid(row.reference, row.id, row.amount, row.currency, f"pi_{row.id}")


def test_a_payment_is_credited_once_however_often_it_is_told(till: Till) -> None:
    paid = fact_of(till)
    assert [one.state for one in till.tell(paid, paid)] == ["booked", "repeated"]
    assert [one.state for one in till.tell(paid)] == ["repeated"]
    assert till.balance() == 10 * NANO and till.row(paid.topup).state == "paid"
    till.check()


def test_a_notice_is_looked_at_once(till: Till) -> None:
    paid, other = fact_of(till), fact_of(till)
    first = VerifiedNotice("evt_1", "checkout.session.completed", [paid])
    assert [one.state for one in till.tell(*first.facts, notice=first)] == ["booked"]
    assert [one.state for one in till.tell(other, notice=first)] == ["repeated"]
    assert till.balance() == 10 * NANO


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"amount": 999}, "9.99 USD was paid where"),
        ({"amount": 10**30}, "was paid where"),
        ({"currency": "EUR"}, "10.00 EUR was paid where"),
        ({"topup": "top_nobody"}, "there is no top-up 'top_nobody'"),
        ({"reference": "cs_foreign"}, "with this method, not cs_foreign"),
    ],
)
def test_what_does_not_fit_is_kept_with_its_reason_and_credits_nothing(
    till: Till, change: dict[str, object], why: str
) -> None:
    paid = replace(fact_of(till), **change)  # type: ignore[arg-type]
    for _ in range(2):
        [outcome] = till.tell(paid)
        assert outcome.state == "refused" and why in outcome.why
    [kept] = list_facts(till.office.database, state="refused")
    assert kept.reference == paid.reference and why in kept.why
    assert till.balance() == 0
    till.check()


def test_a_second_payment_of_a_top_up_is_kept_for_an_operator(till: Till) -> None:
    row = till.begin()
    till.tell(TopUpPaid(row.reference, row.id, 1000, "USD"))
    [outcome] = till.tell(TopUpPaid("cs_2", row.id, 1000, "USD"))
    assert outcome.state == "refused" and "second payment" in outcome.why
    assert till.balance() == 10 * NANO


def test_a_late_payment_of_a_closed_top_up_is_credited(till: Till) -> None:
    paid = fact_of(till)
    till.tell(TopUpPending(paid.topup, "bank debit"))
    assert till.row(paid.topup).state == "pending"
    till.tell(TopUpClosed(paid.topup, "expired", "took too long"))
    assert (till.row(paid.topup).state, till.row(paid.topup).note) == ("expired", "took too long")
    till.tell(paid)
    assert till.row(paid.topup).state == "paid" and till.balance() == 10 * NANO
    till.tell(TopUpClosed(paid.topup, "failed"), TopUpPending(paid.topup))
    assert till.row(paid.topup).state == "paid"


def test_facts_in_every_order_come_to_the_same(local_till: Till) -> None:
    till = local_till
    for order in itertools.permutations(range(4)):
        paid = fact_of(till)
        before = till.balance()
        facts: list[TopUpPaid | Refund] = [
            paid,
            Refund(f"re_1_{paid.topup}", payment=paid.payment, amount=300, currency="USD"),
            Refund(f"ch_{paid.topup}:500", payment=paid.payment, total=500, currency="USD"),
            Refund(f"re_2_{paid.topup}", payment=paid.payment, amount=200, currency="USD"),
        ]
        for place in order:
            till.tell(facts[place])
            till.tell(facts[random.Random(place).randrange(place + 1)])
        for fact in facts:
            till.tell(fact)
        row = till.row(paid.topup)
        assert (row.state, row.refunded, till.balance() - before) == ("part_refunded", 500, 5 * NANO), order
    till.check()


def test_a_refund_that_fails_is_given_back_and_one_in_full_takes_all(till: Till) -> None:
    row = till.paid(3 * NANO + 1)  # 3.01 USD, rounded up, for a credit that no cent is
    assert row.amount == 301
    refund = Refund("re_1", payment=row.payment, amount=100, currency="USD")
    till.tell(refund)
    assert till.balance() == 3 * NANO + 1 - (3 * NANO + 1) * 100 // 301
    till.tell(replace(refund, failed=True), replace(refund, failed=True))
    assert till.balance() == 3 * NANO + 1 and till.row(row.id).state == "paid"
    till.tell(Refund("re_2", payment=row.payment, amount=301, currency="USD"))
    assert till.balance() == 0 and till.row(row.id).state == "refunded"
    till.check()


def test_a_refund_of_credit_that_was_spent_is_the_operator_s_loss(till: Till) -> None:
    row = till.paid()
    till.spend(8 * NANO)
    till.tell(Refund("re_1", payment=row.payment, amount=1000, currency="USD"))
    assert till.balance() == 0 and credit_kinds(till.office.database, till.account).owed == 0
    till.check()


def test_a_dispute_freezes_takes_below_zero_and_gives_back(till: Till) -> None:
    row = till.paid()
    till.spend(8 * NANO)
    dispute = Dispute("du_1", "opened", payment=row.payment, amount=1000, currency="USD")
    till.tell(dispute, dispute)
    assert accounts.get_account(till.office, till.account).status == "suspended" and till.balance() == 2 * NANO
    till.tell(replace(dispute, stage="withdrawn"), replace(dispute, stage="withdrawn"))
    assert till.balance() == -8 * NANO and till.row(row.id).state == "disputed"
    till.check()
    till.tell(replace(dispute, stage="reinstated"), replace(dispute, stage="reinstated"))
    assert till.balance() == 2 * NANO and till.row(row.id).state == "paid"
    till.tell(replace(dispute, stage="won"))
    assert accounts.get_account(till.office, till.account).status == "active"
    till.check()


def test_a_lost_dispute_keeps_the_account_frozen_and_the_next_payment_pays_the_debt(till: Till) -> None:
    row, later = till.paid(), till.begin(25 * NANO)
    till.spend(10 * NANO)
    for stage in ("lost", "withdrawn", "opened"):
        till.tell(Dispute("du_1", stage, payment=row.payment, amount=1000, currency="USD"))  # type: ignore[arg-type]
    assert till.balance() == -10 * NANO
    assert accounts.get_account(till.office, till.account).status == "suspended"
    till.tell(TopUpPaid(later.reference, later.id, later.amount, "USD"))
    kinds = credit_kinds(till.office.database, till.account)
    assert (kinds.paid, kinds.owed, till.balance()) == (15 * NANO, 0, 15 * NANO)
    till.check()


def test_a_dispute_told_before_its_payment_and_backwards(till: Till) -> None:
    paid = fact_of(till)
    for stage in ("won", "reinstated", "withdrawn", "opened"):
        [outcome] = till.tell(
            Dispute("du_1", stage, payment=paid.payment, amount=1000, currency="USD")  # type: ignore[arg-type]
        )
        assert outcome.state == "waiting"
    till.tell(paid)
    for stage in ("opened", "withdrawn", "reinstated", "won"):
        till.tell(Dispute("du_1", stage, payment=paid.payment, amount=1000, currency="USD"))  # type: ignore[arg-type]
    assert till.balance() == 10 * NANO
    assert accounts.get_account(till.office, till.account).status == "active"
    till.check()


def test_who_suspends_a_frozen_account_keeps_it_suspended(till: Till) -> None:
    from payments_kit import OPERATOR

    row = till.paid()
    till.tell(Dispute("du_1", "opened", payment=row.payment, amount=1000, currency="USD"))
    accounts.suspend_account(till.office, OPERATOR, till.account)
    till.tell(Dispute("du_1", "won", payment=row.payment, amount=1000, currency="USD"))
    assert accounts.get_account(till.office, till.account).status == "suspended"


def test_a_hook_in_which_no_money_may_move_tells_none(till: Till) -> None:
    paid = fact_of(till)
    with pytest.raises(ValueError, match="where no money may move"):
        till.tell(paid, moves=False)
    with pytest.raises(ValueError, match="no fact of a payment"):
        till.tell("paid")  # type: ignore[arg-type]
    assert till.balance() == 0
