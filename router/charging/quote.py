"""From a call and its route to its terms, before the upstream sees anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router.catalogue.catalogue import Catalogue
from router.catalogue.prices import PriceBook
from router.catalogue.snapshot import Snapshot
from router.charging.bounds import UNBOUNDED, text_tokens
from router.charging.caching import check_cache
from router.charging.outgoing import check_limits
from router.charging.paid_extras import EXTRAS, check_extras
from router.charging.plan import Plan
from router.charging.selling import sale_of
from router.charging.targets import TargetOffer, TargetPlan
from router.charging.terms import CallPricing, TargetPrice, quote_of, shown_rates
from router.config.schema import BillingSettings
from router.errors import BadRequest, ModelNotPriced
from router.money.image_prices import AskedImage, image_price, unpriced_image
from router.money.prices import FREE, UNIT_RATE_OF, Price, dearest, is_complete, is_free, request_of, unpriced_units
from router.providers.resolve import Route, Target, printable_id
from router.surfaces.measuring import CAP_SPELLINGS, Measure
from router.surfaces.surface import Surface
from router.types.claims import Quote
from router.types.records import Key, ModelCard
from router.types.request_rules import RequestRules

__all__ = ["PriceQuoter", "boundless", "unpriced"]

_REMEMBERED_MAX = 1000
_SHOWN = 40
_CACHED = frozenset({"cache_control", "content", "content_blocks", "system", "tools"})


class PriceQuoter:
    """Makes the terms of calls. One per worker; what does not depend on a call is made once per snapshot.

    Args:
        max_output_tokens: the cap on the output of a call whose client and model name none, per choice.
        with_billing: without, nothing is charged, and no price is needed.

    Attributes:
        snapshot: gives the catalogue's, as it is now.
    """

    def __init__(self, catalogue: Catalogue, billing: BillingSettings, *, with_billing: bool = True) -> None:
        self._catalogue = catalogue
        self.snapshot = catalogue.snapshot
        self._own_cap = billing.max_output_tokens
        self._with_billing = with_billing
        self._known: tuple[Snapshot, dict[Any, TargetPlan | None]] = (catalogue.snapshot(), {})

    def plan(self, surface: Surface, key: Key, route: Route, snapshot: Snapshot | None = None) -> Plan:
        """Compile what all calls of a key, a surface and a model have in common.

        Args:
            surface: whose calls they are.
            snapshot: of the catalogue, whose prices hold; None for the one in force.

        Raises:
            ModelNotPriced: the model has no price.
        """
        snapshot = snapshot or self._catalogue.snapshot()
        found = [self._target(snapshot, target, key.price_list, surface) for target in route.targets]
        if found[0] is None:
            raise unpriced(route.targets[0].id, route.targets[0].card, snapshot.prices)
        priced = tuple(target for target in found if target is not None)

        def other(target: Target) -> TargetPlan | None:
            return self._target(snapshot, target, key.price_list, surface)

        return Plan(key, surface, route.model, priced, snapshot, other, paid=self._with_billing)

    def terms(self, plan: Plan, body: Mapping[str, Any], found: Measure, at: float) -> CallPricing:
        """The terms of a call.

        Args:
            found: what its body holds.
            at: Unix seconds at which it arrived.

        Raises:
            BadRequest: what it could cost has no bound, or it asks for something that has no price.
        """
        first, targets = plan.targets[0], plan.targets
        unpaid = plan.surface.unpaid_fields
        if unpaid:
            body = {name: value for name, value in body.items() if name not in unpaid}
        self._check(body, found, first.rules)
        sale = sale_of(first, found, at)
        if sale is None:
            raise _unsellable(first, found)
        sales = {first.id: sale}
        if len(targets) > 1:
            for target in targets[1:]:
                other = sale_of(target, found, at) if self._takes(body, found, target) else None
                if other is not None:
                    sales[target.id] = other
            targets = tuple(target for target in targets if target.id in sales)

        def sell(target: TargetPlan) -> TargetPrice | None:
            return sale_of(target, found, at) if self._takes(body, found, target) else None

        quote = self._quote(found, first, sales)
        return CallPricing(
            plan.surface, at, quote, targets, sales, plan.rate_nano, plan.other, sell, self._with_billing
        )

    def _check(self, body: Mapping[str, Any], found: Measure, rules: RequestRules) -> None:
        """Raises:
        BadRequest: the provider does not take the body's caps or stops, or nothing says what an extra costs.
        """
        if "stop" in body or not CAP_SPELLINGS.isdisjoint(body):
            caps = found.caps  # one that is null, or negative, is none of them
            plain = caps and len(caps) == len(CAP_SPELLINGS.intersection(body)) and min(caps.values()) >= rules.cap_min
            if not plain or "stop" in body:
                check_limits(body, rules)
        if self._with_billing:
            if rules.unpriced or not EXTRAS.isdisjoint(body):
                check_extras(body, rules)
            if not (found.plain and _CACHED.isdisjoint(body)):
                check_cache(body)

    def _takes(self, body: Mapping[str, Any], found: Measure, target: TargetPlan) -> bool:
        """Whether a call that goes elsewhere first may go to this target too."""
        try:
            self._check(body, found, target.rules)
        except BadRequest:
            return False
        return True

    def _target(self, snapshot: Snapshot, target: Target, price_list: str, surface: Surface) -> TargetPlan | None:
        """A target compiled; None where it has no price for such calls."""
        if self._known[0] is not snapshot:
            self._known = (snapshot, {})
        cache, name = self._known[1], (surface.name, surface.hook, price_list, target.id)
        if name not in cache:
            if len(cache) >= _REMEMBERED_MAX:
                cache.clear()
            offer = self._offer(snapshot.prices, target, price_list, surface.modality)
            made = None if offer is None else TargetPlan(target, offer, surface, self._own_cap, paid=self._with_billing)
            cache[name] = made
        return cache[name]

    def _offer(self, book: PriceBook, target: Target, price_list: str, kind: str) -> TargetOffer | None:
        """The price of such calls at a target; None where it has none."""
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
        return TargetOffer(price, cost, flat, is_free(price), origin, request_of(price, cost))

    def _quote(self, found: Measure, first: TargetPlan, sales: Mapping[str, TargetPrice]) -> Quote:
        """The quote for policies: where nothing bounds a count, limits take the likely one."""
        sale = sales[first.id]
        bound = sale.bound
        named = (bound.sent is not None and not bound.ours) or bool(found.inputs)
        if len(sales) == 1 and bound.prompt_tokens < UNBOUNDED and bound.each_tokens < UNBOUNDED:
            completion = bound.choices * (bound.each_tokens + bound.predicted)
            if completion < UNBOUNDED:
                return Quote(bound.prompt_tokens, completion, sale.most_nano, named, first.id)
        likely = Quote(text_tokens(found, first.card), self._own_cap * found.choices, 0, named, first.id)
        return quote_of(sales.values(), likely)


def unpriced(model_id: str, card: ModelCard, book: PriceBook) -> ModelNotPriced:
    """The error for a model without a price, with the operator's remedy."""
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


