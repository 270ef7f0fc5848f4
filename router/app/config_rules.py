"""Sections of the configuration that are checked as a whole: policies, fallbacks, the settings of plugins."""

from __future__ import annotations

from typing import Any

from router.app.chosen import check_chosen
from router.catalogue.fallbacks import find_circle
from router.catalogue.pins import price_rules
from router.charging.limit_rules import limit_rules
from router.config.file import Settings
from router.config.provider import secrets_in
from router.errors import ConfigError
from router.plugin_host.registry import Plugin, Registry, nearest
from router.types.masking import remember

__all__ = ["check_rules", "guard_order", "plugin_record", "plugin_records"]


def check_rules(settings: Settings) -> None:
    """What needs neither a plugin nor the database: limits, prices, and that no fallbacks go in a circle.

    Raises:
        ConfigError: the first that is wrong.
    """
    limit_rules(settings)
    price_rules(settings)
    circle = find_circle(settings.fallbacks)
    if circle:
        where = settings.where(f"fallback.{circle[0]}")
        raise ConfigError(f"{where}: the fallbacks go round in a circle: {' -> '.join(circle)}; take one of them out")


def plugin_records(settings: Settings, registry: Registry) -> dict[str, Any]:
    """Plugin name -> the record that it declares, for every loaded plugin that declares one for ``[plugins.NAME]``.

    Raises:
        ConfigError: a section that is wrong, or that belongs to no such plugin.
    """
    for name in settings.plugin_sections:
        plugin_record(settings, registry, name)
    for name in settings.payments.methods:
        if name not in registry.plugins:
            near = nearest(name, registry.plugins)
            raise ConfigError(f"{settings.where('payments.methods')}: no plugin is called {name!r}{near}")
    guard_order(settings, registry)
    check_chosen(settings, registry)
    declaring = (plugin.name for plugin in registry.plugins.values() if _hook_of(plugin))
    return {name: plugin_record(settings, registry, name) for name in declaring}


def guard_order(settings: Settings, registry: Registry) -> list[str]:
    """The names of the plugins that guard, in the order in which they see requests: those of ``[guards] order``, then
    the others by name.

    Raises:
        ConfigError: a section, or the order, names what is no guard, or is not loaded: calls would go unguarded.
    """
    order = settings.guards.order
    found = sorted({plugin.name for hook in ("guard", "request_guard") for plugin in registry.having(hook)})
    for name, place in [
        *((one, "guards.order") for one in order),
        *((one, f"guards.{one}") for one in settings.guarded),
    ]:
        if name not in found:
            near = nearest(name, found) or f": guards are {', '.join(found) or 'none'}"
            raise ConfigError(f"{settings.where(place)}: no plugin {name!r} that guards is loaded{near}")
    return [*order, *(name for name in found if name not in order)]


def plugin_record(settings: Settings, registry: Registry, name: str) -> Any:
    """The section ``[plugins.NAME]``, empty where there is none, as the record that the plugin declares.

    None while the plugin is not loaded, or left out since it fails to declare one: its section may stay in the file.

    Raises:
        ConfigError: the plugin is not installed, takes no settings there, or they are wrong.
    """
    place = f"plugins.{name}"
    plugin = registry.plugins.get(name)
    if plugin is None:
        raise ConfigError(f"{settings.where(place)}: no plugin is called {name!r}{nearest(name, registry.plugins)}")
    if plugin.state != "loaded":
        return None
    hook = _hook_of(plugin)
    if not hook:
        remedy = f"; write [providers.{name}]" if "provider" in plugin.roles else ""
        raise ConfigError(f"{settings.where(place)}: plugin {name!r} takes no settings here{remedy}")
    record = registry.ask(name, hook, lambda given: given)
    if record is None:
        return None
    made = settings.record(record, place, settings.plugin_sections.get(name, {}))
    for secret in secrets_in(made):
        remember(secret)
    return made


def _hook_of(plugin: Plugin) -> str:
    """The hook that declares ``[plugins.NAME]``: a provider's ``settings`` are those of its sections. Empty: none."""
    if "plugin_settings" in plugin.hooks:
        return "plugin_settings"
    return "settings" if "settings" in plugin.hooks and "provider" not in plugin.roles else ""
