"""The operator's rows of the catalogue, from the database."""

from __future__ import annotations

import time
from collections.abc import Callable

from router.catalogue.snapshot import OperatorCatalogue, OverrideRow
from router.db.transaction import Runner
from router.store.console.provider_switches import read_off
from router.store.models import catalogue_version, load_catalogue
from router.store.prices import read_prices
from router.store.rates import read_rates

__all__ = ["DatabaseCatalogue"]


class DatabaseCatalogue:
    """As ``Catalogue`` wants them.

    Args:
        database: the database, or a transaction: rows as that sees them.
        now: Unix seconds.
    """

    def __init__(self, database: Runner, *, now: Callable[[], float] = time.time) -> None:
        self._database = database
        self._now = now

    def version(self) -> int:
        return catalogue_version(self._database)

    def load(self) -> OperatorCatalogue:
        found = load_catalogue(self._database)
        rows = [
            OverrideRow(row.public_id, row.provider, row.model, row.kind, row.enabled, row.card) for row in found.models
        ]
        now = self._now()
        (prices, planned), rates, off = self._database.read(
            lambda connection: (read_prices(connection, now), read_rates(connection), read_off(connection)), whole=False
        )
        return OperatorCatalogue(rows, found.aliases, found.fallbacks, prices, rates, off, planned)
