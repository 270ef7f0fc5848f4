"""Deposits on a real chain: whatever happens on it, what is credited in the end is what lies there, to the unit."""

from __future__ import annotations

import random

import pytest
from deposit_town import Town
from router_plugins.evm import Evm

from router import WatchedAddress

pytestmark = pytest.mark.slow

USDC = 10**6
USDT = 10**18


def test_deposits_to_200_accounts_are_credited_to_the_unit(town: Town) -> None:
    chain, host = town.chain, town.host(check_above=0)
    addresses = host.give(200)
    dice = random.Random(7)
    for address in addresses:
        chain.pay(town.usdc, address, dice.randrange(USDC, 5000 * USDC))
        chain.pay(town.usdt, address, dice.randrange(USDT, 5000 * USDT))
        if dice.random() < 0.2:
            chain.mine()
    chain.mine()
    town.look(host)
    assert len(host.seen) > 0
    chain.mine(10)
    town.look(host)
    assert host.credited("USDC") == {one: chain.balance(town.usdc, one) for one in addresses}
    assert host.credited("USDT") == {one: chain.balance(town.usdt, one) for one in addresses}
    assert len(host.paid) == 400 and not host.seen and set(host.told.values()) == {1}
    assert host.differences() == []


def test_an_amount_above_64_bits_is_exact(town: Town) -> None:
    chain, host = town.chain, town.host()
    [address] = host.give(1)
    amount = 123_456_789 * USDT + 987_654_321_012_345_678
    chain.pay(town.usdt, address, amount)
    chain.mine(8)
    town.look(host)
    assert host.amounts() == [amount]


def test_two_deposits_in_one_transaction_are_two(town: Town) -> None:
    chain, host = town.chain, town.host()
    one, other = host.give(2)
    splitter = chain.splitter()
    chain.allow(town.usdc, splitter)
    chain.mine()
    tx = chain.pay_many(splitter, town.usdc, [(one, 5 * USDC), (one, 5 * USDC), (other, 7 * USDC), (one, 1)])
    chain.mine(8)
    town.look(host)
    assert host.credited() == {one: 10 * USDC, other: 7 * USDC}
    begin = f"evm:31337:{tx}:USDC:"
    assert sorted(host.paid) == sorted([f"{begin}{one}:0", f"{begin}{one}:1", f"{begin}{other}:0"])


def test_fakes_zeros_and_dust_are_not_credited(town: Town) -> None:
    chain, host = town.chain, town.host()
    [address] = host.give(1)
    fake = chain.six_decimals()  # the same code, the same name, and another contract
    chain.pay(fake, address, 1000 * USDC)
    chain.pay_nothing(town.usdc, chain.rich, address)
    chain.pay(town.usdc, address, USDC - 1)
    chain.mine()
    town.look(host)
    chain.mine(30)
    town.look(host)
    assert not host.paid and not host.seen
    assert host.differences() == [
        "1 addresses on testnet hold 0.999999 USDC in deposits below the least, 1 USDC",
    ]


def test_a_failed_transfer_is_none(town: Town) -> None:
    chain, host = town.chain, town.host()
    [address] = host.give(1)
    chain.pay(town.usdc, address, 5 * USDC, sender=chain.others[1])  # who has nothing
    chain.mine(8)
    town.look(host)
    assert not host.paid and not host.seen


def test_confirmations_are_told_before_the_credit(town: Town) -> None:
    chain, host = town.chain, town.host(confirmations=6)
    [address] = host.give(1)
    town.look(host)
    chain.pay(town.usdc, address, 5 * USDC)
    told = []
    for _ in range(6):
        chain.mine(every_s=6)
        town.look(host, 1)
        told += [(one.confirmations, one.wanted) for one in host.seen.values()]
    assert told == [(1, 6), (2, 6), (3, 6), (4, 6), (5, 6)]
    assert host.amounts() == [5 * USDC] and not host.seen


def test_finalized_is_asked_of_the_node(town: Town) -> None:
    chain, host = town.chain, town.host(confirmations=0)
    [address] = host.give(1)
    chain.pay(town.usdc, address, 5 * USDC)
    chain.mine(40)
    town.look(host)
    assert not host.paid and len(host.seen) == 1
    chain.mine(40)
    town.look(host)
    assert host.amounts() == [5 * USDC]


def test_a_deposit_to_an_address_that_is_given_out_later_is_found_by_the_second_look(town: Town) -> None:
    chain, host = town.chain, town.host()
    host.give(1)
    town.look(host)
    later = host.plugin.payment_address(host.context, "acc_1", 1).address
    chain.pay(town.usdc, later, 5 * USDC)
    chain.mine(8)
    town.look(host)
    assert not host.paid
    host.give(1)
    chain.mine(40, every_s=12)
    town.look(host)
    assert host.credited() == {later: 5 * USDC}


@pytest.mark.parametrize("span", [1, 7, 2000])
def test_a_long_stretch_is_scanned_in_parts_and_goes_on_after_any_kill(town: Town, span: int) -> None:
    chain, host = town.chain, town.host(span=span)
    addresses = host.give(5)
    town.look(host)
    for number in range(30):
        chain.pay(town.usdc, addresses[number % 5], (number + 1) * USDC)
        chain.mine(2)
    chain.mine(8)
    host.now = chain.now
    for round_ in range(200):
        kept = host.cursor
        host.step()
        if round_ % 3 == 0:  # killed before it was kept: the host took neither the facts nor the cursor
            host.cursor = kept
        host.plugin = Evm(clock=lambda: chain.now, sleep=lambda seconds: None)  # a new process
        host.now += 1
        if len(host.paid) == 30 and round_ > 20:
            break
    assert host.credited() == {one: chain.balance(town.usdc, one) for one in addresses}
    assert host.amounts() == [number * USDC for number in range(1, 31)]


def test_10_000_addresses_are_watched(town: Town) -> None:
    chain, host = town.chain, town.host()
    text = [f"0x{number:040x}" for number in range(1, 10_001)]
    host.addresses = {one: WatchedAddress(one, "acc", number) for number, one in enumerate(text)}
    town.first.topics_max = town.second.topics_max = 500
    paid = [text[0], text[499], text[500], text[9_999]]
    for number, address in enumerate(paid, 1):
        chain.pay(town.usdc, address, number * USDC)
    chain.mine(8)
    town.look(host, 2)
    assert host.credited() == {address: number * USDC for number, address in enumerate(paid, 1)}
    assert town.first.asked["eth_getLogs"] < 200
    town.first.batch_max = 50
    assert host.differences() == []
