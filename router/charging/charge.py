"""What a finished call is charged, whatever its upstream says that it used.

What the provider tells is charged, as far as the account has it, also where that is more than the call could use by its
bounds: it is what the provider charges us, and a bound that was exceeded is wrong. Only counts that are impossible in
themselves are put within bounds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from router.charging.bounds import COUNT_MAX, UNBOUNDED, Bound
from router.charging.targets import TargetPlan
from router.charging.terms import CHARGE_MAX, CallPricing, TargetPrice, shown_rates
from router.money.amounts import NANO
from router.money.prices import rates, unpriced_units
from router.money.usage import UNITS, Units
from router.structs import record
from router.types.records import OVER_BOUND, UNPRICED_UNIT, Usage

__all__ = ["ChargeResult", "compute_charge"]

_UNIT_MAX = 2**36
"""Of a unit in one call: two years of audio, and more of the others than any provider serves at once."""
_COUNTS = ("prompt_tokens", "completion_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens")


@record
@dataclass(frozen=True, slots=True)
class ChargeResult:
    """What a call came to.

    Attributes:
        usage: what is charged; None where that is nothing.
        charge_nano: what the account is charged.
        cost_nano: what the provider charges us; None where neither it nor its price says so.
        estimated: the counts are ours, because the upstream gave none.
        clamped: the upstream's counts were impossible, and were put within bounds.
        prices: the unit prices of the charge, and where they came from.
        marks: what an operator should know of it.
        reported: the upstream's own counts, where others are charged.
    """

    usage: Usage | None
    charge_nano: int
    cost_nano: int | None
    estimated: bool = False
    clamped: bool = False
    prices: Mapping[str, str] = field(default_factory=dict)
    marks: tuple[str, ...] = ()
    reported: Mapping[str, Any] = field(default_factory=dict)


_NOTHING = ChargeResult(None, 0, 0)
_ANYTHING = Bound(UNBOUNDED, UNBOUNDED)  # where nothing is charged, an upstream's word stands, as far as it can be


def compute_charge(
    terms: CallPricing, target: TargetPlan | None, usage: Usage | None, estimate: Usage | None, ending: str
) -> ChargeResult:
    """Work out what a finished call is charged.

    Args:
        target: what served it, or was tried last; None where nothing was.
        usage: as the upstream gave it; None where it gave none.
        estimate: ours of what was delivered; None where that was nothing.
        ending: ``ok``, ``error`` (before any output), ``cut`` or ``disconnect``.
    """
    given = usage if usage is not None else estimate
    if target is None or given is None or ending == "error":
        return _NOTHING
    sale = terms.sales[target.id]
    told = given if usage is None or not usage.doubtful else _certain(usage, estimate)
    if not terms.surface.speaks and (told.completion_tokens or told.reasoning_tokens):
        told = replace(told, completion_tokens=0, reasoning_tokens=0)
    if sale.bound.units is not None or told.units is not None:
        told = _with_request(told, sale.bound)
    kept = told
    if (
        usage is None
        or not (0 <= told.prompt_tokens <= COUNT_MAX and 0 <= told.completion_tokens <= COUNT_MAX)
        or told.cached_tokens + told.cache_write_tokens > told.prompt_tokens
        or told.reasoning_tokens > told.completion_tokens
        or (told.units is not None and any(getattr(told.units, name) > _UNIT_MAX for name in UNITS))
    ):
        kept = _possible(told, sale, ours=usage is None)
    held = rates(sale.price, terms.at, kept.prompt_tokens) if sale.price.tiers else sale.dearest
    charge_nano = min(held.charge_nano(kept), CHARGE_MAX)
    clamped = usage is not None and (bool(usage.doubtful) or kept is not told)
    over = not sale.free and (charge_nano > sale.most_nano or sale.bound.exceeded_by(kept))
    prices = {**sale.origin, **shown_rates(held)} if sale.price.tiers else sale.origin
    cost_nano = _cost_nano(terms, sale, kept)
    if usage is None:  # an estimate says nothing against a bound
        return ChargeResult(kept, min(charge_nano, sale.most_nano), cost_nano, True, False, prices)
    marks = (OVER_BOUND,) if over else ()
    if kept.units is not None and not sale.free and unpriced_units(sale.price, kept.units):
        marks = (*marks, UNPRICED_UNIT)
    return ChargeResult(
        kept, charge_nano, cost_nano, False, clamped, prices, marks, _told_counts(usage) if clamped else {}
    )


def _cost_nano(terms: CallPricing, sale: TargetPrice, usage: Usage) -> int | None:
    """What the provider charges us: its own word where it gives one and its currency can be told, else its price."""
    if usage.cost_nano is not None and terms.rate_nano:
        return min(-(-usage.cost_nano * terms.rate_nano // NANO), CHARGE_MAX)
    if sale.cost is None:
        return None
    held = sale.cost_rates or rates(sale.cost, terms.at, usage.prompt_tokens)
    return min(held.charge_nano(usage), CHARGE_MAX)


def _with_request(usage: Usage, bound: Bound) -> Usage:
    """The usage with its requests counted: a call that is charged counts as many as its bound says."""
    requests = 0 if bound.units is None else bound.units.requests
    units = replace(usage.units or Units(), requests=requests)
    return replace(usage, units=units if units.counts() else None)


def _certain(usage: Usage, estimate: Usage | None) -> Usage:
    """The usage with our estimate in place of the counts that the upstream did not give as numbers."""
    if estimate is None:
        return usage
    return replace(usage, **{name: getattr(estimate, name) for name in usage.doubtful})


def _possible(usage: Usage, sale: TargetPrice, *, ours: bool) -> Usage:
    """The nearest possible counts; the same record where they are possible.

    Args:
        ours: the counts are an estimate, which no bound is wrong for.
    """
    bound = _ANYTHING if sale.free else sale.bound
    prompt, completion = usage.prompt_tokens, usage.completion_tokens
    if prompt > (bound.prompt_tokens if ours else max(bound.prompt_tokens, COUNT_MAX)):
        prompt = min(bound.prompt_tokens, UNBOUNDED)
    most = bound.completion_tokens
    if completion > (most if ours else max(most, bound.choices * COUNT_MAX)):
        completion = most
    cached = min(usage.cached_tokens, prompt)
    written = min(usage.cache_write_tokens, prompt - cached)
    reasoning = min(usage.reasoning_tokens, completion)
    units = None if usage.units is None else _possible_units(usage.units, sale.bound.units or Units(), ours=ours)
    kept = Usage(prompt, completion, cached, written, reasoning, usage.doubtful, usage.raw, usage.cost_nano, units)
    return usage if kept == usage else kept


def _possible_units(units: Units, bound: Units, *, ours: bool) -> Units | None:
    """Units with the bound in place of each impossible count; of an estimate, of each count above the bound."""
    counts = {
        name: min(count, getattr(bound, name)) if ours or count > _UNIT_MAX else count
        for name, count in units.counts().items()
    }
    return Units(**counts) if any(counts.values()) else None


def _told_counts(usage: Usage) -> dict[str, int]:
    counts = {name: count for name in _COUNTS if (count := getattr(usage, name))}
    return counts if usage.units is None else counts | usage.units.counts()
