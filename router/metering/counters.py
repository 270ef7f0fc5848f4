"""Counts of what happened, summed over all workers and nodes and kept for good: ready for metrics."""

from __future__ import annotations

from router.db.transaction import Runner
from router.metering.tallies import COUNTERS, HOLDS_OPEN

__all__ = ["read_counters"]


def read_counters(database: Runner) -> dict[str, int]:
    """Every name in ``COUNTERS`` -> its value now."""
    sql = "SELECT name, value FROM counters UNION ALL SELECT ?, COUNT(*) FROM holds"
    found = dict(database.read(lambda connection: connection.tuples(sql, (HOLDS_OPEN,))))
    return {name: found.get(name, 0) for name in COUNTERS}
