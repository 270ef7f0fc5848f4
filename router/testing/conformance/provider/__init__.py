"""The rules for providers, by subject.

What is declared (P01 on), replies (P10 on), usage (P20 on), failures (P30 on), endings
(P40 on), what belongs to one call and what it asks for (P60 on), surfaces that a provider
speaks itself (P70 on).
"""

from __future__ import annotations

from router.testing.conformance.provider import declared, replies, usage, failures, endings  # isort: skip
from router.testing.conformance.provider import releasing, holding, apart, asked, compiled, signed  # isort: skip
from router.testing.conformance.provider import spoken_asked, spoken_told, spoken_ends  # isort: skip
from router.testing.conformance.provider.bench import PROVIDER

__all__ = [
    "PROVIDER",
    "apart",
    "asked",
    "compiled",
    "declared",
    "endings",
    "failures",
    "holding",
    "releasing",
    "replies",
    "signed",
    "spoken_asked",
    "spoken_ends",
    "spoken_told",
    "usage",
]
