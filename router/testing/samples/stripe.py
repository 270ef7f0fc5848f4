"""Samples of the plugin ``stripe``: events of a Checkout session, signed by Stripe's own library."""

from __future__ import annotations

import importlib
import json
from collections.abc import Sequence
from typing import Any

from router.testing.samples import PaymentSamples
from router.types.payments import PaymentNotice, TopUp

__all__ = ["SAMPLES"]

_SECRET = "whsec_of_the_conformance_rules"  # noqa: S105 - signs samples, and nothing else
_SETTINGS = {"secret_key": "sk_test_of_the_conformance_rules", "webhook_secret": _SECRET}
_PAID = ("checkout.session.completed", "checkout.session.async_payment_succeeded")


def _reference(topup: TopUp) -> str:
    return f"cs_test_{topup.id}"


def _event(topup: TopUp, kind: str) -> dict[str, Any]:
    currency = topup.currency.lower()
    session = {
        "id": _reference(topup),
        "object": "checkout.session",
        "mode": "payment",
        "status": "complete",
        "payment_status": "paid",
        "livemode": False,
        "client_reference_id": topup.id,
        "payment_intent": f"pi_{topup.id}",
        "amount_subtotal": topup.amount,
        "amount_total": topup.amount,
        "currency": currency,
        "metadata": {"topup": topup.id, "account": topup.account, "amount": str(topup.amount), "currency": currency},
    }
    return {
        "id": f"evt_{kind.rpartition('.')[2]}_{topup.id}",
        "object": "event",
        "type": kind,
        "livemode": False,
        "data": {"object": session},
    }


def _signed(event: dict[str, Any], secret: str = _SECRET) -> PaymentNotice:
    body = json.dumps(event)
    stripe: Any = importlib.import_module("stripe")
    header = stripe.WebhookSignature.generate_signature_header(body, secret)
    return PaymentNotice({"stripe-signature": header, "content-type": "application/json"}, body.encode())


def _paid(topup: TopUp) -> Sequence[PaymentNotice]:
    return [_signed(_event(topup, kind)) for kind in _PAID]


def _forged(topup: TopUp) -> Sequence[PaymentNotice]:
    event = _event(topup, _PAID[0])
    true, another = _signed(event), _signed({**event, "id": "evt_another"})
    moved = PaymentNotice(true.headers, another.body)
    return [_signed(event, "whsec_of_somebody_else"), PaymentNotice({}, true.body), moved]


SAMPLES = PaymentSamples(_SETTINGS, _reference, _paid, _forged)
