"""The chain goes another way: what was shown follows it, and nothing is credited twice or for nothing."""

from __future__ import annotations

import pytest
from deposit_town import Town

pytestmark = pytest.mark.slow

USDC = 10**6
CONFIRMATIONS = 6


@pytest.mark.parametrize("depth", range(1, CONFIRMATIONS))
def test_a_deposit_that_is_gone_was_never_credited(town: Town, depth: int) -> None:
    chain, host = town.chain, town.host(confirmations=CONFIRMATIONS)
    gone, stays = host.give(2)
    town.look(host)
    chain.mine(10)
    chain.pay(town.usdc, gone, 5 * USDC)
    chain.mine(depth)
    town.look(host, 2)
    assert [one.confirmations for one in host.seen.values()] == [depth]
    chain.reorganise(depth)
    town.look(host, 2)
    assert len(host.dropped) == 1 and not host.seen and not host.paid
    chain.pay(town.usdc, stays, 7 * USDC)
    chain.mine(CONFIRMATIONS)
    town.look(host)
    assert host.credited() == {stays: 7 * USDC}


@pytest.mark.parametrize("depth", range(1, CONFIRMATIONS))
def test_a_deposit_that_moves_is_credited_once_although_its_log_has_another_place(town: Town, depth: int) -> None:
    chain, host = town.chain, town.host(confirmations=CONFIRMATIONS)
    other, moved = host.give(2)
    town.look(host)
    chain.mine(10)
    first = chain.pay(town.usdc, other, 3 * USDC)
    second = chain.pay(town.usdc, moved, 5 * USDC)
    chain.mine(depth)
    town.look(host, 2)
    assert len(host.seen) == 2
    again = [(chain.raw(first), 0), (chain.raw(second), depth - 1)]
    chain.reorganise(depth, again)
    town.look(host, 2)
    chain.mine(CONFIRMATIONS + 2)
    town.look(host)
    assert host.credited() == {other: 3 * USDC, moved: 5 * USDC}
    assert set(host.told.values()) == {1} and not host.seen
    assert host.differences() == []


def test_a_new_payment_in_a_block_made_anew_is_shown_at_once(town: Town) -> None:
    chain, host = town.chain, town.host(confirmations=CONFIRMATIONS)
    [address] = host.give(1)
    chain.mine(10)
    town.look(host)
    tx = chain.pay(town.usdc, address, 5 * USDC)
    raw = chain.raw(tx)
    chain.call("anvil_dropTransaction", tx)
    chain.reorganise(3, [(raw, 1)])
    town.look(host, 2)
    assert [one.amount for one in host.seen.values()] == [5 * USDC]


def test_a_reorganisation_below_what_is_final_is_reported_and_not_booked(town: Town) -> None:
    chain, host = town.chain, town.host(confirmations=3)
    [address] = host.give(1)
    town.look(host)
    chain.mine(10)
    chain.pay(town.usdc, address, 5 * USDC)
    chain.mine(4)
    town.look(host)
    assert host.amounts() == [5 * USDC]
    chain.reorganise(4)
    chain.mine(5)
    town.look(host)
    assert host.amounts() == [5 * USDC]
    assert host.differences() == [
        f"{address} on testnet holds 5 USDC less than was credited, and never sent anything: a credit may stand on a "
        "block that is gone"
    ]


def test_the_same_payment_below_what_is_final_is_not_credited_again(town: Town) -> None:
    chain, host = town.chain, town.host(confirmations=3)
    [address] = host.give(1)
    town.look(host)
    chain.mine(10)
    tx = chain.pay(town.usdc, address, 5 * USDC)
    chain.mine(4)
    town.look(host)
    chain.reorganise(4, [(chain.raw(tx), 2)])
    chain.mine(30, every_s=12)
    town.look(host)
    assert host.amounts() == [5 * USDC] and host.differences() == []
