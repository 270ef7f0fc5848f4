"""A top-up on Stripe's page: how its session is begun, and what one that Stripe shows says of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from router_plugins.stripe.library import Stripe
from router_plugins.stripe.marks import AUTOMATIC, amount_of, currency_of, id_of, is_ours, marks_of, topup_of

from router import (
    BadRequest,
    MeansSaved,
    PaymentFact,
    PaymentStarted,
    TopUp,
    TopUpClosed,
    TopUpPaid,
    TopUpPending,
    Unavailable,
)

__all__ = ["begin", "facts_of_intent", "facts_of_session", "means_of_charge", "means_of_method"]

_SHORTEST_S = 2100
"""Stripe wants half an hour from the moment at which it is asked, which is later than the one that is reckoned from."""
_LONGEST_S = 85_800
"""Above it nothing is said: Stripe's own time is a day, and a clock that goes before Stripe's would ask for more."""
_SAVED = "saved"


def begin(stripe: Stripe, topup: TopUp, return_url: str) -> PaymentStarted:
    """Make the session of a top-up, or have the one that was made for it.

    Raises:
        BadRequest: Stripe refuses it.
        Unavailable: Stripe does not answer.
    """
    params = _session_of(stripe, topup, return_url)
    try:
        session = stripe.ask(stripe.v1.checkout.sessions.create, params, {"idempotency_key": topup.id})
    except (BadRequest, Unavailable) as error:
        otherwise = error.code == "asked_otherwise"
        if topup.email and (otherwise or error.param == "customer_email"):  # who pays can type another
            return begin(stripe, replace(topup, email=""), return_url)
        if otherwise:
            raise BadRequest("This top-up was begun with other terms: begin a new one.", detail=error.detail) from None
        if error.param == "expires_at":
            raise BadRequest("This top-up is too old to be begun: begin a new one.", detail=error.detail) from None
        raise
    url = session.get("url")
    if not isinstance(url, str):
        raise BadRequest("This top-up can no longer be paid: begin a new one.")
    return PaymentStarted(session["id"], url, float(session.get("expires_at") or 0))


def _session_of(stripe: Stripe, topup: TopUp, return_url: str) -> dict[str, Any]:
    """The same whenever it is made for a top-up: Stripe gives the session of a key for the same words alone."""
    options = stripe.options
    currency = currency_of(topup)
    marks = marks_of(topup, **({_SAVED: "yes"} if topup.save_means else {}))
    intent: dict[str, Any] = {"metadata": marks}
    name = f"{options.product}: {topup.credit}" if topup.credit else options.product
    price = {
        "currency": currency.code.lower(),
        "unit_amount": currency.to_stripe(topup.amount),
        "product_data": {"name": name[:250]},
    }
    session: dict[str, Any] = {
        "mode": "payment",
        "client_reference_id": topup.id,
        "line_items": [{"quantity": 1, "price_data": price}],
        "metadata": marks,
        "payment_intent_data": intent,
        "success_url": return_url,
        "cancel_url": return_url,
        "adaptive_pricing": {"enabled": False},
    }
    if topup.save_means:
        intent["setup_future_usage"] = "off_session"
        session["customer_creation"] = "always"
    if topup.email:
        session["customer_email"] = topup.email
    if options.payment_methods:
        session["payment_method_types"] = list(options.payment_methods)
    if options.expires_s <= _LONGEST_S:
        session["expires_at"] = int(topup.created_at or time.time()) + int(max(options.expires_s, _SHORTEST_S))
    return session


def facts_of_session(session: Mapping[str, Any], live: bool) -> list[PaymentFact]:
    """What a session says; nothing of one that somebody else made.

    Raises:
        BadRequest: it is not what was asked for.
    """
    topup = topup_of(session)
    if not topup and not session.get("client_reference_id"):
        return []
    _check_session(session, topup, live)
    intent = session.get("payment_intent")
    payment = id_of(intent)
    if session.get("payment_status") == "paid":
        amount, code = _paid(session)
        return [TopUpPaid(session["id"], topup, amount, code, payment), *means_of_method(intent)]
    if session.get("status") == "expired":
        return [TopUpClosed(topup, "expired", "The page was not used in time.")]
    if session.get("status") != "complete":
        return []
    if isinstance(intent, Mapping) and intent.get("status") in ("requires_payment_method", "canceled"):
        return [TopUpClosed(topup, "failed", why(intent))]
    return [TopUpPending(topup, "The bank has not confirmed it yet.", payment)]


def _check_session(session: Mapping[str, Any], topup: str, live: bool) -> None:
    """Raises:
    BadRequest: it is none of a top-up's, or not of this key's world.
    """
    name = session.get("id")
    if not topup or session.get("client_reference_id") != topup:
        raise BadRequest(f"{name}: its reference and its metadata name different top-ups.", code="wrong_reference")
    if session.get("mode") != "payment":
        raise BadRequest(f"{name}: its mode is {session.get('mode')!r}, not payment.", code="wrong_mode")
    if session.get("livemode") is not live:
        raise BadRequest(f"{name}: test and live are mixed up.", code="wrong_livemode")


def _paid(session: Mapping[str, Any]) -> tuple[int, str]:
    """What was paid for: taxes that Stripe may add are no credit, and what a coupon leaves is too little.

    Raises:
        BadRequest: it is not what was asked for.
    """
    subtotal, total = session.get("amount_subtotal"), session.get("amount_total")
    if type(subtotal) is not int or type(total) is not int:
        raise BadRequest(f"{session['id']}: it has no amount.")
    return _as_asked(session, min(subtotal, total))


def _as_asked(thing: Mapping[str, Any], amount: Any) -> tuple[int, str]:
    paid = amount_of(thing, amount)
    asked = thing["metadata"].get("amount")
    if asked is not None and asked != str(amount):
        raise BadRequest(f"{thing['id']}: {amount} was paid, and {asked} asked for.", code="wrong_amount")
    return paid


def facts_of_intent(intent: Mapping[str, Any], live: bool) -> list[PaymentFact]:
    """What the payment intent of an automatic top-up says. Those of Stripe's page are told by their sessions.

    Raises:
        BadRequest: it is not what was asked for.
    """
    if not is_ours(intent, charge=AUTOMATIC):
        return []
    if intent.get("livemode") is not live:
        raise BadRequest(f"{intent.get('id')}: test and live are mixed up.", code="wrong_livemode")
    topup, status = topup_of(intent), intent.get("status")
    if status == "succeeded":
        amount, code = _as_asked(intent, intent.get("amount_received"))
        return [TopUpPaid(intent["id"], topup, amount, code, intent["id"])]
    if status in ("processing", "requires_capture"):
        return [TopUpPending(topup, "The bank has not confirmed it yet.", intent["id"])]
    return [TopUpClosed(topup, "failed", why(intent))]


def why(intent: Mapping[str, Any]) -> str:
    """Why an intent was not paid, for who wanted to pay."""
    error = intent.get("last_payment_error")
    told = error.get("message") if isinstance(error, Mapping) else None
    return str(told)[:200] if told else "The bank refused the payment."


def means_of_method(intent: Any) -> list[PaymentFact]:
    """The means that a payment on Stripe's page left, where the intent has its method whole."""
    if not isinstance(intent, Mapping) or not is_ours(intent, **{_SAVED: "yes"}):
        return []
    method = intent.get("payment_method")
    if not isinstance(method, Mapping):
        return []
    return _means(intent, id_of(method), method.get("type"), method.get(str(method.get("type"))))


def means_of_charge(charge: Mapping[str, Any]) -> list[PaymentFact]:
    """The same of a charge, which has what its method shows."""
    if not is_ours(charge, **{_SAVED: "yes"}):
        return []
    details = charge.get("payment_method_details") or {}
    kind = details.get("type")
    return _means(charge, id_of(charge.get("payment_method")), kind, details.get(str(kind)))


def _means(thing: Mapping[str, Any], method: str, kind: Any, details: Any) -> list[PaymentFact]:
    customer = id_of(thing.get("customer"))
    if not customer or not method:
        return []
    shown = details if isinstance(details, Mapping) else {}
    name = str(shown.get("brand") or kind or "Card").replace("_", " ").capitalize()
    label = f"{name} {shown['last4']}" if shown.get("last4") else name
    fingerprint = shown.get("fingerprint")
    return [MeansSaved(topup_of(thing), f"{customer}:{method}", label, str(fingerprint or ""))]
