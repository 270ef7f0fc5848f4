"""Without a public webhook: polls, the list of events, statements; and what a check finds."""

from __future__ import annotations

import logging
import time
from dataclasses import replace

import pytest
from router_plugins.stripe.notices import KINDS
from stripe_fake import FakeStripe
from stripe_kit import Method, topup

from router import Dispute, PaymentFact, Refund, Secret, TopUpClosed, TopUpPaid, Unavailable


def test_a_poll_tells_of_each_and_is_not_stopped_by_one(
    fake: FakeStripe, method: Method, caplog: pytest.LogCaptureFixture
) -> None:
    one, two, three = (method.started(topup(f"top_{number}")) for number in (1, 2, 3))
    fake.account.pay(one.reference)
    fake.account.pay(two.reference)
    fake.account.get("sessions", two.reference)["amount_total"] = 1
    fake.account.expire(three.reference)
    lost = replace(topup("top_4"), reference="cs_test_nothing")
    swapped = replace(topup("top_5"), reference=one.reference)
    told = method.poll(lost, two, swapped, topup("top_6"), one, three)
    assert [type(fact) for fact in told] == [TopUpPaid, TopUpClosed]
    assert "top_2" in caplog.text and "1 was paid, and 1250 asked for" in caplog.text
    assert "top_4" in caplog.text and "No such session" in caplog.text
    assert "top_5" in caplog.text and "made for another top-up" in caplog.text


