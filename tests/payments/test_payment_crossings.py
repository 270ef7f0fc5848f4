"""What comes late: means that were taken back, a second fall in the same breath, a bank that refuses after days."""

from __future__ import annotations

import pytest
from payments_kit import ADA, Clock, Till

from router import MeansSaved, TopUpClosed, TopUpPaid, TopUpPending
from router.money.amounts import NANO
from router.office.actor import GATEWAY
from router.office.payments.automatic import charge_automatic
from router.office.payments.means import forget_means, list_means, set_automatic, show_automatic
from router.office.payments.topups import list_topups
from router.store.payments.topups import TopUpRow


def rule(till: Till, *, threshold: int = 5, amount: int = 10) -> str:
    """Means that the account left with a payment of 20, and when they are charged; their ID."""
    row = till.begin(20 * NANO, save_means=True)
    till.tell(TopUpPaid(row.reference, row.id, row.amount, row.currency), MeansSaved(row.id, "pm_secret", "Visa 4242"))
    [means] = list_means(till.office, till.account)
    bounds = {"threshold_nano": threshold * NANO, "amount_nano": amount * NANO, "per_day": 5}
    set_automatic(till.office, ADA, till.account, means.id, **bounds)
    till.method.charge = lambda topup, token: [TopUpPaid(f"pi_{topup.id}", topup.id, topup.amount, "USD")]
    return means.id


def beat(till: Till) -> int:
    return charge_automatic(till.office, GATEWAY, till.methods)


def automatic(till: Till) -> list[TopUpRow]:
    return [row for row in list_topups(till.office, account_id=till.account, limit=1000) if row.means_id]


def test_means_that_were_taken_back_stay_so_when_their_payment_is_told_again(till: Till, clock: Clock) -> None:
    row = till.begin(20 * NANO, save_means=True)
    told = (TopUpPaid(row.reference, row.id, row.amount, row.currency), MeansSaved(row.id, "pm_secret", "Visa 4242"))
    till.tell(*told)
    [means] = list_means(till.office, till.account)
    clock.now += 60
    forget_means(till.office, ADA, till.account, means.id)
    till.tell(*told)  # as by the events that are read beside the webhook, or one that is delivered late
    assert list_means(till.office, till.account) == []


def test_a_second_fall_in_the_same_breath_is_a_fall(till: Till) -> None:
    rule(till)
    till.spend(16 * NANO)
    assert beat(till) == 1 and till.balance() == 14 * NANO
    till.spend(10 * NANO)  # before anybody has seen that the balance was above again
    assert beat(till) == 1 and till.balance() == 14 * NANO
    assert beat(till) == 0 and len(automatic(till)) == 2
    till.check()


def test_what_leaves_the_balance_below_is_no_second_fall(till: Till) -> None:
    rule(till, threshold=50)
    assert beat(till) == 1 and till.balance() == 30 * NANO
    assert beat(till) == 0 and till.balance() == 30 * NANO


def test_a_bank_that_refuses_in_days_stops_automatic_top_ups(till: Till, clock: Clock) -> None:
    rule(till)
    till.method.charge = lambda topup, token: [TopUpPending(topup.id, "The bank has not confirmed it yet.")]
    till.spend(16 * NANO)
    assert beat(till) == 1
    clock.now += 2 * 86_400
    [row] = automatic(till)
    till.tell(TopUpClosed(row.id, "failed", "The bank refused the payment."))
    kept = show_automatic(till.office, till.account)
    assert kept is not None and kept.problem == "The bank refused the payment."
    till.paid(20 * NANO)
    beat(till)
    till.spend(20 * NANO)
    assert beat(till) == 0 and len(automatic(till)) == 1, "its owner has not looked at it"


def test_a_late_refusal_stops_no_other_card(till: Till) -> None:
    rule(till)
    till.method.charge = lambda topup, token: ()
    till.spend(16 * NANO)
    beat(till)
    [row] = automatic(till)
    paid = till.begin(5 * NANO, save_means=True)
    till.tell(MeansSaved(paid.id, "pm_other", "Visa 1111"))
    other = next(one for one in list_means(till.office, till.account) if one.label == "Visa 1111")
    set_automatic(till.office, ADA, till.account, other.id, threshold_nano=5 * NANO, amount_nano=10 * NANO, per_day=5)
    till.tell(TopUpClosed(row.id, "failed", "The bank refused the payment."))
    kept = show_automatic(till.office, till.account)
    assert kept is not None and not kept.problem


@pytest.mark.parametrize("times", [1, 3])
def test_a_refusal_is_told_its_owner_once(till: Till, times: int) -> None:
    rule(till)
    till.method.charge = lambda topup, token: [TopUpPending(topup.id)]
    till.spend(16 * NANO)
    beat(till)
    [row] = automatic(till)
    for _ in range(times):
        till.tell(TopUpClosed(row.id, "failed", "The bank refused the payment."))
    stopped = till.office.database.read(
        lambda c: c.tuples("SELECT COUNT(*) FROM audit WHERE action = 'payments automatic_stopped'")
    )
    assert stopped[0][0] == 1
