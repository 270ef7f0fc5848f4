"""What another price would have come to: shown before it is saved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from router.metering.usage_hours import UsageSum, sum_hours
from router.money.prices import ALL_RATES, Price, has_rates, rates
from router.money.usage import Units, Usage
from router.office.console.model_lines import below_cost
from router.office.office import Office
from router.office.prices import show_price_of

__all__ = ["EFFECT_DAYS", "PriceEffect", "RateChange", "price_effect"]

EFFECT_DAYS = 30
"""Of how many days the calls are taken for an example."""

_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class RateChange:
    """One rate: as it is, as it would be, and what it costs us, in nano-units; None where nothing is said."""

    name: str
    before_nano: int | None
    after_nano: int | None
    cost_nano: int | None


@dataclass(frozen=True, slots=True)
class PriceEffect:
    """What a price would change.

    Attributes:
        rates: every rate that is said, before, afterwards or by the cost.
        below_cost: those that would be below the cost.
        calls: that the model had in the last ``EFFECT_DAYS`` days.
        charged_nano: what they were charged.
        would_nano: what they would have been charged, as if each had the base rates; None without a price.
        cost_nano: what they cost; None where that of one is not known.
    """

    rates: Sequence[RateChange]
    below_cost: Sequence[str]
    calls: int
    charged_nano: int
    would_nano: int | None
    cost_nano: int | None


def price_effect(office: Office, model: str, price: Price | None, price_list: str = "") -> PriceEffect:
    """What would change if calls of a model were charged by another price; nothing is saved.

    Args:
        price: None shows the price as it is.

    Raises:
        ModelNotFound: naming the nearest IDs.
        BadRequest: it is an alias.
    """
    shown = show_price_of(office, model, price_list)
    before, after = shown.found.price, price if price is not None else shown.found.price
    changes = [RateChange(name, _rate(before, name), _rate(after, name), _rate(shown.cost, name)) for name in ALL_RATES]
    total = _used(office, shown.model)
    return PriceEffect(
        [one for one in changes if (one.before_nano, one.after_nano, one.cost_nano) != (None, None, None)],
        below_cost(after, shown.cost, office.clock()),
        total.calls,
        total.charge_nano,
        _would(after, total, office.clock()),
        None if total.uncosted else total.cost_nano,
    )


def _used(office: Office, model: str) -> UsageSum:
    since = office.clock() - EFFECT_DAYS * _DAY_S
    sums = {one.group["model"]: one for one in sum_hours(office.database, by=("model",), since=since)}
    return sums.get(model) or UsageSum({}, 0, 0, 0, 0, 0, 0, 0, 0, 0)


def _would(price: Price | None, total: UsageSum, now: float) -> int | None:
    if price is None or not has_rates(price):
        return None
    units = Units(total.images, total.milliseconds, total.characters, total.searches, total.requests)
    used = Usage(
        total.prompt_tokens,
        total.completion_tokens,
        total.cached_tokens,
        reasoning_tokens=total.reasoning_tokens,
        units=units,
    )
    return rates(price, now, 0).charge_nano(used)


def _rate(price: Price | None, name: str) -> int | None:
    return None if price is None else getattr(price, name)
