"""The terms of a call: where it may go, at which price, what it can use at most, and in the end what it is charged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from router.claims import Quote
from router.gateway.bounds import UNBOUNDED, Bound
from router.gateway.resolve import Target
from router.money import NANO, format_nano
from router.prices import RATES, Price, Rates, rates
from router.types import Usage

__all__ = ["CHARGE_MAX", "Reckoned", "Sale", "Terms", "quote_of", "reckon", "shown_rates"]

CHARGE_MAX = 2**62
"""In nano-units: more than any call is charged, and what a database can hold."""


_NOWHERE: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Sale:
    """One target's part in the terms.

    Attributes:
        price: what the call is charged by, in the balance currency.
        cost: what the provider charges us; None where that is not known.
        bound: the most tokens that it can use there.
        dearest: the highest rates that it can be charged at.
        most_nano: what that comes to.
        origin: where the price stands, and its rates where those are the same for all calls: see ``shown_price``.
    """

    price: Price
    cost: Price | None
    bound: Bound
    dearest: Rates
    most_nano: int
    origin: Mapping[str, str] = field(default_factory=dict)

    @property
    def free(self) -> bool:
        """Whether no token is charged."""
        return not (self.dearest.dearest_input() or self.dearest.dearest_output())

    @classmethod
    def of(
        cls, price: Price, cost: Price | None, bound: Bound, dearest: Rates, origin: Mapping[str, str] = _NOWHERE
    ) -> Sale:
        """With what the bound can be charged at most."""
        return cls(price, cost, bound, dearest, min(bound.most_nano(dearest), CHARGE_MAX), origin)

    def lowered(self, cap: int) -> Sale:
        """The same with an output cap of ours."""
        return Sale.of(self.price, self.cost, self.bound.lowered(cap), self.dearest, self.origin)


@dataclass(frozen=True)
class Terms:
    """The terms of one call.

    Attributes:
        kind: ``chat`` or ``embeddings``.
        at: Unix seconds at which it arrived: prices are those of that moment.
        quote: the most that it can use at any of its targets.
        targets: those that it may go to, best first; never empty.
        sales: target ID -> its price and bounds there.
        rate_nano: units of the balance currency for one USD, in nano; 0 where none is known.
    """

    kind: str
    at: float
    quote: Quote
    targets: tuple[Target, ...]
    sales: dict[str, Sale]
    rate_nano: int
    _sell: Callable[[Target], Sale | None] = field(repr=False)
    _cap: int | None = None

    @property
    def max_tokens(self) -> int | None:
        """The cap of ours on the output of the first target; None where the client's own word, or none, holds."""
        return self.cap_for(self.targets[0])

    def cap_for(self, target: Target) -> int | None:
        """The cap of ours on each choice that this target has to be sent."""
        return self.sales[target.id].bound.max_tokens

    def covers(self, target: Target) -> bool:
        """Whether a target that a plugin names may serve as well: it has a price, and costs no more than was quoted.

        From then on it is one of ``sales``.
        """
        if target.id not in self.sales:
            sale = self._sell(target)
            if sale is not None and self._cap is not None:
                sale = sale.lowered(self._cap)
            if sale is None or sale.most_nano > self.quote.charge_nano:
                return False
            self.sales[target.id] = sale
        return True

    def lowered(self, available_nano: int, least_tokens: int) -> Terms | None:
        """The same with the largest output cap of ours that makes the call cost no more than what is available.

        None where the client named a cap, or where the cap would be less than ``least_tokens`` for each choice.
        """
        caps = [sale.bound.each_tokens for sale in self.sales.values() if sale.bound.capped]
        if self.quote.named_cap or not caps:
            return None

        def fits(cap: int) -> bool:
            return all(sale.lowered(cap).most_nano <= available_nano for sale in self.sales.values())

        low, high = least_tokens, max(caps)
        if low >= high or not fits(low):
            return None
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if fits(middle) else (low, middle - 1)
        sales = {target_id: sale.lowered(low) for target_id, sale in self.sales.items()}
        return replace(self, quote=quote_of(sales.values(), self.quote), sales=sales, _cap=low)


