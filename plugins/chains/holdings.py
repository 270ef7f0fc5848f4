"""What lies on our addresses, for the operator's wallet to collect: asked of a node, and never moved by us."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence

from router_plugins.chains.balances import balances_of, credited_on, moneys_of
from router_plugins.chains.choice import newest
from router_plugins.chains.network import Network
from router_plugins.chains.nodes import NodeFault

from router import AddressHolding, PaymentFact, Unavailable, WatchedAddress

__all__ = ["holdings"]


def holdings(
    networks: Sequence[Network],
    addresses: Mapping[str, WatchedAddress],
    booked: Sequence[PaymentFact],
    path: Callable[[int], str],
    now: float,
    log: logging.Logger,
) -> Iterator[AddressHolding]:
    """What the addresses hold, or were credited, of each currency on each network; nothing of those that are empty.

    Args:
        addresses: by their 0x and 40 digits.
        path: of a number, as wallets name it.

    Raises:
        Unavailable: a network cannot be asked: a list without it would be taken for the whole.
    """
    if not addresses:
        return
    for network in networks:
        try:
            node = newest(network, 0, now, log).node
            for money in moneys_of(network):
                held = balances_of(node, money, list(addresses))
                credited = credited_on(network, money, booked)
                for account, given in addresses.items():
                    has = (held[account], credited[given.address])
                    if any(has):
                        about = (network.title, money.name, money.decimals)
                        yield AddressHolding(given.address, *about, *has, money.least, path(given.number))
        except NodeFault as fault:
            raise Unavailable(f"{network.title} cannot be asked now: {fault}", code="node_unavailable") from None
