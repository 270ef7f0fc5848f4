"""What Stripe tells, booked by the host: one credit, whoever tells it, how often, and in whatever order."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from router_plugins.stripe import StripePayments
from router_plugins.stripe.options import Options
from stripe_fake import KEY, WEBHOOK_SECRET, FakeStripe, signed

from router.config.file import load_settings
from router.config.provider import Secret
from router.errors import BadRequest
from router.ledger.balances import balance
from router.ledger.paid.lots import credit_kinds
from router.ledger.verify import verify
from router.money.amounts import NANO
from router.office import accounts
from router.office.actor import Actor
from router.office.office import Office
from router.office.payments.automatic import charge_automatic
from router.office.payments.booking import book_facts
from router.office.payments.books import verify_against
from router.office.payments.deposits import step_watch
from router.office.payments.means import list_means, set_automatic, show_automatic
from router.office.payments.methods import PaymentMethods
from router.office.payments.refunds import ask_refund
from router.office.payments.topups import begin_topup, look_at, show_topup
from router.office.payments.upkeep import TopUpPoll
from router.plugin_host.registry import registry_of
from router.store.migrating import migrate
from router.store.opening import open_database
from router.store.payments.topups import TopUpRow
from router.types.dialect import Dialect
from router.types.payments import PaymentNotice
from router.types.plugin_context import PluginContext

pytestmark = pytest.mark.slow

ADA, OPERATOR = Actor("person", "pers_ada"), Actor("operator", "cli")
CONFIG = '[portal]\nenabled = true\npublic_url = "https://portal.example.com"\n[payments]\nmethods = ["stripe"]\n'


@dataclass
class Shop:
    """A gateway's office with an account that pays by the fake."""

    office: Office
    methods: PaymentMethods
    fake: FakeStripe
    account: str
    _forms: int = 0

    def begin(self, credit_nano: int = 12_500_000_000, **more: Any) -> TopUpRow:
        self._forms += 1
        return begin_topup(
            *(self.office, ADA, self.methods, self.account, "stripe", credit_nano),
            form=f"form-{self._forms}",
            return_url="https://portal.example.com/app/topup/{topup}",
            **more,
        )

    def deliver(self, event: dict[str, Any]) -> list[str]:
        """As the route does it: proved, read, booked."""
        body, headers = signed(event)
        notice = self.methods.ask("stripe", "payment_event", notice=PaymentNotice(headers, body))
        return [one.state for one in book_facts(self.office, "stripe", notice.facts, notice=notice)]

    def row(self, topup: TopUpRow) -> TopUpRow:
        return show_topup(self.office, "", topup.id)

    @property
    def balance(self) -> int:
        """What the account has, less what it owes."""
        has = balance(self.office.database, self.account).balance
        return has - credit_kinds(self.office.database, self.account).owed

    def check(self) -> None:
        """The ledger holds together, and Stripe says the same as the books."""
        assert [str(check) for check in verify(self.office.database) if not check.ok] == []
        assert list(verify_against(self.office, self.methods, "stripe", 0).differences) == []


@pytest.fixture
def shop(database_url: str, tmp_path: Path, fake: FakeStripe) -> Iterator[Shop]:
    config = tmp_path / "router.toml"
    config.write_text(f'[database]\nurl = "{database_url}"\n{CONFIG}', encoding="utf-8")
    settings = load_settings(config, {"ROUTER_MASTER_KEY": "m" * 44})
    database = open_database(database_url, tmp_path, create=True)
    try:
        migrate(database)
        office = Office(settings, database, dialect=Dialect, providers=dict, shelf=lambda: pytest.fail())
        options = Options(secret_key=Secret(KEY), webhook_secret=Secret(WEBHOOK_SECRET), base_url=fake.url)
        context = PluginContext(str(config), (), options, "stripe")
        methods = PaymentMethods(["stripe"], registry_of(stripe=StripePayments()), lambda name: context)
        yield Shop(office, methods, fake, accounts.create_account(office, OPERATOR, "Ada's").id)
    finally:
        database.close()


