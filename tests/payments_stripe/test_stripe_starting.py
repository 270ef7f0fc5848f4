"""Offers, sessions and what is refused before any money moves: the official library against the fake."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from router_plugins.stripe import library
from router_plugins.stripe.options import Options
from stripe_fake import KEY, WEBHOOK_SECRET, FakeStripe
from stripe_kit import RETURN_URL, Method, topup

from router import BadRequest, ConfigError, PaymentOffer, RouterError, Secret, TopUpPaid, Unavailable


def test_an_offer_says_what_is_charged(fake: FakeStripe) -> None:
    method = Method(fake, currency="eur", least="10", most="500.50", fee_percent="2.9", fee_fixed="0.30")
    assert method.offer() == PaymentOffer(
        "Card", "redirect", "EUR", 2, 1000, 50050, 30, 29_000, saves_means=True, test=True
    )
    assert fake.asked == []


def test_a_live_key_is_no_test(fake: FakeStripe) -> None:
    assert not Method(fake, secret_key=Secret("rk_live_" + "a" * 30)).offer().test


@pytest.mark.parametrize(
    ("currency", "least", "decimals", "minor", "charged"),
    [
        ("jpy", "500", 0, 500, 500),
        ("usd", "5", 2, 500, 500),
        ("kwd", "5.25", 2, 525, 5250),
        ("ISK", "500", 0, 500, 50000),
    ],
)
def test_amounts_are_written_as_stripe_writes_them(
    fake: FakeStripe, currency: str, least: str, decimals: int, minor: int, charged: int
) -> None:
    method = Method(fake, currency=currency, least=least)
    offer = method.offer()
    assert (offer.decimals, offer.least) == (decimals, minor)
    one = method.started(topup(amount=offer.least, currency=offer.currency, decimals=offer.decimals))
    assert fake.account.get("sessions", one.reference)["amount_total"] == charged
    fake.account.pay(one.reference)
    paid = [fact for fact in method.poll(one) if isinstance(fact, TopUpPaid)]
    assert [(fact.amount, fact.currency) for fact in paid] == [(minor, currency.upper())]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"currency": "tmt"}, "'tmt': Stripe does not charge in it. Set one"),
        ({"currency": "ugx"}, "not certain"),
        ({"currency": "jpy", "least": "5.5"}, "at most 0 decimals of JPY"),
        ({"currency": "kwd", "least": "5.555"}, "at most 2 decimals of KWD"),
        ({"least": "0"}, "at least one minor unit"),
        ({"least": "10", "most": "9"}, "most above it"),
        ({"most": "2000000"}, "eight digits"),
        ({"least": "five"}, "least: 'five' is not an amount"),
        ({"fee_percent": "51"}, "at most 50"),
        ({"fee_percent": "2.00001"}, "at most four decimals"),
        ({"fee_fixed": "0.001"}, "fee_fixed"),
        ({"payment_methods": ("card", "Bank")}, "'Bank' is no name of Stripe's"),
        ({"title": " "}, "cannot be empty"),
        ({"base_url": "http://api.example.com"}, "must not go by plain http"),
        ({"base_url": "nowhere"}, "no URL"),
    ],
)
def test_settings_that_cannot_work_are_refused_with_the_reason(settings: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Options(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"secret_key": Secret("", "env:STRIPE_SECRET_KEY")}, "STRIPE_SECRET_KEY is not set"),
        ({"secret_key": Secret("pk_test_aaaaaaaaaaaaaaaaaaaaa")}, "publishable key"),
        ({"secret_key": Secret("a" * 30)}, "begins with sk_test_ or sk_live_"),
        ({"webhook_secret": Secret("sk_test_aaaaaaaaaaaaaaaaaa")}, "no signing secret of a webhook"),
    ],
)
def test_what_is_not_set_up_is_named_and_offers_nothing(
    fake: FakeStripe, settings: dict[str, object], told: str
) -> None:
    method = Method(fake, **settings)
    for doing in (method.offer, lambda: method.start(topup()), lambda: method.charge(topup())):
        with pytest.raises(ConfigError, match=told) as refused:
            doing()
        assert "aaaaaaaa" not in str(refused.value)
    assert [(line.ok, told in line.text) for line in method.health()] == [(False, True)]
    assert fake.asked == []


def test_without_the_library_the_command_that_installs_it_is_told(
    method: Method, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("router_plugins.stripe.options.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'tollrouter\[stripe\]'"):
        method.offer()


def test_a_session_says_whose_it_is_and_what_it_must_come_to(fake: FakeStripe, method: Method) -> None:
    one = topup(email="ada@example.com", credit="12.00 USD")
    started = method.start(one)
    session = fake.account.get("sessions", started.reference)
    marks = {"topup": "top_1", "account": "acct_1", "amount": "1250", "currency": "usd"}
    asked = session["asked"]
    assert started.url == session["url"] and started.expires_at == session["expires_at"]
    assert (asked["client_reference_id"], asked["metadata"], asked["payment_intent_data"]["metadata"]) == (
        ("top_1", marks, marks)
    )
    assert asked["success_url"] == asked["cancel_url"] == RETURN_URL and asked["customer_email"] == "ada@example.com"
    assert asked["line_items"]["0"]["price_data"]["product_data"]["name"] == "Credit: 12.00 USD"
    assert "payment_method_types" not in asked and "setup_future_usage" not in asked["payment_intent_data"]
    heads = fake.headers[-1]
    assert heads["idempotency-key"] == "top_1" and "stripe-version" in heads
    method.start(topup("top_2"))
    assert not [name for heads in fake.headers for name in heads if "telemetry" in name]
    assert "platform" not in heads["x-stripe-client-user-agent"]


def test_means_are_saved_where_the_customer_wants_it(fake: FakeStripe) -> None:
    method = Method(fake, payment_methods=("card", "link"))
    session = fake.account.get("sessions", method.start(topup(save_means=True)).reference)
    assert session["asked"]["payment_intent_data"]["setup_future_usage"] == "off_session"
    assert session["asked"]["customer_creation"] == "always" and session["metadata"]["saved"] == "yes"
    assert session["asked"]["payment_method_types"] == {"0": "card", "1": "link"}
    assert not Method(fake, save_means=False).offer().saves_means


@pytest.mark.parametrize(("expires_s", "lasts_s"), [(1800.0, 2100), (7200.0, 7200), (86_400.0, 86_400)])
def test_a_session_ends(fake: FakeStripe, expires_s: float, lasts_s: int) -> None:
    method = Method(fake, expires_s=expires_s)
    assert abs(method.start(topup()).expires_at - time.time() - lasts_s) < 5


def test_a_session_is_made_once_however_often_it_is_begun(fake: FakeStripe) -> None:
    method, one = Method(fake, expires_s=3600.0), topup()
    first = method.start(one)
    fake.failing = 2  # the library asks a third time
    assert method.start(one) == first and len(fake.account.things["sessions"]) == 1
    with pytest.raises(BadRequest, match="begin a new one"):
        method.start(replace(one, amount=1300))
    assert len(fake.account.things["sessions"]) == 1


def test_a_top_up_that_is_too_old_is_begun_anew(fake: FakeStripe) -> None:
    method = Method(fake, expires_s=3600.0)
    with pytest.raises(BadRequest, match="too old"):
        method.start(topup(created_at=time.time() - 3000))


@pytest.mark.parametrize(
    ("one", "told"),
    [
        (topup(currency="TMT"), "TMT"),
        (topup(decimals=3), "charged to 2 decimals, not to 3"),
        (topup(amount=10), r"at least \$0.50"),
        (topup(currency="CHF"), "Stripe refused this payment"),
    ],
)
def test_what_stripe_would_not_take_is_refused(fake: FakeStripe, method: Method, one: object, told: str) -> None:
    with pytest.raises(BadRequest, match=told):
        method.start(one)  # type: ignore[arg-type]
    assert not fake.account.things["sessions"]


def test_a_stripe_that_fails_is_asked_three_times_and_then_told_as_busy(
    fake: FakeStripe, method: Method, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    fake.failing = 100
    with pytest.raises(Unavailable, match="does not answer now"):
        method.start(topup())
    assert len(fake.asked) == 3


def test_a_stripe_that_is_not_there_is_told_as_busy(method: Method, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    gone = Method(method.fake, base_url="http://127.0.0.1:9")
    with pytest.raises(Unavailable, match="does not answer now"):
        gone.start(topup())


def test_a_stripe_that_is_silent_is_left(fake: FakeStripe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "_READ_S", 0.05)
    monkeypatch.setattr(library, "_RETRIES", 0)
    fake.slow_s = 1.0
    with pytest.raises(Unavailable, match="does not answer now"):
        Method(fake).start(topup())


def test_an_address_that_stripe_does_not_take_is_left_out(fake: FakeStripe, method: Method) -> None:
    started = method.start(topup(email="ada@localhost"))
    assert "customer_email" not in fake.account.get("sessions", started.reference)["asked"]
    assert method.start(topup(email="ada@localhost")) == started


GREENLETS = """
from gevent import monkey; monkey.patch_all()
import sys; sys.path[:0] = sys.argv[2:]
import gevent
from types import SimpleNamespace
from stripe_kit import Method, topup
method = Method(SimpleNamespace(url=sys.argv[1]))
jobs = [gevent.spawn(method.start, topup(f"top_{number}")) for number in range(8)]
gevent.joinall(jobs, raise_error=True)
print(len({job.value.reference for job in jobs}))
"""


def test_greenlets_wait_for_stripe_together(fake: FakeStripe) -> None:
    fake.together = threading.Barrier(8)  # none is answered before all of them ask
    here = Path(__file__).parent
    command = [sys.executable, "-c", GREENLETS, fake.url, str(here), str(here.parent)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.strip() == "8", done.stderr


def test_a_netrc_does_not_take_the_keys_place(
    fake: FakeStripe, method: Method, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password something\n", encoding="ascii")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    assert method.start(topup()).url


def test_a_refused_key_is_the_operators_business(fake: FakeStripe) -> None:
    other = "sk_test_another_one_of_ours"
    with pytest.raises(Unavailable) as refused:
        Method(fake, secret_key=Secret(other, "env:STRIPE_SECRET_KEY")).start(topup())
    assert refused.value.message == "Payments by card are not to be had now."
    assert "STRIPE_SECRET_KEY" in refused.value.detail


def test_no_error_shows_a_secret(fake: FakeStripe, method: Method, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    monkey = fake.account.open_session

    def loud(asked: dict[str, object], url: str) -> dict[str, object]:
        from stripe_account import Refused

        raise Refused(400, f"You sent {KEY} and {WEBHOOK_SECRET}", "odd")

    fake.account.open_session = loud  # type: ignore[method-assign]
    with pytest.raises(RouterError) as refused:
        method.start(topup())
    fake.account.open_session = monkey  # type: ignore[method-assign]
    told = f"{refused.value} {refused.value.detail} {refused.value!r} {method.context!r} {method.context.settings!r}"
    assert "***" in refused.value.detail and KEY not in told and WEBHOOK_SECRET not in told
    ours = "".join(record.getMessage() for record in caplog.records if record.name.startswith("router"))
    assert KEY not in ours
