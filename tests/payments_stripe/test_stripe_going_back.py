"""Refunds, disputes and automatic top-ups: each said once, whoever asked for it."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest
from stripe_fake import FakeStripe
from stripe_kit import Method, topup

from router import BadRequest, Dispute, Refund, TopUp, TopUpClosed, TopUpPaid, TopUpPending, Unavailable

TOKEN = "cus_1:pm_1"


def paid(fake: FakeStripe, method: Method, name: str = "top_1", **fields: Any) -> TopUp:
    """A top-up that was paid, as the host keeps it."""
    one = method.started(topup(name, **fields))
    session = fake.account.pay(one.reference)
    return replace(one, state="paid", payment=session["payment_intent"])


def test_a_refund_is_made_once_for_what_the_host_asked(fake: FakeStripe, method: Method) -> None:
    one = paid(fake, method)
    first = method.refund(one, 500)
    (refund,) = fake.account.things["refunds"].values()
    assert first == [
        Refund(refund["id"], payment=one.payment, topup="top_1", amount=500, currency="USD", asked="ref_1")
    ]
    assert method.refund(one, 500) == first
    fake.forget_keys()  # a day later
    assert method.refund(replace(one, payment=""), 500) == first
    assert len(fake.account.things["refunds"]) == 1
    assert {repr(fact) for fact in method.facts("refund.created", "charge.refunded")} == {repr(first[0])}
    (second,) = method.refund(one, 750, "ref_2")
    assert isinstance(second, Refund) and second.asked == "ref_2" and len(fake.account.things["refunds"]) == 2


def test_a_refund_of_stripes_dashboard_is_told_by_its_payment(fake: FakeStripe, method: Method) -> None:
    one = paid(fake, method)
    refund = fake.account.refund({"payment_intent": one.payment, "amount": "300"})
    (told,) = method.facts("refund.created")
    assert told == Refund(refund["id"], payment=one.payment, topup="top_1", amount=300, currency="USD")


def test_cumulative_sums_are_told_refund_by_refund(fake: FakeStripe, method: Method) -> None:
    """``charge.refunded`` names 300, then 800: told are 300 and 500, whichever event comes first or alone."""
    one = paid(fake, method)
    for amount in ("300", "500"):
        fake.account.refund({"payment_intent": one.payment, "amount": amount})
    sums = fake.events("charge.refunded")
    assert [event["data"]["object"]["amount_refunded"] for event in sums] == [300, 800]
    told = [fact for event in (*reversed(sums), *fake.events("refund.created")) for fact in method.event(event).facts]
    known = {fact.reference: fact.amount for fact in told if isinstance(fact, Refund)}
    assert sorted(known.values()) == [300, 500] and all(isinstance(f, Refund) and f.total == 0 for f in told)


@pytest.mark.parametrize("status", ["failed", "canceled"])
def test_a_refund_that_did_not_work_out_is_given_back(fake: FakeStripe, method: Method, status: str) -> None:
    one = paid(fake, method)
    (asked,) = method.refund(one, 500)
    assert isinstance(asked, Refund)
    fake.account.fail_refund(asked.reference)["status"] = status
    assert method.refund(one, 500) == [replace(asked, failed=True)]
    assert method.facts("refund.failed") == [replace(asked, failed=True)]


def test_more_than_was_paid_is_not_given_back(fake: FakeStripe, method: Method) -> None:
    with pytest.raises(BadRequest, match="greater than unrefunded"):
        method.refund(paid(fake, method), 1251)
    assert not fake.account.things["refunds"]


def test_what_was_never_paid_is_not_given_back(fake: FakeStripe, method: Method) -> None:
    with pytest.raises(BadRequest, match="refused"):
        method.refund(replace(topup(), payment="pi_nothing"), 1)
    with pytest.raises(BadRequest, match="knows of no payment"):
        method.refund(method.started(topup()), 100)


def test_refunds_in_other_currencies_keep_their_zeros(fake: FakeStripe) -> None:
    method = Method(fake, currency="kwd")
    one = paid(fake, method, amount=525, currency="KWD")
    (told,) = method.refund(one, 125)
    assert isinstance(told, Refund) and (told.amount, told.currency) == (125, "KWD")
    assert [refund["amount"] for refund in fake.account.things["refunds"].values()] == [1250]


def test_a_dispute_takes_money_and_may_give_it_back(fake: FakeStripe, method: Method) -> None:
    one = paid(fake, method)
    dispute = fake.account.dispute(one.payment)
    fake.account.close_dispute(dispute, "won")
    told = method.facts(*(event["type"] for event in fake.events() if "dispute" in event["type"]))
    stages = [fact.stage for fact in told if isinstance(fact, Dispute)]
    assert stages == ["opened", "withdrawn", "won", "reinstated"]
    assert told[0] == Dispute(dispute["id"], "opened", one.payment, "top_1", 1250, "USD")


def test_a_lost_dispute_ends(fake: FakeStripe, method: Method) -> None:
    dispute = fake.account.dispute(paid(fake, method).payment)
    fake.account.close_dispute(dispute, "lost")
    assert [fact.stage for fact in method.facts("charge.dispute.closed") if isinstance(fact, Dispute)] == ["lost"]


def test_an_inquiry_moves_nothing_until_it_is_a_dispute(fake: FakeStripe, method: Method) -> None:
    dispute = fake.account.dispute(paid(fake, method).payment, status="warning_needs_response")
    fake.account.happened("charge.dispute.updated", dispute)
    kinds = ("charge.dispute.created", "charge.dispute.updated", "charge.dispute.funds_withdrawn")
    assert method.facts(*kinds) == []
    dispute["status"] = "needs_response"
    fake.account.happened("charge.dispute.updated", dispute)
    fake.account.withdraw(dispute)
    assert [fact.stage for fact in method.facts(*kinds) if isinstance(fact, Dispute)] == ["opened", "withdrawn"]


def test_what_goes_back_of_somebody_elses_payment_is_not_told(fake: FakeStripe, method: Method) -> None:
    intent = paid(fake, method).payment
    for thing in (fake.account.get("intents", intent), *fake.account.things["charges"].values()):
        thing["metadata"] = {"order": "7"}
    fake.account.refund({"payment_intent": intent, "amount": "100"})
    fake.account.dispute(intent)
    assert method.facts("refund.created", "charge.refunded", "charge.dispute.created") == []


def test_saved_means_are_charged_once_for_a_top_up(fake: FakeStripe, method: Method) -> None:
    one = topup("top_9", 2000)
    first = method.charge(one, TOKEN)
    (intent,) = fake.account.things["intents"].values()
    assert first == [TopUpPaid(intent["id"], "top_9", 2000, "USD", intent["id"])]
    assert (intent["customer"], intent["payment_method"]) == ("cus_1", "pm_1")
    assert method.charge(one, TOKEN) == first == method.facts("payment_intent.succeeded")
    assert method.poll(replace(one, reference=intent["id"])) == first
    assert len(fake.account.things["intents"]) == 1


def test_a_charge_whose_end_nobody_heard_is_looked_for_after_a_day(fake: FakeStripe, method: Method) -> None:
    one = topup("top_9", 2000)
    first = method.charge(one, TOKEN)
    fake.forget_keys()
    late = replace(one, created_at=time.time() - 86_400)
    assert method.charge(late, TOKEN) == first and len(fake.account.things["intents"]) == 1
    with pytest.raises(BadRequest, match="not charged within a day"):
        method.charge(replace(late, id="top_10"), TOKEN)
    assert len(fake.account.things["intents"]) == 1


@pytest.mark.parametrize(
    ("decline", "told"),
    [
        ("insufficient_funds", "insufficient funds"),
        ("expired_card", "expired"),
        ("stolen_card", "declined by its bank"),
        ("authentication_required", "top up by hand"),
        ("generic_decline", "The card was declined."),
    ],
)
def test_a_decline_is_told_in_words(fake: FakeStripe, method: Method, decline: str, told: str) -> None:
    fake.account.decline = decline
    for _ in range(2):
        with pytest.raises(BadRequest, match=told) as refused:
            method.charge(topup("top_9"), TOKEN)
        assert refused.value.code == "declined" and decline in refused.value.detail
    assert len(fake.account.things["intents"]) == 1
    (closed,) = method.facts("payment_intent.payment_failed")
    assert isinstance(closed, TopUpClosed) and closed.topup == "top_9" and closed.state == "failed"


@pytest.mark.parametrize("token", ["", "cus_1", ":pm_1", "pm_1:cus_1"])
def test_what_is_no_saved_card_is_not_charged(fake: FakeStripe, method: Method, token: str) -> None:
    with pytest.raises(BadRequest, match="no card"):
        method.charge(topup(), token)
    assert not fake.asked


def test_a_charge_whose_answer_is_lost_is_asked_for_again(
    fake: FakeStripe, method: Method, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    one = topup("top_9")
    fake.failing = 3
    with pytest.raises(Unavailable):
        method.charge(one, TOKEN)
    assert len(method.charge(one, TOKEN)) == 1 and len(fake.account.things["intents"]) == 1


def test_a_charge_that_takes_time_is_pending(fake: FakeStripe, method: Method) -> None:
    one = replace(topup("top_9"), reference=method.charge(topup("top_9"), TOKEN)[0].payment)  # type: ignore[union-attr]
    fake.account.get("intents", one.reference)["status"] = "processing"
    assert method.poll(one) == [TopUpPending("top_9", "The bank has not confirmed it yet.", one.reference)]
