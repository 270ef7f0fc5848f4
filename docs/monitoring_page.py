"""The tables of ``monitoring.md``: every series, from the table in the code, and what the ledger counts.

A table stands between ``<!-- NAME: ... -->`` and ``<!-- end of NAME -->``; all else on the page is written by hand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from router.metering.tallies import COUNTERS, HOLDS_OPEN
from router.metrics.families import FAMILIES, Family

__all__ = ["TABLES", "render"]

_PLACE = re.compile(r"(<!-- (?P<name>[a-z-]+): [^\n]*-->\n).*?(<!-- end of (?P=name) -->)", re.DOTALL)


def render(page: str) -> str:
    """The page with its tables as the code has them.

    Raises:
        KeyError: it names a table that there is not.
    """
    return _PLACE.sub(lambda found: found[1] + TABLES[found["name"]]() + found[3], page)


def _series() -> str:
    rows = ["| series | type | labels | what it is |", "| --- | --- | --- | --- |"]
    return "\n".join([*rows, *map(_row, FAMILIES.values())]) + "\n"


def _row(family: Family) -> str:
    labels = ", ".join(f"`{label}`" for label in family.all_labels)
    return f"| `{family.shown}` | {family.kind} | {labels} | {family.meaning} |"


def _events() -> str:
    rows = ["| event | what it counts |", "| --- | --- |"]
    kept = {name: meaning for name, meaning in COUNTERS.items() if name != HOLDS_OPEN}
    return "\n".join([*rows, *(f"| `{name}` | {meaning} |" for name, meaning in kept.items())]) + "\n"


TABLES: Mapping[str, Callable[[], str]] = {"series": _series, "events": _events}
