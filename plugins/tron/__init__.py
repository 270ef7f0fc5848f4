"""USDT on TRON (TRC-20): one address for each account, watched through a node's Ethereum-like JSON-RPC.

Only what the chain calls final is looked at, which is a minute old; and TronGrid's own list must have it, too.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from router_plugins.chains import Network, Node, Token, base58check, from_base58check, minor_units, read_xpub
from router_plugins.chains.method import ChainMethod, SetUp
from router_plugins.tron.rest import TronGrid

from router import ConfigError, Secret, hookimpl

__all__ = ["Settings", "Tron", "plugin"]

_PREFIX = b"\x41"
_DECIMALS = 6
_SPAN = 4000  # nodes refuse more than 5,000 blocks
_USDT = "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"
_GRID = "https://api.trongrid.io"


@dataclass(frozen=True)
class Settings:
    """``[plugins.tron]``.

    Attributes:
        xpub: the extended public key of the account ``m/44'/195'/0'``, as the wallet shows it. Never the ``xprv``.
        rpc: URLs of a node's JSON-RPC, and of a second one.
        rest: TronGrid's REST, which must list a deposit before it is credited; ``""`` for no such check.
        api_key: for TronGrid, the header ``TRON-PRO-API-KEY``; sent to the host of ``rest`` alone.
        contract, chain_id: of USDT and of the chain, where it is a test network.
        least: the smallest deposit that is credited. To collect one costs some TRX, so a small one is a loss.
        check_above: USDT in one deposit above which both nodes must have it, where there are two.
        per_second: requests that are sent in a second, at most; TronGrid serves 15 of each key, and then none for 30 s.
    """

    xpub: str = field(default="", repr=False)
    rpc: tuple[Secret, ...] = (Secret(f"{_GRID}/jsonrpc"),)
    rest: str = _GRID
    api_key: Secret = field(default=Secret("", "env:TRON_PRO_API_KEY"))
    contract: str = _USDT
    chain_id: int = field(default=728126428, metadata={"min": 1, "max": 2**53})
    least: str = "5"
    check_above: int = field(default=100, metadata={"min": 0, "max": 10**12})
    per_second: int = field(default=8, metadata={"min": 1, "max": 10_000})

    def __post_init__(self) -> None:
        if self.xpub:
            read_xpub(self.xpub)
        minor_units(self.least, _DECIMALS)
        try:
            _account(self.contract)
        except ValueError as error:
            raise ValueError(f"contract: {error}") from None
        for url in [self.rest, *(one.reveal() for one in self.rpc)]:
            if url and not url.startswith(("https://", "http://")):
                raise ValueError("rpc, rest: a URL begins with https:// (or http://, for a node of your own)")


class Tron(ChainMethod):
    """The payment method ``tron``."""

    path = "m/44'/195'/0'"

    @hookimpl
    def settings(self) -> type:
        return Settings

    def set_up(self, settings: Settings) -> SetUp:
        if not settings.xpub:
            raise ConfigError("[plugins.tron] xpub is not set: export it from the wallet, account m/44'/195'/0'")
        pacer = self.pacer(settings.per_second)
        nodes = [Node(url.reveal(), pacer, _headers(url.reveal(), settings)) for url in settings.rpc if url]
        if not nodes:
            raise ConfigError("[plugins.tron] rpc is empty: give the URL of a node's JSON-RPC")
        token = Token(
            "USDT", "0x" + _account(settings.contract).hex(), _DECIMALS, minor_units(settings.least, _DECIMALS)
        )
        network = Network(
            name="tron",
            title="TRON (TRC-20)",
            method="tron",
            chain_id=settings.chain_id,
            tokens=[token],
            confirmations=0,
            nodes=nodes,
            check_above=settings.check_above,
            span=_SPAN,
        )
        grid = None
        if settings.rest:
            base = settings.rest.rstrip("/")
            log = logging.getLogger("router.plugins.tron")
            grid = TronGrid(Node(base, pacer, _headers(base, settings)), settings.contract, log)
        lacks = ["TRON_PRO_API_KEY is not set: TronGrid serves few requests without a key, and then none for 30 s"]
        return SetUp(
            read_xpub(settings.xpub).child(0),
            [network],
            settings.least,
            [] if settings.api_key or grid is None else lacks,
            grid.has if grid else None,
        )

    def address_text(self, account: bytes) -> str:
        return base58check(_PREFIX + account)

    def address_bytes(self, address: str) -> bytes:
        return _account(address)

    def title(self, up: SetUp) -> str:
        return "USDT on TRON (TRC-20)"

    def warning(self, up: SetUp) -> str:
        return (
            "Send only USDT on TRON (TRC-20). Other tokens that are sent to this address, TRX among them, are not "
            f"credited, and neither are deposits below {up.least} USDT."
        )


def _account(address: str) -> bytes:
    """The 20 bytes of a T... address.

    Raises:
        ValueError: it is none.
    """
    data = from_base58check(address)
    if len(data) != 21 or data[:1] != _PREFIX:
        raise ValueError(f"{address} is no address of TRON's: those begin with T and have 34 characters")
    return data[1:]


def _headers(url: str, settings: Settings) -> dict[str, str]:
    if settings.api_key and urlsplit(url).netloc == urlsplit(settings.rest).netloc:
        return {"TRON-PRO-API-KEY": settings.api_key.reveal()}
    return {}


plugin = Tron()
