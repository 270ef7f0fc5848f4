"""From a call and its route to its terms, before the upstream sees anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from router.catalogue.catalogue import Catalogue
from router.catalogue.prices import PriceBook
from router.catalogue.snapshot import Snapshot
from router.claims import Quote
from router.errors import BadRequest, ModelNotPriced
from router.gateway.bounds import Measure, Obeyed, bound_of, measure, text_tokens
from router.gateway.caching import check_cache
from router.gateway.extras import check_extras
from router.gateway.outgoing import check_limits
from router.gateway.resolve import Route, Target, printable_id
from router.gateway.terms import Sale, Terms, quote_of, shown_rates
from router.prices import FREE, Price, Rates, dearest, is_complete, is_free
from router.rules import RequestRules
from router.sections import BillingSettings
from router.types import ChatCall, EmbeddingsCall, Key, ModelCard

__all__ = ["Quoter", "boundless", "unpriced"]

_REMEMBERED_MAX = 1000


class _Offer(NamedTuple):
    """What is known of a target's price before there is a call.

    Attributes:
        price: in the balance currency.
        cost: what the provider charges us; None where that is not known.
        flat: the rates at all times and lengths; None where there are tiers.
        free: nothing is ever charged.
        origin: where the price stands, with its rates where they are flat: what usage rows show.
        obeyed: what the target makes of output caps.
    """

    price: Price
    cost: Price | None
    flat: Rates | None
    free: bool
    origin: Mapping[str, str]
    obeyed: Obeyed


class _Known(NamedTuple):
    """A route's offers: of the targets that are priced."""

    book: PriceBook
    route: tuple[Target, ...]
    targets: tuple[Target, ...]
    offers: tuple[tuple[Target, _Offer], ...]


