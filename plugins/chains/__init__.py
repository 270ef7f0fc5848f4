"""How money on a chain is watched: what the methods ``evm`` and ``tron`` have in common. It is no plugin itself."""

from __future__ import annotations

from router_plugins.chains.choice import rest
from router_plugins.chains.deposits import Deposit
from router_plugins.chains.derivation import (
    ExtendedKey,
    base58check,
    checksummed,
    from_base58check,
    keccak256,
    read_xpub,
)
from router_plugins.chains.differences import differences
from router_plugins.chains.health import health
from router_plugins.chains.network import Coin, Network, Token, minor_units
from router_plugins.chains.nodes import Limited, Node, NodeFault, Pacer
from router_plugins.chains.statement import statement
from router_plugins.chains.watcher import watch_step

__all__ = [
    "Coin",
    "Deposit",
    "ExtendedKey",
    "Limited",
    "Network",
    "Node",
    "NodeFault",
    "Pacer",
    "Token",
    "base58check",
    "checksummed",
    "differences",
    "from_base58check",
    "health",
    "keccak256",
    "minor_units",
    "read_xpub",
    "rest",
    "statement",
    "watch_step",
]
