"""The terms of a call: where it may go, at which price, and what it can use at most."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from router.charging.bounds import UNBOUNDED, Bound
from router.charging.targets import TargetPlan
from router.money.amounts import format_nano
from router.money.prices import RATES, UNIT_RATES, Price, Rates
from router.providers.resolve import Target
from router.structs import record
from router.surfaces.surface import Surface
from router.types.claims import Quote

__all__ = ["CHARGE_MAX", "CallPricing", "TargetPrice", "quote_of", "shown_rates"]

CHARGE_MAX = 2**62
"""In nano-units: more than any call is charged, and what a database can hold."""


_NOWHERE: Mapping[str, str] = {}


@record
@dataclass(frozen=True, slots=True)
class TargetPrice:
    """One target's part in the terms.

    Attributes:
        price: what the call is charged by, in the balance currency.
        cost: what the provider charges us; None where that is not known.
        bound: the most that it can use there.
        dearest: the highest rates that it can be charged at.
        most_nano: what that comes to.
        origin: where the price stands, and its rates where those are the same for all calls: see ``shown_rates``.
        free: whether nothing is charged, whatever it uses.
        cost_rates: those of the cost where they are the same for all calls; else None.
    """

    price: Price
    cost: Price | None
    bound: Bound
    dearest: Rates
    most_nano: int
    origin: Mapping[str, str] = field(default_factory=dict)
    free: bool = False
    cost_rates: Rates | None = None

    @classmethod
    def of(
        cls,
        price: Price,
        cost: Price | None,
        bound: Bound,
        dearest: Rates,
        origin: Mapping[str, str] = _NOWHERE,
        cost_rates: Rates | None = None,
    ) -> TargetPrice:
        """Make the price, with the most that its bound can be charged."""
        free = dearest.cost_nothing()
        return cls(price, cost, bound, dearest, min(bound.most_nano(dearest), CHARGE_MAX), origin, free, cost_rates)

    def lowered(self, cap: int) -> TargetPrice:
        """The same with an output cap of ours."""
        return self._within(self.bound.lowered(cap))

    def open_ended(self) -> TargetPrice:
        """The same without a cap of ours that only a hold needs."""
        return self._within(self.bound.open_ended())

    def _within(self, bound: Bound) -> TargetPrice:
        return TargetPrice.of(self.price, self.cost, bound, self.dearest, self.origin, self.cost_rates)


@record
@dataclass(frozen=True)
class CallPricing:
    """The terms of one call.

    Attributes:
        surface: whose call it is.
        at: Unix seconds at which it arrived: prices are those of that moment.
        quote: the most that it can use at any of its targets.
        targets: those that it may go to, best first; never empty.
        sales: target ID -> its price and bounds there.
        paid: whether there is a billing policy: what has no price is then refused, or taken off.
        rate_nano: units of the balance currency for one USD, in nano; 0 where none is known.
    """

    surface: Surface
    at: float
    quote: Quote
    targets: tuple[TargetPlan, ...]
    sales: dict[str, TargetPrice]
    rate_nano: int
    _compile: Callable[[Target], TargetPlan | None] = field(repr=False)
    _sell: Callable[[TargetPlan], TargetPrice | None] = field(repr=False)
    paid: bool = True
    _cap: int | None = None

    @property
    def max_tokens(self) -> int | None:
        """The cap of ours on the output of the first target; None where the client's own word, or none, holds."""
        return self.cap_for(self.targets[0])

    def cap_for(self, target: TargetPlan) -> int | None:
        """The cap of ours on each choice that this target has to be sent."""
        return self.sales[target.id].bound.max_tokens

    def unheld(self) -> CallPricing:
        """The same for a call that no money is held for: a cap of ours that only a hold needs is not sent."""
        if not any(sale.bound.ours and sale.bound.window is None for sale in self.sales.values()):
            return self
        return replace(self, sales={target_id: sale.open_ended() for target_id, sale in self.sales.items()})

    def covers(self, target: Target) -> TargetPlan | None:
        """A target that a plugin names, where it may serve as well: it has a price, and costs no more than was quoted.

        From then on it is one of ``sales``. None where it may not.
        """
        compiled = self._compile(target)
        if compiled is None or compiled.id in self.sales:
            return compiled
        sale = self._sell(compiled)
        if sale is not None and self._cap is not None:
            sale = sale.lowered(self._cap)
        if sale is None or sale.most_nano > self.quote.charge_nano:
            return None
        self.sales[compiled.id] = sale
        return compiled

    def lowered(self, available_nano: int, least_tokens: int) -> CallPricing | None:
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


def quote_of(sales: Iterable[TargetPrice], likely: Quote) -> Quote:
    """The quote of a call: the most of all its targets.

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


def shown_rates(held: Rates) -> dict[str, str]:
    """Rates as decimal text per million tokens, and those of units that cost something, for usage rows."""
    shown = {name: format_nano(getattr(held, name)) for name in RATES}
    if held.units is not None:
        shown |= {name: format_nano(rate) for name in UNIT_RATES if (rate := getattr(held.units, name))}
    return shown
