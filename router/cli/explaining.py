"""What ``router routes explain`` tells of a route, as plain data."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from router.cli.checking import upstream_urls
from router.config import GatewaySettings
from router.errors import KINDS
from router.gateway.endpoints import CONSEQUENCES
from router.gateway.providers import Provider
from router.gateway.resolve import Route, Target
from router.upstream.compatible import CompatibleChatProvider

__all__ = ["failure_rows", "target_row"]


def target_row(target: Target) -> dict[str, Any]:
    """One target: who serves it, where, within which limits, and what it does not get to see."""
    provider = target.provider
    urls = upstream_urls(provider)
    hosts = [urlsplit(url).netloc for url in urls] if len(urls) == len(provider.endpoints.places) else None
    return {
        "id": target.id,
        "provider": provider.name,
        "plugin": provider.kind,
        "model": target.model,
        "state": provider.problem or "active",
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


def failure_rows(route: Route, gateway: GatewaySettings) -> list[dict[str, Any]]:
    """Each kind of failure before the first output: what is tried next, and what the last one shows the client."""
    return [
        {"kind": kind, "status": row.status, "code": row.code, "next": _next(kind, route, gateway), "endpoint": meaning}
        for (kind, row), meaning in zip(KINDS.items(), (CONSEQUENCES[kind] for kind in KINDS), strict=True)
    ]


def _next(kind: str, route: Route, gateway: GatewaySettings) -> list[str]:
    """IDs, and ``fallback hook`` where a plugin has its own ideas; empty where the failure is the request's fault."""
    first, *others = route.targets
    if kind == "context_length":
        others = [target for target in others if target.is_larger_than(first)]
    elif not KINDS[kind].falls_back and not (kind == "content" and gateway.fall_back_on_content):
        return []
    if gateway.max_attempts == 1:
        return []
    return [*(target.id for target in others), *_named_by(route.targets[-1].provider)]


def _named_by(provider: Provider) -> list[str]:
    hook = provider.hooks.get("fallback")
    if hook is None:
        return []
    usual = getattr(hook, "__func__", None) is CompatibleChatProvider.fallback
    return list(provider.settings.fallback) if usual else ["fallback hook"]
