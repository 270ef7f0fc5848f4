"""The plugin beside a fake of Stripe, called as the host calls it."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from router_plugins.stripe.options import Options
from stripe_fake import KEY, WEBHOOK_SECRET, FakeStripe, signed

from router import (
    HealthLine,
    PaymentFact,
    PaymentNotice,
    PaymentOffer,
    PaymentStarted,
    PaymentWatch,
    PluginContext,
    Secret,
    TopUp,
    VerifiedNotice,
    Watched,
)
from router.plugin_host.registry import Registry, registry_of

__all__ = ["RETURN_URL", "Method", "topup"]

RETURN_URL = "http://127.0.0.1:8080/app/topups/top_1"


def topup(name: str = "top_1", amount: int = 1250, **fields: Any) -> TopUp:
    """A top-up of 12.50 USD."""
    given: dict[str, Any] = {"currency": "USD", "decimals": 2, "created_at": time.time(), "credit": "12.50 USD"}
    return TopUp(name, "stripe", "acct_1", amount, **(given | fields))


class Method:
    """The hooks of the plugin, with settings for a fake."""

    def __init__(self, fake: FakeStripe, **settings: Any) -> None:
        from router_plugins.stripe import StripePayments

        self.fake = fake
        given: dict[str, Any] = {
            "secret_key": Secret(KEY, "env:STRIPE_SECRET_KEY"),
            "webhook_secret": Secret(WEBHOOK_SECRET, "env:STRIPE_WEBHOOK_SECRET"),
            "base_url": fake.url,
        }
        self.context = PluginContext(
            "router.toml", (), Options(**(given | settings)), "stripe", logging.getLogger("router.plugins.stripe")
        )
        self._registry: Registry = registry_of(stripe=StripePayments())

    def _call(self, hook: str, **arguments: Any) -> Any:
        function = self._registry.hook("stripe", hook)
        assert function is not None
        return function(context=self.context, **arguments)

    def offer(self) -> PaymentOffer:
        found: PaymentOffer = self._call("payment_offer", account="acct_1")
        return found

    def start(self, one: TopUp) -> PaymentStarted:
        found: PaymentStarted = self._call("payment_start", topup=one, return_url=RETURN_URL)
        return found

    def started(self, one: TopUp) -> TopUp:
        """The top-up as the host keeps it once it is begun."""
        return replace(one, reference=self.start(one).reference)

    def event(self, event: Any, **signing: Any) -> VerifiedNotice:
        """An event, or the text of one, signed and delivered."""
        body, headers = signed(event, **signing)
        return self.notice(body, headers)

    def notice(self, body: bytes, headers: dict[str, str]) -> VerifiedNotice:
        found: VerifiedNotice = self._call("payment_event", notice=PaymentNotice(headers, body, "192.0.2.7"))
        return found

    def facts(self, *kinds: str) -> list[PaymentFact]:
        """What all events of these kinds tell, in their order."""
        return [fact for event in self.fake.events(*kinds) for fact in self.event(event).facts]

    def poll(self, *topups: TopUp) -> list[PaymentFact]:
        return list(self._call("payment_poll", topups=topups))

    def watch(self, cursor: dict[str, Any] | None = None, now: float | None = None) -> Watched:
        step = PaymentWatch(cursor or {}, {}, (), time.time() if now is None else now)
        found: Watched = self._call("payment_watch", watch=step)
        return found

    def refund(self, one: TopUp, amount: int, asked: str = "ref_1") -> list[PaymentFact]:
        return list(self._call("payment_refund", topup=one, amount=amount, asked=asked))

    def charge(self, one: TopUp, token: str = "cus_1:pm_1") -> list[PaymentFact]:
        return list(self._call("payment_charge", topup=one, token=token))

    def health(self) -> Sequence[HealthLine]:
        return list(self._call("payment_health"))

    def statement(self, since: float = 0) -> list[PaymentFact]:
        watch = PaymentWatch({}, {}, (), time.time())
        return list(self._call("payment_statement", watch=watch, since=since))
