"""A configuration against what is installed: the checks that need plugins, but no database."""

from __future__ import annotations

from urllib.parse import urlsplit

from router.config import Settings
from router.errors import ConfigError
from router.gateway.assembly import dialect_of, open_transport
from router.gateway.providers import Provider, build_providers
from router.gateway.sections import plugin_records
from router.registry import Registry

__all__ = ["check_settings", "upstream_url"]


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
    plugin_records(settings, registry)
    return build_providers(settings, registry, open_transport)


def upstream_url(provider: Provider) -> str:
    """Where the provider sends calls, without anything secret; empty where only the plugin knows."""
    plugin = getattr(provider.hooks.get("chat"), "__self__", None)
    url = urlsplit(provider.settings.base_url or getattr(plugin, "default_base_url", ""))
    return f"{url.scheme}://{url.netloc}{url.path}" if url.netloc else ""
