"""Which model IDs exist, and where each leads."""

from __future__ import annotations

from router.catalogue.catalogue import Catalogue, Entry, Listing, Row, Rows, Snapshot, Stored
from router.catalogue.prices import PriceBook, PriceRules

__all__ = ["Catalogue", "Entry", "Listing", "PriceBook", "PriceRules", "Row", "Rows", "Snapshot", "Stored"]
