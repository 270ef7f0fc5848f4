"""``[plugins.evm]``: whose addresses, on which networks, by which nodes; and the networks that are known."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from router_plugins.chains import checksummed, minor_units, read_xpub

from router import Secret

__all__ = ["ContractSettings", "NetworkSettings", "Settings", "known_networks"]

_CONTRACT = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)


@dataclass(frozen=True)
class ContractSettings:
    """``[plugins.evm.networks.NAME.contracts]``: a token by its contract.

    Attributes:
        contract: its address.
        decimals: digits behind the point; the node is asked whether they are right.
    """

    contract: str
    decimals: int = field(default=6, metadata={"min": 0, "max": 30})


@dataclass(frozen=True)
class NetworkSettings:
    """``[plugins.evm.networks.NAME]``.

    Attributes:
        rpc: URLs of two nodes, better of two companies: ``["env:BASE_RPC", "env:BASE_RPC_2"]``. The first is asked; the
            second where it fails, before large credits, and for a second look at each block.
        chain_id: of a network that is not known by its name.
        tokens: which of the known ones are credited; all of them where unset.
        contracts: further tokens; their names never change their meaning.
        confirmations: blocks after which a deposit is credited; 0 for what the node calls ``finalized``. Unset, it is
            the network's own.
        coin: the network's own currency, where ``native_eth`` is on and ``feed`` is set.
        feed: Chainlink's contract on this network that tells the price of ``coin`` in USD.
        poll_s: between two looks, in seconds; the network's own where unset.
        span: the most blocks that one question asks for.
        per_second: requests that each node is sent in a second, at most.
    """

    rpc: tuple[Secret, ...] = ()
    chain_id: int = field(default=0, metadata={"min": 0, "max": 2**53})
    tokens: tuple[str, ...] = ()
    contracts: Mapping[str, ContractSettings] = field(default_factory=dict)
    confirmations: int | None = field(default=None, metadata={"min": 0, "max": 100_000})
    coin: str = ""
    feed: str = ""
    poll_s: int | None = field(default=None, metadata={"min": 1, "max": 3600})
    span: int = field(default=2000, metadata={"min": 1, "max": 100_000})
    per_second: int = field(default=20, metadata={"min": 1, "max": 10_000})


@dataclass(frozen=True)
class Settings:
    """``[plugins.evm]``.

    Attributes:
        xpub: the extended public key of the account ``m/44'/60'/0'``, as the wallet shows it. Never the ``xprv``.
        networks: ``ethereum``, ``base``, ``polygon``, ``arbitrum``, ``optimism``, ``bsc``, and any other with its
            ``chain_id`` and ``contracts``.
        least: the smallest deposit that is credited, in whole and parts of a token: ``"5"``.
        check_above: tokens in one deposit above which it is credited only when both nodes have it.
        native_eth: whether ETH is credited, too, on networks with a ``feed``. What contracts and exchanges send is
            reported and not credited: no log tells of it.
        least_eth: the smallest deposit of ETH.
    """

    xpub: str = field(default="", repr=False)
    networks: Mapping[str, NetworkSettings] = field(default_factory=dict)
    least: str = "5"
    check_above: int = field(default=100, metadata={"min": 0, "max": 10**12})
    native_eth: bool = False
    least_eth: str = "0.002"

    def __post_init__(self) -> None:
        if self.xpub:
            read_xpub(self.xpub)
        minor_units(self.least, 6)
        minor_units(self.least_eth, 18)
        for name, network in self.networks.items():
            _check(name, network)


@cache
def known_networks() -> Mapping[str, Mapping[str, Any]]:
    """What is known of networks, by name."""
    return tomllib.loads(files(__package__).joinpath("networks.toml").read_text(encoding="utf-8"))


def _check(name: str, network: NetworkSettings) -> None:
    known = known_networks().get(name)
    if known is None and not (network.chain_id and network.contracts):
        raise ValueError(
            f"networks.{name} is not known: set its chain_id and contracts, or use one of {', '.join(known_networks())}"
        )
    if known is not None and network.chain_id not in (0, known["chain_id"]):
        raise ValueError(f"networks.{name} has chain_id {known['chain_id']}: give the other chain a name of its own")
    for token in network.tokens:
        if token not in (known or {}).get("tokens", {}) and token not in network.contracts:
            raise ValueError(f"networks.{name}.tokens: {token} has no known contract there: set it in contracts")
    _check_names(name, network, known or {})
    for place, contract in [
        ("feed", network.feed),
        *((token, one.contract) for token, one in network.contracts.items()),
    ]:
        if contract and not _is_contract(contract):
            raise ValueError(f"networks.{name}: the contract of {place} is no address, or a digit of it is wrong")
    for url in network.rpc:
        if url and not url.reveal().startswith(("https://", "http://")):
            raise ValueError(f"networks.{name}.rpc: a URL begins with https:// (or http://, for a node of your own)")


def _check_names(name: str, network: NetworkSettings, known: Mapping[str, Any]) -> None:
    """A deposit's reference has its currency: of two names for one contract, or one name for two things, one deposit
    could be credited twice, and one of two not at all.
    """
    contracts = {token: one["contract"].lower() for token, one in known.get("tokens", {}).items()}
    contracts |= {token: one.contract.lower() for token, one in network.contracts.items()}
    named: dict[str, str] = {}
    for token, contract in contracts.items():
        if network.tokens and token not in network.tokens:
            continue
        other = named.setdefault(contract, token)
        if other != token:
            raise ValueError(f"networks.{name}: {other} and {token} are one contract: name it once")
    coin = network.coin or known.get("coin", "")
    if coin in named.values():
        raise ValueError(f"networks.{name}: {coin} is the network's own currency: give the contract another name")


def _is_contract(text: str) -> bool:
    """Whether it is an address; where it has letters of both cases they are a checksum, which must fit."""
    if not _CONTRACT.fullmatch(text):
        return False
    digits = text[2:]
    return digits in (digits.lower(), digits.upper()) or text == checksummed(bytes.fromhex(digits))
