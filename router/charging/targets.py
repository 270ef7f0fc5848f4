"""A target of calls, compiled: all of its prices, bounds, limits and rules that does not depend on the call."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from router.charging.bounds import UNBOUNDED, Obeyed
from router.config.provider import Timeouts
from router.errors import faults
from router.money.prices import Price, Rates, dearest
from router.money.usage import Units
from router.providers.health import EndpointHealth
from router.providers.resolve import Target
from router.providers.signing import signing
from router.surfaces.surface import Surface
from router.surfaces.translated import TranslatedSurface
from router.types.records import CallContext
from router.types.request_rules import ADDED_MEMBERS, RequestRules
from router.upstream.checking import fault_of_wire
from router.upstream.compiled import CallWire

__all__ = ["TargetOffer", "TargetPlan", "header_text"]

_log = logging.getLogger("router.charging")
_SILENCE_S = 60.0
_PATIENCE_S = 600.0  # of a model that reasons, or of which nothing is known
_NONE: frozenset[str] = frozenset()


class TargetOffer(NamedTuple):
    """What a target's calls cost, before there is a call.

    Attributes:
        price: in the balance currency.
        cost: what the provider charges us; None where that is not known.
        flat: the rates at all times and lengths; None where there are tiers.
        free: nothing is ever charged.
        origin: where the price stands, with its rates where they are flat: what usage rows show.
        request: what each call counts as, where its price or its cost has a part per request; else None.
    """

    price: Price
    cost: Price | None
    flat: Rates | None
    free: bool
    origin: Mapping[str, str]
    request: Units | None = None


class TargetPlan:
    """One target for one surface and one price list. Compiled once for a catalogue's snapshot, and never changed.

    Args:
        own_cap: the cap on each choice where neither client nor card names one.
        paid: whether calls are charged for, so that nothing may change who is paid.

    Attributes:
        id, provider, card, model, kind, rules: as the target and its provider have them; ``kind`` is the plugin.
        hook: the plugin's, for such calls; None where it has none.
        native: whether it speaks a surface that is served through chat elsewhere.
        lacks: why it does not serve such calls; empty where it does.
        offer: what its calls cost.
        cost_rates: those of the cost where there are no tiers; else None.
        dearest_input, dearest_output: nano-units for a million tokens; 0 where ``offer.flat`` is not known.
        each_request: millionths of a nano-unit for the call itself; 0 where ``offer.flat`` is not known.
        nothing_charged: whether by ``offer.flat`` nothing is, whatever a call uses.
        own_cap: None where nothing is charged, or no cap is sent.
        window: tokens; ``UNBOUNDED`` where the card knows none.
        obeyed: what it makes of output caps.
        covered: whether an output cap that is sent limits all output.
        touched: fields of a body that may have to be changed before it is sent.
        foreign, foreign_elsewhere: members of messages that are taken off; in a call that another kind has failed.
        served: provider and model as headers show them.
        wires: endpoint -> what ``compile`` has made for it.
    """

    __slots__ = (
        "_asks",
        "_compiles",
        "_plain",
        "_stream",
        "card",
        "cost_rates",
        "covered",
        "dearest_input",
        "dearest_output",
        "each_request",
        "foreign",
        "foreign_elsewhere",
        "hook",
        "id",
        "kind",
        "lacks",
        "model",
        "native",
        "nothing_charged",
        "obeyed",
        "offer",
        "own_cap",
        "provider",
        "rules",
        "served",
        "touched",
        "window",
        "wires",
    )

    def __init__(self, target: Target, offer: TargetOffer, surface: Surface, own_cap: int, *, paid: bool) -> None:
        card, provider = target.card, target.provider
        self.id, self.provider, self.card, self.model = target.id, provider, card, card.model
        self.kind, self.rules = provider.kind, provider.rules
        hooks = provider.hooks
        through = surface.through if isinstance(surface, TranslatedSurface) else None
        self.native = through is not None and surface.hook in hooks and surface.serves(card.kind, surface.hook)
        self._asks = surface.hook if self.native or through is None else through.hook
        self._compiles = surface.compiles if self.native or through is None else through.compiles
        self.wires: dict[EndpointHealth, CallWire | None] = {}
        self.lacks = _lacks(target, surface, self._asks)
        self.hook: Callable[..., Any] | None = hooks.get(self._asks)
        self.offer = offer
        self.cost_rates = dearest(offer.cost, 0.0, 0) if offer.cost is not None and not offer.cost.tiers else None
        self.dearest_input = 0 if offer.flat is None else offer.flat.dearest_input()
        self.dearest_output = 0 if offer.flat is None else offer.flat.dearest_output()
        self.nothing_charged = offer.flat is not None and offer.flat.cost_nothing()
        asked = offer.flat.units if offer.flat is not None and offer.request is not None else None
        self.each_request = 0 if asked is None or offer.request is None else asked.millionths(offer.request)
        self.own_cap = None if offer.free or not surface.capped else own_cap
        self.window = UNBOUNDED if card.context_window is None else card.context_window
        self.obeyed = Obeyed(provider.caps(card.model), provider.dropped(card.model))
        self.covered = bool(self.obeyed.names) and (card.cap_covers_reasoning or not card.reasoning)
        self.touched = _touched(self.rules, self.obeyed, paid=paid)
        known = self.rules.own_members
        self.foreign = _NONE if known is None else ADDED_MEMBERS - known
        self.foreign_elsewhere = ADDED_MEMBERS if known is None else self.foreign
        self.served = (header_text(provider.name), header_text(card.model))
        self._plain, self._stream = (_limits(target, stream=stream) for stream in (False, True))

    def is_larger_than(self, other: TargetPlan) -> bool:
        """Whether its context window is known to hold more."""
        return (self.card.context_window or 0) > (other.card.context_window or 0)

    def compile(self, place: EndpointHealth) -> CallWire | None:
        """What the plugin makes of calls at an endpoint, now in ``wires``; None where its hook is asked for each."""
        self.wires[place] = wire = self._compiled(place)
        return wire

    def _compiled(self, place: EndpointHealth) -> CallWire | None:
        provider = self.provider
        compile_ = provider.hooks.get("compiled")
        if compile_ is None or not self._compiles:
            return None
        limits = provider.timeouts(self.model)
        context = CallContext(provider.name, self.model, place.settings, provider.transport, limits, self.card)
        context = signing(context, provider.hooks)
        try:
            wire: CallWire | None = compile_(kind=self._asks, context=context)
            fault = "" if wire is None else fault_of_wire(wire)
        except faults():
            _log.exception("provider plugin %s failed to compile its calls: it is asked for each", self.kind)
            return None
        if fault:
            said = "provider plugin %s gave no Wire for %s calls of %s: %s. It is asked for each call"
            _log.error(said, self.kind, self._asks, self.id, fault)
            return None
        return wire

    def limits(self, left_s: float, *, stream: bool) -> Timeouts:
        """The limits of one call.

        Args:
            left_s: what is left of the whole call's time.
        """
        if stream:
            found = self._stream
        else:
            found = self._plain
            if found.whole is not None and found.whole <= left_s:
                return found
        return Timeouts(found.connect, found.first_byte, found.idle, left_s)


def _lacks(target: Target, surface: Surface, hook: str) -> str:
    if hook not in target.provider.hooks:
        return f"The model '{target.id}' does not serve {surface.name}."
    if not surface.serves(target.card.kind, hook):
        return f"The model '{target.id}' serves {target.card.kind}, not {surface.name}."
    return ""


def header_text(text: str) -> str:
    """ASCII that shows, as a header must be; models' names may be anything printable, and fields' names anything."""
    return text if text.isascii() and text.isprintable() else text.encode("unicode_escape").decode("ascii")


def _touched(rules: RequestRules, obeyed: Obeyed, *, paid: bool) -> frozenset[str]:
    taken_off = (path.partition(".")[0] for path in rules.taken_off) if paid else ()
    return frozenset({"extra_body", "options", *obeyed.dropped, *taken_off})


def _limits(target: Target, *, stream: bool) -> Timeouts:
    """The limits of this model and kind of reply."""
    limits = target.provider.timeouts(target.model)
    silence = _PATIENCE_S if target.card.reasoning or target.card.context_window is None else _SILENCE_S
    first = limits.first_byte
    if first is None and (stream or silence == _PATIENCE_S):
        first = silence
    return replace(limits, first_byte=first, idle=silence if limits.idle is None else limits.idle)
