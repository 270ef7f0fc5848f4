"""Paying in a real browser: by card through a fake of Stripe, and by a code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from portal_kit import Visitor
from portal_site import PortalSite, start_portal
from stripe_fake import KEY, WEBHOOK_SECRET, FakeStripe

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

STRIPE = {"STRIPE_SECRET_KEY": KEY, "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET}
DOWN = 1_000_000
"""So many requests fail: Stripe does not answer."""


@pytest.fixture(scope="module")
def stripe() -> Iterator[FakeStripe]:
    with FakeStripe() as running:
        yield running


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, stripe: FakeStripe) -> Iterator[PortalSite]:
    """A portal where one can pay by card, with a fee, and by code."""
    card = {"base_url": stripe.url, "fee_fixed": "0.30"}
    config = {
        "payments": {"methods": ["stripe", "voucher"], "poll_s": 86_400.0},
        "plugins": {"disabled": [], "stripe": card},
    }
    with start_portal(tmp_path_factory.mktemp("shop"), config=config, env=STRIPE, proof_of_work=False) as site:
        stripe.webhook = f"{site.gateway.url}/plugins/stripe/events"
        yield site


@pytest.fixture
def customer(
    chromium: Browser, shop: PortalSite, stripe: FakeStripe, request: pytest.FixtureRequest
) -> Iterator[Visitor]:
    """Somebody new. Stripe's page is the one other site that they are led to."""
    stripe.held, stripe.failing, stripe.waiting = True, 0, []
    with Visitor(chromium, shop, request.node.name) as one:
        one.sign_up()
        yield one
        one.noise = [noise for noise in one.noise if f"a request to {stripe.url}/" not in noise]


def review(customer: Visitor, amount: str) -> Page:
    """Ask what a top-up by card costs."""
    page = customer.go("/app/topup")
    page.fill("#amount-stripe", amount)
    page.click("section[aria-labelledby=way-stripe] button.primary")
    return page


def pay(customer: Visitor, stripe: FakeStripe, amount: str, button: str) -> Page:
    """Go as far as a button of Stripe's page leads."""
    page = review(customer, amount)
    page.click("main form button.primary")
    page.wait_for_url(f"{stripe.url}/pay/*")
    page.click(f"text='{button}'")
    page.wait_for_url("**/app/topup/top_*")
    return page


@pytest.mark.row("NX-6")
def test_a_top_up_clicked_twice_is_paid_once_and_credited_when_the_event_comes(
    customer: Visitor, stripe: FakeStripe
) -> None:
    before = len(stripe.account.things["sessions"])
    page = review(customer, "12,50")
    told = page.inner_text("main")
    assert "12.80" in told and "12.50" in told and "0.30" in told and "Test: no real money" in told
    page.dblclick("main form button.primary")
    page.wait_for_url(f"{stripe.url}/pay/*")
    assert len(stripe.account.things["sessions"]) == before + 1
    assert "Pay 1280 usd" in page.inner_text("h1")
    stripe.failing = DOWN
    page.click("text='Pay'")
    page.wait_for_url("**/app/topup/top_*")
    assert page.inner_text("#state-title") == "Waiting for your payment"
    stripe.failing = 0
    assert set(stripe.release()) == {200}
    page.wait_for_selector("#state-title:text('Credited')")
    assert "12.50" in page.inner_text("#topup-state") and "12.50" in page.inner_text("#side-balance")
    page.goto(f"{customer.site.url}/app/topup")
    assert page.inner_text("dl.stat dd.figure").count("12.50") == 1


def test_who_comes_back_before_any_event_is_credited_by_asking(customer: Visitor, stripe: FakeStripe) -> None:
    page = pay(customer, stripe, "20", "Pay")
    assert page.inner_text("#state-title") == "Credited" and "20.00" in page.inner_text("#topup-state")
    assert set(stripe.release()) == {200}
    page.reload()
    assert "You have $20.00 now" in page.inner_text("#topup-state")


def test_who_goes_back_unpaid_may_go_on(customer: Visitor, stripe: FakeStripe) -> None:
    page = pay(customer, stripe, "20", "Back")
    assert page.inner_text("#state-title") == "Waiting for your payment"
    page.click("text='Go on to pay'")
    page.wait_for_url(f"{stripe.url}/pay/*")


def test_a_bank_debit_is_on_its_way_until_the_bank_confirms_it(customer: Visitor, stripe: FakeStripe) -> None:
    page = pay(customer, stripe, "30", "Pay by bank debit")
    assert page.inner_text("#state-title") == "Your payment is on its way"
    session = list(stripe.account.things["sessions"].values())[-1]
    stripe.account.settle_late(session["id"])
    assert set(stripe.release()) == {200}
    page.wait_for_selector("#state-title:text('Credited')")


def test_a_code_is_typed_as_people_type(customer: Visitor, shop: PortalSite) -> None:
    (made,) = shop.gateway.router("vouchers", "make", "--amount", "7.25")
    page = customer.go("/app/topup")
    page.fill("#code-voucher", "not a code")
    page.click("text='Redeem'")
    assert "That is no code." in page.inner_text("#error-voucher")
    page.fill("#code-voucher", made["code"].lower().replace("-", " "))
    page.click("text='Redeem'")
    page.wait_for_url("**/app/topup/top_*")
    assert page.inner_text("#state-title") == "Credited" and "$7.25 was credited" in page.inner_text("#topup-state")
