"""The rules for providers, P01 and on."""

from __future__ import annotations

from router.testing.conformance.provider import declared
from router.testing.conformance.provider.bench import PROVIDER

__all__ = ["PROVIDER", "declared"]
