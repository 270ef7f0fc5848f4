"""What is asked of Stripe from time to time: how top-ups stand, which events there were, what has moved since a day."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from router_plugins.stripe.giving_back import Payments, dispute_facts, is_undone, refund_facts
from router_plugins.stripe.library import Stripe
from router_plugins.stripe.marks import is_ours
from router_plugins.stripe.notices import KINDS, facts_of_event
from router_plugins.stripe.options import is_live
from router_plugins.stripe.paying import facts_of_intent, facts_of_session

from router import BadRequest, PaymentFact, PaymentWatch, TopUp, TopUpPaid, Unavailable, Watched

__all__ = ["poll", "statement", "watch"]

_FIRST_LOOK_S = 3600
_PAGE = 100
_WHOLE = {"expand": ["payment_intent.payment_method"]}


def poll(stripe: Stripe, topups: Sequence[TopUp], log: logging.Logger) -> list[PaymentFact]:
    """How top-ups stand. What one of them hides is logged, and the others are told.

    Raises:
        Unavailable: Stripe does not answer, and nothing was found out before.
    """
    found: list[PaymentFact] = []
    for topup in topups:
        try:
            found += _standing(stripe, topup)
        except BadRequest as error:
            log.error("%s (%s): %s", topup.id, topup.reference, error.in_full)
        except Unavailable as error:
            if not found:
                raise
            log.warning("%s (%s): %s", topup.id, topup.reference, error.in_full)
            break
    return found


def _standing(stripe: Stripe, topup: TopUp) -> list[PaymentFact]:
    live = is_live(stripe.options)
    reference = topup.reference or topup.payment
    if reference.startswith("pi_"):
        thing = stripe.ask(stripe.v1.payment_intents.retrieve, reference)
        facts = facts_of_intent(thing, live)
    elif reference:
        thing = stripe.ask(stripe.v1.checkout.sessions.retrieve, reference, _WHOLE)
        facts = facts_of_session(thing, live)
    else:
        return []
    if not is_ours(thing, topup=topup.id):
        raise BadRequest(f"{reference} at Stripe was made for another top-up.", code="wrong_reference")
    for fact in facts:
        if isinstance(fact, TopUpPaid) and (fact.amount, fact.currency) != (topup.amount, topup.currency.upper()):
            raise BadRequest(f"{reference}: {fact.amount} {fact.currency} was paid, and not what was asked for.")
    return facts


def watch(stripe: Stripe, step: PaymentWatch, log: logging.Logger) -> Watched:
    """The events since the last look: all of them where no webhook brings them, and those that one has lost.
    Between two looks there is a pause, however often the step is asked for.

    Raises:
        Unavailable: Stripe does not answer.
    """
    again_s = 300.0 if stripe.options.webhook_secret else 20.0
    waits = step.cursor.get("next", 0.0) - step.now
    if 0 < waits <= again_s:
        return Watched((), step.cursor, waits)
    last = step.cursor.get("event")
    since = step.cursor.get("since") or int(step.now) - _FIRST_LOOK_S
    try:
        page, more = _events(stripe, last, since)
    except BadRequest as error:
        if error.code != "resource_missing" or not last:
            raise
        log.warning("Stripe no longer has the event %s: looking from %d on", last, since)
        page, more = _events(stripe, None, since)
    facts: list[PaymentFact] = []
    for event in reversed(page):  # listed newest first
        try:
            facts += facts_of_event(stripe, event)
        except BadRequest as error:
            log.error("event %s (%s): %s", event.get("id"), event.get("type"), error.in_full)
        last, since = event["id"], event["created"]
    pause_s = 0.0 if more else again_s
    return Watched(facts, {"event": last, "since": since, "next": step.now + pause_s}, pause_s)


def _events(stripe: Stripe, last: Any, since: int) -> tuple[list[Mapping[str, Any]], bool]:
    """Events that come after one, newest first, and whether there are more behind them."""
    asked: dict[str, Any] = {"types": sorted(KINDS), "limit": _PAGE}
    if last:
        answer = stripe.ask(stripe.v1.events.list, {**asked, "ending_before": last})
        return list(answer["data"]), bool(answer.get("has_more"))
    return list(stripe.each(stripe.v1.events.list, {"types": sorted(KINDS), "created": {"gte": since}})), False


def statement(stripe: Stripe, since: float, log: logging.Logger) -> Iterator[PaymentFact]:
    """Everything of ours that Stripe has made since a time.

    Raises:
        Unavailable: Stripe does not answer.
    """
    live, payments = is_live(stripe.options), Payments(stripe)
    made = {"created": {"gte": int(since)}}
    v1 = stripe.v1
    lists: list[tuple[Any, Any]] = [
        (v1.checkout.sessions.list, lambda one: facts_of_session(one, live)),
        (v1.payment_intents.list, lambda one: facts_of_intent(one, live)),
        (v1.refunds.list, lambda one: [] if is_undone(one) else refund_facts(one, payments)),
        (v1.disputes.list, lambda one: _dispute_so_far(one, payments)),
    ]
    for listing, read in lists:
        for one in stripe.each(listing, made):
            try:
                yield from read(one)
            except BadRequest as error:
                log.error("%s: %s", one.get("id"), error.in_full)


def _dispute_so_far(dispute: Mapping[str, Any], payments: Payments) -> list[PaymentFact]:
    """What a dispute has moved, by its balance transactions, and how it stands."""
    facts: list[PaymentFact] = []
    for moved in dispute.get("balance_transactions") or ():
        taken = isinstance(moved, Mapping) and int(moved.get("amount") or 0) < 0
        kind = "charge.dispute.funds_withdrawn" if taken else "charge.dispute.funds_reinstated"
        facts += dispute_facts(kind, dispute, payments)
    return [*facts, *dispute_facts("charge.dispute.updated", dispute, payments)]
