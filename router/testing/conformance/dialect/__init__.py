"""The rules for dialects: what is declared (D01 on), errors and lists (D10 on), streams (D20 on), served (D30)."""

from __future__ import annotations

from router.testing.conformance.dialect import declared, rendered, streams, served  # isort: skip
from router.testing.conformance.dialect.bench import DIALECT

__all__ = ["DIALECT", "declared", "rendered", "served", "streams"]
