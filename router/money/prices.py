"""Prices as integers: nano-units of a currency per million tokens, and what a usage comes to.

The arithmetic is exact in whole numbers and rounded up once, at the end. No float ever enters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from router.money.amounts import parse_nano
from router.money.hours import parse_hours
from router.money.usage import Usage
from router.structs import record

__all__ = [
    "FREE",
    "MILLION",
    "RATES",
    "Price",
    "PriceTier",
    "Rates",
    "dearest",
    "is_complete",
    "is_free",
    "rates",
    "scaled",
]

MILLION = 1_000_000
RATES = ("input", "cached_input", "cache_write", "output", "reasoning")
"""The kinds of tokens that a price tells apart, as lists of prices show them."""


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

    @classmethod
    def per_million(cls, **rates: str) -> Price:
        """A price of decimal texts per million tokens: ``Price.per_million(input="0.50", output="1.50")``.

        Raises:
            ValueError: a text that is no amount.
        """
        return cls(**{name: parse_nano(text) for name, text in rates.items()})  # type: ignore[arg-type]


@record
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

    def most_nano(self, prompt_tokens: int, completion_tokens: int) -> int:
        """The most that so many tokens can come to, whatever part of them is cached, written or reasoning."""
        total = prompt_tokens * self.dearest_input() + completion_tokens * self.dearest_output()
        return -(-total // MILLION)

    def dearest_input(self) -> int:
        """Of the rates that a token of the prompt may be charged at."""
        return max(self.input, self.cached_input, self.cache_write)

    def dearest_output(self) -> int:
        """Of the rates that a token of the output may be charged at."""
        return max(self.output, self.reasoning)


FREE = Price(input=0, output=0)


def rates(price: Price, at: float, prompt_tokens: int) -> Rates:
    """The rates for a call that arrives at the Unix time ``at`` with a prompt of so many tokens.

    Output that has no rate costs nothing: see ``is_complete``.

    Raises:
        ValueError: the price has no rate for input.
    """
    holding = [tier for tier in price.tiers if _holds(tier, at, prompt_tokens)]
    return _rates(price, holding[-1] if holding else None)


def dearest(price: Price, at: float, prompt_bound: int) -> Rates:
    """For each kind of token the highest rate that ``rates`` can give at that time to any prompt up to the bound.

    Raises:
        ValueError: the price has no rate for input.
    """
    if not price.tiers:
        return _rates(price, None)
    possible = [_rates(price, None), *(_rates(price, tier) for tier in price.tiers if _holds(tier, at, prompt_bound))]
    return Rates(**{name: max(getattr(one, name) for one in possible) for name in RATES})


def is_complete(price: Price, kind: str) -> bool:
    """Whether calls of the kind ``chat`` or ``embeddings`` can be charged by it: embeddings have no output."""
    return price.input is not None and (kind == "embeddings" or price.output is not None)


def is_free(price: Price) -> bool:
    """Whether nothing is ever charged by it: it says so of input, and nothing else of anything."""
    return price.input == 0 and not any(_given((price, *price.tiers)))


def scaled(price: Price, numerator: int, denominator: int) -> Price:
    """Every rate times an exact ratio, rounded up to the nano-unit: a list price in another currency, or marked up."""

    def of(part: Price | PriceTier) -> dict[str, Any]:
        given = ((name, getattr(part, name)) for name in RATES)
        return {name: -(-rate * numerator // denominator) for name, rate in given if rate is not None}

    tiers = tuple(replace(tier, **of(tier)) for tier in price.tiers)
    return replace(price, **of(price), tiers=tiers)


def _given(parts: Iterable[Price | PriceTier]) -> Iterator[int]:
    return (rate for part in parts for name in RATES if (rate := getattr(part, name)) is not None)


def _holds(tier: PriceTier, at: float, prompt_tokens: int) -> bool:
    if tier.above_tokens is not None and prompt_tokens <= tier.above_tokens:
        return False
    return not tier.hours or any(parse_hours(span).hold(at) for span in tier.hours)


def _rates(price: Price, tier: PriceTier | None) -> Rates:
    """What is unset in the tier is the price's own; what is unset in both follows from input or output."""
    known = {name: getattr(price, name) for name in RATES}
    if tier is not None:
        known.update((name, rate) for name in RATES if (rate := getattr(tier, name)) is not None)
    if known["input"] is None:
        raise ValueError("the price has no rate for input")
    output = known["output"] or 0
    return Rates(
        input=known["input"],
        output=output,
        cached_input=_or(known["cached_input"], known["input"]),
        cache_write=_or(known["cache_write"], known["input"]),
        reasoning=_or(known["reasoning"], output),
    )


def _or(rate: int | None, default: int) -> int:
    return default if rate is None else rate
