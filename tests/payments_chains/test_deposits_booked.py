"""Deposits through the host's own books, on both engines: a chain, the watcher, and what an account then has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from deposit_town import Town
from router_plugins.evm import Evm

from router.config.file import load_settings
from router.errors import Unavailable
from router.ledger.balances import balance
from router.ledger.verify import verify
from router.money.amounts import NANO
from router.office import accounts
from router.office.actor import Actor
from router.office.office import Office
from router.office.payments.books import compare_method, verify_against
from router.office.payments.deposits import address_of, find_watch, holdings_of, step_watch
from router.office.payments.methods import PaymentMethods
from router.plugin_host.registry import registry_of
from router.store.migrating import migrate
from router.store.opening import open_database
from router.types.dialect import Dialect
from router.types.plugin_context import PluginContext

pytestmark = pytest.mark.slow

OPERATOR = Actor("operator", "cli")
USDC = 10**6


@dataclass
class Bank:
    """An office whose one method is ``evm`` on the town's chain; its clock is the chain's, and what a test adds."""

    town: Town
    office: Office
    methods: PaymentMethods
    now: float = 0.0

    def account(self) -> tuple[str, str]:
        """A new account's ID, and its address."""
        made = accounts.create_account(self.office, OPERATOR, "Ada's").id
        return made, address_of(self.office, self.methods, made, "evm").address

    def watch(self, steps: int = 3) -> None:
        self.now = max(self.now, float(self.town.chain.now))
        for _ in range(steps):
            again_s = step_watch(self.office, self.methods, "evm")
            while again_s <= 0:
                again_s = step_watch(self.office, self.methods, "evm")
            self.now += again_s

    def has(self, account: str) -> int:
        return balance(self.office.database, account).balance


@pytest.fixture
def bank(town: Town, database_url: str, tmp_path: Path) -> Iterator[Bank]:
    config = tmp_path / "router.toml"
    config.write_text(f'[database]\nurl = "{database_url}"\n[payments]\nmethods = ["evm"]\n', encoding="utf-8")
    settings = load_settings(config, {"ROUTER_MASTER_KEY": "m" * 44})
    database = open_database(database_url, tmp_path, create=True)
    migrate(database)
    banks: list[Bank] = []

    def clock() -> float:
        return banks[0].now if banks else float(town.chain.now)

    office = Office(settings, database, dialect=Dialect, providers=dict, shelf=lambda: pytest.fail(), clock=clock)
    context = PluginContext(str(config), (), town.settings(), "evm")
    registry = registry_of(evm=Evm(clock, lambda seconds: None))
    banks.append(Bank(town, office, PaymentMethods(["evm"], registry, lambda name: context), town.chain.now))
    yield banks[0]
    database.close()


@pytest.mark.row("NE-9")
def test_deposits_are_booked_once_and_the_books_are_those_of_the_chain(bank: Bank) -> None:
    chain, usdc = bank.town.chain, bank.town.usdc
    known = dict(bank.account() for _ in range(5))
    bank.watch()
    for round_ in range(1, 5):
        for number, address in enumerate(known.values(), 1):
            chain.pay(usdc, address, round_ * number * USDC + number)
        chain.mine(3, every_s=5)
        bank.watch(1)
    chain.mine(8)
    bank.watch()
    for account, address in known.items():
        assert bank.has(account) == chain.balance(usdc, address) * (NANO // USDC) > 0
    assert list(verify_against(bank.office, bank.methods, "evm", 0).differences) == []
    assert list(compare_method(bank.office, bank.methods, "evm")) == []
    chain.mine(60, every_s=12)
    bank.watch(5)  # the second look finds them all once more
    assert sum(map(bank.has, known)) == sum(chain.balance(usdc, one) for one in known.values()) * (NANO // USDC)
    assert [str(check) for check in verify(bank.office.database) if not check.ok] == []


def test_a_payment_on_its_way_that_goes_away_and_comes_back_is_booked_once(bank: Bank) -> None:
    chain, usdc = bank.town.chain, bank.town.usdc
    account, address = bank.account()
    chain.mine(10)
    bank.watch()
    raw = chain.raw(chain.pay(usdc, address, 5 * USDC))
    chain.mine(2)
    bank.watch()
    chain.reorganise(2)
    bank.watch()
    chain.reorganise(2, [(raw, 1)])
    bank.watch()
    assert bank.has(account) == 0
    chain.mine(8)
    bank.watch()
    assert bank.has(account) == 5 * NANO


def test_an_outage_is_kept_for_the_page_and_taken_away_after_it(bank: Bank) -> None:
    account, address = bank.account()
    bank.town.chain.pay(bank.town.usdc, address, 5 * USDC)
    bank.town.chain.mine(8)
    bank.town.first.down = bank.town.second.down = True
    bank.watch(1)
    assert find_watch(bank.office, "evm").delayed.startswith("testnet: ") and bank.has(account) == 0
    bank.town.first.down = bank.town.second.down = False
    bank.now += 120
    bank.watch()
    assert find_watch(bank.office, "evm").delayed == "" and bank.has(account) == 5 * NANO


def test_what_lies_on_addresses_is_told_by_the_node_in_pages(bank: Bank) -> None:
    town = bank.town
    known = [bank.account() for _ in range(5)]
    town.chain.pay(town.usdc, known[0][1], 7 * USDC)
    town.chain.pay(town.usdc, known[3][1], 1)  # dust, which is not credited
    town.chain.pay(town.usdt, known[3][1], 3 * 10**18)
    town.chain.mine(10)
    bank.watch()
    town.first.batch_max = 2

    def page(**bounds: int) -> list[tuple[int, str, str, int, int, bool]]:
        found = holdings_of(bank.office, bank.methods, "evm", **bounds)
        assert all(row.holding.path == f"m/44'/60'/0'/0/{row.given.number}" for row in found.rows)
        told = [(row.given.number, row.holding, row.enough) for row in found.rows]
        return [(number, one.network, one.currency, one.held, one.credited, enough) for number, one, enough in told]

    assert page() == [
        (0, "testnet", "USDC", 7 * USDC, 7 * USDC, True),
        (3, "testnet", "USDC", 1, 0, False),
        (3, "testnet", "USDT", 3 * 10**18, 3 * 10**18, True),
    ]
    assert [one[0] for one in page(least_nano=5 * NANO) if one[-1]] == [0]
    first = holdings_of(bank.office, bank.methods, "evm", limit=3)
    assert (first.asked, first.next, len(first.rows)) == (3, 2, 1)
    rest = holdings_of(bank.office, bank.methods, "evm", after=2, limit=3)
    assert (rest.asked, rest.next, len(rest.rows)) == (2, None, 2)
    town.first.down = town.second.down = True
    with pytest.raises(Unavailable, match="testnet cannot be asked now"):
        holdings_of(bank.office, bank.methods, "evm")
