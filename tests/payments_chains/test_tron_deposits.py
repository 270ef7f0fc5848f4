"""USDT on TRON: a real chain behind TronGrid's two doors, with its limits and penalties, on a clock of the test's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from chain_kit import Chain, running_chain
from deposit_host import TRON_XPUB, Host
from node_shim import serving
from router_plugins.chains import base58check, from_base58check
from router_plugins.tron import Settings, Tron
from tron_shim import TronShim

from router import Secret

pytestmark = pytest.mark.slow

USDT = 10**6
BLOCK_S = 3
FINAL_BLOCKS = 18  # a block is final when so many stand on it


@dataclass
class Grid:
    """A chain that makes a block every three seconds of the host's clock, and TronGrid before it."""

    chain: Chain
    usdt: str
    shim: TronShim
    host: Host

    def account(self, address: str) -> str:
        return "0x" + from_base58check(address)[1:].hex()

    def pay(self, address: str, amount: int, token: str = "") -> str:
        return self.chain.pay(token or self.usdt, self.account(address), amount)

    def go_on(self, seconds: float) -> None:
        """Let time pass: blocks are made, and the host looks whenever a step wanted it to."""
        until, looked_at = self.host.now + seconds, self.host.now
        while self.host.now < until:
            if self.host.now - self.chain.now >= BLOCK_S:
                self.chain.mine(int(self.host.now - self.chain.now) // BLOCK_S, every_s=BLOCK_S)
            if self.host.now >= looked_at:
                looked_at = self.host.now + self.host.step().again_s
            self.host.now += 1


@pytest.fixture
def grid(packages: Path) -> Iterator[Grid]:
    with running_chain(packages, "--slots-in-an-epoch", "9") as chain:
        usdt = chain.six_decimals()
        hosts: list[Host] = []
        with serving(TronShim(chain.url, lambda: hosts[0].now)) as shim:
            plugin = Tron(lambda: hosts[0].now, lambda seconds: hosts[0].wait(seconds))
            hosts.append(Host(plugin, _settings(shim, usdt), chain.now))
            yield Grid(chain, usdt, shim, hosts[0])


def _settings(shim: TronShim, usdt: str, **more: Any) -> Settings:
    contract = base58check(b"\x41" + bytes.fromhex(usdt[2:]))
    return Settings(
        **{
            "xpub": TRON_XPUB,
            "rpc": (Secret(shim.url + "/jsonrpc"),),
            "rest": shim.url,
            "api_key": Secret("tron-key-123"),
            "contract": contract,
            "chain_id": 31337,
            "least": "5",
            **more,
        }
    )


@pytest.mark.row("AG-8")
def test_a_deposit_is_credited_within_two_minutes(grid: Grid) -> None:
    [address] = grid.host.give(1)
    grid.go_on(60)
    grid.pay(address, 25 * USDT)
    started = grid.host.now
    while not grid.host.paid and grid.host.now < started + 300:
        grid.go_on(1)
    assert grid.host.credited() == {address: 25 * USDT}
    assert FINAL_BLOCKS * BLOCK_S <= grid.host.now - started <= 120
    assert grid.shim.keys_sent == {"tron-key-123"}
    [reference] = grid.host.paid
    assert reference.startswith("tron:31337:0x") and reference.endswith(f":USDT:{address}:0")
    assert grid.host.differences() == []


def test_confirmations_are_shown_before(grid: Grid) -> None:
    [address] = grid.host.give(1)
    grid.go_on(60)
    grid.pay(address, 25 * USDT)
    grid.go_on(20)
    [seen] = grid.host.seen.values()
    assert 1 <= seen.confirmations < seen.wanted <= 40 and not grid.host.paid


@pytest.mark.row("AG-8")
def test_fakes_dust_and_two_of_the_same_in_one_transaction(grid: Grid) -> None:
    one, other = grid.host.give(2)
    fake = grid.chain.six_decimals()
    splitter = grid.chain.splitter()
    grid.chain.allow(grid.usdt, splitter)
    grid.go_on(30)
    grid.pay(one, 1000 * USDT, fake)
    grid.pay(one, 5 * USDT - 1)
    grid.chain.pay_nothing(grid.usdt, grid.chain.rich, grid.account(one))
    payments = [(grid.account(other), 6 * USDT), (grid.account(other), 6 * USDT), (grid.account(one), 7 * USDT)]
    grid.chain.pay_many(splitter, grid.usdt, payments)
    grid.go_on(150)
    assert grid.host.credited() == {one: 7 * USDT, other: 12 * USDT} and len(grid.host.paid) == 3
    assert grid.host.differences() == [
        "1 addresses on TRON (TRC-20) hold 4.999999 USDT in deposits below the least, 5 USDT"
    ]


def test_two_hundred_deposits_under_trongrids_limits(grid: Grid) -> None:
    addresses = grid.host.give(40)
    grid.shim.page = 2
    grid.go_on(30)
    for number in range(200):
        grid.pay(addresses[number % 40], (5 + number) * USDT)
        if number % 50 == 49:
            grid.go_on(6)
    for _ in range(40):
        grid.go_on(60)
        if len(grid.host.paid) == 200:
            break
    chain = grid.chain
    assert grid.host.credited() == {one: chain.balance(grid.usdt, grid.account(one)) for one in addresses}
    assert set(grid.host.told.values()) == {1} and not grid.host.seen
    assert grid.host.statement() == grid.host.paid


@pytest.mark.parametrize("status", [403, 429, 503])
def test_a_penalty_is_a_delay_that_customers_read_of(grid: Grid, status: int) -> None:
    [address] = grid.host.give(1)
    grid.go_on(30)
    grid.pay(address, 25 * USDT)
    grid.go_on(30)
    grid.shim.refusals = [status]
    if status == 403:
        grid.shim.banned_until = grid.host.now + 30
    grid.go_on(8)
    assert grid.host.delayed.startswith("TRON (TRC-20): ") and not grid.host.paid
    grid.go_on(100)
    assert grid.host.credited() == {address: 25 * USDT} and grid.host.delayed == ""


def test_what_trongrid_does_not_list_yet_waits(grid: Grid) -> None:
    [address] = grid.host.give(1)
    grid.shim.indexed = 0
    grid.go_on(30)
    grid.pay(address, 25 * USDT)
    grid.go_on(150)
    assert not grid.host.paid and len(grid.host.seen) == 1
    grid.shim.indexed = 1
    grid.go_on(30)
    assert grid.host.credited() == {address: 25 * USDT} and not grid.host.seen


@pytest.mark.parametrize(
    "changed",
    [
        {"type": "Approval"},
        {"value": "24999999"},
        {"to": "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"},
        {"transaction_id": "00" * 32},
        {"token_info": {"symbol": "USDT", "address": "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t", "decimals": 6}},
        {"token_info": None},
    ],
)
def test_a_row_that_is_another_thing_credits_nothing(grid: Grid, changed: dict[str, Any]) -> None:
    [address] = grid.host.give(1)
    grid.shim.row = lambda row: row | changed
    grid.go_on(30)
    grid.pay(address, 25 * USDT)
    grid.go_on(100)
    assert not grid.host.paid


def test_health_tells_of_a_missing_key_and_of_the_addresses(grid: Grid) -> None:
    lines = list(grid.host.plugin.payment_health(grid.host.context))
    assert [(line.what, line.ok) for line in lines if not line.ok] == [("TRON (TRC-20): second node", False)]
    assert all(address in lines[0].text for address in grid.host.give(3))
    grid.host.settings = _settings(grid.shim, grid.usdt, api_key=Secret("", "env:TRON_PRO_API_KEY"))
    lines = list(grid.host.plugin.payment_health(grid.host.context))
    assert lines[0].what == "set-up" and "TRON_PRO_API_KEY is not set" in lines[0].text


def test_the_key_goes_to_trongrid_alone(grid: Grid) -> None:
    with serving(TronShim(grid.chain.url, lambda: grid.host.now)) as other:
        rpc = (Secret(grid.shim.url + "/jsonrpc"), Secret(other.url + "/jsonrpc"))
        grid.host.settings = _settings(grid.shim, grid.usdt, rpc=rpc, check_above=0)
        [address] = grid.host.give(1)
        grid.go_on(30)
        grid.pay(address, 25 * USDT)
        grid.go_on(120)
        assert grid.host.credited() == {address: 25 * USDT}
        assert other.keys_sent == {None} and grid.shim.keys_sent == {"tron-key-123"}


def test_without_the_check_the_node_is_believed(grid: Grid) -> None:
    grid.host.settings = _settings(grid.shim, grid.usdt, rest="")
    [address] = grid.host.give(1)
    grid.go_on(30)
    grid.pay(address, 25 * USDT)
    grid.go_on(120)
    assert grid.host.credited() == {address: 25 * USDT} and grid.shim.asked["rest"] == 0
