"""In which order a call's targets are tried: the plugins that say so, what they are shown, and why they say it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from router.charging.bounds import UNBOUNDED
from router.charging.targets import TargetPlan
from router.charging.terms import CallPricing
from router.config.line import RoutingSettings
from router.errors import faults
from router.money.prices import Price, rates
from router.money.usage import Usage
from router.plugin_host.registry import Registry
from router.surfaces.measuring import Measure
from router.types.line_hooks import CallRequest, TargetOption, TargetReason
from router.types.plugin_context import PluginContext

__all__ = ["ExplainedStrategy", "Strategies", "options_of"]

_log = logging.getLogger("router.charging")
_HOOK = "route_targets"
_BYTES_PER_TOKEN = 4
_ENDLESS = 1000  # tokens of output that are compared where nothing bounds them
_REASON_MAX = 300


@dataclass(frozen=True, slots=True)
class ExplainedStrategy:
    """What one plugin makes of an order.

    Attributes:
        name: the plugin's.
        reasons: in the order in which the targets would be tried.
        problem: why it had no say; empty where it had one.
    """

    name: str
    reasons: tuple[TargetReason, ...]
    problem: str = ""


class Strategies:
    """The strategies of one process.

    Args:
        context_of: gives a plugin's context.

    Attributes:
        any: whether there is one, for any model.
    """

    def __init__(
        self, registry: Registry, context_of: Callable[[str], PluginContext], settings: RoutingSettings
    ) -> None:
        self._registry = registry
        self._context_of = context_of
        default = settings.strategy
        self._default = registry.on_by_itself(_HOOK) if default is None else default
        self._for = settings.strategy_for
        self.any = bool(self._default) or any(self._for.values())

    def of(self, model: str, target_id: str) -> tuple[str, ...]:
        """The plugins that order the targets of a model, the first that is asked first.

        Args:
            model: as the client writes it.
            target_id: the public ID that this leads to.
        """
        found = self._for.get(model)
        return self._for.get(target_id, self._default) if found is None else found

    def ordered(self, terms: CallPricing, found: Measure, call: CallRequest) -> Sequence[TargetPlan]:
        """A call's targets in the order in which they are to be tried; those that cannot serve it are left out but for
        the first. Never raises.
        """
        names = self.of(call.model, terms.targets[0].id)
        if not names or terms.targets[0].lacks:
            return terms.targets
        able = {target.id: target for target in terms.targets if not target.lacks}
        if len(able) < 2:
            return terms.targets
        options = list(options_of(able.values(), terms, found, call.account))
        for name in names:
            try:
                options = self._order(name, options, call)
            except faults():
                _log.exception("plugin %s failed in hook route_targets", name)
        return [able[option.id] for option in options]

    def explained(self, terms: CallPricing, found: Measure, call: CallRequest) -> list[ExplainedStrategy]:
        """What each strategy of a model makes of its targets, for a call that is never sent. Never raises."""
        able = [target for target in terms.targets if not target.lacks]
        options = list(options_of(able, terms, found, call.account))
        told = []
        for name in self.of(call.model, terms.targets[0].id) if len(options) > 1 else ():
            try:
                reasons = self._reasons(name, options, call)
            except faults() as failed:  # what it says may quote anything
                told.append(ExplainedStrategy(name, (), f"it fails: {type(failed).__name__}"))
                continue
            by_id = {option.id: option for option in options}
            options = [by_id[one.id] for one in reasons]
            told.append(ExplainedStrategy(name, reasons))
        return told

    def _reasons(self, name: str, options: Sequence[TargetOption], call: CallRequest) -> tuple[TargetReason, ...]:
        given = self._given(name, "explain_targets", options, call)
        if given is None:
            return tuple(TargetReason(one.id, "") for one in self._order(name, options, call))
        reasons = {one.id: TargetReason(one.id, str(one.reason)[:_REASON_MAX]) for one in given}
        ordered = _in_order(options, list(reasons), name, "explain_targets")
        return tuple(reasons.get(one.id, TargetReason(one.id, "")) for one in ordered)

    def _order(self, name: str, options: Sequence[TargetOption], call: CallRequest) -> list[TargetOption]:
        given = self._given(name, _HOOK, options, call)
        return list(options) if given is None else _in_order(options, list(given), name, _HOOK)

    def _given(self, name: str, hook: str, options: Sequence[TargetOption], call: CallRequest) -> Any:
        function = self._registry.hook(name, hook)
        return None if function is None else function(context=self._context_of(name), targets=tuple(options), call=call)


def options_of(
    targets: Iterable[TargetPlan], terms: CallPricing, found: Measure, account: str
) -> Iterable[TargetOption]:
    """What strategies are shown of targets."""
    targets = list(targets)
    sizes = _sizes(terms, found, targets)
    for target in targets:
        sale = terms.sales[target.id]
        charge = 0 if sale.free else _amount(sale.price, terms.at, sizes)
        cost = None if sale.cost is None else _amount(sale.cost, terms.at, sizes)
        ready = target.provider.endpoints.ready(target.model, account)
        yield TargetOption(target.id, target.provider.name, target.model, target.kind, charge, cost, ready)


def _sizes(terms: CallPricing, found: Measure, targets: Sequence[TargetPlan]) -> Usage:
    """The same size of call for all targets, so that a large window makes none look dear: the prompt as long as its
    text is likely to be, and as much output as all of them allow.
    """
    bounds = [terms.sales[target.id].bound for target in targets]
    prompt = min(terms.quote.prompt_tokens, *(bound.prompt_tokens for bound in bounds))
    if found.text_bytes:
        prompt = min(prompt, -(-found.text_bytes // _BYTES_PER_TOKEN))
    output = min(bound.completion_tokens for bound in bounds)
    units = next((bound.units for bound in bounds if bound.units is not None), None)
    return Usage(prompt, output if output < UNBOUNDED else _ENDLESS, units=units)


def _amount(price: Price, at: float, usage: Usage) -> int | None:
    try:
        return rates(price, at, usage.prompt_tokens).charge_nano(usage)
    except ValueError:
        return None


def _in_order(options: Sequence[TargetOption], wanted: Sequence[str], plugin: str, hook: str) -> list[TargetOption]:
    """The options in the order that a plugin wants; those that it leaves out come last."""
    known: Mapping[str, TargetOption] = {option.id: option for option in options}
    unknown = [one for one in wanted if one not in known]
    if unknown:
        _log.error("plugin %s: %s names %r, which is no target of the call", plugin, hook, unknown[0])
    first = [known[one] for one in dict.fromkeys(wanted) if one in known]
    return first + [one for one in options if one not in first]
