"""Nodes that are down, limit, lag or lie: deposits are late then, never lost, and never more than the chain has."""

from __future__ import annotations

import random
from typing import Any

import pytest
from deposit_host import Host
from deposit_town import Town
from router_plugins.chains.deposits import TRANSFER
from router_plugins.evm.settings import ContractSettings

pytestmark = pytest.mark.slow

USDC = 10**6


def _paid_one(town: Town, host: Host, amount: int = 5 * USDC) -> str:
    [address] = host.give(1)
    town.look(host)
    town.chain.pay(town.usdc, address, amount)
    town.chain.mine(8)
    return address


def _later(town: Town, host: Host, seconds: float = 120) -> None:
    """Some time on, in which the chain makes blocks."""
    town.chain.mine(int(seconds // 12), every_s=12)
    town.look(host)


def test_the_second_node_is_asked_where_the_first_is_down(town: Town) -> None:
    host = town.host()
    town.first.down = True
    _paid_one(town, host)
    town.look(host)
    assert host.amounts() == [5 * USDC] and host.delayed == ""


def test_while_all_are_down_it_is_said_and_nothing_is_lost(town: Town) -> None:
    host = town.host()
    _paid_one(town, host)
    town.first.down = town.second.down = True
    town.look(host, 1)
    assert host.delayed.startswith("testnet: ") and not host.paid
    town.first.down = town.second.down = False
    _later(town, host)
    assert host.amounts() == [5 * USDC] and host.delayed == ""


@pytest.mark.parametrize("status", [403, 429, 503])
def test_a_node_that_limits_us_is_left_alone_for_a_while(town: Town, status: int) -> None:
    host = town.host(second=False)
    _paid_one(town, host)
    town.first.refusals = [status]
    asked = town.first.asked.total()
    host.now = max(host.now, town.chain.now)
    watched = host.step()
    assert watched.again_s >= 31 and "credited as soon as it can" in host.delayed
    host.now += 30
    host.step()
    assert town.first.asked.total() == asked and not town.first.refusals
    host.now += 60
    host.step()
    assert host.amounts() == [5 * USDC] and host.delayed == ""


def test_ranges_that_a_node_refuses_are_halved(town: Town) -> None:
    host = town.host()
    town.first.blocks_max = town.second.blocks_max = 3
    [address] = host.give(1)
    town.look(host)
    for number in range(1, 21):
        town.chain.pay(town.usdc, address, number * USDC)
        town.chain.mine(2)
    town.chain.mine(8)
    _later(town, host)
    assert host.amounts() == [number * USDC for number in range(1, 21)]


def test_a_node_that_lags_is_passed_over(town: Town) -> None:
    host = town.host()
    _paid_one(town, host)
    town.first.behind = 60
    _later(town, host, 720)
    assert host.amounts() == [5 * USDC] and host.delayed == ""


def test_where_all_lag_it_is_said(town: Town) -> None:
    host = town.host()
    _paid_one(town, host)
    town.first.behind = town.second.behind = 60
    _later(town, host, 720)
    assert "minutes behind" in host.delayed
    town.first.behind = town.second.behind = 0
    _later(town, host)
    assert host.amounts() == [5 * USDC] and host.delayed == ""


def test_a_payment_that_only_the_logs_have_is_not_credited(town: Town) -> None:
    host = town.host()
    address = _paid_one(town, host)
    block = town.chain.call("eth_getBlockByNumber", "latest", False)
    empty = town.chain.send(town.chain.others[0], value=1)
    town.chain.mine()

    def invent(method: str, params: list[Any], result: Any) -> Any:
        if method != "eth_getLogs":
            return result
        topics = [TRANSFER, "0x" + "00" * 32, "0x" + address[2:].lower().rjust(64, "0")]
        made = {"address": town.usdc, "topics": topics, "data": f"0x{9 * USDC:064x}"}
        return [*result, made | {"transactionHash": empty, "blockNumber": block["number"], "blockHash": block["hash"]}]

    town.first.lie = invent
    _later(town, host)  # the second node has the word
    assert host.amounts() == [5 * USDC] and host.differences() == []


def test_a_large_payment_needs_both_nodes_words(town: Town) -> None:
    host = town.host(check_above=1)

    def enlarge(method: str, params: list[Any], result: Any) -> Any:
        logs = result if method == "eth_getLogs" else result["logs"] if method == "eth_getTransactionReceipt" else []
        for log in logs:
            log["data"] = f"0x{5_000_000 * USDC:064x}"
        return result

    _paid_one(town, host)
    town.first.lie = enlarge
    town.look(host)
    assert not host.paid and "second node" in host.delayed
    town.first.lie = lambda method, params, result: result
    _later(town, host)
    assert host.amounts() == [5 * USDC] and host.delayed == "" and not host.seen


def test_a_large_payment_waits_while_the_second_node_is_down(town: Town) -> None:
    host = town.host()
    town.second.down = True
    small = _paid_one(town, host)
    [large] = host.give(2)[1:]
    town.chain.pay(town.usdc, large, 500 * USDC)
    town.chain.mine(8)
    town.look(host)
    assert host.credited() == {small: 5 * USDC} and len(host.seen) == 1 and "second node" in host.delayed
    town.second.down = False
    _later(town, host)
    assert host.credited() == {small: 5 * USDC, large: 500 * USDC} and not host.seen


def test_a_large_payment_that_never_was_is_dropped(town: Town) -> None:
    host = town.host()
    [address] = host.give(1)
    town.look(host)
    real = town.chain.pay(town.usdt, town.chain.others[0], 10**18)
    town.chain.mine(8)

    def redirect(method: str, params: list[Any], result: Any) -> Any:
        if method == "eth_getLogs":
            receipt = town.chain.call("eth_getTransactionReceipt", real)
            first, last = (int(params[0][one], 16) for one in ("fromBlock", "toBlock"))
            result = receipt["logs"] if first <= int(receipt["blockNumber"], 16) <= last else []
        logs = result if method == "eth_getLogs" else result["logs"] if method == "eth_getTransactionReceipt" else []
        for log in logs:
            log["topics"][2] = "0x" + address[2:].lower().rjust(64, "0")
            log["data"] = f"0x{700 * 10**18:064x}"
        return result

    town.first.lie = redirect
    town.look(host)
    assert len(host.seen) == 1 and not host.paid
    town.first.lie = lambda method, params, result: result
    _later(town, host)
    assert not host.paid and not host.seen and len(host.dropped) == 1


def test_what_the_first_node_leaves_out_the_second_look_finds(town: Town) -> None:
    host = town.host(check_above=0)
    town.first.lie = lambda method, params, result: [] if method == "eth_getLogs" else result
    _paid_one(town, host)
    town.look(host)
    assert not host.paid
    _later(town, host, 600)
    assert host.amounts() == [5 * USDC] and set(host.told.values()) == {1}


def test_a_node_that_tells_of_blocks_that_never_were_costs_nobody_a_deposit(town: Town) -> None:
    host = town.host()

    def ahead(method: str, params: list[Any], result: Any) -> Any:
        if method == "eth_getBlockByNumber" and params[0] == "latest":
            result["number"] = hex(int(result["number"], 16) + 100_000)
        return result

    town.first.lie = ahead
    _paid_one(town, host)
    town.look(host)
    town.first.lie = lambda method, params, result: result
    town.chain.mine(30, every_s=12)
    _later(town, host)
    assert host.amounts() == [5 * USDC]


def test_a_large_payment_is_final_when_both_nodes_say_so(town: Town) -> None:
    host = town.host(check_above=1)
    [address] = host.give(1)
    town.look(host)

    def ahead(method: str, params: list[Any], result: Any) -> Any:
        if method == "eth_getBlockByNumber" and params[0] == "latest":
            result["number"] = hex(int(result["number"], 16) + 10)
        return result

    town.first.lie = ahead
    town.chain.pay(town.usdc, address, 5 * USDC)
    town.chain.mine(3)
    town.look(host)
    assert not host.paid and len(host.seen) == 1
    town.chain.mine(5)
    town.look(host)
    assert host.amounts() == [5 * USDC] and not host.seen


def test_a_node_of_another_chain_is_not_used(town: Town) -> None:
    host = town.host()
    town.first.lie = lambda method, params, result: "0x5" if method == "eth_chainId" else result
    _paid_one(town, host)
    town.look(host)
    assert host.amounts() == [5 * USDC]
    assert town.first.asked["eth_getLogs"] == 0
    [line] = [one for one in host.plugin.payment_health(host.context) if not one.ok]
    assert "serves chain 5, not 31337" in line.text


def test_another_chain_than_the_configured_one_credits_nothing(town: Town) -> None:
    host = town.host(chain_id=424242)
    _paid_one(town, host)
    town.look(host)
    assert not host.paid and not host.seen and host.delayed


def test_a_token_with_other_decimals_than_configured_credits_nothing(town: Town) -> None:
    host = town.host(contracts={"USDT": ContractSettings(town.usdt, 6)})
    [address] = host.give(1)
    town.chain.pay(town.usdt, address, 10**18)
    town.chain.mine(8)
    town.look(host)
    assert not host.paid and not host.seen
    texts = [one.text for one in host.plugin.payment_health(host.context) if not one.ok]
    assert len(texts) == 2 and all("has 18 decimals" in text for text in texts)


GARBAGE: list[Any] = [
    "0x" + "f" * 5000,
    None,
    0,
    1,
    -1,
    "",
    "0x",
    "0xzz",
    "latest",
    [],
    [None],
    [[]],
    {},
    {"number": "x"},
    True,
    1e308,
]


def test_nonsense_in_any_answer_is_a_failure_of_the_node_and_nothing_else(town: Town) -> None:
    host = town.host()
    address = _paid_one(town, host)
    dice = random.Random(3)

    def nonsense(method: str, params: list[Any], result: Any) -> Any:
        roll = dice.random()
        if roll < 0.1:
            return dice.choice(GARBAGE)
        if roll < 0.3 and isinstance(result, dict):
            return result | {dice.choice(sorted(result)): dice.choice(GARBAGE)}
        if roll < 0.5 and isinstance(result, list) and result:
            return [result[0] | {dice.choice(sorted(result[0])): dice.choice(GARBAGE)}]
        return result

    for shim in (town.first, town.second):
        shim.lie = nonsense
    for number in range(40):
        town.chain.pay(town.usdc, address, (6 + number) * USDC)
        _later(town, host, 60)
    for shim in (town.first, town.second):
        shim.lie = lambda method, params, result: result
    _later(town, host, 600)
    assert host.credited() == {address: town.chain.balance(town.usdc, address)}
    assert len(host.paid) == 41 and not host.seen and host.differences() == []


def test_a_clock_that_was_ahead_for_a_while_delays_no_deposit(town: Town) -> None:
    host = town.host()
    [address] = host.give(1)
    town.look(host)
    right, host.now = host.now, host.now + 86_400
    host.step()
    town.first.down = town.second.down = True
    host.now += 10
    host.step()  # the nodes rest until a time that is a day off
    town.first.down = town.second.down = False
    town.chain.pay(town.usdc, address, 5 * USDC)
    town.chain.mine(8)
    for host.now in range(int(right) + 30, int(right) + 60, 5):
        host.step()
    assert host.amounts() == [5 * USDC] and host.delayed == ""
