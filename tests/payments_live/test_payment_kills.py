"""Workers, whole gateways and the database die while a bank tells of payments, again and again and in any order: every
fact is booked once, and the clearing account is what the bank has.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from bank import Bank, deliver, notice
from box_kit import Till, box_config
from killing import Blow, blows_of, patient

from router.db.database import Database
from router.ledger.balances import balance
from router.ledger.paid.lots import credit_kinds
from router.store.accounts import create_account
from router.store.payments.watches import insert_address
from router.testing import Gateway
from router.types.payments import WatchedAddress

pytestmark = pytest.mark.slow

TOPUPS = 5


class Round:
    """Some accounts, what the bank tells of them, and what they have to have in the end."""

    def __init__(self, till: Till, bank: Bank, number: int) -> None:
        database = till.database
        self.dice = random.Random(number)
        self.wanted: Counter[str] = Counter()
        self.notices: list[tuple[bytes, dict[str, str]]] = []
        for place in range(TOPUPS):
            account = create_account(database, f"r{number} {place}").id
            self._card(till, bank, account, f"{number}-{place}")
            self._deposit(bank, database, account, number * TOPUPS + place)
        self.dice.shuffle(self.notices)

    def _card(self, till: Till, bank: Bank, account: str, name: str) -> None:
        """A payment; of some a refund, or a dispute with its money; each told two or three times."""
        row = till.begin(account, str(self.dice.randint(2, 30)))
        paid = bank.pays(row.reference)
        self.wanted[account] += row.amount
        facts = [paid]
        kind = self.dice.choice(("paid", "refund", "dispute"))
        if kind == "refund":
            part = self.dice.randint(1, row.amount)
            facts.append(
                bank.has({"fact": "refund", "reference": f"re_{name}", "payment": row.reference, "amount": part})
            )
            self.wanted[account] -= part
        if kind == "dispute":
            dispute = {"fact": "dispute", "reference": f"du_{name}", "payment": row.reference, "amount": row.amount}
            facts += [bank.has({**dispute, "stage": stage}) for stage in ("opened", "withdrawn")]
            self.wanted[account] -= row.amount
        for place, fact in enumerate(facts):
            for again in range(self.dice.randint(2, 3)):
                self.notices.append(notice(fact, id=f"evt_{name}_{place}_{again}"))

    def _deposit(self, bank: Bank, database: Database, account: str, number: int) -> None:
        """A deposit, which the watcher finds."""
        given = WatchedAddress(f"box-{number}", account, number)
        database.write(lambda connection: insert_address(connection, "moneybox", given, time.time()))
        amount = self.dice.randint(100, 3000)
        deposit = {"fact": "deposit", "reference": f"dep_{number}", "address": given.address, "amount": amount}
        bank.has({**deposit, "currency": "USD", "decimals": 2})
        self.wanted[account] += amount


def strike(gateway: Gateway, bank: Bank, till: Till, blows: list[Blow], number: int) -> None:
    """One round: notices from many threads, a blow in the middle, and the books at the end."""
    made, database, port = Round(till, bank, number), till.database, gateway.port
    with ThreadPoolExecutor(8) as pool:
        sent = [pool.submit(deliver, port, *one, random.Random(place)) for place, one in enumerate(made.notices)]
        for _ in range(2):
            time.sleep(made.dice.random() * 0.3)  # any moment is as good as any other
            made.dice.choice(blows)()
        assert all(one.result(300) for one in sent)
    wait_for_deposits(database, made)
    found = balances(database, made.wanted)
    assert found == {account: cents * 10**7 for account, cents in made.wanted.items()}, number


def wait_for_deposits(database: Database, made: Round) -> None:
    ends = time.monotonic() + 120
    sql = "SELECT COUNT(*) FROM topups WHERE account_id = ? AND state = 'paid' AND address <> ''"
    for account in made.wanted:
        while not patient(lambda one=account: database.read(lambda c: c.tuples(sql, (one,)))[0][0], ends):
            assert time.monotonic() < ends, f"the deposit of {account} was not found"
            time.sleep(0.1)


def balances(database: Database, accounts: Counter[str]) -> dict[str, int]:
    def has(account: str) -> int:
        return balance(database, account).balance - credit_kinds(database, account).owed

    return {one: patient(lambda one=one: has(one), time.monotonic() + 60) for one in accounts}


@pytest.fixture
def kills(tmp_path: Path, killable_url: str, box_env: dict[str, str], box_site: None) -> Iterator[Any]:
    with Bank() as bank:
        config = box_config(bank, database={"url": killable_url})
        with Gateway(tmp_path / "box", config=config, env=box_env, workers=2, start=False) as gateway:
            gateway.router("db", "migrate")
            gateway.start()
            with Till(gateway) as till:
                yield gateway, bank, till, blows_of(gateway, killable_url)


def _rounds(kills: Any, numbers: range) -> None:
    gateway, bank, till, blows = kills
    for number in numbers:
        strike(gateway, bank, till, blows, number)
    assert gateway.router("ledger", "verify")["ok"]
    told = gateway.router("ledger", "verify", "--against", "moneybox")
    assert told["ok"], told["differences"]
    came = sum(fact["amount"] for fact in bank.facts if fact["fact"] in ("paid", "deposit"))
    went = sum(fact["amount"] for fact in bank.facts if fact["fact"] == "refund")
    went += sum(fact["amount"] for fact in bank.facts if fact.get("stage") == "withdrawn")
    assert told["clearing"] == f"{(came - went) // 100}.{(came - went) % 100:02}"


def test_every_fact_is_booked_once_whatever_dies(kills: Any) -> None:
    _rounds(kills, range(2))


@pytest.mark.soak
def test_every_fact_is_booked_once_in_a_hundred_rounds(kills: Any) -> None:
    _rounds(kills, range(100, 150))
