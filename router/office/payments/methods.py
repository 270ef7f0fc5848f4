"""The payment methods that are on, and how they are asked."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from router.errors import ConfigError, NotFound, RouterError, Unavailable, faults
from router.plugin_host.registry import Registry, nearest
from router.types.payments import PaymentOffer
from router.types.plugin_context import PluginContext

__all__ = ["MethodState", "PaymentMethods"]

_log = logging.getLogger("router.payments")
_WAYS = {"redirect": "payment_start", "address": "payment_address", "code": "payment_redeem"}


@dataclass(frozen=True, slots=True)
class MethodState:
    """One method, as operators see it.

    Attributes:
        offer: what it offers; None where it is not set up.
        problem: why it is not, and what to do; empty where it is.
    """

    name: str
    offer: PaymentOffer | None
    problem: str = ""


class PaymentMethods:
    """The methods of ``[payments] methods``, in that order.

    Args:
        names: of the plugins.
        context_of: what a plugin is given.
    """

    def __init__(self, names: Sequence[str], registry: Registry, context_of: Callable[[str], PluginContext]) -> None:
        self.names = tuple(names)
        self._registry = registry
        self._context_of = context_of

    def has(self, method: str, hook: str) -> bool:
        """Whether a method that is on has a hook."""
        return method in self.names and self._registry.hook(method, hook) is not None

    def ask(self, method: str, hook: str, **arguments: Any) -> Any:
        """What a method's hook gives.

        Raises:
            NotFound: there is no such method, or it has no such hook.
            RouterError: what the method raises; whatever else it raises is ``Unavailable``, and logged.
        """
        if method not in self.names:
            known = ", ".join(self.names) or "none"
            message = f"There is no payment method {method[:40]!r}{nearest(method, self.names)} (there are: {known})."
            raise NotFound(message, code="method_not_found")
        function = self._registry.hook(method, hook)
        if function is None:
            raise NotFound(f"The payment method {method} does not do this ({hook}).", code="method_cannot")
        try:
            return function(context=self._context_of(method), **arguments)
        except RouterError:
            raise
        except faults() as error:
            _log.exception("payment method %s failed in hook %s", method, hook)
            message = f"The payment method {method} failed ({type(error).__name__}): try again later."
            raise Unavailable(message, code="method_failed") from error

    def state(self, method: str, account: str = "") -> MethodState:
        """Whether a method can be paid by, and what it offers."""
        plugin = self._registry.plugins.get(method)
        if plugin is None:
            problem = f"no plugin is called {method!r}{nearest(method, self._registry.plugins)}"
            return MethodState(method, None, f"{problem}: install it, or take it out of [payments] methods")
        if plugin.state != "loaded":
            return MethodState(method, None, plugin.problem or "it is disabled ([plugins] disabled)")
        if "payment_offer" not in plugin.hooks:
            return MethodState(method, None, f"the plugin {method} is no payment method: it has no hook payment_offer")
        try:
            offer = self.ask(method, "payment_offer", account=account)
        except ConfigError as error:
            return MethodState(method, None, error.message)
        except RouterError as error:
            return MethodState(method, None, error.in_full)
        problem = _problem(offer, plugin.hooks)
        return MethodState(method, None if problem else offer, problem)

    def states(self, account: str = "") -> list[MethodState]:
        """All of them, in the operator's order."""
        return [self.state(name, account) for name in self.names]

    def offer(self, method: str, account: str) -> PaymentOffer:
        """What a method offers an account.

        Raises:
            NotFound: there is no such method for it.
        """
        found = self.state(method, account).offer if method in self.names else None
        if found is None:
            raise NotFound(f"There is no way to pay called {method[:40]!r} here.", code="method_not_found")
        return found


def _problem(offer: Any, hooks: Mapping[str, Any]) -> str:
    """Why what a method offers is no use; empty where it is, or where it offers nothing."""
    if offer is None:
        return ""
    if not isinstance(offer, PaymentOffer) or offer.way not in _WAYS:
        return f"its offer is no use: {offer!r:.80}"
    if _WAYS[offer.way] not in hooks:
        return f"it offers the way {offer.way!r}, but has no hook {_WAYS[offer.way]}"
    if offer.way == "redirect" and (not offer.currency or offer.least < 0 or offer.decimals < 0):
        return "its offer names no currency, or bounds that are none"
    return ""
