"""ETH where it is turned on: what people send is credited at the feed's price, what contracts send is reported."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from deposit_host import Host
from deposit_town import Town

pytestmark = pytest.mark.slow

ETH = 10**18
PRICE = 4_321_987_654_32  # of 8 decimals


@pytest.fixture
def feed(town: Town) -> Iterator[str]:
    feed = town.chain.price_feed()
    town.chain.set_price(feed, PRICE, town.chain.now)
    yield feed


@pytest.fixture
def host(town: Town, feed: str) -> Host:
    host = town.host(native_eth=True, feed=feed, check_above=1)
    host.give(2)
    town.look(host)
    return host


@pytest.mark.row("NE-9")
def test_eth_is_credited_at_the_price_of_the_feed(town: Town, host: Host) -> None:
    one, other = host.addresses
    town.chain.send(one, value=3 * ETH + 1)
    town.chain.send(other, value=ETH // 1000)  # below the least
    town.chain.pay(town.usdc, other, 5 * 10**6)
    town.chain.mine(3)
    town.look(host)
    assert {fact.currency: fact.amount for fact in host.seen.values()} == {"ETH": 3 * ETH + 1, "USDC": 5 * 10**6}
    town.chain.mine(8)
    town.look(host)
    told = {fact.currency: (fact.amount, fact.decimals, fact.usd_rate) for fact in host.paid.values()}
    assert told == {"ETH": (3 * ETH + 1, 18, "4321.98765432"), "USDC": (5 * 10**6, 6, "")}


def test_what_a_contract_sends_is_reported_and_not_credited(town: Town, host: Host) -> None:
    [address, _] = host.addresses
    town.chain.pay_by_contract(town.chain.splitter(), address, 2 * ETH)
    town.chain.mine(8)
    town.look(host)
    assert not host.paid
    assert host.differences() == [f"{address} on testnet holds 2 ETH more than was credited"]


@pytest.mark.parametrize("price", [0, -1, -PRICE])
def test_a_price_that_is_not_above_zero_credits_nothing(town: Town, host: Host, feed: str, price: int) -> None:
    town.chain.set_price(feed, price, town.chain.now)
    _send_and_wait(town, host)
    assert not host.paid and len(host.seen) == 1 and "no price" in host.delayed


def test_a_stale_price_holds_the_credit_until_there_is_a_new_one(town: Town, host: Host, feed: str) -> None:
    town.chain.set_price(feed, PRICE, town.chain.now - 5000)
    _send_and_wait(town, host)
    assert not host.paid and "no price" in host.delayed
    assert [line.what for line in host.plugin.payment_health(host.context) if not line.ok] == ["testnet: price of ETH"]
    town.chain.set_price(feed, 2 * PRICE, town.chain.now)
    town.chain.mine(3, every_s=10)
    town.look(host)
    assert [fact.usd_rate for fact in host.paid.values()] == ["8643.97530864"] and host.delayed == ""


def test_a_price_from_the_future_is_none(town: Town, host: Host, feed: str) -> None:
    town.chain.set_price(feed, PRICE, town.chain.now + 100_000)
    _send_and_wait(town, host)
    assert not host.paid


def test_it_is_off_unless_it_is_turned_on(town: Town, feed: str) -> None:
    host = town.host(feed=feed)
    host.give(1)
    town.look(host)
    _send_and_wait(town, host)
    assert not host.paid and not host.seen and host.differences() == []


def _send_and_wait(town: Town, host: Host) -> None:
    town.chain.send(next(iter(host.addresses)), value=ETH)
    town.chain.mine(8)
    town.look(host)
