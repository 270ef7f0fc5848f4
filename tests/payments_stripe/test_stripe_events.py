"""Events: one fact or a refusal each, whatever is delivered, however often and in whatever order."""

from __future__ import annotations

import copy
import json
import time
from typing import Any

import pytest
from stripe_fake import KEY, WEBHOOK_SECRET, FakeStripe, signed
from stripe_kit import Method, topup

from router import (
    BadRequest,
    MeansForgotten,
    MeansSaved,
    PaymentFact,
    RouterError,
    Secret,
    TopUpClosed,
    TopUpPaid,
    TopUpPending,
    Unavailable,
)

COMPLETED = "checkout.session.completed"


def completed(fake: FakeStripe, method: Method, name: str = "top_1", **fields: Any) -> dict[str, Any]:
    """The event of a top-up that was paid by card."""
    one = method.started(topup(name, **fields))
    fake.account.pay(one.reference)
    return copy.deepcopy(fake.events(COMPLETED)[-1])


def test_a_paid_session_is_told_as_paid(fake: FakeStripe, method: Method) -> None:
    event = completed(fake, method)
    session = event["data"]["object"]
    told = method.event(event)
    paid = TopUpPaid(session["id"], "top_1", 1250, "USD", session["payment_intent"])
    assert (told.id, told.kind, list(told.facts)) == (event["id"], COMPLETED, [paid])
    assert fake.account.get("intents", session["payment_intent"])["metadata"]["topup"] == "top_1"


def test_all_that_comes_of_one_payment_is_one_fact(fake: FakeStripe, method: Method) -> None:
    """Of five different events, in any order and twice, one alone speaks of money, and always with the same words."""
    one = method.started(topup())
    fake.account.pay(one.reference)
    told: list[PaymentFact] = []
    for event in (*reversed(fake.events()), *fake.events()):
        told += method.event(event).facts
    told += method.poll(one)
    told += method.watch().facts
    assert len(set(map(repr, told))) == 1 and isinstance(told[0], TopUpPaid) and len(told) == 4


def test_a_delayed_payment_is_pending_until_the_bank_confirms_it(fake: FakeStripe, method: Method) -> None:
    one = method.started(topup())
    session = fake.account.pay(one.reference, method="sepa_debit")
    intent = session["payment_intent"]
    pending = TopUpPending("top_1", "The bank has not confirmed it yet.", intent)
    assert method.facts() == [pending] == method.poll(one)
    fake.account.settle_late(one.reference)
    assert method.facts("checkout.session.async_payment_succeeded") == [
        TopUpPaid(one.reference, "top_1", 1250, "USD", intent)
    ]


def test_a_delayed_payment_that_fails_is_closed(fake: FakeStripe, method: Method) -> None:
    one = method.started(topup())
    fake.account.pay(one.reference, method="sepa_debit")
    fake.account.settle_late(one.reference, works=False)
    closed = method.facts("checkout.session.async_payment_failed", "payment_intent.payment_failed")
    assert closed == [TopUpClosed("top_1", "failed", "The bank refused the payment.")]
    assert method.poll(one) == [TopUpClosed("top_1", "failed", "Your card was declined.")]


def test_a_session_that_nobody_used_is_closed(fake: FakeStripe, method: Method) -> None:
    one = method.started(topup())
    assert method.poll(one) == []
    fake.account.expire(one.reference)
    closed = [TopUpClosed("top_1", "expired", "The page was not used in time.")]
    assert method.facts() == closed == method.poll(one)


@pytest.mark.parametrize("age_s", [0, 200, 299, -200])
def test_a_signature_of_about_now_is_taken(fake: FakeStripe, method: Method, age_s: int) -> None:
    event = completed(fake, method)
    assert method.event(event, at=time.time() - age_s).facts


def test_an_event_three_days_late_is_taken_when_it_is_signed_now(fake: FakeStripe, method: Method) -> None:
    event = completed(fake, method)
    event["created"] -= 3 * 86_400
    assert method.event(event).facts


