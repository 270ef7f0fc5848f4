"""The catalogue: the providers' own cards, the profile's offers and the operator's rows over them, and the aliases, as
one snapshot in memory.

The database holds the rows; a worker asks it twice a second at most whether they have changed, and uses no answer that
is older than a second. While the database does not answer, the last snapshot stays in force. A planned price is in
memory before its moment, at which the snapshot is another.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from router.catalogue.merging import build_snapshot
from router.catalogue.prices import USD, PriceRules
from router.catalogue.snapshot import NO_OFFERS, OperatorCatalogue, ProfileCatalogue, ProviderModels, Snapshot
from router.errors import StoreError
from router.store.fresh import Fresh

__all__ = ["Catalogue", "CatalogueSource"]

_log = logging.getLogger("router.catalogue")


class CatalogueSource(Protocol):
    """Where the operator's rows and aliases are kept."""

    def version(self) -> int:
        """A number that grows with each change."""
        ...

    def load(self) -> OperatorCatalogue:
        """All of it."""
        ...


class Catalogue:
    """Keeps the snapshot fresh.

    Args:
        listings: active provider -> what it brings.
        pinned: aliases and fallbacks of the configuration; they win over the database's.
        rows: the operator's rows.
        rules: what the configuration says of prices.
        offered: the profile's own models.
        max_age_s: how old the answer to "has it changed?" may be.
        clock: seconds, monotonic.
        now: Unix seconds, by which planned prices begin.

    Attributes:
        built_in: what there is without a database.
    """

    def __init__(
        self,
        listings: Mapping[str, ProviderModels],
        pinned: OperatorCatalogue,
        rows: CatalogueSource,
        *,
        rules: PriceRules = USD,
        offered: ProfileCatalogue = NO_OFFERS,
        max_age_s: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._listings = listings
        self._pinned = pinned
        self._rows = rows
        self._rules = rules
        self._offered = offered
        self._max_age_s = max_age_s
        self._clock = clock
        self._now = now
        self._rests_until = 0.0
        self._version: int | None = None
        self._fresh = Fresh(self.refresh, max_age_s=max_age_s, clock=clock)
        self.built_in = self._snapshot = build_snapshot(listings, pinned, rules, offered)

    def over(self, rows: CatalogueSource) -> Catalogue:
        """The same catalogue over other rows, such as those that a transaction sees."""
        return Catalogue(self._listings, self._pinned, rows, rules=self._rules, offered=self._offered, now=self._now)

    def snapshot(self) -> Snapshot:
        """The view in force, at most ``max_age_s`` behind the database (as long as that answers).

        Whoever comes while a view that is too old is read again waits for the new one.
        """
        if self._rests_until and self._clock() < self._rests_until:
            return self._snapshot
        try:
            self._fresh.get()
            return self._snapshot  # or a newer one, where somebody has asked the database since
        except StoreError as error:
            self._let_prices_begin()
            again = self._clock() + self._max_age_s  # it is asked again then, and not by every call
            self._rests_until = min(again, self._fresh.over_at)
            _log.warning("the catalogue is served from memory: %s", error.message)
            return self._snapshot

    def refresh(self) -> Snapshot:
        """Ask the database now.

        Raises:
            StoreError: it does not answer; the last snapshot stays in force.
        """
        version = self._rows.version()
        if version != self._version:
            stored, pinned = self._rows.load(), self._pinned
            merged = OperatorCatalogue(
                (*stored.rows, *pinned.rows),
                {**stored.aliases, **pinned.aliases},
                {**stored.fallbacks, **pinned.fallbacks},
                stored.prices,
                stored.rates,
                stored.off,
                stored.planned,
            )
            self._snapshot = build_snapshot(self._listings, merged, self._rules, self._offered)
            self._version = version
        self._let_prices_begin()
        return self._snapshot

    def _let_prices_begin(self) -> None:
        """Replace the snapshot where a planned price is to hold by now, and note when the next one is."""
        now, snapshot = self._now(), self._snapshot
        if snapshot.prices.changes_at <= now:
            self._snapshot = snapshot = replace(snapshot, prices=snapshot.prices.at(now))
        self._fresh.over_at = self._clock() + (snapshot.prices.changes_at - now)
