"""The rules for policies, B01 on for billing and R01 on for rate limits: alone (01 on), in a ledger (20 on)."""

from __future__ import annotations

from router.testing.conformance.policy import functions, ledger  # isort: skip
from router.testing.conformance.policy.bench import BILLING, RATE_LIMIT

__all__ = ["BILLING", "RATE_LIMIT", "functions", "ledger"]
