"""Events as Stripe sends them to a gateway of two workers, and what strangers send to the same path."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from stripe_fake import KEY, WEBHOOK_SECRET, FakeStripe, signed

from router.app.start import assemble
from router.ledger.balances import balance
from router.office import accounts
from router.office.actor import Actor
from router.office.office import Office
from router.office.payments.methods import PaymentMethods
from router.office.payments.topups import TopUpRow, begin_topup
from router.testing import Gateway

pytestmark = pytest.mark.slow

ADA, OPERATOR = Actor("person", "pers_ada"), Actor("operator", "cli")
ENV = {"STRIPE_SECRET_KEY": KEY, "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET, "ROUTER_MASTER_KEY": "m" * 44}
NOBODY = {"stripe-signature": "t=1,v1=00"}


class Site:
    """A gateway whose events come from the fake, and the office on its database."""

    def __init__(self, gateway: Gateway, office: Office, methods: PaymentMethods) -> None:
        self.gateway, self.office, self.methods = gateway, office, methods
        self.account = accounts.create_account(office, OPERATOR, "Ada's").id
        self._forms = 0

    def begin(self) -> TopUpRow:
        self._forms += 1
        return begin_topup(
            *(self.office, ADA, self.methods, self.account, "stripe", 12_500_000_000),
            form=f"form-{self._forms}",
            return_url="http://127.0.0.1:9/{topup}",
        )

    @property
    def balance(self) -> int:
        return balance(self.office.database, self.account).balance

    def post(self, body: bytes, headers: dict[str, str], method: str = "POST") -> tuple[int, str]:
        """One request to the path of events; status and text."""
        place = urlsplit(self.gateway.url)
        connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=30)
        try:
            connection.putrequest(method, "/plugins/stripe/events")
            for name, value in {**headers, "content-length": str(len(body))}.items():
                connection.putheader(name, value.encode("utf-8", "surrogateescape"))
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()


@pytest.fixture(scope="module")
def stripe() -> Iterator[FakeStripe]:
    with FakeStripe() as running:
        yield running


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, stripe: FakeStripe) -> Iterator[Site]:
    config = {
        "payments": {"methods": ["stripe"], "poll_s": 86_400.0},
        "plugins": {"stripe": {"base_url": stripe.url}},
    }
    folder = tmp_path_factory.mktemp("gateway")
    with Gateway(folder, providers={"echo": {}}, config=config, env=ENV, workers=2) as gateway:
        assembly = assemble(gateway.config_path, ENV)
        stripe.webhook = f"{gateway.url}/plugins/stripe/events"
        try:
            yield Site(gateway, assembly.office, assembly.payments)
        finally:
            assembly.close()


@pytest.mark.row("NX-6")
def test_twenty_deliveries_to_two_workers_are_one_credit(site: Site, stripe: FakeStripe) -> None:
    before = site.balance
    stripe.account.pay(site.begin().reference)
    events, stripe.waiting = stripe.waiting, []
    statuses: list[int] = []
    threads = [
        threading.Thread(target=lambda event=event: statuses.append(stripe.send(event)))
        for event in events * 7  # three kinds, seven times each
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 21 and site.balance - before == 12_500_000_000


def test_what_strangers_send_is_a_400_and_credits_nothing(site: Site, stripe: FakeStripe) -> None:
    before = site.balance
    stripe.account.pay(site.begin().reference)
    event = next(one for one in stripe.waiting if one["type"] == "checkout.session.completed")
    stripe.waiting = []
    right, headers = signed(event)
    stale, future = signed(event, at=time.time() - 400)[1], signed(event, at=time.time() + 400)[1]
    for body, given in (
        (right, {}),
        (right, NOBODY),
        (right, {"stripe-signature": "t=1,v1=ünïcödé\udce4"}),
        (right, signed(event, secret="whsec_another")[1]),
        (right, stale),
        (right, future),
        (right[:-1], headers),
        (b"", headers),
        (b"\xff\xfe", headers),
        signed("[]"),
        signed("{"),
        signed(event | {"livemode": True}),
        signed(event | {"account": "acct_another"}),
    ):
        status, text = site.post(body, given)
        assert status == 400, (status, text, given)
        assert WEBHOOK_SECRET not in text and KEY not in text and "Traceback" not in text
    assert site.post(b"x" * 3_000_000, NOBODY)[0] in (400, 413)
    assert site.post(b"", {}, "GET")[0] in (404, 405)
    assert site.balance == before
    assert site.post(right, headers)[0] == 200 and site.balance - before == 12_500_000_000
    log = site.gateway.log_path.read_text(encoding="utf-8")
    assert "Traceback" not in log and WEBHOOK_SECRET not in log and KEY not in log


def test_a_return_before_the_event_is_answered_by_stripe(site: Site, stripe: FakeStripe, tmp_path: Path) -> None:
    """What the page of who comes back does: it asks, and the event that comes later changes nothing."""
    from router.office.payments.topups import look_at

    before, row = site.balance, site.begin()
    stripe.account.pay(row.reference)
    assert look_at(site.office, site.methods, row).state == "paid"
    assert site.balance - before == 12_500_000_000
    assert stripe.release() == [200] * 3
    assert site.balance - before == 12_500_000_000
