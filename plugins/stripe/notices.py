"""Stripe's events: proved by Stripe's library, then read by the table of what each kind says."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from router_plugins.stripe.giving_back import Payments, dispute_facts, refund_facts, refunds_of_charge
from router_plugins.stripe.library import Stripe
from router_plugins.stripe.marks import id_of, is_ours, topup_of
from router_plugins.stripe.options import is_live
from router_plugins.stripe.paying import facts_of_intent, facts_of_session, means_of_charge, means_of_method, why

from router import BadRequest, MeansForgotten, PaymentFact, PaymentNotice, TopUpClosed, Unavailable, VerifiedNotice

__all__ = ["KINDS", "TOLERANCE_S", "facts_of_event", "verified"]

TOLERANCE_S = 300
_BODY_MAX = 2**20
_NOT_PROVED = "The signature is not that of this endpoint's secret."

_BEFORE = "before this event"

Reader = Callable[[Stripe, str, Mapping[str, Any]], list[PaymentFact]]


def verified(stripe: Stripe, notice: PaymentNotice, now: float | None = None) -> VerifiedNotice:
    """What an event says, once it is proved to be Stripe's, of now, and of this account.

    Raises:
        BadRequest: it is not proved, or cannot be read.
        Unavailable: what it is about cannot be asked for now: Stripe sends it again.
    """
    event = _proved(stripe, notice, time.time() if now is None else now)
    name, kind, thing = event.get("id"), event.get("type"), event.get("data")
    if not isinstance(name, str) or not isinstance(kind, str) or not isinstance(thing, dict):
        raise BadRequest("The event has no ID, type and data.")
    if event.get("account"):
        raise BadRequest(f"{name}: it is of a connected account, and none is used here.", code="wrong_account")
    return VerifiedNotice(name, kind, facts_of_event(stripe, event))


def _proved(stripe: Stripe, notice: PaymentNotice, now: float) -> Mapping[str, Any]:
    secret = stripe.options.webhook_secret
    if not secret:
        place = secret.source.removeprefix("env:") or "[plugins.stripe] webhook_secret"
        raise BadRequest("No events are taken here.", detail=f"{place} is not set: Stripe's events cannot be proved")
    if len(notice.body) > _BODY_MAX:
        raise BadRequest(f"The event is above {_BODY_MAX} bytes.")
    header = notice.headers.get("stripe-signature", "")
    try:
        # The library raises whatever comes to it (a signature that is not ASCII: TypeError), so anything is a refusal.
        stripe.library.Webhook.construct_event(notice.body, header, secret.reveal(), tolerance=TOLERANCE_S)
        signed_at = int(next(part[2:] for part in header.split(",") if part.startswith("t=")))
        event = json.loads(notice.body)
    except Exception as error:
        raise BadRequest(_NOT_PROVED, code="not_proved", detail=f"{_NOT_PROVED} {type(error).__name__}") from None
    if signed_at > now + TOLERANCE_S:  # the library takes any time that is yet to come
        raise BadRequest("The event was signed in the future: look at the clocks.", code="not_proved")
    if not isinstance(event, dict):
        raise BadRequest("The event is no JSON object.")
    return event


def facts_of_event(stripe: Stripe, event: Mapping[str, Any]) -> list[PaymentFact]:
    """What a proved event says, or one that Stripe lists.

    Raises:
        BadRequest: it is not what was asked for, or of the other world of test and live.
        Unavailable: Stripe does not answer what it is about.
    """
    read = KINDS.get(event["type"])
    thing = event["data"].get("object")
    if read is None or not isinstance(thing, dict):
        return []
    if event.get("livemode") is not is_live(stripe.options):
        raise BadRequest(f"{event['id']}: test and live are mixed up.", code="wrong_livemode")
    before = event["data"].get("previous_attributes")
    return read(stripe, event["type"], {**thing, _BEFORE: before if isinstance(before, dict) else {}})


def _session(stripe: Stripe, kind: str, session: Mapping[str, Any]) -> list[PaymentFact]:
    facts = facts_of_session(session, is_live(stripe.options))
    paid = bool(facts) and session.get("payment_status") == "paid"
    return [*facts, *_means(stripe, session)] if paid else facts


def _means(stripe: Stripe, session: Mapping[str, Any]) -> list[PaymentFact]:
    """What the customer left: money is not kept waiting for it, and ``charge.succeeded`` tells it too."""
    if not is_ours(session, saved="yes"):
        return []
    params = {"expand": ["payment_method"]}
    try:
        intent = stripe.ask(stripe.v1.payment_intents.retrieve, id_of(session.get("payment_intent")), params)
    except (BadRequest, Unavailable):
        return []
    return means_of_method(intent)


def _async_failed(stripe: Stripe, kind: str, session: Mapping[str, Any]) -> list[PaymentFact]:
    if not facts_of_session(session, is_live(stripe.options)):
        return []
    return [TopUpClosed(topup_of(session), "failed", "The bank refused the payment.")]


def _intent(stripe: Stripe, kind: str, intent: Mapping[str, Any]) -> list[PaymentFact]:
    return facts_of_intent(intent, is_live(stripe.options))


def _intent_failed(stripe: Stripe, kind: str, intent: Mapping[str, Any]) -> list[PaymentFact]:
    facts = facts_of_intent(intent, is_live(stripe.options))
    return [TopUpClosed(topup_of(intent), "failed", why(intent))] if facts else []


def _charge(stripe: Stripe, kind: str, charge: Mapping[str, Any]) -> list[PaymentFact]:
    return means_of_charge(charge)


def _detached(stripe: Stripe, kind: str, method: Mapping[str, Any]) -> list[PaymentFact]:
    """Whose it was: the host knows which it keeps, and passes over all others."""
    customer = id_of(method[_BEFORE].get("customer"))
    return [MeansForgotten(f"{customer}:{id_of(method)}")] if customer else []


def _charge_refunded(stripe: Stripe, kind: str, charge: Mapping[str, Any]) -> list[PaymentFact]:
    return refunds_of_charge(stripe, charge, Payments(stripe))


def _refund(stripe: Stripe, kind: str, refund: Mapping[str, Any]) -> list[PaymentFact]:
    return refund_facts(refund, Payments(stripe))


def _dispute(stripe: Stripe, kind: str, dispute: Mapping[str, Any]) -> list[PaymentFact]:
    return dispute_facts(kind, dispute, Payments(stripe))


KINDS: Mapping[str, Reader] = {
    "checkout.session.completed": _session,
    "checkout.session.async_payment_succeeded": _session,
    "checkout.session.async_payment_failed": _async_failed,
    "checkout.session.expired": _session,
    "payment_intent.succeeded": _intent,
    "payment_intent.payment_failed": _intent_failed,
    "charge.succeeded": _charge,
    "payment_method.detached": _detached,
    "charge.refunded": _charge_refunded,
    "refund.created": _refund,
    "refund.updated": _refund,
    "refund.failed": _refund,
    "charge.dispute.created": _dispute,
    "charge.dispute.updated": _dispute,
    "charge.dispute.closed": _dispute,
    "charge.dispute.funds_withdrawn": _dispute,
    "charge.dispute.funds_reinstated": _dispute,
}
"""Every kind of event that says something here. Others are none of ours."""
