"""Which models lists show: to the holder of a key, what he can call; to everybody, what is sold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from router.catalogue.catalogue import Catalogue
from router.catalogue.snapshot import CatalogueEntry, Snapshot
from router.errors import ModelNotFound
from router.money.prices import is_complete
from router.providers.resolve import ModelResolver, printable_id
from router.types.offers import Listed, Offer
from router.types.records import Key

__all__ = ["ModelListService"]

_REMEMBERED_MAX = 100


class ModelListService:
    """Makes lists. What does not depend on a key's scope is made once per snapshot and price list.

    Args:
        offers: the profile's own catalogue, for its order.
        with_billing: without, a model needs no price.
    """

    def __init__(
        self, catalogue: Catalogue, resolver: ModelResolver, offers: Sequence[Offer] = (), *, with_billing: bool = True
    ) -> None:
        self._catalogue = catalogue
        self._resolver = resolver
        self._places = {offer.id: place for place, offer in enumerate(offers)}
        self._with_billing = with_billing
        self._known: tuple[Snapshot, dict[str, list[Listed]]] = (catalogue.snapshot(), {})

    def served(self, key: Key) -> list[Listed]:
        """What a key can call, sorted by ID: enabled, of a provider that is set up, priced, and in its scope."""
        listed = self._served(key.price_list)
        return [one for one in listed if self._resolver.allows(key, one.id)] if key.scope else listed

    def one(self, key: Key, model_id: str) -> Listed:
        """The model that a call for ``model_id`` would be served by, under that name: an ID, an alias, a bare name.

        Raises:
            ModelNotFound: there is no such model, or it has no price.
            Forbidden: the key may not use it.
            Unavailable: its provider is not set up.
        """
        self._resolver.route(model_id, key)
        entry = self._resolver.entry(model_id)
        known = (one for one in self._served(key.price_list) if one.id in (model_id, entry.id))
        found = next(known, None) or next(iter(self._priced(self._catalogue.snapshot(), [entry], key.price_list)), None)
        if found is not None:
            return found if found.id == model_id else replace(found, id=model_id)
        message = f"The model '{printable_id(model_id)}' is on no list of this gateway."
        raise ModelNotFound(message, param="model")

    def shown(self, snapshot: Snapshot) -> list[Listed]:
        """What everybody sees: the profile's offers in its order, then the operator's own models, if they are priced.

        Those that cannot be called, as their provider is not set up, are marked so.
        """
        entries = [entry for entry in snapshot.entries.values() if entry.enabled and _is_sold(entry, snapshot)]
        entries.sort(key=lambda entry: (self._places.get(entry.id, len(self._places)), entry.id))
        return self._priced(snapshot, entries, "")

    def _served(self, price_list: str) -> list[Listed]:
        snapshot = self._catalogue.snapshot()
        if self._known[0] is not snapshot:
            self._known = (snapshot, {})
        known = self._known[1]
        if price_list not in known:
            if len(known) >= _REMEMBERED_MAX:
                known.clear()
            known[price_list] = self._priced(snapshot, snapshot.listed(), price_list)
        return known[price_list]

    def _priced(self, snapshot: Snapshot, entries: Sequence[CatalogueEntry], price_list: str) -> list[Listed]:
        found = []
        for entry in entries:
            price = snapshot.price_of(entry, price_list)
            if not self._with_billing or (price is not None and is_complete(price, entry.card.kind or "embeddings")):
                told = (snapshot.prices.currency, snapshot.coming_prices(entry, price_list))
                found.append(Listed(entry.id, entry.card, price, entry.offer, entry.available, *told))
        return found


def _is_sold(entry: CatalogueEntry, snapshot: Snapshot) -> bool:
    return snapshot.closed or entry.offer is not None or entry.source == "operator"
