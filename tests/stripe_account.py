"""The state of a Stripe account, as far as top-ups reach: sessions, intents, charges, refunds, disputes, events.

Written from Stripe's reference for tests of ours; it knows nothing of the gateway.
"""

from __future__ import annotations

import copy
import itertools
import time
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["Account", "Refused", "Thing"]

Thing = dict[str, Any]


class Refused(Exception):
    """An error of the API: status, and what stands below ``error``."""

    def __init__(self, status: int, message: str, code: str = "", **more: Any) -> None:
        super().__init__(message)
        kind = more.pop("type", "card_error" if status == 402 else "invalid_request_error")
        self.status = status
        self.body = {"error": {"type": kind, "message": message, **({"code": code} if code else {}), **more}}


class Account:
    """One account, in test mode or live.

    Args:
        emit: gets each event, as Stripe would send it.
    """

    def __init__(self, emit: Callable[[Thing], None], *, live: bool = False, clock: Callable[[], float] = time.time):
        self.live, self.clock, self._emit = live, clock, emit
        self.things: dict[str, dict[str, Thing]] = {
            name: {} for name in ("sessions", "intents", "charges", "refunds", "disputes", "events", "methods")
        }
        self.endpoints: list[Thing] = []
        self.country, self.charges_enabled = "US", True
        self.currencies = ["usd", "eur", "jpy", "kwd", "isk"]
        self.decline = ""
        self._numbers = itertools.count(1)

    def _new(self, kind: str, prefix: str, **fields: Any) -> Thing:
        number = next(self._numbers)
        made = {"id": f"{prefix}_{number:08d}", "created": int(self.clock()), "livemode": self.live, **fields}
        self.things[kind][made["id"]] = made
        return made

    def get(self, kind: str, name: str) -> Thing:
        found = self.things[kind].get(name)
        if found is None:
            raise Refused(404, f"No such {kind[:-1]}: '{name}'", "resource_missing", param="id")
        return found

    def happened(self, kind: str, thing: Thing) -> Thing:
        """Make the event of what has just happened to a thing, and hand it on."""
        event = self._new(
            "events", "evt", object="event", type=kind, account=None, data={"object": copy.deepcopy(thing)}
        )
        del event["account"]
        self._emit(event)
        return event

    # Sessions

    def open_session(self, asked: Thing, url: str) -> Thing:
        items = asked.get("line_items") or {}
        if asked.get("mode") != "payment" or not items or not asked.get("success_url"):
            raise Refused(400, "Missing required param: mode, line_items or success_url.", "parameter_missing")
        price = items["0"]["price_data"]
        amount, currency = int(price["unit_amount"]) * int(items["0"]["quantity"]), price["currency"]
        if currency not in self.currencies:
            raise Refused(400, f"Invalid currency: {currency}.", "invalid_currency", param="currency")
        if amount < 50:
            message = "The Checkout Session's total amount due must add up to at least $0.50 usd"
            raise Refused(400, message, "amount_too_small")
        if not asked.get("customer_email", "a@b.c").rpartition("@")[2].count("."):
            raise Refused(400, "Invalid email address", "email_invalid", param="customer_email")
        now = int(self.clock())
        until = int(asked.get("expires_at") or now + 86_400)
        if not now + 1800 <= until <= now + 86_400:
            raise Refused(400, "The `expires_at` timestamp must be between 30 minutes and 24 hours", param="expires_at")
        session = self._new(
            "sessions",
            "cs_live" if self.live else "cs_test",
            object="checkout.session",
            mode="payment",
            status="open",
            payment_status="unpaid",
            payment_intent=None,
            customer=None,
            amount_subtotal=amount,
            amount_total=amount,
            currency=currency,
            client_reference_id=asked.get("client_reference_id"),
            metadata=dict(asked.get("metadata") or {}),
            success_url=asked["success_url"],
            cancel_url=asked.get("cancel_url"),
            expires_at=until,
        )
        session["asked"] = asked
        session["url"] = f"{url}/pay/{session['id']}"
        return session

    def pay(self, name: str, *, method: str = "card") -> Thing:
        """The customer pays on the page: by card at once, by ``sepa_debit`` some days later."""
        session = self._usable(name)
        asked = session["asked"].get("payment_intent_data") or {}
        saves = asked.get("setup_future_usage") == "off_session"
        intent = self._intent(session["amount_total"], session["currency"], dict(asked.get("metadata") or {}))
        if saves:
            session["customer"] = intent["customer"] = f"cus_{next(self._numbers):08d}"
        saved = self._method(method)
        saved["customer"] = intent["customer"] if saves else None
        intent["payment_method"] = saved["id"]
        session |= {"status": "complete", "payment_intent": intent["id"]}
        if method == "card":
            session["payment_status"] = "paid"
            self.succeed(intent)
        else:
            intent["status"] = "processing"
        self.happened("checkout.session.completed", session)
        return session

    def settle_late(self, name: str, *, works: bool = True) -> Thing:
        """What the bank says in the end of a delayed payment."""
        session = self.get("sessions", name)
        intent = self.get("intents", session["payment_intent"])
        if works:
            session["payment_status"] = "paid"
            self.succeed(intent)
            self.happened("checkout.session.async_payment_succeeded", session)
        else:
            self._fail(intent)
            self.happened("checkout.session.async_payment_failed", session)
        return session

    def expire(self, name: str) -> Thing:
        session = self._usable(name)
        session |= {"status": "expired", "url": None}
        self.happened("checkout.session.expired", session)
        return session

    def _usable(self, name: str) -> Thing:
        session = self.get("sessions", name)
        if session["status"] != "open":
            raise Refused(400, f"This session is {session['status']}.")
        return session

    # Intents and charges

    def _intent(self, amount: int, currency: str, metadata: Mapping[str, str]) -> Thing:
        return self._new(
            "intents",
            "pi",
            object="payment_intent",
            amount=amount,
            amount_received=0,
            currency=currency,
            customer=None,
            payment_method=None,
            status="requires_payment_method",
            metadata=dict(metadata),
            last_payment_error=None,
        )

    def _method(self, kind: str) -> Thing:
        details = {"brand": "visa", "last4": "4242", "fingerprint": "Xt5EWLLDS7FJjR1c"}
        return self._new("methods", "pm", object="payment_method", type=kind, **{kind: details})

    def succeed(self, intent: Thing) -> None:
        intent |= {"status": "succeeded", "amount_received": intent["amount"]}
        kind = self.things["methods"].get(intent["payment_method"], {"type": "card", "card": {}})
        charge = self._new(
            "charges",
            "ch",
            object="charge",
            amount=intent["amount"],
            amount_refunded=0,
            currency=intent["currency"],
            customer=intent["customer"],
            payment_intent=intent["id"],
            payment_method=intent["payment_method"],
            payment_method_details={"type": kind["type"], kind["type"]: kind[kind["type"]]},
            metadata=dict(intent["metadata"]),
        )
        intent["latest_charge"] = charge["id"]
        self.happened("charge.succeeded", charge)
        self.happened("payment_intent.succeeded", intent)

    def _fail(self, intent: Thing) -> None:
        error = {"message": "Your card was declined.", "code": "card_declined"}
        intent |= {"status": "requires_payment_method", "last_payment_error": error}
        self.happened("payment_intent.payment_failed", intent)

    def charge_off_session(self, asked: Thing) -> Thing:
        if asked.get("off_session") != "true" or asked.get("confirm") != "true":
            raise Refused(400, "off_session and confirm are wanted here.")
        intent = self._intent(int(asked["amount"]), asked["currency"], asked.get("metadata") or {})
        intent |= {"customer": asked["customer"], "payment_method": asked["payment_method"]}
        kept = self.things["methods"].get(asked["payment_method"])
        if kept is not None and kept["customer"] != asked["customer"]:
            raise Refused(400, "The payment method does not belong to the customer.", "payment_method_not_available")
        if self.decline:
            self._fail(intent)
            code = "authentication_required" if self.decline == "authentication_required" else "card_declined"
            message = "Your card was declined."
            raise Refused(402, message, code, decline_code=self.decline, payment_intent=intent)
        self.succeed(intent)
        return intent

    def detach(self, name: str) -> Thing:
        """Take a saved method from its customer, for good."""
        method = self.get("methods", name)
        if method["customer"] is None:
            raise Refused(
                400, "The payment method you provided is not attached to a customer so detachment is impossible."
            )
        method["customer"] = None
        self.happened("payment_method.detached", method)
        return method

    # What goes back

    def refund(self, asked: Thing, *, status: str = "succeeded") -> Thing:
        intent = self.get("intents", asked["payment_intent"])
        charge = self.get("charges", intent.get("latest_charge", ""))
        left = charge["amount"] - charge["amount_refunded"]
        amount = int(asked.get("amount") or left)
        if amount > left:
            code = "charge_already_refunded" if not left else "amount_too_large"
            raise Refused(400, f"Refund amount ({amount}) is greater than unrefunded amount ({left})", code)
        refund = self._new(
            "refunds",
            "re",
            object="refund",
            amount=amount,
            currency=charge["currency"],
            charge=charge["id"],
            payment_intent=intent["id"],
            status=status,
            metadata=dict(asked.get("metadata") or {}),
        )
        del refund["livemode"]
        charge["amount_refunded"] += amount
        self.happened("refund.created", refund)
        self.happened("charge.refunded", charge)
        return refund

    def fail_refund(self, name: str) -> Thing:
        refund = self.get("refunds", name)
        refund["status"] = "failed"
        self.get("charges", refund["charge"])["amount_refunded"] -= refund["amount"]
        self.happened("refund.failed", refund)
        return refund

    def dispute(self, intent: str, *, status: str = "needs_response") -> Thing:
        """Who paid goes to their bank: an inquiry moves nothing, anything else takes the money."""
        charge = self.get("charges", self.get("intents", intent)["latest_charge"])
        dispute = self._new(
            "disputes",
            "dp",
            object="dispute",
            amount=charge["amount"],
            currency=charge["currency"],
            charge=charge["id"],
            payment_intent=intent,
            status=status,
            metadata={},
            balance_transactions=[],
        )
        self.happened("charge.dispute.created", dispute)
        if not status.startswith("warning_"):
            self.withdraw(dispute)
        return dispute

    def withdraw(self, dispute: Thing) -> None:
        dispute["balance_transactions"].append({"id": "txn_1", "amount": -dispute["amount"]})
        self.happened("charge.dispute.funds_withdrawn", dispute)

    def close_dispute(self, dispute: Thing, status: str) -> None:
        dispute["status"] = status
        self.happened("charge.dispute.closed", dispute)
        if status == "won":
            dispute["balance_transactions"].append({"id": "txn_2", "amount": dispute["amount"]})
            self.happened("charge.dispute.funds_reinstated", dispute)
