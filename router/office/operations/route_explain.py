"""What ``router routes explain`` tells of a route, as plain data."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from router.charging.quote import PriceQuoter
from router.charging.strategies import ExplainedStrategy
from router.config.schema import GatewaySettings
from router.errors import KINDS, RouterError, UpstreamError
from router.office.office import Office
from router.providers.configured import ConfiguredProvider
from router.providers.endpoints import CONSEQUENCES
from router.providers.places import upstream_urls
from router.providers.resolve import ModelResolver, Route, Target
from router.surfaces.chat.surface import CHAT
from router.surfaces.embeddings import EMBEDDINGS
from router.surfaces.surface import Surface
from router.types.line_hooks import CallRequest
from router.types.records import ChatCall, EmbeddingsCall, Key

__all__ = ["SAMPLE", "cache_rows", "call_kind", "failure_rows", "guard_rows", "in_order", "strategy_rows", "target_row"]

_CALLS: Mapping[str, tuple[type[ChatCall] | type[EmbeddingsCall], Mapping[str, Any]]] = {
    "chat": (ChatCall, {"messages": [{"role": "user", "content": "Hello"}]}),
    "embeddings": (EmbeddingsCall, {"input": "Hello"}),
}
_NAMED_MAX = 32
SAMPLE = "a call of about 1,000 tokens, for an answer of 500"
"""What is told is told of such a call."""
_TEXT = "word " * 800
_SAMPLES: Mapping[str, tuple[Surface, Mapping[str, Any]]] = {
    "chat": (CHAT, {"messages": [{"role": "user", "content": _TEXT}], "max_completion_tokens": 500}),
    "embeddings": (EMBEDDINGS, {"input": _TEXT}),
}
_KEPT = frozenset({"", "chat", "completions", "embeddings"})
"""Kinds of models whose calls caches are asked about."""
_NOBODY = Key("key_sample", "acct_sample")


def call_kind(route: Route) -> str:
    """The kind of call that the model serves; chat where that is not known."""
    kind = route.targets[0].card.kind
    return kind if kind in _CALLS else "chat"


def target_row(target: Target, kind: str) -> dict[str, Any]:
    """One target: who serves it, where, within which limits, and what it does not get to see.

    Args:
        kind: of the call; a target that does not offer it is skipped.
    """
    provider = target.provider
    urls = upstream_urls(provider)
    hosts = [urlsplit(url).netloc for url in urls] if len(urls) == len(provider.endpoints.places) else None
    return {
        "id": target.id,
        "provider": provider.name,
        "plugin": provider.kind,
        "model": target.model,
        "state": provider.problem
        or (_active(provider) if _offers(target, kind) else f"skipped: it does not offer {kind}"),
        "host": ", ".join(dict.fromkeys(hosts or ())),
        "transport": provider.settings.transport,
        "timeouts": asdict(provider.timeouts(target.model)),
        "context_window": target.card.context_window,
        "dropped_params": list(provider.dropped(target.model)),
        "endpoints": [
            {
                "name": place.name,
                "host": hosts[number] if hosts else None,
                "weight": place.weight,
                "max_concurrent": place.max_concurrent or None,
            }
            for number, place in enumerate(provider.endpoints.places)
        ],
    }


def _active(provider: ConfiguredProvider) -> str:
    return f"active; not from this shell: {provider.unset}" if provider.unset else "active"


def failure_rows(
    route: Route, resolver: ModelResolver, gateway: GatewaySettings, key: Key | None
) -> list[dict[str, Any]]:
    """Each kind of failure before the first output: what is tried next, and what the last one shows the client.

    Told for a plain call of the kind that the model serves, for chat where that is not known.

    Args:
        key: whose scope the targets must be in; None for all.
    """
    sample = _Sample(route, resolver, gateway, key)
    return [
        {
            "kind": kind,
            "status": row.status,
            "code": row.code,
            "next": sample.next(kind),
            "endpoint": CONSEQUENCES[kind],
        }
        for kind, row in KINDS.items()
    ]


class _Sample:
    """A call that is never sent, and what would become of it."""

    def __init__(self, route: Route, resolver: ModelResolver, gateway: GatewaySettings, key: Key | None) -> None:
        self._first, *others = route.targets
        self._kind = call_kind(route)
        self._others = others
        self._resolver = resolver
        self._gateway = gateway
        self._key = key
        call, rest = _CALLS[self._kind]
        self._call = call("req_sample", route.model, {"model": route.model, **rest})

    def next(self, kind: str) -> list[str]:
        """IDs after a failure of this kind; empty where it is the request's own fault, or nothing is left to try."""
        goes_on = KINDS[kind].falls_back or kind == "context_length"
        goes_on = goes_on or (kind == "content" and self._gateway.fall_back_on_content)
        if not goes_on or self._gateway.max_attempts == 1 or not _offers(self._first, self._kind):
            return []
        others = [target for target in self._others if self._may_follow(self._first, target, kind)]
        last = (others or [self._first])[-1]
        tried = {self._first.id, *(target.id for target in others)}
        found = [target.id for target in others]
        try:
            asked = self._asked(last, kind)
        except Exception as failed:  # a plugin's code may do anything, and its words may quote anything
            return [*found, f"(the fallback hook of {last.provider.kind} fails: {type(failed).__name__})"]
        found += [one.id for one in asked if one.id not in tried and self._may_follow(last, one, kind)]
        return list(dict.fromkeys(found))

    def _asked(self, last: Target, kind: str) -> list[Target]:
        """What the ``fallback`` hook of the last provider names, as far as it leads somewhere."""
        hook = last.provider.hooks.get("fallback")
        if hook is None:
            return []
        error = UpstreamError(kind, "a sample, for `router routes explain`", provider=last.provider.name)
        named = hook(call=self._call, error=error, context=last.provider.context(last.model))
        found: list[Target] = []
        for model_id in islice(named, _NAMED_MAX):
            with suppress(RouterError):
                found += self._resolver.route(model_id, self._key).targets[:1]
        return found

    def _may_follow(self, failed: Target, target: Target, kind: str) -> bool:
        return _offers(target, self._kind) and (kind != "context_length" or target.is_larger_than(failed))


