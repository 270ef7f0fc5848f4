"""What our addresses hold against what was credited: told, never booked.

More than was credited is money that no log told of (a deposit below the least, or of a kind that is not watched), or
one that was missed. Less is a payout of the operator's, unless the address has never sent anything.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from router_plugins.chains.balances import answers_of, balances_of, credited_on, moneys_of
from router_plugins.chains.choice import Head, newest
from router_plugins.chains.deposits import Span, swept
from router_plugins.chains.network import Coin, Network, Token
from router_plugins.chains.nodes import Limited, NodeFault, number_in
from router_plugins.chains.progress import Progress
from router_plugins.chains.watcher import accounts_of, on_way_of

from router import PaymentFact, PaymentWatch
from router.money import format_nano

__all__ = ["differences"]


@dataclass(frozen=True, slots=True)
class _Held:
    """What one address holds of one currency, and what should be there."""

    account: str
    address: str
    balance: int
    credited: int
    on_way: int


def differences(
    networks: Sequence[Network],
    watch: PaymentWatch,
    booked: Sequence[PaymentFact],
    account_of: Callable[[str], str],
    log: logging.Logger,
) -> Iterator[str]:
    """A line for each difference; a network that cannot be asked is one."""
    addresses = accounts_of(watch, account_of)
    for network in networks:
        try:
            head = newest(network, 0, watch.now, log)
            for money in moneys_of(network):
                yield from _of_money(network, money, head, addresses, watch, booked)
        except NodeFault as fault:
            yield f"{network.title} was not compared: {fault}"


def _of_money(
    network: Network,
    money: Token | Coin,
    head: Head,
    addresses: Mapping[str, str],
    watch: PaymentWatch,
    booked: Sequence[PaymentFact],
) -> Iterator[str]:
    credited = credited_on(network, money, booked)
    on_way: Counter[str] = Counter()
    for seen in on_way_of(network, watch).values():
        if seen.currency == money.name:
            on_way[seen.address] += seen.amount
    balances = balances_of(head.node, money, list(addresses))
    held = [
        _Held(account, address, balances[account], credited[address], on_way[address])
        for account, address in addresses.items()
    ]
    yield from _above(network, money, head, [one for one in held if one.balance > one.credited + one.on_way], watch)
    yield from _below(network, money, head, [one for one in held if one.balance < one.credited])


def _above(
    network: Network, money: Token | Coin, head: Head, held: Sequence[_Held], watch: PaymentWatch
) -> Iterator[str]:
    """Addresses that hold more; what is newer than the last look is on its way, too."""
    if not held:
        return
    done = Progress.read(watch.cursor.get(network.name)).done
    known = {one.reference for one in watch.seen}
    newer: Counter[str] = Counter()
    accounts = {one.account: one.address for one in held}
    for _, found in swept(
        head.node, network, accounts, (head.number if done is None else done) + 1, head.number, Span(500, network.span)
    ):
        for deposit in found:
            if deposit.currency == money.name and deposit.reference not in known:
                newer[deposit.address] += deposit.amount
    small: list[int] = []
    for one in held:
        over = one.balance - one.credited - one.on_way - newer[one.address]
        if over >= money.least:
            yield f"{one.address} on {network.title} holds {_text(over, money)} more than was credited"
        elif over > 0:
            small.append(over)
    if small:
        yield (
            f"{len(small)} addresses on {network.title} hold {_text(sum(small), money)} in deposits below the least, "
            f"{_text(money.least, money)}"
        )


def _below(network: Network, money: Token | Coin, head: Head, held: Sequence[_Held]) -> Iterator[str]:
    """Addresses that hold less although they never sent anything."""
    if not held:
        return
    try:
        counts = answers_of(head.node, "eth_getTransactionCount", [[one.account, "latest"] for one in held])
    except Limited:
        raise
    except NodeFault:
        return  # TRON's nodes do not count an address's transactions: there less says nothing
    for one, count in zip(held, counts, strict=True):
        if number_in({"count": count}, "count", head.node.host) == 0:
            yield (
                f"{one.address} on {network.title} holds {_text(one.credited - one.balance, money)} less than was "
                "credited, and never sent anything: a credit may stand on a block that is gone"
            )


def _text(amount: int, money: Token | Coin) -> str:
    return f"{format_nano(amount, places=money.decimals)} {money.name}"
