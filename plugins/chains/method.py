"""A payment method whose customers pay to an address of their own, on one network or several."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from router_plugins.chains.derivation import ExtendedKey
from router_plugins.chains.differences import differences
from router_plugins.chains.health import health
from router_plugins.chains.holdings import holdings
from router_plugins.chains.look import Check
from router_plugins.chains.network import Network, minor_units
from router_plugins.chains.nodes import Pacer
from router_plugins.chains.statement import statement
from router_plugins.chains.watcher import watch_step

from router import (
    AddressHolding,
    ConfigError,
    DepositAddress,
    HealthLine,
    PaymentFact,
    PaymentOffer,
    PaymentWatch,
    PluginContext,
    Watched,
    WatchedAddress,
    hookimpl,
)

__all__ = ["ChainMethod", "SetUp"]

_OFFERED_DECIMALS = 6  # those of most tokens; what a network's own has more of shows in no least amount
_ADDRESSES_KEPT = 20_000


@dataclass(frozen=True, slots=True)
class SetUp:
    """What a section ``[plugins.NAME]`` comes to.

    Attributes:
        branch: the key whose children are the addresses: ``m/44'/coin'/0'/0``.
        networks: those that have a node.
        least: of one deposit, as decimal text.
        lacks: what an operator has still to set, a line each.
        also: what else must have a deposit before it is credited.
    """

    branch: ExtendedKey
    networks: Sequence[Network]
    least: str
    lacks: Sequence[str] = ()
    also: Check | None = None


class ChainMethod(ABC):
    """A payment plugin.

    Args:
        clock, sleep: Unix seconds, and what waits for some.

    Attributes:
        path: of the account whose xpub is wanted, as wallets name it.
    """

    requires_hooks = "0.2"
    path: str

    def __init__(self, clock: Callable[[], float] = time.time, sleep: Callable[[float], object] = time.sleep) -> None:
        self._clock, self._sleep = clock, sleep
        self._made: tuple[Any, SetUp] | None = None
        self._accounts: OrderedDict[str, str] = OrderedDict()

    @abstractmethod
    def set_up(self, settings: Any) -> SetUp:
        """What the settings come to.

        Raises:
            ConfigError: they are not enough: what lacks.
        """

    @abstractmethod
    def address_text(self, account: bytes) -> str:
        """20 bytes as an address of this method's."""

    @abstractmethod
    def address_bytes(self, address: str) -> bytes:
        """And back."""

    @abstractmethod
    def title(self, up: SetUp) -> str:
        """As customers read it."""

    @abstractmethod
    def warning(self, up: SetUp) -> str:
        """What must not be sent."""

    @hookimpl
    def payment_offer(self, context: PluginContext, account: str) -> PaymentOffer | None:
        up = self._up(context)
        return PaymentOffer(
            title=self.title(up),
            way="address",
            currency=up.networks[0].currencies()[0],
            decimals=_OFFERED_DECIMALS,
            least=minor_units(up.least, _OFFERED_DECIMALS),
            text=self.warning(up),
        )

    @hookimpl
    def payment_address(self, context: PluginContext, account: str, number: int) -> DepositAddress:
        up = self._up(context)
        networks = [(network.title, tuple(network.currencies())) for network in up.networks]
        return DepositAddress(self._address(up, number), networks, warning=self.warning(up))

    @hookimpl
    def payment_watch(self, context: PluginContext, watch: PaymentWatch) -> Watched:
        up = self._up(context)
        return watch_step(up.networks, watch, self._account_of, context.log, up.also)

    @hookimpl
    def payment_health(self, context: PluginContext) -> Iterable[HealthLine]:
        try:
            up = self._up(context)
        except ConfigError as fault:
            return [HealthLine("set-up", False, str(fault))]
        lacks = [HealthLine("set-up", False, one) for one in up.lacks]
        return [*lacks, *health(up.networks, lambda number: self._address(up, number), self._clock(), self.path)]

    @hookimpl
    def payment_statement(self, context: PluginContext, watch: PaymentWatch, since: float) -> Iterable[PaymentFact]:
        return list(statement(self._up(context).networks, watch, self._account_of, since, context.log))

    @hookimpl
    def payment_differences(
        self, context: PluginContext, watch: PaymentWatch, booked: Sequence[PaymentFact]
    ) -> Iterable[str]:
        return list(differences(self._up(context).networks, watch, booked, self._account_of, context.log))

    @hookimpl
    def payment_holdings(
        self, context: PluginContext, addresses: Sequence[WatchedAddress], booked: Sequence[PaymentFact]
    ) -> Iterable[AddressHolding]:
        ours = {self._account_of(one.address): one for one in addresses}
        networks = self._up(context).networks
        return list(holdings(networks, ours, booked, self._path, self._clock(), context.log))

    def pacer(self, per_second: int) -> Pacer:
        """What spaces out the requests to one or several nodes."""
        return Pacer(per_second, self._clock, self._sleep)

    def _up(self, context: PluginContext) -> SetUp:
        if self._made is None or self._made[0] != context.settings:
            self._made = (context.settings, self.set_up(context.settings))
        return self._made[1]

    def _address(self, up: SetUp, number: int) -> str:
        return self.address_text(up.branch.child(number).account_bytes())

    def _path(self, number: int) -> str:
        return f"{self.path}/0/{number}"

    def _account_of(self, address: str) -> str:
        """0x and 40 digits; kept, since each step asks for all."""
        account = self._accounts.get(address)
        if account is None:
            account = self._accounts[address] = "0x" + self.address_bytes(address).hex()
            if len(self._accounts) > _ADDRESSES_KEPT:
                self._accounts.popitem(last=False)
        return account
