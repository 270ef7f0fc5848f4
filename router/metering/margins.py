"""What models earn: charges beside costs, from the hourly sums."""

from __future__ import annotations

from dataclasses import dataclass

from router.db.connection import Connection
from router.db.transaction import Runner

__all__ = ["Margin", "list_margins"]

_HOUR_S = 3600
_SQL = """
SELECT model, SUM(calls), SUM(charge_nano), SUM(cost_nano), SUM(uncosted) FROM usage_totals
WHERE hour >= ? GROUP BY model ORDER BY SUM(charge_nano) DESC, model
"""


@dataclass(frozen=True, slots=True)
class Margin:
    """One model's sums, in nano-units.

    Attributes:
        calls: finished calls.
        charge_nano: what accounts were charged.
        cost_nano: what the providers charge for the calls whose cost is known.
        uncosted: calls that were charged, and whose cost is not known.
    """

    model: str
    calls: int
    charge_nano: int
    cost_nano: int
    uncosted: int


def list_margins(database: Runner, since: float = 0.0) -> list[Margin]:
    """By model, the largest charge first.

    Args:
        since: Unix seconds; the whole hour in which it lies counts.
    """

    def load(connection: Connection) -> list[Margin]:
        rows = connection.tuples(_SQL, (int(since) // _HOUR_S * _HOUR_S,))
        return [Margin(model, *map(int, sums)) for model, *sums in rows]

    return database.read(load)
