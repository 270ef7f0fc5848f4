"""A chain with its tokens, two nodes before it, and hosts that watch by them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chain_kit import Chain
from deposit_host import ETHEREUM_XPUB, Host
from node_shim import Shim
from router_plugins.evm import Evm
from router_plugins.evm.settings import ContractSettings, NetworkSettings, Settings

from router import Secret

__all__ = ["Town"]

_CHAIN_ID = 31337


@dataclass
class Town:
    """A chain with its tokens, two nodes before it, and a host that watches by them."""

    chain: Chain
    usdc: str
    usdt: str
    first: Shim
    second: Shim

    def settings(self, confirmations: int = 6, second: bool = True, **more: Any) -> Settings:
        rpc = (Secret(self.first.url), *([Secret(self.second.url)] if second else []))
        contracts = {"USDC": ContractSettings(self.usdc, 6), "USDT": ContractSettings(self.usdt, 18)}
        network = NetworkSettings(
            rpc=rpc,
            chain_id=more.pop("chain_id", _CHAIN_ID),
            contracts=more.pop("contracts", contracts),
            confirmations=confirmations,
            coin="ETH",
            feed=more.pop("feed", ""),
            poll_s=5,
            span=more.pop("span", 2000),
        )
        return Settings(**{"xpub": ETHEREUM_XPUB, "networks": {"testnet": network}, "least": "1", **more})

    def host(self, **settings: Any) -> Host:
        return Host(
            Evm(clock=lambda: self.chain.now, sleep=lambda seconds: None), self.settings(**settings), self.chain.now
        )

    def look(self, host: Host, steps: int = 3) -> None:
        """Let the host look, at a time that is the newest block's or later."""
        host.now = max(host.now, self.chain.now)
        host.run(steps)
