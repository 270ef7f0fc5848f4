"""All that operators do: the one table from which the API's routes, their description and a command line elsewhere are
made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import ModuleType

from router.office.operations import (
    accounts,
    audit,
    care,
    credits,
    keys,
    ledger,
    limits,
    models,
    payments,
    people,
    prices,
    providers,
    signups,
    topups,
    usage,
    webhooks,
)
from router.office.operations.operation import OfficeOperation

__all__ = ["OPERATIONS"]

_MODULES: tuple[ModuleType, ...] = (
    accounts,
    audit,
    care,
    credits,
    keys,
    ledger,
    limits,
    models,
    payments,
    people,
    prices,
    providers,
    signups,
    topups,
    usage,
    webhooks,
)


def _found() -> Iterator[OfficeOperation]:
    for module in _MODULES:
        yield from (one for one in vars(module).values() if isinstance(one, OfficeOperation))


OPERATIONS: Mapping[str, OfficeOperation] = {one.name: one for one in sorted(_found(), key=lambda one: one.name)}
"""Name -> operation."""
