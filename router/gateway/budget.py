"""A key's budget, as a claim: the host's own, whatever the billing policy."""

from __future__ import annotations

from router.calendars import window_of
from router.claims import Claim, PolicyContext, Quote
from router.keys import Key
from router.money import format_nano

__all__ = ["BUDGET_OWNER", "budget_bucket", "budget_claim"]

BUDGET_OWNER = "host"
"""Whose buckets budgets are: their whole IDs begin with it, as a policy's do with its name."""


def budget_bucket(counted_as: str) -> str:
    """The bucket of a key's budget, by ``Key.counted_as``."""
    return f"budget:{counted_as}"


def budget_claim(key: Key, quote: Quote, context: PolicyContext) -> Claim | None:
    """What a call takes of its key's budget, which settles to its charge; None where the key has no budget."""
    budget = key.budget
    if budget is None:
        return None
    window = window_of(budget.period, context.at, context.timezone) if budget.period else None
    named = format_nano(budget.amount_nano) + (f" per {budget.period}" if budget.period else "")
    message = f"The budget of this API key, {named}, leaves too little for what the call could cost."
    bucket = budget_bucket(key.counted_as)
    return Claim(bucket, quote.charge_nano, budget.amount_nano, window, refusal="budget", message=message)
