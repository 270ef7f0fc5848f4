"""Configured providers, as operators work on them; no answer has a key."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from router.config.provider import Secret
from router.errors import RouterError
from router.office import providers as office_providers
from router.office.actor import Actor
from router.office.console import provider_switches
from router.office.console.provider_switches import ProviderOff, providers_off
from router.office.keys import key_in_force
from router.office.names import key_id
from router.office.office import Office, provider_of
from router.office.operations.operation import OperationAnswer, operation
from router.office.operations.route_explain import (
    SAMPLE,
    cache_rows,
    call_kind,
    failure_rows,
    guard_rows,
    in_order,
    strategy_rows,
    target_row,
)
from router.providers.configured import ConfiguredProvider
from router.providers.places import upstream_urls
from router.providers.probe import probe
from router.types.periods import iso_time
from router.types.records import Key

__all__ = [
    "disable_provider",
    "enable_provider",
    "explain_route",
    "forget_key",
    "list_providers",
    "store_key",
    "test_provider",
]

_RELOAD = "A running gateway sees it after SIGHUP."


@operation("providers list", "form:NothingForm")
def list_providers(office: Office) -> OperationAnswer:
    """Every configured provider and every installed one: active, or what to set."""
    off = _off(office)
    return OperationAnswer([_row(provider, off.get(provider.name)) for provider in office.providers.values()])


@operation("providers test", "providers:ProbeForm", long=True)
def test_provider(office: Office, *, name: str, model: str | None = None, progress: object = None) -> OperationAnswer:
    """Make one tiny real call to each of a provider's endpoints, which may cost a fraction of a cent."""
    results = probe(provider_of(office.providers, name), model)
    good = all(result["ok"] for result in results)
    return OperationAnswer(results[0] if len(results) == 1 else {"provider": name, "ok": good, "endpoints": results})


@operation("providers disable", "providers:SwitchForm", writes=True)
def disable_provider(office: Office, actor: Actor, *, name: str, reason: str | None = None) -> OperationAnswer:
    """Send a provider no call, from now on and in every worker within a second."""
    return _turned(provider_switches.disable_provider(office, replace(actor, reason=reason or ""), name), "off")


@operation("providers enable", "providers:SwitchForm", writes=True)
def enable_provider(office: Office, actor: Actor, *, name: str, reason: str | None = None) -> OperationAnswer:
    """Call a disabled provider again."""
    return _turned(provider_switches.enable_provider(office, replace(actor, reason=reason or ""), name), "on")


@operation("providers set-key", "providers:StoreKeyForm", writes=True)
def store_key(office: Office, actor: Actor, *, name: str, key: str, endpoint: int | None = None) -> OperationAnswer:
    """Store a provider's key in the database, encrypted under the master key of the gateway."""
    made = office_providers.store_key(office, actor, name, endpoint or 0, key)
    wins = f"{made.winner} gives a key as well, and wins over the stored one"
    notes = [f"The gateway needs the same {office_providers.MASTER_KEY} in its environment.", _RELOAD]
    value = {"provider": name, "endpoint": endpoint, "stored": True}
    return OperationAnswer(value, [wins] if made.winner else [], notes)


@operation("providers forget-key", "providers:KeyPlaceForm", writes=True)
def forget_key(office: Office, actor: Actor, *, name: str, endpoint: int | None = None) -> OperationAnswer:
    """Forget a provider's stored key."""
    office_providers.forget_key(office, actor, name, endpoint or 0)
    return OperationAnswer({"provider": name, "endpoint": endpoint, "stored": False}, notes=[_RELOAD])


@operation("routes explain", "providers:RouteForm")
def explain_route(office: Office, *, model: str, key: str | None = None) -> OperationAnswer:
    """What would become of a call for a model, step by step, and of each kind of failure; nothing is sent."""
    shown = key_in_force(office, key_id(office.database, key)) if key is not None else None
    resolver, gateway = office.shelf.resolver, office.settings.gateway
    route = resolver.route(model, shown)
    strategies = strategy_rows(office, route, call_kind(route), shown)
    if strategies:
        places = {target_id: place for place, target_id in enumerate(in_order(route, strategies))}
        route = replace(route, targets=tuple(sorted(route.targets, key=lambda target: places[target.id])))
    return OperationAnswer(
        {
            "model": model,
            "key": _verdict(shown) if shown is not None else None,
            "guards": guard_rows(office, shown),
            "steps": list(route.steps),
            "caches": cache_rows(office, route),
            "sample": SAMPLE if strategies else None,
            "strategies": strategies,
            "targets": [target_row(target, call_kind(route)) for target in route.targets],
            "max_attempts": gateway.max_attempts,
            "max_call_s": gateway.max_call_s,
            "failures": failure_rows(route, resolver, gateway, shown),
        }
    )


def _turned(turned: ProviderOff, state: str) -> OperationAnswer:
    value = {"name": turned.provider, "state": state, "reason": turned.reason, "since": iso_time(turned.changed_at)}
    return OperationAnswer(value)


def _off(office: Office) -> dict[str, str]:
    """Each provider that is turned off, and what is shown of it; none where the database cannot be read."""
    try:
        off = providers_off(office)
    except RouterError:
        return {}
    return {one.provider: f"turned off: {one.reason}" if one.reason else "turned off" for one in off}


def _row(provider: ConfiguredProvider, off: str | None) -> dict[str, Any]:
    return {
        "name": provider.name,
        "kind": provider.kind,
        "active": provider.active and off is None,
        "state": provider.problem or off or "active",
        "base_url": ", ".join(upstream_urls(provider)),
        "key": ", ".join(dict.fromkeys(_origin(place.settings.api_key) for place in provider.endpoints.places)),
        "transport": provider.settings.transport,
        "models": len(provider.cards()) + len(provider.settings.models),
    }


def _origin(key: Secret) -> str:
    """Where a key comes from: ``file``, ``database`` or ``env:NAME``; empty where there is none."""
    if not key:
        return ""
    return "file" if key.source == "configuration" else key.source


def _verdict(key: Key) -> dict[str, Any]:
    expired = key.status == "active" and key.expires_at is not None and key.expires_at <= time.time()
    status = "expired" if expired else key.status
    verdict = "may call" if status == "active" else f"is refused with 401: it, or its account, is {status}"
    if status == "active" and not key.calls_models:
        verdict = f"is refused with 403: it is a {key.kind} key, which calls no model"
    return {"id": key.id, "account": key.account, "status": status, "scope": list(key.scope), "verdict": verdict}
