"""Prices as integers: nano-units of a currency per million tokens or for a unit, and what a usage comes to.

The arithmetic is exact in whole numbers and rounded up once, at the end. No float ever enters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from router.money.amounts import parse_nano
from router.money.hours import parse_hours
from router.money.usage import UNITS, Units, Usage
from router.structs import record

__all__ = [
    "ALL_RATES",
    "FREE",
    "MILLION",
    "RATES",
    "UNIT_RATES",
    "UNIT_RATE_OF",
    "PlannedPrice",
    "Price",
    "PriceTier",
    "Rates",
    "UnitRates",
    "dearest",
    "has_rates",
    "is_complete",
    "is_free",
    "rates",
    "request_of",
    "scaled",
    "unpriced_units",
]

MILLION = 1_000_000
RATES = ("input", "cached_input", "cache_write", "output", "reasoning")
"""The kinds of tokens that a price tells apart, as lists of prices show them."""
UNIT_RATES = ("per_image", "per_second", "per_million_characters", "per_search", "per_request")
"""The rates of what is paid beside tokens, in the order of ``UNITS``."""
ALL_RATES = (*RATES, *UNIT_RATES)
_WEIGHTS = (MILLION, MILLION // 1000, 1, MILLION, MILLION)
"""Millionths of what a unit rate is for, in one of ``UNITS``: a millisecond is a thousandth of a second."""
UNIT_RATE_OF = dict(zip(UNITS, UNIT_RATES, strict=True))
"""Unit -> the rate that it is charged by."""


@dataclass(frozen=True, slots=True)
class PriceTier:
    """Rates that hold in place of a price's own when its condition does; None leaves the price's own.

    Attributes:
        above_tokens: for calls whose whole prompt is longer than this.
        hours: for calls that arrive in one of these spans, UTC: ``"mon-fri 06:00-10:00"`` or ``"22:00-04:00"``.
        sizes, qualities: for images of one of these, as bodies name them: ``1792x1024``, ``hd``; ``*`` is any.
    """

    above_tokens: int | None = None
    hours: tuple[str, ...] = ()
    input: int | None = None
    output: int | None = None
    cached_input: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None
    per_image: int | None = None
    per_second: int | None = None
    per_million_characters: int | None = None
    per_search: int | None = None
    per_request: int | None = None
    sizes: tuple[str, ...] = ()
    qualities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Price:
    """A price in nano-units per million tokens, in its list's currency; None where the list says nothing.

    ``cached_input`` and ``cache_write`` default to ``input``, ``reasoning`` to ``output``. Of several tiers whose
    conditions hold, the last counts.

    Attributes:
        per_image, per_search, per_request: nano-units for each one.
        per_second: nano-units for a second of audio; milliseconds are charged exactly, rounded up at the end.
        per_million_characters: nano-units for a million.
    """

    input: int | None = None
    output: int | None = None
    cached_input: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None
    tiers: tuple[PriceTier, ...] = ()
    per_image: int | None = None
    per_second: int | None = None
    per_million_characters: int | None = None
    per_search: int | None = None
    per_request: int | None = None

    @classmethod
    def per_million(cls, **rates: str) -> Price:
        """A price of decimal texts per million tokens: ``Price.per_million(input="0.50", output="1.50")``.

        Rates of units are for what their names say, as in ``per_request="0.005"``.

        Raises:
            ValueError: a text that is no amount.
        """
        return cls(**{name: parse_nano(text) for name, text in rates.items()})  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class PlannedPrice:
    """A price that is to hold.

    Attributes:
        starts_at: from when; Unix seconds.
        price_list: for whose accounts; empty for all.
        model: a public ID, or ``provider/model``.
    """

    starts_at: float
    price_list: str
    model: str
    price: Price


@record
@dataclass(frozen=True, slots=True)
class UnitRates:
    """What units beside tokens cost in one call, in nano-units; 0 where they cost nothing."""

    per_image: int = 0
    per_second: int = 0
    per_million_characters: int = 0
    per_search: int = 0
    per_request: int = 0

    def millionths(self, units: Units) -> int:
        """What so many come to, in millionths of a nano-unit: exact."""
        return sum(
            getattr(units, name) * weight * getattr(self, rate)
            for name, rate, weight in zip(UNITS, UNIT_RATES, _WEIGHTS, strict=True)
        )


@record
@dataclass(frozen=True, slots=True)
class Rates:
    """What holds for one call: every rate known, nano-units per million tokens.

    Attributes:
        units: those of what is paid beside tokens; None where nothing is.
    """

    input: int
    output: int
    cached_input: int
    cache_write: int
    reasoning: int
    units: UnitRates | None = None

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
        if self.units is not None and usage.units is not None:
            total += self.units.millionths(usage.units)
        return -(-total // MILLION)

    def most_nano(self, prompt_tokens: int, completion_tokens: int, units: Units | None = None) -> int:
        """The most that so many tokens and units can come to, whatever tokens are cached, written or reasoning."""
        total = prompt_tokens * self.dearest_input() + completion_tokens * self.dearest_output()
        if self.units is not None and units is not None:
            total += self.units.millionths(units)
        return -(-total // MILLION)

    def dearest_input(self) -> int:
        """Of the rates that a token of the prompt may be charged at."""
        return max(self.input, self.cached_input, self.cache_write)

    def dearest_output(self) -> int:
        """Of the rates that a token of the output may be charged at."""
        return max(self.output, self.reasoning)

    def cost_nothing(self) -> bool:
        """Whether nothing is charged by them, whatever a call uses."""
        return not (self.dearest_input() or self.dearest_output() or self.units)


FREE = Price(input=0, output=0)


def rates(price: Price, at: float, prompt_tokens: int) -> Rates:
    """The rates for a call that arrives at the Unix time ``at`` with a prompt of so many tokens.

    What has no rate costs nothing: see ``is_complete`` and ``unpriced_units``.

    Raises:
        ValueError: the price has neither a rate for input nor one for a unit.
    """
    holding = [tier for tier in price.tiers if _holds(tier, at, prompt_tokens)]
    return _rates(price, holding[-1] if holding else None)


def dearest(price: Price, at: float, prompt_bound: int) -> Rates:
    """For each kind of token the highest rate that ``rates`` can give at that time to any prompt up to the bound.

    Raises:
        ValueError: the price has neither a rate for input nor one for a unit.
    """
    if not price.tiers:
        return _rates(price, None)
    possible = [_rates(price, None), *(_rates(price, tier) for tier in price.tiers if _holds(tier, at, prompt_bound))]
    units = [one.units for one in possible if one.units is not None]
    highest = UnitRates(**{name: max(getattr(one, name) for one in units) for name in UNIT_RATES}) if units else None
    return Rates(**{name: max(getattr(one, name) for one in possible) for name in RATES}, units=highest)


def is_complete(price: Price, kind: str) -> bool:
    """Whether calls of a kind can be charged by it: ``chat`` and ``completions`` need input and output, ``embeddings``
    input, any other one rate. The units that a call uses besides are looked at call by call: ``unpriced_units``.
    """
    if kind not in ("chat", "completions", "embeddings"):
        return has_rates(price)
    return price.input is not None and (kind == "embeddings" or price.output is not None)


def is_free(price: Price) -> bool:
    """Whether nothing is ever charged by it: it says so of input, and nothing else of anything."""
    return price.input == 0 and not any(_given((price, *price.tiers)))


def has_rates(price: Price) -> bool:
    """Whether it says anything at all: what input costs, or a unit."""
    return price.input is not None or any(getattr(price, name) is not None for name in UNIT_RATES)


def request_of(*prices: Price | None) -> Units | None:
    """What a call is beside what it uses: one request, where a price has a part per request; else None."""
    parts: list[Price | PriceTier] = []
    for price in prices:
        parts += () if price is None else (price, *price.tiers)
    return Units(requests=1) if any(part.per_request for part in parts) else None


def unpriced_units(price: Price, units: Units) -> tuple[str, ...]:
    """The names of units that a call uses and that the price says nothing of. A request needs no price of its own."""
    used = (name for name in units.counts() if name != "requests")
    return tuple(name for name in used if getattr(price, UNIT_RATE_OF[name]) is None)


def scaled(price: Price, numerator: int, denominator: int) -> Price:
    """Every rate times an exact ratio, rounded up to the nano-unit: a list price in another currency, or marked up."""

    def of(part: Price | PriceTier) -> dict[str, Any]:
        given = ((name, getattr(part, name)) for name in ALL_RATES)
        return {name: -(-rate * numerator // denominator) for name, rate in given if rate is not None}

    tiers = tuple(replace(tier, **of(tier)) for tier in price.tiers)
    return replace(price, **of(price), tiers=tiers)


def _given(parts: Iterable[Price | PriceTier]) -> Iterator[int]:
    return (rate for part in parts for name in ALL_RATES if (rate := getattr(part, name)) is not None)


def _holds(tier: PriceTier, at: float, prompt_tokens: int) -> bool:
    if tier.sizes or tier.qualities:  # see ``router.money.image_prices``
        return False
    if tier.above_tokens is not None and prompt_tokens <= tier.above_tokens:
        return False
    return not tier.hours or any(parse_hours(span).hold(at) for span in tier.hours)


def _rates(price: Price, tier: PriceTier | None) -> Rates:
    """What is unset in the tier is the price's own; what is unset in both follows from input or output."""
    known = {name: getattr(price, name) for name in ALL_RATES}
    if tier is not None:
        known.update((name, rate) for name in ALL_RATES if (rate := getattr(tier, name)) is not None)
    if known["input"] is None and not has_rates(price):
        raise ValueError("the price has no rate for input")
    input_, output = known["input"] or 0, known["output"] or 0
    units = {name: rate for name in UNIT_RATES if (rate := known[name])}
    return Rates(
        input=input_,
        output=output,
        cached_input=_or(known["cached_input"], input_),
        cache_write=_or(known["cache_write"], input_),
        reasoning=_or(known["reasoning"], output),
        units=UnitRates(**units) if units else None,
    )


def _or(rate: int | None, default: int) -> int:
    return default if rate is None else rate
