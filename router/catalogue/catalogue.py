"""The catalogue: the providers' own cards, the profile's offers and the operator's rows over them, and the aliases, as
one snapshot in memory.

The database holds the rows; a worker asks it at most once a second whether they have changed. While the database
does not answer, the last snapshot stays in force.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Protocol

from router.catalogue.merging import build_snapshot
from router.catalogue.prices import USD, PriceRules
from router.catalogue.snapshot import NO_OFFERS, Listing, Offered, Snapshot, Stored
from router.errors import StoreError

__all__ = ["Catalogue", "Rows"]

_log = logging.getLogger("router.catalogue")


class Rows(Protocol):
    """Where the operator's rows and aliases are kept."""

    def version(self) -> int:
        """A number that grows with each change."""
        ...

    def load(self) -> Stored:
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

    Attributes:
        built_in: what there is without a database.
    """

    def __init__(
        self,
        listings: Mapping[str, Listing],
        pinned: Stored,
        rows: Rows,
        *,
        rules: PriceRules = USD,
        offered: Offered = NO_OFFERS,
        max_age_s: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._listings = listings
        self._pinned = pinned
        self._rows = rows
        self._rules = rules
        self._offered = offered
        self._max_age_s = max_age_s
        self._clock = clock
        self._checked_at = -max_age_s - 1
        self._version: int | None = None
        self.built_in = self._snapshot = build_snapshot(listings, pinned, rules, offered)

    def snapshot(self) -> Snapshot:
        """The view in force, at most ``max_age_s`` behind the database (as long as that answers)."""
        now = self._clock()
        if now - self._checked_at > self._max_age_s:
            self._checked_at = now  # before asking: calls that arrive meanwhile use the old snapshot
            try:
                self.refresh()
            except StoreError as error:
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
            merged = Stored(
                (*stored.rows, *pinned.rows),
                {**stored.aliases, **pinned.aliases},
                {**stored.fallbacks, **pinned.fallbacks},
                stored.prices,
                stored.rates,
            )
            self._snapshot = build_snapshot(self._listings, merged, self._rules, self._offered)
            self._version = version
        return self._snapshot