def _unsellable(target: TargetPlan, found: Measure) -> BadRequest | ModelNotPriced:
    """The error for a call that its first target cannot be charged for."""
    offer, name = target.offer, printable_id(target.id)
    if found.image is not None and not offer.free and image_price(offer.price, found.image) is None:
        return _unpriced_image(name, offer.price, found.image)
    lacking = () if offer.free or found.units is None else unpriced_units(offer.price, found.units)
    if not lacking:
        return boundless(target.id)
    message = f"The model '{name}' has no price for {', '.join(lacking)} on this gateway."
    options = " ".join(f"--{UNIT_RATE_OF[unit].replace('_', '-')} AMOUNT" for unit in lacking)
    detail = f"{message} Set the whole price again with it: `router models price {name} {options} ...`, or --free."
    return ModelNotPriced(message, param="model", detail=detail)


def _unpriced_image(name: str, price: Price, asked: AskedImage) -> BadRequest:
    field, value = unpriced_image(price, asked)
    message = (
        f"The model '{name}' has no price on this gateway for images of the {field} {value[:_SHOWN]!r}; send the "
        f"request without '{field}', or with a usual one."
    )
    keys = "sizes" if field == "size" else "qualities"
    example = f'tiers = [{{ {keys} = ["{value[:_SHOWN]}"], per_image = AMOUNT }}]'
    detail = f"{message} Its price says what one costs with a tier: {example}."
    return BadRequest(message, code="unpriced_extra", param=field, detail=detail)


def boundless(model_id: str) -> BadRequest:
    """The error for a call whose cost has no bound."""
    message = (
        f"What this call to '{printable_id(model_id)}' can cost has no bound: the context window of the model is not "
        "known, and the call holds media of unknown size, or its output has no cap. Leave the media out, or use a "
        "model whose context window `GET /v1/models` knows."
    )
    return BadRequest(message, code="unbounded_cost", param="messages")
