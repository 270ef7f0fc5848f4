"""A key's budget, as a claim: the host's own, whatever the billing policy."""

from __future__ import annotations

from datetime import tzinfo
from typing import NamedTuple

from router.db.connection import Connection
from router.db.transaction import Runner
from router.metering.usage_hours import charged_since
from router.types.claims import Claim, PolicyContext, Quote, Window
from router.types.keys import Budget, Key
from router.types.periods import window_of

__all__ = ["BUDGET_OWNER", "Spent", "budget_claim", "budget_spent"]

BUDGET_OWNER = "host"
"""What stands before the bucket in its whole ID, as the policy's name does before a policy's."""


class Spent(NamedTuple):
    """How much of a budget is used in its present period.

    Attributes:
        used_nano: charged.
        held_nano: held by calls under way.
        begins_again: Unix seconds at which the next period begins; None where there is none.
    """

    used_nano: int = 0
    held_nano: int = 0
    begins_again: float | None = None


def budget_claim(key: Key, quote: Quote, context: PolicyContext) -> Claim | None:
    """The claim on the key's own budget, which settles to the call's charge; None where the key has no budget."""
    budget = key.budget
    if budget is None:
        return None
    window = _window(budget, context.at, context.timezone)
    bucket, ceiling = _bucket(key.counted_as), budget.amount_nano
    return Claim(bucket, quote.charge_nano, ceiling, window, refusal="budget", unit="money", of="key")


def budget_spent(database: Runner, counted_as: str, budget: Budget, *, at: float, timezone: tzinfo) -> Spent:
    """What a key has spent of its budget at the moment ``at``, in Unix seconds.

    Args:
        counted_as: as ``Key`` has it.
    """
    window = _window(budget, at, timezone)
    start = 0.0 if window is None or window.start is None else window.start
    ends = None if window is None else start + window.seconds
    query = "SELECT window_start, used, held, subject FROM buckets WHERE id = ?"

    def read(connection: Connection) -> Spent:
        row = connection.row(query, (f"{BUDGET_OWNER}:{_bucket(counted_as)}",))
        held = 0 if row is None else row["held"]
        if row is not None and (row["subject"] or row["used"]):
            return Spent(row["used"] if row["window_start"] >= round(start * 1000) else 0, held, ends)
        charged = charged_since(connection, "key", start, [counted_as])  # what the next claim will begin with
        return Spent(charged.get(counted_as, 0), held, ends)

    return database.read(read)


def _bucket(counted_as: str) -> str:
    return f"budget:{counted_as}"


def _window(budget: Budget, at: float, timezone: tzinfo) -> Window | None:
    return window_of(budget.period, at, timezone) if budget.period else None
