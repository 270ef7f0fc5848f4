"""A gateway whose customers pay by all bundled methods, what stands behind each of them, and one round of payments."""

from __future__ import annotations

import json
import os
import random
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from chain_kit import Chain, running_chain
from deposit_host import ETHEREUM_XPUB, TRON_XPUB
from node_shim import Shim, serving
from portal_site import Client, PortalSite
from router_plugins.chains import base58check, from_base58check
from stripe_fake import KEY, WEBHOOK_SECRET, FakeStripe, Thing
from tron_shim import TronShim

from router.app.start import assemble
from router.office.actor import Actor
from router.office.office import Office
from router.office.payments.deposits import address_of
from router.office.payments.topups import TopUpRow, begin_topup
from router.testing import Gateway

__all__ = ["METHODS", "Round", "Town", "open_town"]

METHODS = ("stripe", "evm", "tron", "voucher")
_OPERATOR = Actor("operator", "test")
_ENV = {
    "STRIPE_SECRET_KEY": KEY,
    "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
    "ROUTER_MASTER_KEY": "a master key for tests, long enough",
}
_CHAIN_ID = 31337
_WORTH = 7
_BLOCK_S = 1.0


@dataclass
class Town:
    """The gateway, and the worlds that customers pay in.

    Attributes:
        office: on the gateway's database, in the test's own process.
        usdc, usdt: contracts: what ``evm`` credits, and what ``tron`` does.
        operator: the secret of an operator's key.
    """

    gateway: Gateway
    office: Office
    portal: PortalSite
    stripe: FakeStripe
    chain: Chain
    usdc: str
    usdt: str
    operator: str = ""

    def begin(self, account: str, credit: int) -> TopUpRow:
        """A top-up by Stripe."""
        return begin_topup(
            *(self.office, _OPERATOR, self.office.payments, account, "stripe", credit * 10**9),
            form=uuid4().hex,
            return_url="http://127.0.0.1:9/{topup}",
        )

    def address(self, account: str, method: str) -> str:
        """Of an account, as the chain writes it."""
        given = address_of(self.office, self.office.payments, account, method).address
        return given if method == "evm" else "0x" + from_base58check(given)[1:].hex()

    def refund(self, topup: str, amount: str) -> int:
        """What an operator asks for by API, under one key until it is answered; the last status, 0 for none."""
        body = json.dumps({"topup": topup, "amount": amount, "reason": "a round"}).encode()
        headers = {"Authorization": f"Bearer {self.operator}", "Idempotency-Key": f"once-{topup}"}
        request = urllib.request.Request(f"{self.gateway.url}/api/v1/admin/topups/refund", body, headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code
        except OSError:
            return 0


@contextmanager
def open_town(folder: Path, packages: Path, url: str) -> Iterator[Town]:
    """All of it, on a database of this URL."""
    with ExitStack() as stack:
        chain = stack.enter_context(running_chain(packages, "--slots-in-an-epoch", "1"))
        usdc, usdt = chain.six_decimals(), chain.six_decimals()
        nodes = [stack.enter_context(serving(Shim(chain.url))) for _ in range(2)]
        grid = stack.enter_context(serving(TronShim(chain.url, time.time)))
        grid.per_second = 50  # what it serves who shows a key
        stripe = stack.enter_context(FakeStripe())
        stack.enter_context(_blocks(chain.url))
        network = {"chain_id": _CHAIN_ID, "rpc": [node.url for node in nodes], "confirmations": 4, "poll_s": 1}
        tron = {"rpc": [f"{grid.url}/jsonrpc"], "rest": grid.url, "api_key": "tron-key-123", "per_second": 40}
        config = {
            "database": {"url": url},
            "payments": {"methods": list(METHODS), "poll_s": 2.0},
            "server": {"grace_s": 2.0, "trusted_proxies": ["127.0.0.1"]},
            "plugins": {
                "stripe": {"base_url": stripe.url},
                "evm": {
                    "xpub": ETHEREUM_XPUB,
                    "least": "1",
                    "networks": {"testnet": {**network, "contracts": {"USDC": {"contract": usdc, "decimals": 6}}}},
                },
                "tron": {
                    "xpub": TRON_XPUB,
                    "least": "1",
                    "chain_id": _CHAIN_ID,
                    **tron,
                    "contract": base58check(b"\x41" + bytes.fromhex(usdt[2:])),
                },
            },
        }
        gateway = Gateway(folder, providers={"echo": {}}, config=config, env=_ENV, workers=2, start=False)
        there = f"http://localhost:{gateway.port}"
        portal = {"enabled": True, "workers": 0, "public_url": there, "api_url": gateway.base_url}
        gateway.configure({"portal": portal, "gateway": {"only_offers": False}})
        gateway.router("db", "migrate")
        key = gateway.router("keys", "create", "--operator", "--name", "rounds")["api_key"]
        stack.enter_context(gateway)
        gateway.start()
        inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        assembly = assemble(gateway.config_path, {**inherited, **_ENV}, for_commands=True)
        stack.callback(assembly.close)
        stripe.webhook = f"{gateway.url}/plugins/stripe/events"
        site = PortalSite(gateway, gateway.port)
        yield Town(gateway, assembly.office, site, stripe, chain, usdc, usdt, key)


@contextmanager
def _blocks(url: str) -> Iterator[None]:
    """A block each second, as chains have it."""
    chain, ended = Chain(url), threading.Event()

    def mine() -> None:
        while not ended.wait(_BLOCK_S):
            chain.call("evm_mine")

    thread = threading.Thread(target=mine, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@dataclass
class Round:
    """What some accounts pay, and what they have to have in the end: nano-units by what Stripe, the chain and the codes
    say.
    """

    town: Town
    number: int
    accounts: list[str]
    dice: random.Random = field(init=False)
    intents: dict[str, list[str]] = field(default_factory=dict)
    places: list[tuple[str, str, str]] = field(default_factory=list)
    events: list[Thing] = field(default_factory=list)
    refunds: list[tuple[str, str]] = field(default_factory=list)
    customer: Client = field(init=False)
    redeemer: str = ""
    codes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.number)
        for account in self.accounts:
            for _ in range(self.dice.randint(1, 2)):
                self._card(account)
            for method, token in (("evm", self.town.usdc), ("tron", self.town.usdt)):
                place = self.town.address(account, method)
                self.places.append((account, token, place))
                for _ in range(self.dice.randint(1, 2)):
                    self.town.chain.pay(token, place, self.dice.randint(1_000_000, 150_000_000))
        self.customer = Client(self.town.portal)
        self.customer.sign_up(f"r{self.number}@example.org", name="Ada")
        newest = "SELECT id FROM accounts ORDER BY created_at DESC LIMIT 1"
        self.redeemer = self.town.office.database.read(lambda connection: connection.tuples(newest)[0][0])
        make = ("vouchers", "make", "--amount", str(_WORTH), "--count", "2", "--campaign", f"r{self.number}")
        self.codes = [one["code"] for one in self.town.gateway.router(*make)]
        self.dice.shuffle(self.events)

    def _card(self, account: str) -> None:
        """A payment; of some a refund at Stripe's or by us, or a dispute that is lost or won; told in any order."""
        stripe, row = self.town.stripe, self.town.begin(account, self.dice.randint(5, 30))
        intent = stripe.account.pay(row.reference)["payment_intent"]
        self.intents.setdefault(account, []).append(intent)
        match self.dice.choice(("paid", "refund", "parts", "asked", "lost", "won")):
            case "refund":
                stripe.account.refund({"payment_intent": intent})
            case "parts":
                for part in (50, 70):
                    stripe.account.refund({"payment_intent": intent, "amount": part})
            case "asked":
                self.refunds.append((row.id, "1.25"))
            case ("lost" | "won") as end:
                stripe.account.close_dispute(stripe.account.dispute(intent), end)
        told, stripe.waiting = stripe.waiting, []
        self.events += told * self.dice.randint(1, 3)

    def deliver(self, event: Thing) -> None:
        """As Stripe does: until it is taken."""
        _again(lambda: self._sent(event) == 200)

    def _sent(self, event: Thing) -> int:
        try:
            return self.town.stripe.send(event)
        except OSError:
            return 0

    def ask_refund(self, topup: str, amount: str) -> None:
        """An operator asks until the payment is there and the refund answered, or said to be cut off."""
        _again(lambda: self.town.refund(topup, amount) in (200, 409))

    def type_code(self, code: str) -> None:
        """A customer types it until a page answers, or says that it was tried often enough."""

        def typed() -> bool:
            try:
                headers = {"X-Forwarded-For": self.town.portal.new_client_address()}
                status, _, text = self.customer.post("/app/topup/code/voucher", {"code": code}, **headers)
            except OSError:
                return False
            assert status in (303, 429, 500, 502, 503), (status, text)
            return status in (303, 429)

        _again(typed, pause_s=1.0)

    def wanted(self) -> dict[str, int]:
        """What each account has to have, as those say whose money it was."""
        campaign = ("vouchers", "list", "--campaign", f"r{self.number}", "--state", "used")
        used = len(self.town.gateway.router(*campaign))
        found: Counter[str] = Counter({self.redeemer: used * _WORTH * 10**9})
        things = self.town.stripe.account.things
        for account in self.accounts:
            for intent in self.intents.get(account, []):
                found[account] += things["intents"][intent]["amount_received"] * 10**7
                back = [one["amount"] for one in things["refunds"].values() if one["payment_intent"] == intent]
                moved = [one for one in things["disputes"].values() if one["payment_intent"] == intent]
                taken = sum(one["amount"] for dispute in moved for one in dispute["balance_transactions"])
                found[account] += (taken - sum(back)) * 10**7
        for account, token, place in self.places:
            found[account] += self.town.chain.balance(token, place) * 1000
        return dict(found)


def _again(tried: Callable[[], bool], seconds: float = 90.0, pause_s: float = 0.1) -> None:
    ends = time.monotonic() + seconds
    while not tried():
        assert time.monotonic() < ends, "it was not taken in time"
        time.sleep(pause_s)
