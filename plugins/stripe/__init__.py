"""Payment by Stripe: cards and what else its Checkout page offers, with refunds, disputes and saved cards.

Stripe's page takes the payment; its events, or its answers where no event can reach this machine, tell what became of
it. Its library is loaded when it is first needed: ``pip install 'tollrouter[stripe]'``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from router_plugins.stripe.asking import poll, statement
from router_plugins.stripe.asking import watch as look
from router_plugins.stripe.charging import charge, forget
from router_plugins.stripe.checking import looked_at
from router_plugins.stripe.giving_back import give_back
from router_plugins.stripe.library import Accounts
from router_plugins.stripe.notices import verified
from router_plugins.stripe.options import Options, fault_of, is_live
from router_plugins.stripe.paying import begin

from router import (
    HealthLine,
    PaymentFact,
    PaymentNotice,
    PaymentOffer,
    PaymentStarted,
    PaymentWatch,
    PluginContext,
    TopUp,
    VerifiedNotice,
    Watched,
    hookimpl,
)

__all__ = ["plugin"]


class StripePayments:
    """The payment method ``stripe``."""

    requires_hooks = "0.2"

    def __init__(self) -> None:
        self._accounts = Accounts()

    @hookimpl
    def settings(self) -> type:
        return Options

    @hookimpl
    def payment_offer(self, context: PluginContext, account: str) -> PaymentOffer | None:
        options: Options = context.settings
        if fault := fault_of(options):
            raise fault
        least, most = options.bounds
        return PaymentOffer(
            options.title,
            "redirect",
            options.charged.code,
            options.charged.decimals,
            least,
            most,
            options.fee_minor,
            options.fee_millionths,
            saves_means=options.save_means,
            test=not is_live(options),
        )

    @hookimpl
    def payment_start(self, context: PluginContext, topup: TopUp, return_url: str) -> PaymentStarted:
        return begin(self._accounts.of(context), topup, return_url)

    @hookimpl
    def payment_event(self, context: PluginContext, notice: PaymentNotice) -> VerifiedNotice:
        return verified(self._accounts.of(context), notice)

    @hookimpl
    def payment_poll(self, context: PluginContext, topups: Sequence[TopUp]) -> Iterable[PaymentFact]:
        return poll(self._accounts.of(context), topups, context.log)

    @hookimpl
    def payment_watch(self, context: PluginContext, watch: PaymentWatch) -> Watched:
        return look(self._accounts.of(context), watch, context.log)

    @hookimpl
    def payment_refund(self, context: PluginContext, topup: TopUp, amount: int, asked: str) -> Iterable[PaymentFact]:
        return give_back(self._accounts.of(context), topup, amount, asked)

    @hookimpl
    def payment_charge(self, context: PluginContext, topup: TopUp, token: str) -> Iterable[PaymentFact]:
        return charge(self._accounts.of(context), topup, token)

    @hookimpl
    def payment_forget(self, context: PluginContext, token: str) -> None:
        forget(self._accounts.of(context), token)

    @hookimpl
    def payment_health(self, context: PluginContext) -> Iterable[HealthLine]:
        options: Options = context.settings
        return list(looked_at(options, fault_of(options), lambda: self._accounts.of(context)))

    @hookimpl
    def payment_statement(self, context: PluginContext, watch: PaymentWatch, since: float) -> Iterable[PaymentFact]:
        return statement(self._accounts.of(context), since, context.log)


plugin = StripePayments()
