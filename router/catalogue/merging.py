"""Providers' lists, the profile's offers and the operator's rows, merged into one snapshot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from router.catalogue.facts import bare_card, described, learned_card
from router.catalogue.prices import USD, PriceBook, PriceRules
from router.catalogue.snapshot import (
    NO_OFFERS,
    CatalogueEntry,
    OperatorCatalogue,
    OverrideRow,
    ProfileCatalogue,
    ProviderModels,
    Snapshot,
)
from router.types.offers import Offer
from router.types.records import ModelCard

__all__ = ["build_snapshot"]

_SOLD = ("profile", "configuration", "operator")


def build_snapshot(
    listings: Mapping[str, ProviderModels],
    stored: OperatorCatalogue,
    rules: PriceRules = USD,
    offered: ProfileCatalogue = NO_OFFERS,
) -> Snapshot:
    """Merge providers' lists, the profile's offers, and operator's rows, the later over the earlier.

    A row of an inactive provider stays out, or makes the offer that it is about unavailable. What a provider that is
    turned off serves is unavailable.
    """
    entries = _listed_entries(listings)
    entries.update((row.id, _row_entry(row, entries)) for row in _models(stored, listings))
    _add_offers(entries, stored, listings, offered)
    for row in stored.rows:
        if row.provider is None and row.id in entries:
            entries[row.id] = replace(entries[row.id], enabled=row.enabled)
    if offered.only:
        entries = {name: entry for name, entry in entries.items() if entry.source in _SOLD}
    for name, entry in entries.items():
        if entry.provider in stored.off:
            entries[name] = replace(entry, available=False)
    by_target: dict[str, CatalogueEntry] = {}
    by_model: dict[str, list[CatalogueEntry]] = {}
    for entry in entries.values():
        if entry.available:
            by_target.setdefault(f"{entry.provider}/{entry.card.model}", entry)
            by_model.setdefault(entry.card.model, []).append(entry)
    passing = frozenset(name for name, listing in listings.items() if listing.unlisted and not offered.only)
    offers = {offer.id: offer.price for offer in offered.offers if offer.price is not None}
    book = PriceBook(rules, stored.prices, stored.rates.get(rules.currency), offers, stored.planned)
    fallbacks = dict(stored.fallbacks)
    aliases, unlisted = dict(stored.aliases), passing - stored.off
    return Snapshot(entries, aliases, by_target, by_model, unlisted, fallbacks, book, offered.only, stored.off)


def _add_offers(
    entries: dict[str, CatalogueEntry],
    stored: OperatorCatalogue,
    listings: Mapping[str, ProviderModels],
    offered: ProfileCatalogue,
) -> None:
    """Those that the operator has not given another meaning; what the profile says of a model stays with its ID."""
    elsewhere = {row.id: row for row in stored.rows if row.provider is not None and row.provider not in listings}
    for offer in offered.offers:
        row = elsewhere.get(offer.id)
        known = entries.get(offer.id)
        if row is not None:
            entry = replace(_row_entry(row, entries), available=False)
            entries[offer.id] = replace(entry, offer=offer)
        elif known is not None and known.source == "operator":
            entries[offer.id] = replace(known, offer=offer)
        else:
            entries[offer.id] = _offer_entry(offer, entries, listings, offered.upstream)


def _offer_entry(
    offer: Offer, entries: Mapping[str, CatalogueEntry], listings: Mapping[str, ProviderModels], upstream: str
) -> CatalogueEntry:
    """By the first route whose provider is active, else by ``upstream``: the first that this lists of the route's model
    part, the public ID and the whole route, or else the model part.
    """
    routes = [(provider, model) for provider, _, model in (route.partition("/") for route in offer.routes)]
    active = [route for route in routes if route[0] in listings]
    provider, model = active[0] if active else routes[0]
    if not active and upstream:
        names = (model, offer.id, offer.routes[0])
        provider, model = upstream, next((name for name in names if f"{upstream}/{name}" in entries), model)
    known = entries.get(f"{provider}/{model}")
    if known is not None and (known.provider, known.card.model) == (provider, model):
        card = replace(
            known.card,
            kind=known.card.kind or offer.kind,
            context_window=known.card.context_window or offer.context_window,
        )
    else:
        card = ModelCard(model, offer.kind, offer.provider or provider, context_window=offer.context_window)
    return CatalogueEntry(offer.id, provider, card, True, "profile", offer, provider in listings)


def _models(stored: OperatorCatalogue, listings: Mapping[str, ProviderModels]) -> Iterator[OverrideRow]:
    return (row for row in stored.rows if row.provider in listings and row.model is not None)


def _row_entry(row: OverrideRow, entries: Mapping[str, CatalogueEntry]) -> CatalogueEntry:
    known = entries.get(f"{row.provider}/{row.model}")
    provider, model = row.provider or "", row.model or ""
    card = known.card if known else learned_card(provider, model, row.kind, row.facts)
    return CatalogueEntry(row.id, provider, described(card, row.facts.get("given", {})), row.enabled, "operator")


def _listed_entries(listings: Mapping[str, ProviderModels]) -> dict[str, CatalogueEntry]:
    entries: dict[str, CatalogueEntry] = {}
    for provider, listing in listings.items():
        for card in listing.cards:
            entries[f"{provider}/{card.model}"] = CatalogueEntry(f"{provider}/{card.model}", provider, card)
        for model, given in listing.configured.items():
            entry_id = f"{provider}/{model}"
            known = entries.get(entry_id)
            card = described(known.card if known else bare_card(provider, model), given)
            entries[entry_id] = CatalogueEntry(
                entry_id, provider, card, source=known.source if known else "configuration"
            )
    return entries
