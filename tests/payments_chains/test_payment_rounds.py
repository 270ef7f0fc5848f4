"""Workers, gateways and the database die while Stripe, two chains and codes bring money, all at once and told again and
again: what accounts have in the end is what those say whose money it was, and so are the clearing accounts.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pytest
from all_methods import METHODS, Round, Town, open_town
from killing import Blow, blows_of, patient
from own_postgres import own_postgres

from router.ledger.balances import balance
from router.ledger.paid.lots import credit_kinds
from router.store.accounts import create_account

pytestmark = pytest.mark.slow

ACCOUNTS = 2
SETTLED_S = 150.0


def strike(town: Town, blows: list[Blow], number: int) -> dict[str, int]:
    """One round: everything at once, two blows in the midst, and what the accounts have when all has settled."""
    database = town.office.database
    names = [create_account(database, f"round {number} {place}").id for place in range(ACCOUNTS)]
    made = Round(town, number, names)
    with ThreadPoolExecutor(12) as pool:
        sent = [pool.submit(made.deliver, event) for event in made.events]
        sent += [pool.submit(made.type_code, code) for code in made.codes * 2]
        sent += [pool.submit(made.ask_refund, *refund) for refund in made.refunds]
        for _ in range(2):
            time.sleep(made.dice.random() * 0.5)  # any moment is as good as any other
            made.dice.choice(blows)()
        for one in sent:
            one.result(300)
    ends = time.monotonic() + SETTLED_S
    while (has := _balances(town, made)) != (wanted := made.wanted()):
        assert time.monotonic() < ends, (number, has, wanted, town.gateway.router("payments", "facts"))
        time.sleep(0.5)
    return wanted


def _balances(town: Town, made: Round) -> dict[str, int]:
    database = town.office.database

    def has(account: str) -> int:
        return balance(database, account).balance - credit_kinds(database, account).owed

    accounts = [made.redeemer, *made.accounts]
    return {one: patient(lambda one=one: has(one), time.monotonic() + 60) for one in accounts}


def rounds(town: Town, url: str, numbers: range) -> None:
    """So many, and the books at their end."""
    blows, wanted = blows_of(town.gateway, url), dict[str, int]()
    for number in numbers:
        wanted |= strike(town, blows, number)
        print(f"round {number}: {len(wanted)} accounts", flush=True)
    assert town.gateway.router("ledger", "verify")["ok"]
    cleared = 0
    for method in METHODS:
        told = town.gateway.router("ledger", "verify", "--against", method)
        assert told["ok"], told["differences"]
        cleared += round(Decimal(told["clearing"]) * 10**9)
    assert cleared == sum(wanted.values())
    waiting = {one["state"] for one in town.gateway.router("payments", "facts", "--limit", "1000")}
    assert waiting <= {"booked"}


def test_all_methods_are_booked_once_whatever_dies(tmp_path: Path, packages: Path) -> None:
    with own_postgres() as server, open_town(tmp_path / "town", packages, server.url) as town:
        rounds(town, server.url, range(1))


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_all_methods_are_booked_once_in_fifty_rounds(tmp_path: Path, packages: Path, killable_url: str) -> None:
    with open_town(tmp_path / "town", packages, killable_url) as town:
        rounds(town, killable_url, range(100, 150))
