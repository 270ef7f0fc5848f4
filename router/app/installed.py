"""The plugins that a configuration lets in, and their migrations: all that a start needs of the gateway's parts."""

from __future__ import annotations

from router.config.file import Settings
from router.plugin_host.registry import Registry, load_plugins
from router.store.migrating import in_order
from router.types.records import Migration

__all__ = ["plugin_migrations", "registry_of_settings"]


def registry_of_settings(settings: Settings) -> Registry:
    """The plugins that the configuration lets in."""
    plugins = settings.plugins
    return load_plugins(enabled=plugins.enabled, disabled=plugins.disabled, strict=plugins.strict)


def plugin_migrations(registry: Registry) -> dict[str, list[Migration]]:
    """Plugin name -> its migrations. A plugin that fails to give them, or gives what cannot be applied, is left out."""
    found = {}
    for plugin in registry.having("storage_migrations"):
        migrations = registry.ask(plugin.name, "storage_migrations", in_order)
        if migrations is not None:
            found[plugin.name] = migrations
    return found
