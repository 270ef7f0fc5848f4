"""A configuration against what is installed: the checks that need plugins, but no database."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from router.config import Settings
from router.errors import ConfigError
from router.gateway.assembly import dialect_of, open_transport
from router.gateway.providers import Provider, build_providers
from router.registry import Registry, nearest

__all__ = ["check_settings", "plugin_record", "upstream_url"]


def check_settings(settings: Settings, registry: Registry) -> dict[str, Provider]:
    """Check the profile, the policies, the providers' sections and the plugins' sections; the providers by name.

    Raises:
        ConfigError: the first problem found.
    """
    dialect_of(settings, registry)
    for role in ("billing", "rate_limit"):
        name = getattr(settings.gateway, role)
        if name != "none":
            raise ConfigError(
                f'{settings.where(f"gateway.{role}")}: there is no policy {name!r}; the one there is, is "none"'
            )
    for name in settings.plugin_sections:
        plugin_record(settings, registry, name)
    return build_providers(settings, registry, open_transport)


def plugin_record(settings: Settings, registry: Registry, name: str) -> Any:
    """The section ``[plugins.NAME]`` as the record that the plugin declares; None while the plugin is not loaded.

    Raises:
        ConfigError: the plugin is not installed, takes no settings there, or they are wrong.
    """
    place = f"plugins.{name}"
    plugin = registry.plugins.get(name)
    if plugin is None:
        raise ConfigError(f"{settings.where(place)}: no plugin is called {name!r}{nearest(name, registry.plugins)}")
    if plugin.state != "loaded":
        return None
    declare = plugin.hooks.get("settings")
    if "provider" in plugin.roles or declare is None:
        remedy = f"; write [providers.{name}]" if "provider" in plugin.roles else ""
        raise ConfigError(f"{settings.where(place)}: plugin {name!r} takes no settings here{remedy}")
    return settings.record(declare(), place, settings.plugin_sections[name])


def upstream_url(provider: Provider) -> str:
    """Where the provider sends calls, without anything secret; empty where only the plugin knows."""
    plugin = getattr(provider.hooks.get("chat"), "__self__", None)
    url = urlsplit(provider.settings.base_url or getattr(plugin, "default_base_url", ""))
    return f"{url.scheme}://{url.netloc}{url.path}" if url.netloc else ""