def _offers(target: Target, kind: str) -> bool:
    return kind in target.provider.hooks and target.card.kind in ("", kind)


def guard_rows(office: Office, key: Key | None) -> list[dict[str, Any]]:
    """Each guard that a call passes, in the order in which they see its request; of its reply it is the opposite one.

    Args:
        key: whose calls; None for anybody's: guards of some keys alone are told with those.
    """
    return [
        {
            "plugin": one.name,
            "sees": one.sees,
            "requests": one.requests,
            "replies": one.replies or None,
            "on_failure": one.settings.on_failure,
            "timeout_s": one.settings.timeout_s if one.sees == "texts" else None,
            "accounts": list(one.settings.accounts),
            "keys": list(one.settings.keys),
            "problem": one.problem or None,
        }
        for one in office.guards
        if key is None or one.covers(key.account, key.id)
    ]


def cache_rows(office: Office, route: Route) -> list[dict[str, Any]]:
    """Each cache that is asked for an answer, in this order; one that fails is passed over."""
    return [
        {"plugin": one.name, "calls": one.calls, "price_share": one.price_share, "on_failure": "pass"}
        for one in office.caches
        if route.targets[0].card.kind in _KEPT
    ]


def strategy_rows(office: Office, route: Route, kind: str, key: Key | None) -> list[dict[str, Any]]:
    """Each strategy of the route's model, in the order in which they are asked.

    Args:
        kind: of the call.
        key: whose prices hold; None for the list's.
    """
    strategies = office.strategies
    if strategies is None or len(route.targets) < 2 or not strategies.of(route.model, route.targets[0].id):
        return []
    surface, rest = _SAMPLES[kind]
    body = {"model": route.model, **rest}
    shown = key or _NOBODY
    quoter = PriceQuoter(office.shelf.catalogue, office.settings.billing, with_billing=office.settings.gateway.bills)
    found = surface.look(body)
    try:
        terms = quoter.terms(quoter.plan(surface, shown, route), body, found, time.time())
    except RouterError as unsold:
        names = strategies.of(route.model, route.targets[0].id)
        return [_row(ExplainedStrategy(name, (), f"such a call is refused: {unsold.message}")) for name in names]
    call = CallRequest("req_sample", surface.name, shown.account, shown.id, route.model, body)
    return [_row(one) for one in strategies.explained(terms, found, call)]


def in_order(route: Route, rows: list[dict[str, Any]]) -> list[str]:
    """The IDs of the route's targets as they would be tried."""
    last: list[Any] = next((row["order"] for row in reversed(rows) if not row["problem"]), [])
    found = [one["id"] for one in last]
    return found + [target.id for target in route.targets if target.id not in found]


def _row(one: ExplainedStrategy) -> dict[str, Any]:
    order = [{"id": target.id, "reason": target.reason} for target in one.reasons]
    return {"strategy": one.name, "problem": one.problem, "order": order}
