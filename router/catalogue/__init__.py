"""Which model IDs exist, and where each leads."""

from __future__ import annotations

from router.catalogue.catalogue import Catalogue, Entry, Snapshot

__all__ = ["Catalogue", "Entry", "Snapshot"]