@pytest.mark.parametrize("fields", [{"amount": 1300}, {"currency": "EUR"}])
def test_a_poll_compares_with_what_the_host_asks_for(
    fake: FakeStripe, method: Method, fields: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    one = method.started(topup())
    fake.account.pay(one.reference)
    assert method.poll(replace(one, **fields)) == []  # type: ignore[arg-type]
    assert "not what was asked for" in caplog.text


def test_a_poll_that_finds_nothing_out_says_so(
    fake: FakeStripe, method: Method, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    one, two = method.started(topup()), method.started(topup("top_2"))
    fake.account.pay(one.reference)
    fake.failing = 100
    with pytest.raises(Unavailable):
        method.poll(one, two)
    fake.failing = 0
    assert len(method.poll(one, two)) == 1


def everything(fake: FakeStripe, method: Method) -> None:
    """A payment with a refund, one with a dispute, an automatic one, and one that is somebody else's."""
    one, two, three = (method.started(topup(f"top_{number}")) for number in (1, 2, 3))
    fake.account.refund({"payment_intent": fake.account.pay(one.reference)["payment_intent"], "amount": "100"})
    fake.account.dispute(fake.account.pay(two.reference)["payment_intent"])
    method.charge(topup("top_9", 2000))
    fake.account.get("sessions", three.reference).update(metadata={}, client_reference_id=None)
    fake.account.pay(three.reference)


def paid_intent(fake: FakeStripe) -> str:
    """The payment of the first top-up."""
    return next(name for name, one in fake.account.things["intents"].items() if one["metadata"].get("topup") == "top_1")


def kinds_of(facts: list[PaymentFact]) -> set[str]:
    return {f"{type(fact).__name__} {getattr(fact, 'stage', '')}".strip() for fact in facts}


def test_the_list_of_events_tells_what_no_webhook_brought(fake: FakeStripe) -> None:
    method = Method(fake, webhook_secret=Secret(""))
    first = method.watch()
    assert (list(first.facts), first.again_s) == ([], 20.0)
    everything(fake, method)
    second = method.watch(dict(first.cursor))
    assert list(second.facts) == [] and 0 < second.again_s <= 20, "it was looked a moment ago"
    second = method.watch(dict(first.cursor), time.time() + 21)
    facts = list(second.facts)
    assert kinds_of(facts) == {"TopUpPaid", "Refund", "Dispute opened", "Dispute withdrawn"}
    references = {fact.reference for fact in facts if isinstance(fact, TopUpPaid)}
    assert len(references) == 3
    assert list(method.watch(dict(second.cursor), time.time() + 42).facts) == []


def test_the_list_of_events_is_read_page_by_page(fake: FakeStripe, method: Method) -> None:
    method.started(topup())
    (session,) = fake.account.things["sessions"].values()
    begun = fake.account.happened("checkout.session.expired", session | {"status": "expired"})
    cursor = {"event": begun["id"], "since": begun["created"]}
    for _ in range(250):
        fake.account.happened("checkout.session.expired", session | {"status": "expired"})
    seen, pauses = 0, []
    for _ in range(3):
        step = method.watch(cursor)
        seen, cursor = seen + len(step.facts), dict(step.cursor)
        pauses.append(step.again_s)
    assert (seen, pauses) == (250, [0.0, 0.0, 300.0])


def test_a_cursor_that_stripe_no_longer_has_begins_anew(
    fake: FakeStripe, method: Method, caplog: pytest.LogCaptureFixture
) -> None:
    everything(fake, method)
    step = method.watch({"event": "evt_gone", "since": 0})
    assert "no longer has the event evt_gone" in caplog.text and len(step.facts) >= 5


def test_an_event_that_is_refused_is_logged_and_passed(
    fake: FakeStripe, method: Method, caplog: pytest.LogCaptureFixture
) -> None:
    one, two = method.started(topup()), method.started(topup("top_2"))
    fake.account.get("sessions", one.reference)["amount_total"] = 60
    fake.account.pay(one.reference)
    fake.account.pay(two.reference)
    caplog.set_level(logging.ERROR)
    step = method.watch()
    assert [fact.topup for fact in step.facts if isinstance(fact, TopUpPaid)] == ["top_2"]
    assert "60 was paid, and 1250 asked for" in caplog.text


def test_a_statement_tells_everything_once_more(fake: FakeStripe, method: Method) -> None:
    everything(fake, method)
    fake.account.fail_refund(fake.account.refund({"payment_intent": paid_intent(fake), "amount": "7"})["id"])
    for number in range(120):
        fake.account.pay(method.started(topup(f"top_1{number:03}")).reference)
    told = method.statement()
    paid = [fact for fact in told if isinstance(fact, TopUpPaid)]
    assert len({fact.reference for fact in paid}) == len(paid) == 123
    assert [fact.amount for fact in told if isinstance(fact, Refund)] == [100]
    assert [fact.stage for fact in told if isinstance(fact, Dispute)] == ["withdrawn", "opened"]
    assert method.statement(since=2**40) == []


def test_a_check_finds_all_well(fake: FakeStripe, method: Method) -> None:
    fake.account.endpoints.append(
        {
            "id": "we_1",
            "url": "https://gw.example.com/plugins/stripe/events",
            "status": "enabled",
            "enabled_events": ["*"],
        }
    )
    lines = {line.what: (line.ok, line.text) for line in method.health()}
    assert all(ok for ok, _ in lines.values()), lines
    assert lines["key"][1].startswith("test") and lines["account"][1] == "acct_1Fake, US"
    assert lines["currency"][1] == "USD" and lines["webhook"][1] == "https://gw.example.com/plugins/stripe/events"


@pytest.mark.parametrize(
    ("endpoint", "told"),
    [
        (None, "no endpoint whose URL ends with /plugins/stripe/events"),
        ({"url": "https://gw.example.com/hooks"}, "no endpoint"),
        ({"status": "disabled"}, "it is disabled"),
        ({"url": "http://gw.example.com/plugins/stripe/events"}, "by https alone"),
        ({"enabled_events": sorted(KINDS)[1:]}, f"add the events {sorted(KINDS)[0]}"),
    ],
)
def test_a_check_says_what_is_wrong_with_the_webhook(
    fake: FakeStripe, method: Method, endpoint: dict[str, object] | None, told: str
) -> None:
    if endpoint is not None:
        url = "https://gw.example.com/plugins/stripe/events"
        fake.account.endpoints.append(
            {"id": "we_1", "url": url, "status": "enabled", "enabled_events": sorted(KINDS)} | endpoint
        )
    wrong = [line for line in method.health() if not line.ok]
    assert [line.what for line in wrong] == ["webhook"] and told in wrong[0].text


def test_a_check_says_what_is_wrong_with_the_account(fake: FakeStripe) -> None:
    fake.account.charges_enabled = False
    lines = Method(fake, webhook_secret=Secret("", "env:STRIPE_WEBHOOK_SECRET"), currency="chf").health()
    told = {line.what: line for line in lines}
    assert "may not charge yet" in told["account"].text and not told["account"].ok
    assert "accounts in US cannot charge in CHF" in told["currency"].text and not told["currency"].ok
    assert told["webhook"].ok and "STRIPE_WEBHOOK_SECRET is not set" in told["webhook"].text


def test_a_check_with_a_wrong_key_says_which(fake: FakeStripe) -> None:
    lines = Method(fake, secret_key=Secret("sk_test_wrong_wrong", "env:STRIPE_SECRET_KEY")).health()
    wrong = {line.what: line.text for line in lines if not line.ok}
    assert "STRIPE_SECRET_KEY" in wrong["account"] and "sk_test_wrong_wrong" not in str(wrong)
