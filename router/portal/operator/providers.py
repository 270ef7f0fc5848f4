"""Providers: whether each can serve, how its newest calls went, and turning one off for a while."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import fields, validate

from router.config.provider import Secret
from router.errors import Conflict
from router.office.actor import Actor
from router.office.audit import list_audit
from router.office.console.provider_health import ProviderHealth, provider_health, sealed_keys
from router.office.console.provider_switches import ProviderOff, disable_provider, enable_provider, providers_off
from router.office.console.provider_test import WITHIN_S, last_test, test_provider
from router.portal.operator.actions import ActionField, ConsoleAction, ReasonForm, action
from router.portal.operator.frame import nothing_there, show, typed
from router.portal.web.pages import PageRoutes
from router.portal.web.replies import PageReply
from router.portal.web.requests import PageRequest
from router.providers.configured import ConfiguredProvider
from router.providers.places import upstream_urls

__all__ = ["PAGES", "WINDOWS", "window_of"]

PAGES = PageRoutes()

WINDOWS: Mapping[str, tuple[str, int]] = {
    "5m": ("5 minutes", 300),
    "1h": ("an hour", 3600),
    "24h": ("a day", 86_400),
    "7d": ("a week", 604_800),
}
"""Of which time the newest calls are looked at: name -> (in words, seconds)."""

_ONE = "/ops/providers/<name>"
_MODEL_MAX = 256


def window_of(request: PageRequest, default: str = "1h") -> tuple[str, str, int]:
    """The window that the address asks for: its name, in words, and in seconds."""
    name = typed(request, "window")
    name = name if name in WINDOWS else default
    return (name, *WINDOWS[name])


@PAGES.get("/ops/providers", "operator")
def providers_page(request: PageRequest) -> PageReply:
    """All providers: those that are set up, and those whose plugin waits to be."""
    window, words, seconds = window_of(request)
    health, whole = provider_health(request.office, seconds)
    off = {one.provider: one for one in providers_off(request.office)}
    rows = [_told(request, one, off.get(one.name), health.get(one.name)) for one in request.office.providers.values()]
    used = [row for row in rows if row["active"] or row["section"] or row["off"]]
    idle = [row for row in rows if row not in used]
    return show(
        request, "providers.html", rows=used, idle=idle, window=window, words=words, windows=WINDOWS, whole=whole
    )


@PAGES.get(_ONE, "operator")
def provider_page(request: PageRequest) -> PageReply:
    """One provider."""
    provider = _provider(request)
    window, words, seconds = window_of(request)
    health, whole = provider_health(request.office, seconds)
    off = {one.provider: one for one in providers_off(request.office)}
    synced = list_audit(request.office, action="models sync", subject=provider.name, limit=1)
    return show(
        request,
        "provider.html",
        row=_told(request, provider, off.get(provider.name), health.get(provider.name)),
        endpoints=_endpoints(provider),
        sealed=sealed_keys(request.office, provider.name),
        synced=synced[0].created_at if synced else None,
        tested=last_test(request.office, provider.name),
        keyed=request.site.keyed,
        window=window,
        words=words,
        windows=WINDOWS,
        whole=whole,
    )


def _disable(request: PageRequest) -> ConsoleAction:
    name = _provider(request).name
    says = (
        f"Every worker stops calling {name} within a second; calls that it serves now end by themselves.",
        "Models that it serves go to their fallbacks. Those without are refused with 503, and stand on no list.",
        "It stays so until it is turned on again, whatever the configuration says.",
    )
    return ConsoleAction(f"Turn {name} off", "Turn it off", f"/ops/providers/{name}", says, bad=True)


@action(PAGES, f"{_ONE}/disable", _disable, said="provider_off")
def turn_off(request: PageRequest, values: dict[str, Any], actor: Actor) -> None:
    """Call a provider no more."""
    disable_provider(request.office, actor, request.params["name"])


def _enable(request: PageRequest) -> ConsoleAction:
    name = _provider(request).name
    return ConsoleAction(f"Turn {name} on", "Turn it on", f"/ops/providers/{name}", (f"{name} is called again.",))


@action(PAGES, f"{_ONE}/enable", _enable, said="provider_on")
def turn_on(request: PageRequest, values: dict[str, Any], actor: Actor) -> None:
    """Call a provider again."""
    enable_provider(request.office, actor, request.params["name"])


class _TestForm(ReasonForm):
    """Which model to call."""

    model = fields.String(load_default="", validate=validate.Length(max=_MODEL_MAX))


def _test(request: PageRequest) -> ConsoleAction:
    name = _provider(request).name
    hindrance = () if request.site.keyed else (_no_keys(name),)
    says = (
        *hindrance,
        f"One tiny call is made to each endpoint of {name}, as the gateway makes it: it may cost a fraction of a cent.",
        f"This page waits for it, for up to {WITHIN_S:.0f} seconds an endpoint. No customer is charged.",
    )
    model = ActionField("model", "Model (optional)", "As the provider calls it; empty takes the cheapest on its list.")
    return ConsoleAction(f"Test call of {name}", "Make the call", f"/ops/providers/{name}", says, fields=(model,))


@action(PAGES, f"{_ONE}/test", _test, said="provider_tested", schema=_TestForm)
def test_call(request: PageRequest, values: dict[str, Any], actor: Actor) -> None:
    """Make a test call."""
    if not request.site.keyed:
        raise Conflict(_no_keys(request.params["name"]), code="no_keys_here")
    test_provider(request.office, actor, request.params["name"], values["model"].strip())


def _no_keys(name: str) -> str:
    return (
        "The portal's processes know no provider's key, so they call none. "
        f"Run `router providers test {name}` where the gateway runs."
    )


def _provider(request: PageRequest) -> ConfiguredProvider:
    found = request.office.providers.get(request.params["name"])
    if found is None:
        raise nothing_there("provider of this name in the configuration")
    return found


def _told(
    request: PageRequest, provider: ConfiguredProvider, off: ProviderOff | None, health: ProviderHealth | None
) -> dict[str, Any]:
    """A provider as templates show it."""
    return {
        "name": provider.name,
        "kind": provider.kind,
        "active": provider.active,
        "problem": provider.problem or provider.unset,
        "section": provider.name in request.office.settings.providers,
        "off": off,
        "models": len(provider.cards()) + len(provider.settings.models),
        "health": health,
    }


def _endpoints(provider: ConfiguredProvider) -> list[dict[str, Any]]:
    urls = upstream_urls(provider)
    places = provider.endpoints.places
    return [
        {
            "name": place.name,
            "url": urls[number] if len(urls) == len(places) else "",
            "weight": place.weight,
            "max_concurrent": place.max_concurrent,
            "key": _origin(place.settings.api_key),
        }
        for number, place in enumerate(places)
    ]


def _origin(key: Secret) -> str:
    """Where a key comes from, in words; never a part of it."""
    if key.source.startswith("env:"):
        return f"environment: {key.source.removeprefix('env:').replace('|', ' or ')}"
    if not key:
        return "none"
    return "configuration file" if key.source == "configuration" else key.source
