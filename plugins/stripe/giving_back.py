"""Refunds and disputes: which of them are of our payments, and what they say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from router_plugins.stripe.library import Stripe
from router_plugins.stripe.marks import amount_of, currency_of, id_of, topup_of

from router import BadRequest, Dispute, PaymentFact, Refund, TopUp

__all__ = ["Payments", "dispute_facts", "give_back", "is_undone", "refund_facts", "refunds_of_charge"]

_UNDONE = ("failed", "canceled")
_ASKED = "refund"


class Payments:
    """Whose a payment is, as Stripe says; each is asked for once."""

    def __init__(self, stripe: Stripe) -> None:
        self._stripe = stripe
        self._known: dict[str, str] = {}

    def topup(self, thing: Mapping[str, Any]) -> str:
        """The top-up of what a refund or a dispute is about; empty for somebody else's payment.

        Raises:
            Unavailable: Stripe does not answer.
        """
        own = topup_of(thing)
        if own:
            return own
        intent = id_of(thing.get("payment_intent"))
        if intent and intent not in self._known:
            self._known[intent] = topup_of(self._stripe.ask(self._stripe.v1.payment_intents.retrieve, intent))
        return self._known.get(intent, "")


def refund_facts(refund: Mapping[str, Any], payments: Payments) -> list[PaymentFact]:
    """What a refund says, whether we asked for it or somebody gave it by Stripe's dashboard.

    Raises:
        BadRequest: it cannot be read.
        Unavailable: whose it is cannot be found out now.
    """
    topup = payments.topup(refund)
    if not topup:
        return []
    amount, code = amount_of(refund, refund.get("amount"))
    marks = refund.get("metadata") or {}
    return [
        Refund(
            id_of(refund),
            payment=id_of(refund.get("payment_intent")),
            topup=topup,
            amount=amount,
            currency=code,
            asked=str(marks.get(_ASKED) or ""),
            failed=is_undone(refund),
        )
    ]


def is_undone(refund: Mapping[str, Any]) -> bool:
    """Whether a refund did not work out, so that nothing went back."""
    return refund.get("status") in _UNDONE


def refunds_of_charge(stripe: Stripe, charge: Mapping[str, Any], payments: Payments) -> list[PaymentFact]:
    """The refunds of a charge, each by its own ID: the sum that the charge names would be taken beside them.

    Raises:
        Unavailable: Stripe does not answer.
    """
    if not topup_of(charge):
        return []
    listed = stripe.each(stripe.v1.refunds.list, {"charge": id_of(charge)})
    return [fact for one in listed for fact in refund_facts(one, payments)]


def give_back(stripe: Stripe, topup: TopUp, amount: int, asked: str) -> Iterable[PaymentFact]:
    """Refund a part of a top-up, once for what ``asked`` names: an earlier one is looked for, since Stripe forgets
    the keys of requests after a day.

    Raises:
        BadRequest: Stripe refuses it, or nothing was paid.
        Unavailable: Stripe does not answer.
    """
    intent = topup.payment if topup.payment.startswith("pi_") else _intent_of(stripe, topup)
    payments = Payments(stripe)
    for earlier in stripe.each(stripe.v1.refunds.list, {"payment_intent": intent}):
        if (earlier.get("metadata") or {}).get(_ASKED) == asked:
            return refund_facts(earlier, payments)
    params = {
        "payment_intent": intent,
        "amount": currency_of(topup).to_stripe(amount),
        "reason": "requested_by_customer",
        "metadata": {"topup": topup.id, _ASKED: asked},
    }
    refund = stripe.ask(stripe.v1.refunds.create, params, {"idempotency_key": asked})
    return refund_facts(refund, payments)


def _intent_of(stripe: Stripe, topup: TopUp) -> str:
    if topup.reference.startswith("pi_"):
        return topup.reference
    session = stripe.ask(stripe.v1.checkout.sessions.retrieve, topup.reference)
    intent = id_of(session.get("payment_intent"))
    if not intent:
        raise BadRequest(f"{topup.id}: Stripe knows of no payment of it, so nothing can be given back.")
    return intent


def dispute_facts(kind: str, dispute: Mapping[str, Any], payments: Payments) -> list[PaymentFact]:
    """What a dispute says. An inquiry (``warning_...``) moves nothing, and may become a dispute.

    Args:
        kind: of the event: what has just happened.

    Raises:
        BadRequest: it cannot be read.
        Unavailable: whose it is cannot be found out now.
    """
    stage = _stage(kind, str(dispute.get("status")))
    topup = payments.topup(dispute) if stage else ""
    if not topup:
        return []
    amount, code = amount_of(dispute, dispute.get("amount"))
    return [Dispute(id_of(dispute), stage, id_of(dispute.get("payment_intent")), topup, amount, code)]


def _stage(kind: str, status: str) -> Any:
    moved = {"charge.dispute.funds_withdrawn": "withdrawn", "charge.dispute.funds_reinstated": "reinstated"}
    if kind in moved:
        return moved[kind]
    if status.startswith("warning_"):
        return ""
    if status in ("won", "lost"):
        return status
    return "opened" if status in ("needs_response", "under_review") else ""
