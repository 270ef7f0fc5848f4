"""The rules for surfaces: declared (W01 on), requests (W10 on), answers and streams (W20 on), errors (W30 on)."""

from __future__ import annotations

from router.testing.conformance.surface import declared, requests, answers, errors  # isort: skip
from router.testing.conformance.surface.bench import SURFACE

__all__ = ["SURFACE", "answers", "declared", "errors", "requests"]
