"""The plugins that a configuration lets in, and their migrations: all that a start needs of the gateway's parts."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import partial

from router.app.config_rules import turn_off_unchosen
from router.config.file import Settings
from router.db.plugin_tables import foreign_tables
from router.errors import ConfigError
from router.plugin_host.registry import Plugin, Registry, load_plugins
from router.store.migrating import in_order
from router.types.records import Migration

__all__ = ["plugin_migrations", "registry_of_settings"]

_log = logging.getLogger("router.app")
_CHECKED_SINCE = (0, 2)


def registry_of_settings(settings: Settings) -> Registry:
    """The plugins that the configuration lets in."""
    plugins = settings.plugins
    registry = load_plugins(enabled=plugins.enabled, disabled=plugins.disabled, strict=plugins.strict)
    turn_off_unchosen(settings, registry)
    return registry


def plugin_migrations(registry: Registry) -> dict[str, list[Migration]]:
    """Plugin name -> its migrations. A plugin that fails to give them, or gives what cannot be applied, is left out.

    One that needs the hooks of 0.2 touches its own tables alone; another is warned.
    """
    found = {}
    for plugin in registry.having("storage_migrations"):
        migrations = registry.ask(plugin.name, "storage_migrations", partial(_own, plugin))
        if migrations is not None:
            found[plugin.name] = migrations
    return found


def _own(plugin: Plugin, given: Iterable[Migration]) -> list[Migration]:
    migrations = in_order(given)
    for one in migrations:
        for sql in [one.sql] if isinstance(one.sql, str) else one.sql.values():
            fault = foreign_tables(plugin.name, sql)
            if not fault:
                continue
            if plugin.needs >= _CHECKED_SINCE:
                raise ConfigError(f"migration {one.number}: {fault}")
            _log.warning("plugin %s: migration %d: %s; refused from version 0.4 on", plugin.name, one.number, fault)
    return migrations
