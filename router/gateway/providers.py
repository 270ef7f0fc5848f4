"""Configured providers: a section of ``router.toml`` bound to its plugin, its checked settings and its transport."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from router.catalogue.catalogue import Listing
from router.config import Settings
from router.errors import ConfigError
from router.gateway.endpoints import Endpoints, Place
from router.registry import Registry
from router.settings import ProviderSettings, Timeouts
from router.types import CallContext, ModelCard
from router.upstream.transport import Transport

__all__ = ["Provider", "build_providers", "listings"]

OpenTransport = Callable[[ProviderSettings], Transport]


@dataclass(frozen=True)
class Provider:
    """One provider as calls use it.

    Attributes:
        name: the section's name, the first part of its model IDs.
        kind: the plugin that serves it.
        settings: the section, checked, of the plugin's own type.
        hooks: the plugin's hooks.
        transport: how it is reached.
        endpoints: where, and which of these are well.
        problem: what must still be set before it can serve; empty when it is active.
    """

    name: str
    kind: str
    settings: ProviderSettings
    hooks: Mapping[str, Callable[..., Any]] = field(repr=False)
    transport: Transport = field(repr=False)
    endpoints: Endpoints = field(repr=False)
    problem: str = ""

    def timeouts(self, model: str) -> Timeouts:
        """The limits of calls to ``model``."""
        return self.settings.timeouts_for.get(model, self.settings.timeouts)

    def dropped(self, model: str) -> tuple[str, ...]:
        """Request fields that are not passed on to ``model``."""
        return self.settings.drop_params + self.settings.drop_params_for.get(model, ())

    @property
    def active(self) -> bool:
        return not self.problem

    def context(self, model: str = "") -> CallContext:
        """The context of a call to ``model`` with this section's own limits."""
        return CallContext(self.name, model, self.settings, self.transport, self.settings.timeouts)

    def cards(self) -> list[ModelCard]:
        """The plugin's own list; empty where it has none."""
        models = self.hooks.get("models")
        return list(models(context=self.context())) if models is not None else []


def build_providers(settings: Settings, registry: Registry, open_transport: OpenTransport) -> dict[str, Provider]:
    """Every configured provider, and every installed provider plugin under its own name, active or not.

    Raises:
        ConfigError: a section of an unknown plugin, or with unknown keys or bad values.
    """
    kinds = {plugin.name for plugin in registry.having("chat")} | {
        plugin.name for plugin in registry.having("embeddings")
    }
    sections: dict[str, Mapping[str, Any]] = {name: {} for name in sorted(kinds)}
    sections.update(settings.providers)
    return {
        name: _provider(name, section, settings, registry, kinds, open_transport)
        for name, section in sections.items()
        if _wanted(name, section, settings, registry)
    }


def listings(providers: Mapping[str, Provider]) -> dict[str, Listing]:
    """What the active providers bring to the catalogue."""
    found = {}
    for name, provider in providers.items():
        if provider.active:
            cards, configured = provider.cards(), provider.settings.models
            unlisted = provider.settings.unlisted
            found[name] = Listing(cards, configured, unlisted if unlisted is not None else not (cards or configured))
    return found


def _wanted(name: str, section: Mapping[str, Any], settings: Settings, registry: Registry) -> bool:
    """False for the section of a plugin that is installed but switched off: it may stay in the file."""
    plugin = registry.plugins.get(str(section.get("kind", name)))
    return plugin is None or plugin.state != "disabled"


def _provider(
    name: str,
    section: Mapping[str, Any],
    settings: Settings,
    registry: Registry,
    kinds: set[str],
    open_transport: OpenTransport,
) -> Provider:
    place = f"providers.{name}"
    kind = str(section.get("kind", name))
    plugin = registry.plugins.get(kind)
    if plugin is not None and plugin.state == "failed":
        failed = ProviderSettings(kind=kind)
        problem = f"its plugin is not loaded: {plugin.problem}"
        return Provider(name, kind, failed, {}, open_transport(failed), Endpoints(name, ()), problem)
    if plugin is None or kind not in kinds:
        raise ConfigError(f"{settings.where(f'{place}.kind')}: {_unknown_kind(name, kind, section, kinds)}")
    declare = plugin.hooks.get("settings")
    record = declare() if declare is not None else ProviderSettings
    checked: ProviderSettings = replace(settings.record(record, place, section), kind=kind)
    places = _places(name, checked)
    for one in (checked, *(place.settings for place in places)):
        if one.base_url:
            _check_url(one.base_url, settings.where(f"{place}.base_url"))
    problem = next((missing for one in places if (missing := one.settings.missing())), "")
    return Provider(name, kind, checked, plugin.hooks, open_transport(checked), Endpoints(name, places), problem)


def _places(name: str, settings: ProviderSettings) -> list[Place]:
    """The section's endpoints; the section itself where it lists none."""
    if not settings.endpoints:
        return [Place(name, settings, max_concurrent=settings.max_concurrent)]
    return [
        Place(
            f"{name}[{number}]",
            replace(
                settings,
                base_url=endpoint.base_url or settings.base_url,
                api_key=endpoint.api_key if endpoint.api_key.source else settings.api_key,
            ),
            endpoint.weight,
            endpoint.max_concurrent or settings.max_concurrent,
        )
        for number, endpoint in enumerate(settings.endpoints)
    ]


def _unknown_kind(name: str, kind: str, section: Mapping[str, Any], kinds: set[str]) -> str:
    close = difflib.get_close_matches(kind, sorted(kinds), n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"the installed ones are {', '.join(sorted(kinds))}."
    remedy = (
        ""
        if "kind" in section
        else f' An upstream that speaks OpenAI\'s wire needs no plugin: kind = "compatible" and a base_url for {name}.'
    )
    return f"no provider plugin is called {kind!r}; {hint}{remedy}"


def _check_url(url: str, where: str) -> None:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or parts.query or parts.fragment or parts.username is not None:
        shown = "it" if "@" in url or "?" in url else repr(url)  # it may hold a secret
        raise ConfigError(f'{where}: {shown} is not a base URL: write "https://host/v1", without a query or a password')
