"""Two operators at once, on two nodes: what each checks still holds when it is written."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from office_kit import ADA, Opened, entries

from router.errors import RouterError
from router.ledger.verify import verify
from router.money.prices import Price
from router.office import accounts, credits, fallbacks, keys, limits, models, prices
from router.office.actor import Actor
from router.office.audit import state_of
from router.office.limits import Limits, Subject

pytestmark = pytest.mark.slow

EVE = Actor("operator", "Eve")
ROUNDS = 8


def both(first: Callable[[], Any], second: Callable[[], Any]) -> None:
    """Run two functions at the same moment; each may be refused."""
    start = Barrier(2)

    def run(function: Callable[[], Any]) -> None:
        start.wait()
        with suppress(RouterError):
            function()

    with ThreadPoolExecutor(2) as pool:
        for one in [pool.submit(run, first), pool.submit(run, second)]:
            one.result()


def test_two_aliases_do_not_become_a_circle(opened: Opened) -> None:
    ours, theirs = opened(), opened()
    for number in range(ROUNDS):
        one, two = f"a{number}", f"b{number}"
        models.set_alias(ours, ADA, one, "echo/echo")
        models.set_alias(ours, ADA, two, "echo/echo")
        both(lambda: models.set_alias(ours, ADA, one, two), lambda: models.set_alias(theirs, EVE, two, one))  # noqa: B023
        found = ours.shelf.snapshot.aliases
        assert {found[one], found[two]} != {one, two}
        assert [entry[0] for entry in entries(ours)].count("models alias") == 3 * (number + 1)


def test_two_lists_of_fallbacks_do_not_become_a_circle(opened: Opened) -> None:
    ours, theirs = opened(), opened()
    for one, two in [("echo/echo", "echo/embed")] * ROUNDS:
        both(
            lambda: fallbacks.set_fallbacks(ours, ADA, one, [two]),  # noqa: B023
            lambda: fallbacks.set_fallbacks(theirs, EVE, two, [one]),  # noqa: B023
        )
        (kept,) = fallbacks.list_fallbacks(ours)
        fallbacks.clear_fallbacks(ours, ADA, kept.model)


def test_an_account_is_in_no_tier_that_is_gone(opened: Opened) -> None:
    ours, theirs = opened(), opened()
    account = accounts.create_account(ours, ADA, "One").id
    gold = Subject("tier", "gold")
    for _ in range(ROUNDS):
        limits.set_limits(ours, ADA, gold, {"concurrent": 3})
        both(lambda: accounts.set_tier(ours, ADA, account, "gold"), lambda: limits.clear_limits(theirs, EVE, gold))
        there = [one.subject for one in limits.written_limits(ours)]
        assert accounts.get_account(ours, account).tier in ("", "gold")
        assert (accounts.get_account(ours, account).tier == "gold") == (gold in there)
        accounts.set_tier(ours, ADA, account, "")


def test_a_key_is_rotated_once_and_all_money_is_there(opened: Opened) -> None:
    ours, theirs = opened(), opened()
    account = accounts.create_account(ours, ADA, "One").id
    for number in range(ROUNDS):
        key = keys.create_key(ours, ADA, account, "mine").row.id
        both(lambda: keys.rotate_key(ours, ADA, key, grace_s=60), lambda: keys.rotate_key(theirs, EVE, key, grace_s=60))  # noqa: B023
        assert len(keys.list_keys(ours, account)) == 2 * (number + 1)
        both(
            lambda: credits.grant_credit(ours, ADA, account, 5, reason="r", reference=f"r{number}"),  # noqa: B023
            lambda: credits.grant_credit(theirs, EVE, account, 5, reason="r", reference=f"r{number}"),  # noqa: B023
        )
    assert accounts.show_account(ours, account).balance.balance == 5 * ROUNDS
    assert [check.name for check in verify(ours.database) if not check.ok] == []


def test_what_was_looked_at_is_not_written_over(opened: Opened) -> None:
    ours, theirs = opened(), opened()
    account = accounts.create_account(ours, ADA, "One").id
    limits.set_limits(ours, ADA, Subject("tier", "gold"), {"concurrent": 3})
    prices.set_price(ours, ADA, "echo/echo", Price.per_million(input="1", output="1"), "vip")
    mine = Subject("account", account)
    for number in range(1, ROUNDS + 1):
        before = len(entries(ours))
        held = accounts.get_account(ours, account)
        found = prices.show_price_of(ours, "echo/echo").found
        asked = {one.subject: one.limits for one in limits.written_limits(ours)}.get(mine, Limits())
        tier, price_list = "" if held.tier else "gold", "" if held.price_list else "vip"
        for change in (
            partial(accounts.set_tier, account_id=account, tier=tier, expected=state_of(held.tier)),
            partial(
                accounts.set_price_list, account_id=account, price_list=price_list, expected=state_of(held.price_list)
            ),
            partial(limits.set_limits, subject=mine, changes={"concurrent": number}, expected=state_of(asked)),
            partial(
                prices.set_price,
                model="echo/echo",
                price=Price.per_million(input=str(number), output="1"),
                expected=state_of(found.price, found.source),
            ),
        ):
            both(partial(change, ours, ADA), partial(change, theirs, EVE))
        assert len(entries(ours)) - before == 4
