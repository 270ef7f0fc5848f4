"""What is counted over all workers and nodes, and how counts grow."""

from __future__ import annotations

from collections.abc import Mapping

from router.db.bulk import Columns, write_rows
from router.db.connection import Connection

__all__ = ["COUNTERS", "HOLDS_OPEN", "add_counters"]

HOLDS_OPEN = "holds_open"
COUNTERS: Mapping[str, str] = {
    "clamped_usage": "calls whose token counts were impossible, and were put within bounds",
    HOLDS_OPEN: "calls that hold money or limits just now",
    "late_settlements": "calls that were charged after the sweep had given them up",
    "over_bound": "calls whose provider told of more tokens than they could use by their bounds",
    "refused_claims": "calls that were refused for want of money or by a limit",
    "shortfall_nano": "nano-units that calls used and that their accounts did not have",
    "sweeps": "calls that nobody settled any more, and that the sweep ended",
}
"""Name -> what it counts. All but ``holds_open`` only ever grow."""

_COLUMNS: Columns = (("name", "text"), ("value", "bigint"))
_ADD = "ON CONFLICT (name) DO UPDATE SET value = counters.value + excluded.value"


def add_counters(connection: Connection, deltas: Mapping[str, int]) -> None:
    """Add to counters, in the caller's transaction.

    Until that ends, another node that adds to the same counter waits: call it late.

    Args:
        deltas: name in ``COUNTERS`` -> how much more; at least zero.

    Raises:
        ValueError: no counter has that name, or it does not grow.
    """
    for name, delta in deltas.items():
        if name not in COUNTERS or name == HOLDS_OPEN or delta < 0:
            raise ValueError(f"the counter {name!r} cannot be changed by {delta}")
    # In one order for everybody: two that wait for each other's row would wait for ever.
    write_rows(connection, "counters", _COLUMNS, sorted((n, delta) for n, delta in deltas.items() if delta), _ADD)