@pytest.mark.parametrize("age_s", [302, 3 * 86_400, -310, -86_400 * 365])
def test_a_signature_of_another_time_is_refused(fake: FakeStripe, method: Method, age_s: int) -> None:
    event = completed(fake, method)
    with pytest.raises(BadRequest) as refused:
        method.event(event, at=time.time() - age_s)
    assert refused.value.code == "not_proved"


def test_another_secret_is_refused(fake: FakeStripe, method: Method) -> None:
    event = completed(fake, method)
    for secret in ("whsec_another", "", KEY):
        with pytest.raises(BadRequest, match="not that of this endpoint"):
            method.event(event, secret=secret)


def test_one_of_several_signatures_is_enough_while_a_secret_is_rolled(fake: FakeStripe, method: Method) -> None:
    body, headers = signed(completed(fake, method))
    moment, right = headers["stripe-signature"].split(",")
    assert method.notice(body, {"stripe-signature": f"{moment},v0=00,v1={'0' * 64},{right}"}).facts


HEADERS = {
    *("", "t=", "t=1,v1=", "garbage", ",,,", "v1={right}", "t=abc,v1={right}", "t=-1,v1={right}", "t={now}"),
    *(
        "t={now},v0={right}",
        "t={now},v1={right}0",
        "t={now},v1=ünïcödé",
        "t={now},v1=\udce4",
        "t=9999999999999999999,v1=0",
    ),
}


@pytest.mark.parametrize("header", [None, *sorted(HEADERS)])
def test_headers_that_prove_nothing_are_refused(fake: FakeStripe, method: Method, header: str | None) -> None:
    body, headers = signed(completed(fake, method))
    moment, right = (part[part.index("=") + 1 :] for part in headers["stripe-signature"].split(","))
    given = {} if header is None else {"stripe-signature": header.replace("{now}", moment).replace("{right}", right)}
    with pytest.raises(BadRequest, match="not that of this endpoint"):
        method.notice(body, given)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "3", '{"id": 1}', '{"id": "evt_1"}', '"' + "[" * 3, "[" * 5000]
)
def test_signed_bodies_that_are_no_events_are_refused(method: Method, text: str) -> None:
    with pytest.raises(BadRequest):
        method.event(text)


@pytest.mark.parametrize("body", [b"\xff\xfe\x00", b'{"id": "\xe4"}'])
def test_bodies_that_are_no_text_are_refused(method: Method, body: bytes) -> None:
    header = signed("{}")[1]
    with pytest.raises(BadRequest):
        method.notice(body, header)


def test_a_changed_body_is_refused(fake: FakeStripe, method: Method) -> None:
    body, headers = signed(completed(fake, method))
    with pytest.raises(BadRequest):
        method.notice(body.replace(b"1250", b"9250"), headers)


def test_a_huge_body_is_refused_unread(fake: FakeStripe, method: Method) -> None:
    event = completed(fake, method) | {"padding": "x" * 2**20}
    with pytest.raises(BadRequest, match="above 1048576 bytes"):
        method.event(event)


@pytest.mark.parametrize("secret", ["", "env:STRIPE_WEBHOOK_SECRET"])
def test_without_a_secret_no_event_is_taken(fake: FakeStripe, secret: str) -> None:
    method = Method(fake, webhook_secret=Secret("", secret))
    event = completed(fake, method)
    for signing in (WEBHOOK_SECRET, ""):
        with pytest.raises(BadRequest, match="No events are taken here"):
            method.event(event, secret=signing)


