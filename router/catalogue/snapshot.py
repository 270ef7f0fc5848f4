"""What the catalogue is made of, and what it is made into: one immutable view of all models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from router.catalogue.prices import PriceBook
from router.money.prices import PlannedPrice
from router.types.offers import ComingPrice, Offer
from router.types.records import ModelCard, Price

__all__ = [
    "NO_OFFERS",
    "CatalogueEntry",
    "OperatorCatalogue",
    "OverrideRow",
    "ProfileCatalogue",
    "ProviderModels",
    "Snapshot",
]


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """One public model ID.

    Attributes:
        id: as clients write it.
        provider: configured provider name.
        card: what is known of the model; ``card.model`` is the name that the upstream knows.
        enabled: whether calls may use it.
        source: ``provider`` (its own list), ``configuration``, ``profile`` (the dialect's offers) or ``operator``.
        offer: what the profile says of it; None for a model that it does not offer.
        available: whether ``provider`` is set up, and not turned off.
    """

    id: str
    provider: str
    card: ModelCard
    enabled: bool = True
    source: str = "provider"
    offer: Offer | None = None
    available: bool = True


@dataclass(frozen=True, slots=True)
class OverrideRow:
    """The operator's word on a public model ID: a model, or (without a provider) a switch on a listed one.

    ``facts`` holds fields of ``ModelCard``, as ``router models sync`` found them, and under ``given`` what the operator
    said of the model (``router.catalogue.facts``).
    """

    id: str
    provider: str | None
    model: str | None
    kind: str
    enabled: bool
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class OperatorCatalogue:
    """The operator's part of the catalogue.

    Attributes:
        aliases: alias -> model ID.
        fallbacks: model ID -> model IDs to try next.
        prices: (price list, public ID or ``provider/model``) -> price in the balance currency.
        rates: currency -> units of it for one USD, in nano, as fetched.
        off: providers that an operator has turned off for now.
        planned: prices that are to hold, the soonest first.
    """

    rows: Sequence[OverrideRow] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    fallbacks: Mapping[str, Sequence[str]] = field(default_factory=dict)
    prices: Mapping[tuple[str, str], Price] = field(default_factory=dict)
    rates: Mapping[str, int] = field(default_factory=dict)
    off: frozenset[str] = frozenset()
    planned: Sequence[PlannedPrice] = ()


@dataclass(frozen=True)
class ProviderModels:
    """What one active provider brings.

    Attributes:
        cards: its own list.
        configured: model that its section lists -> what that says of it.
        unlisted: whether it passes models on that are on no list.
    """

    cards: Sequence[ModelCard]
    configured: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    unlisted: bool = False


@dataclass(frozen=True)
class ProfileCatalogue:
    """The profile's own catalogue, and what the configuration says of it.

    Attributes:
        upstream: the provider of those offers of which no route is active; empty for none.
        only: whether nothing but these, and what the operator added himself, is served.
    """

    offers: Sequence[Offer] = ()
    upstream: str = ""
    only: bool = False


NO_OFFERS = ProfileCatalogue()


@dataclass(frozen=True)
class Snapshot:
    """An immutable view of the catalogue.

    Attributes:
        entries: public ID -> entry, disabled ones included.
        aliases: alias -> model ID.
        by_target: ``provider/model`` -> entry, where the public ID is another.
        by_model: bare model -> entries that serve it.
        unlisted: providers that pass on models that are on no list.
        fallbacks: model ID -> model IDs to try next, best first.
        prices: what each model is charged and costs.
        closed: whether only the profile's offers, and what the operator added himself, are served.
        off: providers that an operator has turned off for now: they get no call.
    """

    entries: Mapping[str, CatalogueEntry] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    by_target: Mapping[str, CatalogueEntry] = field(default_factory=dict)
    by_model: Mapping[str, Sequence[CatalogueEntry]] = field(default_factory=dict)
    unlisted: frozenset[str] = frozenset()
    fallbacks: Mapping[str, Sequence[str]] = field(default_factory=dict)
    prices: PriceBook = field(default_factory=PriceBook)
    closed: bool = False
    off: frozenset[str] = frozenset()

    def listed(self) -> list[CatalogueEntry]:
        """What can be called: enabled entries that are available, then their aliases, sorted by ID."""
        models = {entry.id: entry for entry in self.entries.values() if entry.enabled and entry.available}
        shown = dict(models)
        for alias, target in self.aliases.items():
            if target in models:
                shown.setdefault(alias, replace(models[target], id=alias, source="alias"))
        return [shown[model_id] for model_id in sorted(shown)]

    def price_of(self, entry: CatalogueEntry, price_list: str = "") -> Price | None:
        """What calls of a listed entry are charged; an alias as what it means.

        Args:
            price_list: the account's; empty for none.
        """
        return self.prices.charge(self._meant(entry), entry.provider, entry.card, price_list)

    def coming_prices(self, entry: CatalogueEntry, price_list: str = "") -> tuple[ComingPrice, ...]:
        """What they are to be charged, each from a moment on, the soonest first."""
        return self.prices.coming(self._meant(entry), entry.provider, entry.card, price_list)

    def _meant(self, entry: CatalogueEntry) -> str:
        return self.aliases.get(entry.id, entry.id) if entry.source == "alias" else entry.id