class Quoter:
    """Makes the terms of calls. One per worker; what does not depend on a call is made once per snapshot.

    Args:
        max_output_tokens: the cap on the output of a call whose client and model name none, per choice.
        with_billing: without, nothing is charged, and no price is needed.
    """

    def __init__(self, catalogue: Catalogue, billing: BillingSettings, *, with_billing: bool = True) -> None:
        self._catalogue = catalogue
        self._own_cap = billing.max_output_tokens
        self._with_billing = with_billing
        self._known: tuple[Snapshot, dict[Any, _Known]] = (catalogue.snapshot(), {})

    def terms(self, call: ChatCall | EmbeddingsCall, kind: str, key: Key, route: Route, at: float) -> Terms:
        """The terms of a call.

        Args:
            kind: ``chat`` or ``embeddings``.
            at: Unix seconds at which it arrived.

        Raises:
            ModelNotPriced: the model has no price.
            BadRequest: what it could cost has no bound, or it asks for something that has no price.
        """
        known = self._offers(route, key.price_list, kind)
        first = route.targets[0]
        self._check(call.body, first.provider.rules)
        found = measure(call.body, kind)
        sales = {}
        for target, offer in known.offers:
            if target is not first and not self._takes(call.body, target):
                continue
            sale = self._sale(found, target, offer, at)
            if sale is not None:
                sales[target.id] = sale
        if first.id not in sales:
            raise boundless(first.id)
        targets = known.targets
        if len(sales) < len(targets):
            targets = tuple(target for target in targets if target.id in sales)
        quote = self._quote(found, first, sales)
        book = known.book

        def sell(target: Target) -> Sale | None:
            other = self._offer(book, target, key.price_list, kind) if self._takes(call.body, target) else None
            return None if other is None else self._sale(found, target, other, at)

        return Terms(kind, at, quote, targets, sales, book.rate_nano or 0, sell, self._with_billing)

    def _check(self, body: Mapping[str, Any], rules: RequestRules) -> None:
        """Raises:
        BadRequest: the provider does not take the body's caps or stops, or nothing says what an extra costs.
        """
        check_limits(body, rules)
        if self._with_billing:
            check_extras(body, rules)
            check_cache(body)

    def _takes(self, body: Mapping[str, Any], target: Target) -> bool:
        """Whether a call that goes elsewhere first may go to this target too."""
        try:
            self._check(body, target.provider.rules)
        except BadRequest:
            return False
        return True

    def _offers(self, route: Route, price_list: str, kind: str) -> _Known:
        snapshot = self._catalogue.snapshot()
        if self._known[0] is not snapshot:
            self._known = (snapshot, {})
        cache = self._known[1]
        name = (kind, price_list, *map(id, route.targets))  # what is cached keeps the targets, and so their IDs, alive
        known = cache.get(name)
        if known is None:
            if len(cache) >= _REMEMBERED_MAX:
                cache.clear()
            known = cache[name] = self._known_of(snapshot.prices, route, price_list, kind)
        return known

    def _known_of(self, book: PriceBook, route: Route, price_list: str, kind: str) -> _Known:
        offers = [(target, self._offer(book, target, price_list, kind)) for target in route.targets]
        if offers[0][1] is None:
            raise unpriced(offers[0][0].id, offers[0][0].card, book)
        priced = tuple((target, offer) for target, offer in offers if offer is not None)
        return _Known(book, route.targets, tuple(target for target, _ in priced), priced)

    def _offer(self, book: PriceBook, target: Target, price_list: str, kind: str) -> _Offer | None:
        """None where the target has no price for such calls."""
        cost = book.cost(target.card)
        price: Price | None = FREE
        origin: dict[str, str] = {}
        if self._with_billing:
            found = book.explain(target.id, target.provider.name, target.card, price_list)
            price, origin = found.price, {"source": found.source, "name": found.name, "currency": book.currency}
            if found.source == "list":
                origin["list"] = price_list
        if price is None or not is_complete(price, kind):
            return None
        if cost is not None and not is_complete(cost, kind):
            cost = None
        flat = dearest(price, 0.0, 0) if not price.tiers else None
        if flat is not None and origin:
            origin |= shown_rates(flat)
        provider = target.provider
        obeyed = Obeyed(provider.caps(target.model), provider.dropped(target.model))
        return _Offer(price, cost, flat, is_free(price), origin, obeyed)

    def _sale(self, found: Measure, target: Target, offer: _Offer, at: float) -> Sale | None:
        """None where nothing bounds what the call could be charged."""
        bound = bound_of(found, target.card, None if offer.free else self._own_cap, offer.obeyed)
        if not bound.known and not offer.free:
            return None
        top = offer.flat or dearest(offer.price, at, bound.prompt_tokens)
        return Sale.of(offer.price, offer.cost, bound, top, offer.origin)

    def _quote(self, found: Measure, first: Target, sales: Mapping[str, Sale]) -> Quote:
        """For limits, what nothing bounds counts as what is likely."""
        bound = sales[first.id].bound
        named = (bound.sent is not None and not bound.ours) or bool(found.inputs)
        likely = Quote(text_tokens(found, first.card), self._own_cap * found.choices, 0, named, first.id)
        return quote_of(sales.values(), likely)


def unpriced(model_id: str, card: ModelCard, book: PriceBook) -> ModelNotPriced:
    """Why calls to a model cannot be charged, and what the operator does about it."""
    name = printable_id(model_id)
    message = f"The model '{name}' has no price on this gateway, and nothing is served that cannot be charged."
    remedy = f"`router models price {name} --input AMOUNT --output AMOUNT`"
    if book.lacks_rate(model_id, card):
        rate = f"no rate of USD to {book.currency} is known"
        detail = (
            f"The model '{name}' has a list price in USD, and {rate}: set [billing] usd_rate, or a price: {remedy}."
        )
    else:
        detail = f"{message} Set one: {remedy}, or --free."
    return ModelNotPriced(message, param="model", detail=detail)


def boundless(model_id: str) -> BadRequest:
    """Why nothing says what a call to a model can cost."""
    message = (
        f"What this call to '{printable_id(model_id)}' can cost has no bound: the context window of the model is not "
        "known, and the call holds media of unknown size, or its output has no cap. Leave the media out, or use a "
        "model whose context window `GET /v1/models` knows."
    )
    return BadRequest(message, code="unbounded_cost", param="messages")
