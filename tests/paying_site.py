"""A portal whose customers can pay by three methods that do as a test says: a page elsewhere, an address, and codes."""

from __future__ import annotations

import html
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from portal_site import Client, PortalSite, start_portal

from router import DepositSeen, PaymentFact
from router.app.start import assemble
from router.money.amounts import NANO
from router.office.office import Office
from router.office.payments.booked import FactOutcome
from router.office.payments.booking import book_facts
from router.office.payments.topups import TopUpRow, show_topup
from router.store.payments.topups import insert_topup

__all__ = ["Install", "Paying", "hidden", "seen", "start_paying", "text_of"]

Install = Callable[[Path, str, str, str], None]
"""The fixture that leaves a distribution as an installer would."""

_PAYMENTS = {
    "methods": ["card", "chain", "gift"],
    "least": "1",
    "most": "1000",
    "most_per_day": "2000",
    "poll_s": 3600,
    "terms": "Credit never expires.\nRefunds within 14 days <ask>.",
    "receipt": "Example GmbH\nVAT DE123",
}
_CARD = """
from pathlib import Path
from router import MeansSaved, PaymentOffer, PaymentStarted, TopUpClosed, TopUpPaid, TopUpPending, hookimpl

FOLDER = Path({folder!r})

class Card:
    @hookimpl
    def payment_offer(self, context, account):
        bounds = {{"least": 100, "most": 100_000_00}}
        return PaymentOffer("Card", "redirect", "USD", fee_minor=50, saves_means=True, test=True, **bounds)

    @hookimpl
    def payment_start(self, context, topup, return_url):
        with FOLDER.joinpath("started").open("a") as file:
            file.write(f"{{topup.id}} {{return_url}}\\n")
        return PaymentStarted(f"cs_{{topup.id}}", FOLDER.joinpath("url").read_text().strip().format(topup=topup.id))

    @hookimpl
    def payment_poll(self, context, topups):
        for topup in topups:
            file = FOLDER / topup.id
            told = file.read_text() if file.exists() else ""
            if told == "paid":
                yield TopUpPaid(topup.reference, topup.id, topup.amount, topup.currency, f"pi_{{topup.id}}")
                if topup.save_means:
                    yield MeansSaved(topup.id, f"pm_{{topup.id}}", "Visa 4242")
            elif told == "pending":
                yield TopUpPending(topup.id)
            elif told:
                yield TopUpClosed(topup.id, "failed", told)

    @hookimpl
    def payment_refund(self, context, topup, amount, asked):
        from router import Refund
        return [Refund(f"re_{{asked}}", topup=topup.id, amount=amount, asked=asked)]

    @hookimpl
    def payment_health(self, context):
        from router import HealthLine
        return [HealthLine("secret key", True, "it is a test's"), HealthLine("webhook", False, "no <URL> is set")]

plugin = Card()
"""

_CHAIN = """
from router import AddressHolding, DepositAddress, PaymentOffer, Unavailable, Watched, hookimpl

class Chain:
    @hookimpl
    def payment_offer(self, context, account):
        return PaymentOffer("USDT on Testnet", "address", "USDT", decimals=6, least=1_000_000)

    @hookimpl
    def payment_address(self, context, account, number):
        return DepositAddress(f"0xAbC{{number:037d}}", [("Testnet", ["USDT"])], warning="Send no TRX here.")

    @hookimpl
    def payment_watch(self, context, watch):
        return Watched((), watch.cursor, again_s=3600, delayed="the node does not answer")

    @hookimpl
    def payment_holdings(self, addresses, booked):
        for one in addresses:
            credited = sum(fact.amount for fact in booked if fact.address == one.address)
            if credited == 13_000_000:
                raise Unavailable("Testnet cannot be asked now: <down>")
            about = (one.address, "Testnet", "USDT", 6)
            yield AddressHolding(*about, 25_500_000, credited, 1_000_000, f"m/0/{{one.number}}")

plugin = Chain()
"""

_GIFT = """
from router import BadRequest, DepositPaid, PaymentOffer, hookimpl

class Gift:
    @hookimpl
    def payment_offer(self, context, account):
        return PaymentOffer("Voucher", "code")

    @hookimpl
    def payment_redeem(self, context, account, code):
        if not code.startswith("GOOD"):
            raise BadRequest("This is no code.", code="code_refused", param="code")
        return DepositPaid(code, account, 700, "USD", 2)

plugin = Gift()
"""


