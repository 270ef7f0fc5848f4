"""Prices as integers: nano-units of a currency per million tokens, and what a usage comes to.

The arithmetic is exact in whole numbers and rounded up once, at the end. No float ever enters.
"""

from __future__ import annotations

from dataclasses import dataclass

from router.usage import Usage

__all__ = ["MILLION", "Price", "PriceTier", "Rates"]

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class PriceTier:
    """Rates that hold in place of a price's own when its condition does; None leaves the price's own.

    Attributes:
        above_tokens: for calls whose whole prompt is longer than this.
        hours: for calls that arrive in one of these spans, UTC: ``"mon-fri 06:00-10:00"`` or ``"22:00-04:00"``.
    """

    above_tokens: int | None = None
    hours: tuple[str, ...] = ()
    input: int | None = None
    output: int | None = None
    cached_input: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None


@dataclass(frozen=True, slots=True)
class Price:
    """A price in nano-units per million tokens, in its list's currency; None where the list says nothing.

    ``cached_input`` and ``cache_write`` default to ``input``, ``reasoning`` to ``output``. Of several tiers whose
    conditions hold, the last counts.
    """

    input: int | None = None
    output: int | None = None
    cached_input: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None
    tiers: tuple[PriceTier, ...] = ()


@dataclass(frozen=True, slots=True)
class Rates:
    """What holds for one call: every rate known, nano-units per million tokens."""

    input: int
    output: int
    cached_input: int
    cache_write: int
    reasoning: int

    def charge_nano(self, usage: Usage) -> int:
        """What a usage comes to, rounded up to the nano-unit. Its parts must not exceed its totals."""
        fresh = usage.prompt_tokens - usage.cached_tokens - usage.cache_write_tokens
        spoken = usage.completion_tokens - usage.reasoning_tokens
        total = (
            fresh * self.input
            + usage.cached_tokens * self.cached_input
            + usage.cache_write_tokens * self.cache_write
            + spoken * self.output
            + usage.reasoning_tokens * self.reasoning
        )
        return -(-total // MILLION)
