"""An automatic top-up: saved means are charged while nobody is there."""

from __future__ import annotations

import time
from collections.abc import Iterable

from router_plugins.stripe.library import Stripe
from router_plugins.stripe.marks import AUTOMATIC, currency_of, marks_of
from router_plugins.stripe.options import is_live
from router_plugins.stripe.paying import facts_of_intent

from router import BadRequest, PaymentFact, TopUp, TopUpClosed

__all__ = ["charge", "forget"]

_KEY_HOLDS_S = 23 * 3600
"""Stripe forgets the keys of requests after a day: what is asked later may have been done."""


def charge(stripe: Stripe, topup: TopUp, token: str, now: float | None = None) -> Iterable[PaymentFact]:
    """Charge means once for a top-up.

    Raises:
        BadRequest: they were declined.
        Unavailable: Stripe does not answer, and may have charged: it is to be asked again.
    """
    customer, _, method = token.partition(":")
    if not customer.startswith("cus_") or not method:
        raise BadRequest("What was saved is no card of Stripe's.", code="declined")
    if topup.created_at and (time.time() if now is None else now) - topup.created_at > _KEY_HOLDS_S:
        return _found(stripe, topup)
    currency = currency_of(topup)
    params = {
        "amount": currency.to_stripe(topup.amount),
        "currency": currency.code.lower(),
        "customer": customer,
        "payment_method": method,
        "off_session": True,
        "confirm": True,
        "description": f"{stripe.options.product} {topup.credit}".strip(),
        "metadata": marks_of(topup, charge=AUTOMATIC),
    }
    intent = stripe.ask(stripe.v1.payment_intents.create, params, {"idempotency_key": topup.id})
    facts = facts_of_intent(intent, is_live(stripe.options))
    for fact in facts:
        if isinstance(fact, TopUpClosed):
            raise BadRequest(f"The card was not charged: {fact.note}", code="declined")
    return facts


def forget(stripe: Stripe, token: str) -> None:
    """Take saved means from their customer at Stripe, for good; what is not there any more is forgotten.

    Raises:
        BadRequest: Stripe refuses it.
        Unavailable: Stripe does not answer.
    """
    method = token.partition(":")[2]
    try:
        stripe.ask(stripe.v1.payment_methods.detach, method)
    except BadRequest as error:
        if error.code == "resource_missing" or not _is_attached(stripe, method):
            return
        raise


def _is_attached(stripe: Stripe, method: str) -> bool:
    try:
        return bool(stripe.ask(stripe.v1.payment_methods.retrieve, method).get("customer"))
    except BadRequest as error:
        return error.code != "resource_missing"


def _found(stripe: Stripe, topup: TopUp) -> Iterable[PaymentFact]:
    """What became of an earlier charge that nobody heard the end of.

    Raises:
        BadRequest: there was none, or it failed.
    """
    query = f"metadata['topup']:'{topup.id}'"
    for intent in stripe.ask(stripe.v1.payment_intents.search, {"query": query})["data"]:
        facts = facts_of_intent(intent, is_live(stripe.options))
        if facts and not isinstance(facts[0], TopUpClosed):
            return facts
    raise BadRequest("The card was not charged within a day, and is not charged for it now.", code="declined")
