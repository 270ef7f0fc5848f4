"""Automatic top-ups: within a day's bound, one at a time however many others are open, and why one waits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from payments_kit import ADA, OPERATOR, Clock, Till

from router import BadRequest, DepositPaid, DepositSeen, MeansSaved, PaymentOffer, TopUpPaid
from router.ledger.balances import balance
from router.money.amounts import NANO
from router.office import accounts
from router.office.actor import GATEWAY
from router.office.payments.automatic import charge_automatic, why_waiting
from router.office.payments.deposits import address_of
from router.office.payments.means import list_means, set_automatic
from router.office.payments.shown import offered_presets, open_first
from router.office.payments.topups import list_topups
from router.office.payments.upkeep import TopUpPoll, retry_waiting
from router.store.payments.topups import insert_topup
from router.store.rates import set_rate

RATES = "https://rates.example.com"
IN_MANAT = f'[gateway]\ncurrency = "TMT"\n[billing]\nusd_rate_url = "{RATES}"\nusd_rate_field = "TMT"\n'


def rule(till: Till, *, threshold: int = 5, amount: int = 10, per_day: int = 5) -> None:
    """Means that the account left with a payment of 20, and when they are charged."""
    row = till.begin(20 * NANO, save_means=True)
    till.tell(TopUpPaid(row.reference, row.id, row.amount, row.currency), MeansSaved(row.id, "pm_secret", "Visa 4242"))
    [means] = list_means(till.office, till.account)
    bounds = {"threshold_nano": threshold * NANO, "amount_nano": amount * NANO, "per_day": per_day}
    set_automatic(till.office, ADA, till.account, means.id, **bounds)
    till.method.charge = lambda topup, token: [TopUpPaid(f"pi_{topup.id}", topup.id, topup.amount, "USD")]


def beat(till: Till) -> int:
    return charge_automatic(till.office, GATEWAY, till.methods)


def why(till: Till) -> str:
    error = why_waiting(till.office, till.methods, till.account)
    return "" if error is None else error.code or ""


def automatic(till: Till) -> list[Any]:
    return [row for row in list_topups(till.office, account_id=till.account, limit=1000) if row.means_id]


def test_a_full_day_keeps_an_automatic_top_up_from_being_begun(database_url: str, make_till: Any, clock: Clock) -> None:
    till = make_till(database_url, 'most_per_day = "35"\n')
    rule(till)
    till.spend(18 * NANO)
    assert beat(till) == 1 and till.balance() == 12 * NANO, "20 and 10 are 30 of 35"
    assert why(till) == ""
    beat(till)  # sees that the balance is above again
    till.spend(9 * NANO)
    assert beat(till) == 0 and till.balance() == 3 * NANO and len(automatic(till)) == 1
    assert why(till) == "daily_limit"
    with pytest.raises(BadRequest, match=r"5\.00 are left"):
        till.begin(6 * NANO)
    clock.now += 86_401
    assert why(till) == "" and beat(till) == 1 and till.balance() == 13 * NANO
    till.check()


def test_a_gift_takes_no_room_of_the_day(database_url: str, make_till: Any) -> None:
    till = make_till(database_url, 'most_per_day = "25"\n')
    till.tell(DepositPaid("gift", till.account, 20 * NANO, "USD", 9, granted=True))
    till.begin(20 * NANO)
    with pytest.raises(BadRequest, match=r"5\.00 are left"):
        till.begin(6 * NANO)


def test_what_can_never_be_charged_in_a_day_is_refused_at_once(sqlite_url: str, make_till: Any) -> None:
    till = make_till(sqlite_url, 'most_per_day = "35"\nmost = "50"\npresets = ["10", "40"]\n')
    with pytest.raises(BadRequest, match=r"from 1 to 35\.00 USD"):
        rule(till, amount=40)
    assert offered_presets(till.office) == [10 * NANO]


def test_why_an_automatic_top_up_waits_is_known(local_till: Till) -> None:
    till = local_till
    assert why(till) == ""
    rule(till, per_day=1)
    assert why(till) == "", "the balance is above the threshold"
    till.spend(16 * NANO)
    accounts.suspend_account(till.office, OPERATOR, till.account)
    assert why(till) == "account_suspended" and beat(till) == 0
    accounts.resume_account(till.office, OPERATOR, till.account)
    assert why(till) == "" and beat(till) == 1
    beat(till)
    till.spend(10 * NANO)
    assert why(till) == "automatic_per_day" and beat(till) == 0


def test_an_automatic_top_up_is_gone_on_with_behind_any_number_of_others(till: Till) -> None:
    rule(till)
    till.spend(16 * NANO)
    charge, till.method.charge = till.method.charge, lambda topup, token: ()  # asked, and nothing heard of it
    assert beat(till) == 1
    [first] = automatic(till)
    later = replace(first, means_id="", state="started", created_at=first.created_at + 1)
    for number in range(60):
        row = replace(later, id=f"top_{number:016d}", reference=f"cs_{number}", form=f"f{number}")
        till.office.database.write(lambda connection, row=row: insert_topup(connection, row))  # type: ignore[misc]
    paid = replace(later, id="top_paid", reference="cs_paid", form="paid")
    till.office.database.write(lambda connection: insert_topup(connection, paid))
    till.tell(TopUpPaid("cs_paid", "top_paid", paid.amount, "USD"))
    beat(till)
    till.spend(balance(till.office.database, till.account).balance - 2 * NANO)  # a second fall, the first one open yet
    till.method.charge = charge
    beat(till)
    assert [(row.id, row.state) for row in automatic(till)] == [(first.id, "paid")], "no second one was begun"
    till.check()


def test_a_second_fall_begins_nothing_while_the_first_is_under_way(till: Till) -> None:
    rule(till)
    till.spend(16 * NANO)
    till.method.charge = lambda topup, token: ()
    for _ in range(3):
        means = list_means(till.office, till.account)[0].id
        more = {"threshold_nano": 5 * NANO, "amount_nano": 10 * NANO, "per_day": 5}
        set_automatic(till.office, ADA, till.account, means, **more)  # as if nothing had been begun
        assert beat(till) == 1
    assert len(automatic(till)) == 1


def test_a_poll_asks_for_none_that_the_method_does_not_know(local_till: Till) -> None:
    till = local_till
    known = till.begin()
    for number in range(150):
        row = replace(known, id=f"top_{number:016d}", reference="", form=f"f{number}")
        till.office.database.write(lambda connection, row=row: insert_topup(connection, row))  # type: ignore[misc]
    assert TopUpPoll(till.office, till.methods, "card").run() == 1
    assert [asked for what, asked in till.method.asked if what == "poll"] == [[known.id]]


def test_deposits_that_wait_for_a_rate_hide_none_that_has_one(sqlite_url: str, make_till: Any, clock: Clock) -> None:
    till = make_till(sqlite_url, "", IN_MANAT)
    till.method.offer = PaymentOffer("USDT", "address", "USDT", 6)
    address = address_of(till.office, till.methods, till.account, "card").address
    till.tell(DepositPaid("first", address, 10**6, "USDT", 6))
    clock.now += 1
    till.tell(*(DepositPaid(f"eur{number}", address, 10**6, "EURC", 6) for number in range(120)))
    set_rate(till.office.database, "TMT", 3_500_000_000, RATES)
    clock.now = till.office.database.read(lambda c: c.tuples("SELECT created_at FROM rates"))[0][0]
    assert retry_waiting(till.office) == 121 and till.balance() == 3_500_000_000
    shown = open_first(till.office, till.account, "card", 20)
    assert {row.state for row in shown} == {"pending"}


def test_a_deposit_under_way_is_shown_before_any_number_of_later_ones(till: Till) -> None:
    till.method.offer = PaymentOffer("USDT", "address", "USDT", 6)
    address = address_of(till.office, till.methods, till.account, "card").address
    till.tell(DepositSeen("under-way", address, 10**6, "USDT", 6, 1, 12))
    till.clock.now += 1
    till.tell(*(DepositPaid(f"later{number}", address, 10**6, "USDT", 6) for number in range(25)))
    shown = open_first(till.office, till.account, "card", 20)
    assert len(shown) == 20 and shown[0].reference == "under-way"
