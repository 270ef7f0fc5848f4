"""The bound and the charge of one call at a compiled target."""

from __future__ import annotations

from router.charging.bounds import UNBOUNDED, Bound, bound_of
from router.charging.targets import TargetOffer, TargetPlan
from router.charging.terms import CHARGE_MAX, TargetPrice, shown_rates
from router.money.image_prices import AskedImage, image_price
from router.money.prices import MILLION, Rates, dearest, unpriced_units
from router.surfaces.measuring import Measure

__all__ = ["sale_of"]


def sale_of(target: TargetPlan, found: Measure, at: float) -> TargetPrice | None:
    """The target's part in a call's terms; None where nothing bounds what the call could be charged, or it asks for
    units that have no price there.

    Args:
        found: what its body holds.
        at: Unix seconds at which it arrived.
    """
    offer, cost_rates = target.offer, target.cost_rates
    if found.image is not None and not offer.free:
        of_image = _image_offer(offer, found.image)
        if of_image is None:
            return None
        offer, cost_rates = of_image
    flat = offer.flat
    if found.units is not None and not offer.free and unpriced_units(offer.price, found.units):
        return None
    media = found.images or found.audios or found.files or found.unknown
    if media or found.inputs or found.units is not None or found.prompts > 1:
        bound = bound_of(found, target.card, target.own_cap, target.obeyed, offer.request)
    else:
        bound = _text_bound(target, found)
    prompt, each = bound.prompt_tokens, bound.each_tokens + bound.predicted
    if prompt >= UNBOUNDED or bound.each_tokens >= UNBOUNDED:
        if not offer.free and _charges_without_end(bound, flat or dearest(offer.price, at, prompt)):
            return None
    elif flat is not None and found.units is None and prompt + each <= target.window:
        total = prompt * target.dearest_input + bound.choices * each * target.dearest_output + target.each_request
        most_nano, free = -(-total // MILLION), target.nothing_charged
        if most_nano > CHARGE_MAX:
            most_nano = CHARGE_MAX
        return TargetPrice(offer.price, offer.cost, bound, flat, most_nano, offer.origin, free, cost_rates)
    top = flat or dearest(offer.price, at, prompt)
    return TargetPrice.of(offer.price, offer.cost, bound, top, offer.origin, cost_rates)


def _image_offer(offer: TargetOffer, asked: AskedImage) -> tuple[TargetOffer, Rates | None] | None:
    """What images of a size and a quality cost, and the rates of their cost where these are flat; None where they have
    no price.
    """
    price = image_price(offer.price, asked)
    if price is None:
        return None
    cost = None if offer.cost is None else image_price(offer.cost, asked)
    flat = None if price.tiers else dearest(price, 0.0, 0)
    origin = {**offer.origin, **(shown_rates(flat) if flat is not None and offer.origin else {})}
    made = offer._replace(price=price, cost=cost, flat=flat, origin=origin)
    return made, None if cost is None or cost.tiers else dearest(cost, 0.0, 0)


def _charges_without_end(bound: Bound, rates: Rates) -> bool:
    """Whether what nothing bounds is charged: an image may be paid by itself, whatever its tokens."""
    if bound.prompt_tokens >= UNBOUNDED and rates.dearest_input():
        return True
    return bound.each_tokens >= UNBOUNDED and bool(rates.dearest_output())


def _text_bound(target: TargetPlan, found: Measure) -> Bound:
    """``bound_of`` for a chat of text alone: the common case, made fast."""
    card, window = target.card, target.window
    prompt = found.text_bytes * card.tokens_per_byte + card.prompt_overhead * (found.messages + 1)
    if prompt > window:
        prompt = window
    each, sent, ours = card.max_output, None, False
    if found.caps and target.obeyed.names:
        dropped = target.obeyed.dropped
        sent = found.cap(dropped) if dropped else max(found.caps.values())
    if sent is not None:
        each = sent if target.covered else each
    elif target.covered and each is None and target.own_cap is not None and prompt + target.own_cap <= window:
        each = sent = target.own_cap
        ours = True
    if each is None or each > window:
        each = window
    window_told, request = card.context_window, target.offer.request
    return Bound(prompt, each, found.predicted, found.choices, window_told, target.covered, sent, ours, request)
