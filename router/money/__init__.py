"""Money as integers. Plugin authors import amounts from here; prices and usage come from ``router``."""

from __future__ import annotations

from router.money.amounts import INT64_MAX, NANO, format_nano, parse_nano

__all__ = ["INT64_MAX", "NANO", "format_nano", "parse_nano"]
