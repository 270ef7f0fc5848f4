"""Which model IDs exist, and where each leads."""

from __future__ import annotations

from router.catalogue.catalogue import Catalogue, Rows
from router.catalogue.prices import PriceBook, PriceRules
from router.catalogue.snapshot import CatalogueEntry, Listing, Offered, Row, Snapshot, Stored

__all__ = [
    "Catalogue",
    "CatalogueEntry",
    "Listing",
    "Offered",
    "PriceBook",
    "PriceRules",
    "Row",
    "Rows",
    "Snapshot",
    "Stored",
]
