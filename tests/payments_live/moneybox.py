"""A third party's payment method, by public names alone: a bank of its own, signed notices, deposits, refunds."""

from __future__ import annotations

import hashlib
import hmac
import json
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from router import (
    BadRequest,
    ConfigError,
    DepositAddress,
    DepositPaid,
    Dispute,
    HealthLine,
    PaymentFact,
    PaymentNotice,
    PaymentOffer,
    PaymentStarted,
    PaymentWatch,
    PluginContext,
    Refund,
    Secret,
    TopUp,
    TopUpPaid,
    Unavailable,
    VerifiedNotice,
    Watched,
    hookimpl,
)

requires_hooks = "0.2"


@dataclass(frozen=True)
class Settings:
    """Attributes:
    secret: signs notices.
    bank: where the bank answers.
    """

    secret: Secret = field(default=Secret("", "env:MONEYBOX_SECRET"))
    bank: str = ""


class Moneybox:
    @hookimpl
    def settings(self) -> type:
        return Settings

    @hookimpl
    def payment_offer(self, context: PluginContext) -> PaymentOffer:
        if not context.settings.secret:
            raise ConfigError("moneybox has no secret: set MONEYBOX_SECRET")
        return PaymentOffer("Moneybox", "redirect", "USD", least=100)

    @hookimpl
    def payment_start(self, context: PluginContext, topup: TopUp, return_url: str) -> PaymentStarted:
        found = self._ask(context, "/sessions", {"id": topup.id, "amount": topup.amount, "back": return_url})
        return PaymentStarted(found["session"], found["url"])

    @hookimpl
    def payment_address(self, account: str, number: int) -> DepositAddress:
        return DepositAddress(f"box-{number}", [("Moneybox", ["USD"])])

    @hookimpl
    def payment_event(self, context: PluginContext, notice: PaymentNotice) -> VerifiedNotice:
        made = hmac.new(context.settings.secret.reveal().encode(), notice.body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(made.encode(), notice.headers.get("x-box-signature", "").encode("utf-8", "replace")):
            raise BadRequest("The signature is not ours.")
        try:
            told = json.loads(notice.body)
            return VerifiedNotice(str(told["id"]), str(told["kind"]), [fact_of(one) for one in told["facts"]])
        except (ValueError, KeyError, TypeError) as error:
            raise BadRequest(f"The notice cannot be read: {type(error).__name__}.") from None

    @hookimpl
    def payment_poll(self, context: PluginContext, topups: Sequence[TopUp]) -> Iterable[PaymentFact]:
        wanted = {one.id for one in topups}
        return [one for one in self._facts(context) if isinstance(one, TopUpPaid) and one.topup in wanted]

    @hookimpl
    def payment_watch(self, context: PluginContext, watch: PaymentWatch) -> Watched:
        found = [one for one in self._facts(context) if isinstance(one, DepositPaid) and one.address in watch.addresses]
        return Watched(found, {"seen": len(found)}, again_s=1.0)

    @hookimpl
    def payment_refund(self, context: PluginContext, topup: TopUp, amount: int, asked: str) -> Iterable[PaymentFact]:
        made = self._ask(context, "/refunds", {"asked": asked, "payment": topup.reference, "amount": amount})
        return [Refund(made["refund"], topup=topup.id, amount=amount, currency="USD", asked=asked)]

    @hookimpl
    def payment_statement(self, context: PluginContext) -> Iterable[PaymentFact]:
        return self._facts(context)

    @hookimpl
    def payment_health(self, context: PluginContext) -> Iterable[HealthLine]:
        try:
            self._ask(context, "/facts")
        except Unavailable as error:
            return [HealthLine("bank", False, error.message)]
        return [HealthLine("bank", True, "it answers")]

    def _facts(self, context: PluginContext) -> list[PaymentFact]:
        return [fact_of(one) for one in self._ask(context, "/facts")["facts"]]

    def _ask(self, context: PluginContext, path: str, body: Mapping[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(context.settings.bank + path, data, 10) as response:
                return json.loads(response.read())
        except (OSError, ValueError) as error:
            raise Unavailable(f"The bank does not answer ({type(error).__name__}).") from None


def fact_of(told: Mapping[str, Any]) -> PaymentFact:
    """A fact as the bank writes it."""
    made: dict[str, type] = {"paid": TopUpPaid, "deposit": DepositPaid, "refund": Refund, "dispute": Dispute}
    body = dict(told)
    return made[body.pop("fact")](**body)  # type: ignore[no-any-return]


plugin = Moneybox()
plugin.requires_hooks = requires_hooks  # type: ignore[attr-defined]
