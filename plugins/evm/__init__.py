"""USDC and USDT, and ETH where it is turned on, on Ethereum and chains like it: one address for each account.

Watch-only: the addresses follow from an xpub, and no key that could spend is anywhere near.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from router_plugins.chains import Coin, Network, Node, Pacer, Token, checksummed, minor_units, read_xpub
from router_plugins.chains.method import ChainMethod, SetUp
from router_plugins.evm.settings import NetworkSettings, Settings, known_networks

from router import ConfigError, hookimpl

__all__ = ["Evm", "plugin"]

_COIN_DECIMALS = 18
_POLL_S = 5
_COIN_SPAN = 20  # blocks of one question where whole blocks are read


class Evm(ChainMethod):
    """The payment method ``evm``."""

    path = "m/44'/60'/0'"

    @hookimpl
    def settings(self) -> type:
        return Settings

    def set_up(self, settings: Settings) -> SetUp:
        if not settings.xpub:
            raise ConfigError("[plugins.evm] xpub is not set: export it from the wallet, account m/44'/60'/0'")
        networks = [_network(name, one, settings, self.pacer) for name, one in settings.networks.items()]
        ready = [network for network in networks if network.nodes]
        lacks = [line for name, one in settings.networks.items() for line in _lacks(name, one)]
        if not ready:
            raise ConfigError("; ".join(lacks) or "[plugins.evm.networks] is empty: name networks, each with its rpc")
        return SetUp(read_xpub(settings.xpub).child(0), ready, settings.least, lacks)

    def address_text(self, account: bytes) -> str:
        return checksummed(account)

    def address_bytes(self, address: str) -> bytes:
        return bytes.fromhex(address[2:])

    def title(self, up: SetUp) -> str:
        return f"{_listed(_currencies(up))} on {_listed([network.title for network in up.networks])}"

    def warning(self, up: SetUp) -> str:
        return (
            f"Send only {_listed(_currencies(up))}, each only on a network that stands beside it. Any other token, and "
            f"the same one on another network, is not credited. Deposits below {up.least} are not credited either."
        )


def _network(name: str, own: NetworkSettings, settings: Settings, pacer: Callable[[int], Pacer]) -> Network:
    known = known_networks().get(name, {})
    contracts = {token: (one["contract"], one["decimals"]) for token, one in known.get("tokens", {}).items()}
    contracts |= {token: (one.contract, one.decimals) for token, one in own.contracts.items()}
    tokens = [
        Token(token, contract.lower(), decimals, minor_units(settings.least, decimals))
        for token, (contract, decimals) in contracts.items()
        if not own.tokens or token in own.tokens
    ]
    coin = _coin(own.coin or known.get("coin", ""), own.feed or known.get("feed", ""), settings)
    return Network(
        name=name,
        title=known.get("title", name),
        method="evm",
        chain_id=own.chain_id or known["chain_id"],
        tokens=tokens,
        confirmations=known.get("confirmations", 0) if own.confirmations is None else own.confirmations,
        nodes=[Node(url.reveal(), pacer(own.per_second)) for url in own.rpc if url],
        coin=coin,
        check_above=settings.check_above,
        poll_s=own.poll_s or known.get("poll_s", _POLL_S),
        span=min(own.span, _COIN_SPAN) if coin else own.span,
    )


def _coin(name: str, feed: str, settings: Settings) -> Coin | None:
    if not (settings.native_eth and name and feed):
        return None
    return Coin(name, _COIN_DECIMALS, minor_units(settings.least_eth, _COIN_DECIMALS), feed.lower())


def _lacks(name: str, network: NetworkSettings) -> Iterator[str]:
    unset = [url.source.removeprefix("env:") for url in network.rpc if not url]
    for variable in unset:
        yield f"[plugins.evm.networks.{name}] rpc: set the environment variable {variable}"
    if not network.rpc:
        yield f"[plugins.evm.networks.{name}] rpc is empty: give the URLs of two nodes"


def _currencies(up: SetUp) -> list[str]:
    return list(dict.fromkeys(name for network in up.networks for name in network.currencies()))


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


plugin = Evm()