def quote_of(sales: Iterable[Sale], likely: Quote) -> Quote:
    """The most of all sales.

    Args:
        likely: gives the counts of tokens where nothing bounds them, and what does not depend on the sales.
    """
    prompt = completion = charge_nano = 0
    for sale in sales:
        prompt = max(prompt, sale.bound.prompt_tokens)
        completion = max(completion, sale.bound.completion_tokens)
        charge_nano = max(charge_nano, sale.most_nano)
    prompt = prompt if prompt < UNBOUNDED else likely.prompt_tokens
    completion = completion if completion < UNBOUNDED else likely.completion_tokens
    return Quote(prompt, completion, charge_nano, likely.named_cap, likely.model)


@dataclass(frozen=True, slots=True)
class Reckoned:
    """What a call came to.

    Attributes:
        usage: within its bounds; None where nothing is charged for.
        charge_nano: what the account is charged.
        cost_nano: what the provider charges us; None where neither it nor its price says so.
        estimated: the counts are ours, because the upstream gave none.
        clamped: the upstream's counts were impossible, and were put within bounds.
        prices: the unit prices of the charge, and where they came from.
    """

    usage: Usage | None
    charge_nano: int
    cost_nano: int | None
    estimated: bool = False
    clamped: bool = False
    prices: Mapping[str, str] = field(default_factory=dict)


_NOTHING = Reckoned(None, 0, 0)
_ANYTHING = Bound(UNBOUNDED, UNBOUNDED)  # where nothing is charged, an upstream's word stands, as far as it can be


def reckon(terms: Terms, target: Target | None, usage: Usage | None, estimate: Usage | None, ending: str) -> Reckoned:
    """What a finished call is charged.

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
    if terms.kind == "embeddings":
        told = replace(told, completion_tokens=0, reasoning_tokens=0)
    kept = _within(told, _ANYTHING if sale.free else sale.bound)
    held = rates(sale.price, terms.at, kept.prompt_tokens) if sale.price.tiers else sale.dearest
    charge_nano = held.charge_nano(kept)
    clamped = usage is not None and (bool(usage.doubtful) or kept is not told)
    if charge_nano > sale.most_nano:
        charge_nano, clamped = sale.most_nano, usage is not None
    prices = {**sale.origin, **shown_rates(held)} if sale.price.tiers else sale.origin
    return Reckoned(kept, charge_nano, _cost_nano(terms, sale, kept), usage is None, clamped, prices)


def shown_rates(held: Rates) -> dict[str, str]:
    """Rates as decimal text per million tokens, for usage rows."""
    return {name: format_nano(getattr(held, name)) for name in RATES}


def _cost_nano(terms: Terms, sale: Sale, usage: Usage) -> int | None:
    """What the provider charges us: its own word where it gives one and its currency can be told, else its price."""
    if usage.cost_nano is not None and terms.rate_nano:
        return min(-(-usage.cost_nano * terms.rate_nano // NANO), CHARGE_MAX)
    if sale.cost is None:
        return None
    return min(rates(sale.cost, terms.at, usage.prompt_tokens).charge_nano(usage), CHARGE_MAX)


def _certain(usage: Usage, estimate: Usage | None) -> Usage:
    """The estimate's counts in place of those that are no counts."""
    if estimate is None:
        return usage
    return replace(usage, **{name: getattr(estimate, name) for name in usage.doubtful})


def _within(usage: Usage, bound: Bound) -> Usage:
    """The nearest possible counts; the same record where they are possible."""
    prompt = min(usage.prompt_tokens, bound.prompt_tokens)
    completion = min(usage.completion_tokens, bound.completion_tokens)
    cached = min(usage.cached_tokens, prompt)
    written = min(usage.cache_write_tokens, prompt - cached)
    reasoning = min(usage.reasoning_tokens, completion)
    kept = Usage(prompt, completion, cached, written, reasoning, usage.doubtful, usage.raw, usage.cost_nano)
    return usage if kept == usage else kept