def seen(address: str, reference: str, confirmations: int) -> DepositSeen:
    """25 USDT on their way."""
    return DepositSeen(reference, address, 25_000_000, "USDT", 6, confirmations, 12)


@dataclass
class Paying:
    """The portal, and somebody who owns a workspace there.

    Attributes:
        folder: where the card's method looks what to do: ``url``, a file for each top-up, and what it ``started``.
    """

    site: PortalSite
    folder: Path
    owner: Client
    account: str = ""

    @contextmanager
    def office(self) -> Iterator[Office]:
        """The office on the portal's database, in this process."""
        environ = {"ROUTER_MASTER_KEY": "a master key for tests, long enough"}
        assembly = assemble(self.site.gateway.config_path, environ)
        try:
            yield assembly.office
        finally:
            assembly.close()

    def tell(self, method: str, *facts: PaymentFact) -> list[FactOutcome]:
        """What came of facts of a method's."""
        with self.office() as office:
            return book_facts(office, method, facts)

    def row(self, topup_id: str) -> TopUpRow:
        with self.office() as office:
            return show_topup(office, "", topup_id)

    def started(self) -> list[str]:
        """The IDs of what the card's method began, each once: asked again, it begins the same."""
        file = self.folder / "started"
        lines = file.read_text().splitlines() if file.exists() else []
        return list(dict.fromkeys(line.split()[0] for line in lines))

    def review(self, amount: str) -> dict[str, str]:
        """The hidden fields of the page that says what an amount costs."""
        status, _, page = self.owner.get(f"/app/topup/review?method=card&amount={amount}")
        assert status == 200, text_of(page)
        return hidden(page)

    def begin(self, amount: str = "10", **more: str) -> str:
        """A top-up that was begun; its ID."""
        status, headers, page = self.owner.post("/app/topup/pay", {**self.review(amount), **more})
        assert status == 303, text_of(page)
        return headers["Location"].removeprefix("/app/topup/").removesuffix("?go=1")

    def paid(self, amount: str = "10", **more: str) -> str:
        """A top-up that was paid; its ID."""
        made = self.begin(amount, **more)
        self.folder.joinpath(made).write_text("paid")
        assert "was credited" in self.owner.get(f"/app/topup/{made}")[2]
        return made

    @contextmanager
    def full_day(self) -> Iterator[str]:
        """Means of the owner's are saved (their ID), and a day has no room for another 20."""
        self.paid("10", save="true")
        means = re.search(r"/app/topup/means/(mean_\w+)/forget", self.owner.get("/app/topup/automatic")[2])
        assert means is not None
        with self.office() as office:
            now, name = office.clock(), "top_filling_the_day"
            row = TopUpRow(name, "card", self.account, "", "started", 1, "USD", 2, NANO, 1990 * NANO, now, now)
            office.database.write(lambda connection: insert_topup(connection, row))
            try:
                yield means[1]
            finally:
                sql = "DELETE FROM topups WHERE id = ?"
                office.database.write(lambda connection: connection.execute(sql, (name,)))
                self.owner.post(f"/app/topup/means/{means[1]}/forget")


@contextmanager
def start_paying(folder: Path, install: Install, free_credit: str = "5") -> Iterator[Paying]:
    """NexGate's portal with the three methods, and an owner who has signed up."""
    site, till = folder / "site", folder / "till"
    till.mkdir()
    till.joinpath("url").write_text("https://pay.example.com/{topup}")
    for name, code in (("card", _CARD), ("chain", _CHAIN), ("gift", _GIFT)):
        install(site, f"acme-{name}", name, code.format(folder=str(till)))
    path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH", "")]))
    settings = {"config": {"payments": _PAYMENTS}, "env": {"PYTHONPATH": path}, "free_credit": free_credit}
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(site))
        with start_portal(folder, profile="nexgate", proof_of_work=False, **settings) as portal:  # type: ignore[arg-type]
            made = Paying(portal, till, Client(portal))
            made.owner.sign_up(name="Olga")
            found = re.search(r"acct_\w+", made.owner.get("/api/me")[2])
            assert found is not None
            made.account = found[0]
            yield made


def hidden(page: str) -> dict[str, str]:
    """The hidden fields of a page's own form."""
    main = page.partition("<main")[2]
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', main)
    return {name: html.unescape(value) for name, value in found}


def text_of(page: str) -> str:
    """What a page says, without its markup."""
    main = page.partition("<main")[2] or page
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", main)).split())
