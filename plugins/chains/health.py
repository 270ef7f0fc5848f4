"""What an operator asks of a method's set-up: each node's chain, tokens and delay, and addresses to compare."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from router_plugins.chains.choice import head_of
from router_plugins.chains.feed import NoPrice, usd_price
from router_plugins.chains.network import Network
from router_plugins.chains.nodes import Node, NodeFault

from router import HealthLine

__all__ = ["health"]

_COMPARED = 3


def health(networks: Sequence[Network], address: Callable[[int], str], now: float, path: str) -> Iterator[HealthLine]:
    """A line for each thing.

    Args:
        address: that of a number.
        path: as wallets name it, for what is said beside the addresses.
    """
    shown = ", ".join(f"{number}: {address(number)}" for number in range(_COMPARED))
    yield HealthLine(
        "first addresses",
        True,
        f"{shown} - the wallet must show the same ones as its first ({path}/0/0 and so on); where it does not, turn "
        "the method off: what is sent there is not yours",
    )
    for network in networks:
        for node in network.nodes:
            yield _node_line(network, node, now)
        if len(network.nodes) < 2:
            yield HealthLine(
                f"{network.title}: second node",
                False,
                "there is none: one that lies, or leaves something out, goes unnoticed; add one of another company",
            )
        if network.coin is not None:
            yield _price_line(network, now)


def _node_line(network: Network, node: Node, now: float) -> HealthLine:
    what = f"{network.title}: {node.host}"
    node.proved = False  # asked anew: what it serves may have changed since the start
    try:
        head = head_of(node, network, now)
    except NodeFault as fault:
        return HealthLine(what, False, str(fault))
    final = f"final up to {head.final}" if head.final >= 0 else "none of them final"
    found = f"chain {network.chain_id}, block {head.number}, {round(head.age_s)} s old, {final}"
    if head.age_s > network.stale_s:
        return HealthLine(what, False, f"{found}: it is behind; use another node, or wait")
    tokens = ", ".join(f"{token.name} with {token.decimals} decimals" for token in network.tokens)
    return HealthLine(what, True, f"{found}; {tokens}")


def _price_line(network: Network, now: float) -> HealthLine:
    assert network.coin is not None
    what = f"{network.title}: price of {network.coin.name}"
    try:
        return HealthLine(what, True, f"{usd_price(network.nodes[0], network.coin, now)} USD")
    except (NoPrice, NodeFault) as fault:
        return HealthLine(what, False, f"{fault}; deposits wait until it is there")
