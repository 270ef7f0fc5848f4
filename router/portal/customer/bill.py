"""A call's bill: tokens times price for each kind, in exact numbers that add up to what was charged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from router.money.amounts import format_nano, parse_nano
from router.money.usage import UNITS
from router.types.records import CallRecord

__all__ = ["Bill", "BillLine", "bill_of"]

_MILLION = 1_000_000
_UNIT_LINES = {
    "images": ("per_image", 1),
    "milliseconds": ("per_second", 1000),
    "characters": ("per_million_characters", _MILLION),
    "searches": ("per_search", 1),
    "requests": ("per_request", 1),
}


@dataclass(frozen=True, slots=True)
class BillLine:
    """One kind of what was used.

    Attributes:
        kind: its name: ``input``, ``cached_input``, ``output``, ``images`` ...
        count: tokens or units.
        per: for how many the price is: a million tokens, a thousand milliseconds, one.
        price_nano: the price.
        amount: decimal text, exact, which may have more decimals than nano-units.
    """

    kind: str
    count: int
    per: int
    price_nano: int
    amount: str


@dataclass(frozen=True, slots=True)
class Bill:
    """All lines.

    Attributes:
        sum: of the lines, exact, decimal text.
        rounding: what was added to round up to the nano-unit, decimal text; empty for nothing.
        total_nano: what the call comes to.
        charged_nano: what was charged.
        why: words for what makes these two differ: ``shortfall``, ``lowered``, ``estimated``, ``clamped``.
    """

    lines: Sequence[BillLine]
    sum: str
    rounding: str
    total_nano: int
    charged_nano: int
    why: Sequence[str]


def bill_of(record: CallRecord) -> Bill | None:
    """The bill of a call; None where it had no price, or one that differs by an hour that is not kept."""
    prices = record.prices
    if "input" not in prices and not any(name in prices for name, _ in _UNIT_LINES.values()):
        return None
    lines = [*_token_lines(record, prices), *_unit_lines(record, prices)]
    exact = sum((Fraction(one.count * one.price_nano, one.per) for one in lines), Fraction(0))
    total_nano = -(-exact.numerator // exact.denominator)
    rounding = total_nano - exact
    return Bill(
        lines,
        _decimal(exact),
        _decimal(rounding) if rounding else "",
        total_nano,
        record.charge_nano,
        [*_why(record, total_nano)],
    )


def _token_lines(record: CallRecord, prices: Mapping[str, str]) -> list[BillLine]:
    fresh = record.prompt_tokens - record.cached_tokens - record.cache_write_tokens
    spoken = record.completion_tokens - record.reasoning_tokens
    counts = {
        "input": fresh,
        "cached_input": record.cached_tokens,
        "cache_write": record.cache_write_tokens,
        "output": spoken,
        "reasoning": record.reasoning_tokens,
    }
    return [
        _line(kind, count, _MILLION, parse_nano(prices[kind]))
        for kind, count in counts.items()
        if kind in prices and (count or kind in ("input", "output"))
    ]


def _unit_lines(record: CallRecord, prices: Mapping[str, str]) -> list[BillLine]:
    if record.units is None:
        return []
    found = []
    for name in UNITS:
        price, per = _UNIT_LINES[name]
        count = getattr(record.units, name)
        if count and price in prices:
            found.append(_line(name, count, per, parse_nano(prices[price])))
    return found


def _line(kind: str, count: int, per: int, price_nano: int) -> BillLine:
    return BillLine(kind, count, per, price_nano, _decimal(Fraction(count * price_nano, per)))


def _decimal(nano: Fraction) -> str:
    """An exact amount in units of the currency as decimal text; its denominator divides a power of ten."""
    scaled = nano * _MILLION  # what a price per million leaves of a nano-unit
    return format_nano(int(scaled), 2, places=15)


def _why(record: CallRecord, total_nano: int) -> list[str]:
    words = [name for name in ("estimated", "clamped") if getattr(record, name)]
    if record.shortfall_nano:
        words.append("shortfall")
    elif record.charge_nano != total_nano:
        words.append("lowered" if record.charge_nano < total_nano else "raised")
    return words