def test_twenty_deliveries_at_once_are_one_credit(shop: Shop) -> None:
    row = shop.begin()
    shop.fake.account.pay(row.reference)
    (event,) = shop.fake.events("checkout.session.completed")
    states: list[list[str]] = []
    threads = [threading.Thread(target=lambda: states.append(shop.deliver(event))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(states) == [["booked"], *[["repeated"]] * 19]
    assert shop.balance == 12_500_000_000 and shop.row(row).state == "paid"
    shop.check()


def test_ten_events_of_one_session_in_any_order_are_one_credit(shop: Shop) -> None:
    row = shop.begin()
    session = shop.fake.account.pay(row.reference)
    for _ in range(10):
        shop.fake.account.happened("checkout.session.completed", session)
    events = shop.fake.events()
    random.Random(7).shuffle(events)
    for event in events:
        shop.deliver(event)
    assert look_at(shop.office, shop.methods, shop.row(row)).state == "paid" and shop.balance == 12_500_000_000
    shop.check()


def test_a_payment_is_found_without_any_event(shop: Shop) -> None:
    row = shop.begin()
    assert TopUpPoll(shop.office, shop.methods, "stripe").run() == 1 and shop.balance == 0
    shop.fake.account.pay(row.reference)
    TopUpPoll(shop.office, shop.methods, "stripe").run()
    assert shop.balance == 12_500_000_000
    for event in shop.fake.events():
        shop.deliver(event)
    assert shop.balance == 12_500_000_000
    shop.check()


def test_a_delayed_payment_is_credited_at_its_end(shop: Shop) -> None:
    row = shop.begin()
    shop.fake.account.pay(row.reference, method="sepa_debit")
    shop.deliver(shop.fake.events()[-1])
    assert (shop.row(row).state, shop.balance) == ("pending", 0)
    shop.fake.account.settle_late(row.reference)
    for event in reversed(shop.fake.events()):
        shop.deliver(event)
    assert (shop.row(row).state, shop.balance) == ("paid", 12_500_000_000)
    shop.check()


def test_a_refund_is_taken_once_whoever_gave_it(shop: Shop) -> None:
    row = shop.begin()
    intent = shop.fake.account.pay(row.reference)["payment_intent"]
    shop.fake.account.refund({"payment_intent": intent, "amount": "250"})
    for event in reversed(shop.fake.events()):  # the refund comes before its payment
        shop.deliver(event)
    assert (shop.row(row).state, shop.balance) == ("part_refunded", 10 * NANO)
    asked = ask_refund(shop.office, OPERATOR, shop.methods, row.id, 400, reason="too much")
    assert asked.state == "done" and shop.balance == 6 * NANO
    for event in shop.fake.events("refund.created", "charge.refunded"):
        shop.deliver(event)
    assert shop.balance == 6 * NANO
    shop.check()
    refund = list(shop.fake.account.things["refunds"])[-1]
    shop.fake.account.fail_refund(refund)
    for event in shop.fake.events("refund.failed") * 2:
        shop.deliver(event)
    assert shop.balance == 10 * NANO
    shop.check()


def test_a_dispute_takes_and_gives_back_once(shop: Shop) -> None:
    row = shop.begin()
    dispute = shop.fake.account.dispute(shop.fake.account.pay(row.reference)["payment_intent"])
    for event in reversed(shop.fake.events()):
        shop.deliver(event)
    assert (shop.row(row).state, shop.balance) == ("disputed", 0)
    shop.fake.account.close_dispute(dispute, "won")
    for event in [*reversed(shop.fake.events()), *shop.fake.events()]:
        shop.deliver(event)
    assert (shop.row(row).state, shop.balance) == ("paid", 12_500_000_000)
    shop.check()


def saved_card(shop: Shop) -> str:
    """A card that a top-up left, as the host keeps it."""
    row = shop.begin(save_means=True)
    shop.fake.account.pay(row.reference)
    for event in shop.fake.events() * 2:
        shop.deliver(event)
    (means,) = list_means(shop.office, shop.account)
    assert means.label == "Visa 4242"
    return means.id


def test_a_saved_card_is_charged_once_for_a_fall(shop: Shop) -> None:
    means = saved_card(shop)
    terms = {"threshold_nano": 20 * NANO, "amount_nano": 30 * NANO, "per_day": 3}
    set_automatic(shop.office, ADA, shop.account, means, **terms)
    shop.fake.failing = 3  # nobody hears of the first attempt
    for _ in range(4):
        charge_automatic(shop.office, OPERATOR, shop.methods)
    for event in [*shop.fake.events(), *reversed(shop.fake.events())]:
        shop.deliver(event)
    assert shop.balance == 42_500_000_000
    assert [one["amount"] for one in shop.fake.account.things["intents"].values()] == [1250, 3000]
    shop.check()


def test_a_declined_card_is_not_charged_again(shop: Shop) -> None:
    means = saved_card(shop)
    terms = {"threshold_nano": 20 * NANO, "amount_nano": 30 * NANO, "per_day": 3}
    set_automatic(shop.office, ADA, shop.account, means, **terms)
    shop.fake.account.decline = "insufficient_funds"
    for _ in range(3):
        charge_automatic(shop.office, OPERATOR, shop.methods)
    for event in shop.fake.events():
        shop.deliver(event)
    automatic = show_automatic(shop.office, shop.account)
    assert automatic is not None and automatic.problem == "The card has insufficient funds."
    assert shop.balance == 12_500_000_000 and len(shop.fake.account.things["intents"]) == 2
    shop.check()


def test_what_was_changed_at_stripe_credits_nothing(shop: Shop) -> None:
    row = shop.begin()
    shop.fake.account.get("sessions", row.reference)["amount_total"] = 50
    shop.fake.account.pay(row.reference)
    with pytest.raises(BadRequest, match="50 was paid, and 1250 asked for"):
        shop.deliver(shop.fake.events("checkout.session.completed")[0])
    TopUpPoll(shop.office, shop.methods, "stripe").run()
    assert shop.balance == 0 and shop.row(row).state == "started"


def test_everything_at_random_comes_to_what_stripe_says(shop: Shop) -> None:
    """Payments, refunds and disputes, their events shuffled, lost and repeated; then the list of events is read."""
    dice, account, expected = random.Random(20), shop.fake.account, 0
    for number in range(12):
        row = shop.begin((10 + number) * NANO)
        intent = account.pay(row.reference)["payment_intent"]
        kind = dice.choice(["kept", "refunded", "disputed", "won", "failed"])
        if kind == "refunded":
            account.refund({"payment_intent": intent, "amount": "300"})
        elif kind == "failed":
            account.fail_refund(account.refund({"payment_intent": intent, "amount": "300"})["id"])
        elif kind in ("disputed", "won"):
            dispute = account.dispute(intent)
            account.close_dispute(dispute, "won" if kind == "won" else "lost")
        expected += {"refunded": 7 + number, "disputed": 0}.get(kind, 10 + number) * NANO
    events = [event for event in shop.fake.events() if dice.random() < 0.7] * 2
    dice.shuffle(events)
    for event in events:
        shop.deliver(event)
    step_watch(shop.office, shop.methods, "stripe")
    assert shop.balance == expected
    shop.check()
