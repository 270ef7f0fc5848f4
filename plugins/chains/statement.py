"""Everything that came since a time, read from the chain once more."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence

from router_plugins.chains.choice import Head, newest, rest
from router_plugins.chains.deposits import Span, block_of, swept
from router_plugins.chains.feed import NoPrice, usd_price
from router_plugins.chains.network import Network
from router_plugins.chains.nodes import NodeFault, number_in
from router_plugins.chains.watcher import accounts_of

from router import DepositPaid, PaymentWatch, Unavailable

__all__ = ["statement"]


def statement(
    networks: Sequence[Network],
    watch: PaymentWatch,
    account_of: Callable[[str], str],
    since: float,
    log: logging.Logger,
) -> Iterator[DepositPaid]:
    """A ``DepositPaid`` for each deposit in a final block of that time or later, oldest first within a network.

    Raises:
        Unavailable: a network cannot be asked: a part would be taken for the whole.
    """
    addresses = accounts_of(watch, account_of)
    for network in networks:
        try:
            yield from _of_network(network, addresses, since, watch.now, log)
        except NodeFault as fault:
            raise Unavailable(f"{network.title} cannot be read to its end: {fault}") from None


def _of_network(
    network: Network, addresses: Mapping[str, str], since: float, now: float, log: logging.Logger
) -> Iterator[DepositPaid]:
    head = newest(network, 0, now, log)
    span = Span(network.span, network.span)
    try:
        usd_rate = usd_price(head.node, network.coin, now) if network.coin is not None else ""
    except NoPrice:
        usd_rate = ""
    try:
        for _, found in swept(head.node, network, addresses, _first_since(head, since), head.final, span):
            for one in found:
                is_coin = network.coin is not None and one.currency == network.coin.name
                yield one.paid(usd_rate if is_coin else "")
    except NodeFault as fault:
        rest(head.node, fault, now, log)
        raise


def _first_since(head: Head, since: float) -> int:
    """The first block that is not older than a time, by halving."""
    low, high = 0, head.final + 1
    while low < high:
        middle = (low + high) // 2
        block = block_of(head.node, middle)
        if block is None:
            raise NodeFault(f"{head.node.host} does not have block {middle}")
        if number_in(block, "timestamp", head.node.host) < since:
            low = middle + 1
        else:
            high = middle
    return low
