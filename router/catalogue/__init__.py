"""Which model IDs exist, and where each leads."""

from __future__ import annotations

from router.catalogue.catalogue import Catalogue, CatalogueSource
from router.catalogue.prices import PriceBook, PriceRules
from router.catalogue.snapshot import (
    CatalogueEntry,
    OperatorCatalogue,
    OverrideRow,
    ProfileCatalogue,
    ProviderModels,
    Snapshot,
)

__all__ = [
    "Catalogue",
    "CatalogueEntry",
    "CatalogueSource",
    "OperatorCatalogue",
    "OverrideRow",
    "PriceBook",
    "PriceRules",
    "ProfileCatalogue",
    "ProviderModels",
    "Snapshot",
]
