"""What a model's calls are charged, and what they cost us: one book of prices, rebuilt with the catalogue."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from router.money.amounts import NANO
from router.money.prices import PlannedPrice, Price, has_rates, is_free, scaled
from router.types.offers import ComingPrice
from router.types.records import ModelCard

__all__ = ["USD", "Found", "PriceBook", "PriceRules"]


@dataclass(frozen=True)
class PriceRules:
    """What the configuration says of prices.

    Attributes:
        pins: public ID or ``provider/model`` -> price in the balance currency; wins over all others.
        currency: the balance currency.
        markup_nano: what list prices are multiplied by, in nano.
        rate_nano: units of the balance currency for one USD, in nano; None where the rate is fetched, or not known.
    """

    pins: Mapping[str, Price] = field(default_factory=dict)
    currency: str = "USD"
    markup_nano: int = NANO
    rate_nano: int | None = NANO


USD = PriceRules()
"""Where the configuration says nothing."""


@dataclass(frozen=True, slots=True)
class Found:
    """The price in force for a model, and where it stands.

    Attributes:
        price: in the balance currency; None where the model has none.
        source: ``pin``, ``list`` (the account's price list), ``database``, ``profile`` (the dialect's offer), ``card``
            (the provider's list price), or ``unpriced``.
        name: the ID that it stands under.
    """

    price: Price | None
    source: str
    name: str = ""


class PriceBook:
    """Immutable.

    Args:
        rules: the configuration's.
        stored: (price list, public ID or ``provider/model``) -> price in the balance currency.
        fetched_nano: the rate that was fetched last, where the configuration holds none.
        offered: public ID -> price in USD, as the profile has it.
        planned: prices that are to be stored, the soonest first.

    Attributes:
        currency: the balance currency.
        changes_at: when the first of ``planned`` is to hold; Unix seconds, infinite where there is none.
        rate_nano: units of it for one USD, in nano; None where no rate is known.
    """

    def __init__(
        self,
        rules: PriceRules = PriceRules(),
        stored: Mapping[tuple[str, str], Price] | None = None,
        fetched_nano: int | None = None,
        offered: Mapping[str, Price] | None = None,
        planned: Sequence[PlannedPrice] = (),
    ) -> None:
        self._rules = rules
        self._stored = stored or {}
        self._fetched_nano = fetched_nano
        self._offered = offered or {}
        self._planned = planned
        self.changes_at = planned[0].starts_at if planned else math.inf
        self.currency = rules.currency
        self.rate_nano = rules.rate_nano if rules.rate_nano is not None else fetched_nano

    def charge(self, entry_id: str, provider: str, card: ModelCard, price_list: str = "") -> Price | None:
        """What calls of a model are charged, in the balance currency; None where nothing says so.

        Args:
            entry_id: the public ID.
            price_list: the account's; empty for none.
        """
        return self.explain(entry_id, provider, card, price_list).price

    def cost(self, card: ModelCard) -> Price | None:
        """What the provider charges us, in the balance currency; None where that is not known."""
        return self._converted(card.price, NANO)

    def explain(self, entry_id: str, provider: str, card: ModelCard, price_list: str = "") -> Found:
        """The price in force, and where it comes from: the first of pin, price list, database, offer, and card."""
        names = (entry_id, f"{provider}/{card.model}")
        for name in names:
            if name in self._rules.pins:
                return Found(self._rules.pins[name], "pin", name)
        for listed, source in ((price_list, "list"), ("", "database")) if price_list else (("", "database"),):
            for name in names:
                if (listed, name) in self._stored:
                    return Found(self._stored[listed, name], source, name)
        offered = self._offered.get(entry_id)
        if offered is not None:
            price, source, name = self._converted(offered, NANO), "profile", entry_id
        else:
            price, source, name = self._converted(card.price, self._rules.markup_nano), "card", names[1]
        return Found(None, "unpriced") if price is None else Found(price, source, name)

    def at(self, moment: float) -> PriceBook:
        """The book as it is at a moment to come, in Unix seconds."""
        begun = [one for one in self._planned if one.starts_at <= moment]
        stored = {**self._stored, **{(one.price_list, one.model): one.price for one in begun}}
        return PriceBook(self._rules, stored, self._fetched_nano, self._offered, self._planned[len(begun) :])

    def coming(self, entry_id: str, provider: str, card: ModelCard, price_list: str = "") -> tuple[ComingPrice, ...]:
        """What calls of a model are to be charged, each from a moment on, the soonest first."""
        names = (entry_id, f"{provider}/{card.model}")
        found: list[ComingPrice] = []
        price = self.charge(entry_id, provider, card, price_list)
        moments = (one.starts_at for one in self._planned if one.model in names and one.price_list in ("", price_list))
        for moment in dict.fromkeys(moments):
            then = self.at(moment).charge(entry_id, provider, card, price_list)
            if then is not None and then != price:
                found.append(ComingPrice(moment, then))
                price = then
        return tuple(found)

    def sells(self, provider: str) -> bool:
        """Whether any price is set under the provider's name."""
        names = (*self._rules.pins, *(name for _, name in self._stored))
        return any(name.startswith(f"{provider}/") for name in names)

    def lacks_rate(self, entry_id: str, card: ModelCard) -> bool:
        """Whether the model would have a price, were there a rate for the one in USD."""
        price = self._offered.get(entry_id, card.price)
        return price is not None and has_rates(price) and self._converted(price, NANO) is None

    def _converted(self, price: Price | None, factor_nano: int) -> Price | None:
        """A list price in USD as one in the balance currency. What is free is free in every currency."""
        if price is None or not has_rates(price):
            return None
        if is_free(price):
            return price
        if self.rate_nano is None:
            return None
        return scaled(price, self.rate_nano * factor_nano, NANO * NANO)
