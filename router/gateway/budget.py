"""A key's budget, as a claim: the host's own, whatever the billing policy."""

from __future__ import annotations

from datetime import tzinfo
from typing import NamedTuple

from router.calendars import window_of
from router.claims import Claim, PolicyContext, Quote, Window
from router.keys import Budget, Key
from router.store.database import Database

__all__ = ["BUDGET_OWNER", "Spent", "budget_claim", "budget_spent"]

BUDGET_OWNER = "host"
"""What stands before the bucket in its whole ID, as the policy's name does before a policy's."""


class Spent(NamedTuple):
    """What is gone of a budget in its present period, in nano-units: charged, and held by calls under way."""

    used_nano: int = 0
    held_nano: int = 0


def budget_claim(key: Key, quote: Quote, context: PolicyContext) -> Claim | None:
    """What a call takes of its key's budget, which settles to its charge; None where the key has no budget."""
    budget = key.budget
    if budget is None:
        return None
    window = _window(budget, context.at, context.timezone)
    bucket, ceiling = _bucket(key.counted_as), budget.amount_nano
    return Claim(bucket, quote.charge_nano, ceiling, window, refusal="budget", unit="money")


def budget_spent(database: Database, counted_as: str, budget: Budget, *, at: float, timezone: tzinfo) -> Spent:
    """What a key has spent of its budget at the moment ``at``, in Unix seconds.

    Args:
        counted_as: as ``Key`` has it.
    """
    query = "SELECT window_start, used, held FROM buckets WHERE id = ?"
    row = database.read(lambda connection: connection.row(query, (f"{BUDGET_OWNER}:{_bucket(counted_as)}",)))
    window = _window(budget, at, timezone)
    if row is None or (window is not None and row["window_start"] < round((window.start or 0.0) * 1000)):
        return Spent()
    return Spent(row["used"], row["held"])


def _bucket(counted_as: str) -> str:
    return f"budget:{counted_as}"


def _window(budget: Budget, at: float, timezone: tzinfo) -> Window | None:
    return window_of(budget.period, at, timezone) if budget.period else None
