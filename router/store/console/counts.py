"""Counts for the operator's dashboard: people who came, and accounts that paid."""

from __future__ import annotations

from dataclasses import dataclass

from router.db.connection import Connection
from router.db.transaction import Runner

__all__ = ["OWN_KINDS", "Arrivals", "count_arrivals", "count_paying"]

OWN_KINDS = (
    *("adjustment", "free", "grant", "refund", "return", "shortfall", "usage"),
    *("topup_refund", "refund_cover", "dispute", "dispute_return", "debt", "debt_paid", "expiry"),
)
"""The kinds of transfers by which no new money comes in; any other is a payment's."""

_PEOPLE = """
SELECT COUNT(CASE WHEN created_at >= ? AND created_at < ? THEN 1 END),
    COUNT(CASE WHEN verified_at >= ? AND verified_at < ? THEN 1 END) FROM people
"""
_WAITING = "SELECT COUNT(*) FROM signups WHERE verdict = 'waits'"
_PAYING = f"""
SELECT COUNT(DISTINCT credit) FROM transfers WHERE kind <> 'usage' AND credit > '' AND substr(credit, 1, 1) <> '@'
    AND kind NOT IN ({", ".join(f"'{kind}'" for kind in OWN_KINDS)}) AND created_at >= ? AND created_at < ?
"""  # noqa: S608 - constant texts


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Who came in a time.

    Attributes:
        signed_up: people who did.
        verified: people who proved their address.
        waiting: sign-ups that wait for an operator now, whenever they came.
    """

    signed_up: int
    verified: int
    waiting: int


def count_arrivals(database: Runner, since: float, until: float) -> Arrivals:
    """Who came in a time, Unix seconds, half open."""

    def load(connection: Connection) -> Arrivals:
        ((signed_up, verified),) = connection.tuples(_PEOPLE, (since, until) * 2)
        return Arrivals(int(signed_up), int(verified), int(connection.tuples(_WAITING)[0][0]))

    return database.read(load, whole=False)


def count_paying(database: Runner, since: float, until: float) -> int:
    """How many accounts topped up in a time."""
    return int(database.read(lambda connection: connection.tuples(_PAYING, (since, until)))[0][0])
