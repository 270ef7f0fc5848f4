"""A configuration against what is installed: the checks that need plugins, but no database."""

from __future__ import annotations

from urllib.parse import urlsplit

from router.catalogue.fallbacks import check_no_cycle
from router.config import Settings
from router.errors import BadRequest, ConfigError
from router.gateway.assembly import dialect_of, open_transport
from router.gateway.providers import Provider, build_providers
from router.gateway.sections import plugin_records
from router.registry import Registry
from router.store.engines import engine_of

__all__ = ["check_settings", "upstream_urls"]


def check_settings(settings: Settings, registry: Registry) -> dict[str, Provider]:
    """Check the database's URL, the profile, policies, plugins' and providers' sections; the providers by name.

    Raises:
        ConfigError: the first problem found.
    """
    engine_of(settings.database.url.reveal(), settings.path.parent, timeout_s=1.0)
    dialect_of(settings, registry)
    for role in ("billing", "rate_limit"):
        name = getattr(settings.gateway, role)
        if name != "none":
            where = settings.where(f"gateway.{role}")
            raise ConfigError(f'{where}: there is no policy {name!r}; the one there is, is "none"')
    plugin_records(settings, registry)
    try:
        check_no_cycle(settings.fallbacks)
    except BadRequest as error:
        raise ConfigError(f"{settings.where('fallback')}: {error.message}") from None
    return build_providers(settings, registry, open_transport)


def upstream_urls(provider: Provider) -> list[str]:
    """Where the provider's calls go, without anything secret; empty where only the plugin knows."""
    plugin = getattr(provider.hooks.get("chat"), "__self__", None)
    default = getattr(plugin, "default_base_url", "")
    urls = [urlsplit(place.settings.base_url or default) for place in provider.endpoints.places]
    return [f"{url.scheme}://{url.netloc}{url.path}" for url in urls if url.netloc]
