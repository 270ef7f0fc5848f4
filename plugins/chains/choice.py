"""Which of a network's nodes is asked: the first that serves the right chain, is fresh, and need not rest."""

from __future__ import annotations

import logging
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from router_plugins.chains.deposits import block_of
from router_plugins.chains.network import Network
from router_plugins.chains.nodes import Limited, Node, NodeFault, asked_of, number_in, text_in

__all__ = ["Head", "head_of", "newest", "prove", "rest"]

_DECIMALS = "0x313ce567"
_REST_S, _REST_MOST_S, _LIMITED_S = 2.0, 60.0, 31.0
_jitter = random.SystemRandom().random


@dataclass(frozen=True, slots=True)
class Head:
    """A node, and the end of the chain as it knows it.

    Attributes:
        final: the last block that is taken to stay; below 0 where there is none.
        age_s: how old the newest block is.
    """

    node: Node
    number: int
    block_hash: str
    final: int
    age_s: float


def newest(network: Network, known: int, now: float, log: logging.Logger) -> Head:
    """The end of the chain, by the first node that is not behind; by the least behind one where all are.

    Args:
        known: the newest block known from before.

    Raises:
        NodeFault: no node answers.
    """
    found: list[Head] = []
    fault = NodeFault(f"all nodes of {network.title} rest after failures")
    for node in network.nodes:
        if node.rests(now):
            continue
        try:
            head = head_of(node, network, now)
        except NodeFault as one:
            rest(node, one, now, log)
            fault = one
            continue
        if head.age_s <= network.stale_s and head.number >= known:
            return head
        found.append(head)
    if not found:
        raise fault
    return max(found, key=lambda head: head.number)


def head_of(node: Node, network: Network, now: float) -> Head:
    """The end of the chain by one node, which is proved to serve it.

    Raises:
        NodeFault: it does not answer, or serves another chain.
    """
    prove(node, network)
    latest = _there(node, "latest")
    number = number_in(latest, "number", node.host)
    if network.confirmations:
        final = number - network.confirmations + 1
    else:
        final = number_in(_there(node, "finalized"), "number", node.host)
    age_s = now - number_in(latest, "timestamp", node.host)
    return Head(node, number, text_in(latest, "hash", node.host), min(final, number), age_s)


def prove(node: Node, network: Network) -> None:
    """See once that the node serves the network, and that its tokens have the decimals that we know.

    Raises:
        NodeFault: something differs; nothing is credited by it then.
    """
    if node.proved:
        return
    chain = number_in({"chain ID": node.call("eth_chainId")}, "chain ID", node.host)
    if chain != network.chain_id:
        raise NodeFault(
            f"{node.host} serves chain {chain}, not {network.chain_id} ({network.title}): set its right URL"
        )
    for token in network.tokens:
        answer = node.call("eth_call", *asked_of(token.contract, _DECIMALS))
        decimals = number_in({"decimals": answer}, "decimals", node.host) if answer not in (None, "0x") else None
        if decimals != token.decimals:
            raise NodeFault(
                f"{token.name} of {network.title} ({token.contract}) has {decimals} decimals by {node.host}, not "
                f"{token.decimals}: set the right contract, or its right decimals"
            )
    node.proved = True


def rest(node: Node, fault: NodeFault, now: float, log: logging.Logger) -> None:
    """Leave a node alone for a while: longer after each failure, and never for the same time as others do."""
    node.failures += 1
    pause_s = min(_REST_MOST_S, _REST_S * 2 ** min(node.failures - 1, 10))
    if isinstance(fault, Limited):
        pause_s = max(pause_s, _LIMITED_S, fault.pause_s)
    pause_s *= 1 + _jitter() / 4
    node.rests_until = now + pause_s
    log.warning("%s; it is asked again in %d s", fault, round(pause_s))


def _there(node: Node, tag: str) -> Mapping[str, Any]:
    block = block_of(node, tag)
    if block is None:
        raise NodeFault(f"{node.host} has no block that is {tag}")
    return block
