"""What an operator can ask: the set-up's health, everything that came since a time, and what does not fit."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from deposit_town import Town

from router import Unavailable

pytestmark = pytest.mark.slow

USDC = 10**6


def test_health_tells_of_chain_tokens_delay_and_first_addresses(town: Town) -> None:
    host = town.host()
    lines = {line.what: line for line in host.plugin.payment_health(host.context)}
    assert all(line.ok for line in lines.values())
    first, *nodes = lines.values()
    assert re.findall(r"0x[0-9a-fA-F]{40}", first.text) == host.give(3)
    assert "m/44'/60'/0'/0/0" in first.text
    assert len(nodes) == 2
    for line in nodes:
        assert "chain 31337, block 2, " in line.text
        assert "USDC with 6 decimals, USDT with 18 decimals" in line.text


def test_health_names_what_is_wrong_and_no_url(town: Town) -> None:
    host = town.host(second=False)
    town.first.url = town.first.url + "/v3/SECRETKEY"
    host = town.host(second=False)
    town.first.down = True
    lines = [line for line in host.plugin.payment_health(host.context) if not line.ok]
    assert [line.what for line in lines] == [f"testnet: {_host_of(town)}", "testnet: second node"]
    assert "does not answer" in lines[0].text and "SECRETKEY" not in repr(lines)
    town.first.down = False
    town.first.behind = 50
    town.chain.mine(60, every_s=12)
    texts = [line.text for line in host.plugin.payment_health(host.context) if not line.ok]
    assert any("it is behind" in text for text in texts)


def test_a_key_in_a_url_is_in_no_record_and_no_log(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    town.first.url = town.first.url + "/v3/SECRETKEY"
    host = town.host(second=False)
    host.give(1)
    town.first.down = True
    town.look(host)
    town.first.down = False
    town.first.refusals = [403] * 3
    host.run(5)
    assert "does not answer" in caplog.text and "limits us" in caplog.text
    assert "SECRETKEY" not in caplog.text + repr(host.settings) + repr(host.cursor) + host.delayed


def test_a_statement_tells_what_came_since_a_time(town: Town) -> None:
    chain, host = town.chain, town.host()
    [address] = host.give(1)
    chain.pay(town.usdc, address, 5 * USDC)
    chain.mine(8, every_s=12)
    town.look(host)
    between = chain.now
    chain.mine(2, every_s=100)
    chain.pay(town.usdc, address, 6 * USDC)
    chain.pay(town.usdt, address, 7 * 10**18)
    chain.mine(8)
    town.look(host)
    assert host.statement() == host.paid and len(host.paid) == 3
    assert sorted(one.amount for one in host.statement(between + 1).values()) == [6 * USDC, 7 * 10**18]
    assert host.statement(chain.now + 1) == {}


def test_a_statement_of_a_chain_that_does_not_answer_is_none(town: Town) -> None:
    host = town.host()
    host.give(1)
    town.first.down = town.second.down = True
    with pytest.raises(Unavailable, match="testnet cannot be read to its end"):
        host.statement()


def test_a_credit_that_the_chain_does_not_have_is_reported(town: Town) -> None:
    chain, host = town.chain, town.host()
    one, other = host.give(2)
    for address in (one, other):
        chain.pay(town.usdc, address, 5 * USDC)
    chain.mine(8)
    town.look(host)
    assert host.differences() == []
    reference = next(reference for reference, fact in host.paid.items() if fact.address == one)
    host.paid[reference] = replace(host.paid[reference], amount=6 * USDC)
    [line] = host.differences()
    assert line.startswith(f"{one} on testnet holds 1 USDC less than was credited, and never sent anything")
    del host.paid[reference]
    assert host.differences() == [f"{one} on testnet holds 5 USDC more than was credited"]


def test_what_is_on_its_way_and_what_the_operator_took_away_are_no_differences(town: Town) -> None:
    chain, host = town.chain, town.host()
    taken, comes, unseen = host.give(3)
    chain.pay(town.usdc, taken, 5 * USDC)
    chain.send(taken, value=10**18)
    chain.mine(8)
    town.look(host)
    chain.call("anvil_impersonateAccount", taken)
    chain.pay(town.usdc, chain.others[0], 5 * USDC, sender=taken)
    chain.pay(town.usdc, comes, 7 * USDC)
    chain.mine(2)
    town.look(host)
    chain.pay(town.usdc, unseen, 9 * USDC)
    chain.mine()
    assert chain.balance(town.usdc, taken) == 0 and len(host.seen) == 1
    assert host.differences() == []


def test_a_network_that_was_not_compared_is_said(town: Town) -> None:
    host = town.host()
    host.give(1)
    town.first.down = town.second.down = True
    [line] = host.differences()
    assert line.startswith("testnet was not compared: ")


def _host_of(town: Town) -> str:
    return town.first.url.split("/")[2]