def changed(event: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """An event with another value at a dotted place."""
    at = event
    *parts, last = path.split(".")
    for part in parts:
        at = at[part]
    at[last] = value
    return event


@pytest.mark.parametrize(
    ("place", "value", "code"),
    [
        ("data.object.amount_total", 1, "wrong_amount"),
        ("data.object.amount_subtotal", 125_000, "wrong_amount"),
        ("data.object.amount_total", "1250", "invalid_request"),
        ("data.object.amount_total", True, "invalid_request"),
        ("data.object.currency", "eur", "wrong_currency"),
        ("data.object.currency", "tmt", "wrong_currency"),
        ("data.object.currency", None, "invalid_request"),
        ("data.object.client_reference_id", "top_2", "wrong_reference"),
        ("data.object.client_reference_id", None, "wrong_reference"),
        ("data.object.metadata", {}, "wrong_reference"),
        ("data.object.mode", "subscription", "wrong_mode"),
        ("data.object.livemode", True, "wrong_livemode"),
        ("livemode", True, "wrong_livemode"),
        ("livemode", None, "wrong_livemode"),
        ("account", "acct_another", "wrong_account"),
        ("id", 7, "invalid_request"),
        ("type", None, "invalid_request"),
        ("data", [], "invalid_request"),
    ],
)
def test_what_was_not_asked_for_is_refused_with_the_reason(
    fake: FakeStripe, method: Method, place: str, value: object, code: str
) -> None:
    event = completed(fake, method)
    if place == "data.object.amount_subtotal":
        changed(event, "data.object.amount_total", value)
    with pytest.raises(BadRequest) as refused:
        method.event(changed(event, place, value))
    assert refused.value.code == code


def test_taxes_that_stripe_added_are_no_credit(fake: FakeStripe, method: Method) -> None:
    event = changed(completed(fake, method), "data.object.amount_total", 1500)
    assert [fact.amount for fact in method.event(event).facts if isinstance(fact, TopUpPaid)] == [1250]


@pytest.mark.parametrize("kind", ["customer.created", "invoice.paid", "checkout.session.completed"])
def test_what_is_none_of_ours_is_taken_and_says_nothing(fake: FakeStripe, method: Method, kind: str) -> None:
    event = completed(fake, method) | {"type": kind}
    event["data"]["object"] |= {"client_reference_id": None, "metadata": {"order": "7"}}
    assert list(method.event(event).facts) == []


def test_an_event_without_its_object_says_nothing(fake: FakeStripe, method: Method) -> None:
    assert list(method.event(changed(completed(fake, method), "data.object", None)).facts) == []


def test_a_saved_card_is_told_by_the_session_and_by_the_charge(fake: FakeStripe, method: Method) -> None:
    one = method.started(topup(save_means=True))
    session = fake.account.pay(one.reference)
    method_id = fake.account.get("intents", session["payment_intent"])["payment_method"]
    saved = MeansSaved("top_1", f"{session['customer']}:{method_id}", "Visa 4242", "Xt5EWLLDS7FJjR1c")
    assert method.facts("charge.succeeded") == [saved]
    paid, by_session = method.facts(COMPLETED)
    assert isinstance(paid, TopUpPaid) and by_session == saved
    assert method.poll(one) == [paid, saved]
    assert saved.token not in repr(saved)


def test_a_card_that_was_taken_away_is_forgotten(fake: FakeStripe, method: Method) -> None:
    card = {"id": "pm_1", "object": "payment_method", "customer": None}
    event = fake.account.happened("payment_method.detached", card)
    assert list(method.event(event).facts) == []
    event["data"]["previous_attributes"] = {"customer": "cus_1"}
    assert list(method.event(event).facts) == [MeansForgotten("cus_1:pm_1")]


def test_a_card_that_cannot_be_asked_for_keeps_no_money_waiting(
    fake: FakeStripe, method: Method, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    event = completed(fake, method, save_means=True)
    fake.failing = 3
    (paid,) = method.event(event).facts
    assert isinstance(paid, TopUpPaid)


def test_no_refusal_shows_a_secret(fake: FakeStripe, method: Method) -> None:
    event = completed(fake, method)
    for given in ({"secret": "whsec_x"}, {"at": 0}):
        with pytest.raises(RouterError) as refused:
            method.event(event, **given)
        told = f"{refused.value.message} {refused.value.detail}"
        assert KEY not in told and WEBHOOK_SECRET not in told and "1250" not in told


def test_what_an_event_is_about_may_have_to_be_asked_for_again(
    fake: FakeStripe, method: Method, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    session = completed(fake, method)["data"]["object"]
    fake.account.refund({"payment_intent": session["payment_intent"]})
    (event,) = fake.events("refund.created")
    fake.failing = 3
    with pytest.raises(Unavailable):
        method.event(event)
    assert len(method.event(json.loads(json.dumps(event))).facts) == 1
