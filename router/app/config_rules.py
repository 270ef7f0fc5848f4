"""Sections of the configuration that are checked as a whole: policies, fallbacks, the settings of plugins."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from router.catalogue.fallbacks import find_circle
from router.catalogue.pins import price_rules
from router.charging.limit_rules import limit_rules
from router.charging.tier_ladder import tier_ladder
from router.config.file import Settings
from router.config.provider import secrets_in
from router.errors import ConfigError
from router.plugin_host.registry import Plugin, Registry, nearest
from router.types.masking import remember

__all__ = [
    "LineRole",
    "check_chosen",
    "check_rules",
    "guard_order",
    "line_roles",
    "plugin_record",
    "plugin_records",
    "turn_off_unchosen",
]

_BESIDE = frozenset({"lifecycle", "line", "observer", "site", "storage"})
"""What a plugin on calls' ways may be besides: one that is a provider or a policy too is that, whoever names it."""


def check_rules(settings: Settings) -> None:
    """What needs neither a plugin nor the database: limits, tiers, prices, and that no fallbacks go in a circle.

    Raises:
        ConfigError: the first that is wrong.
    """
    limit_rules(settings)
    tier_ladder(settings)
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


class LineRole(NamedTuple):
    """What a plugin may do on calls' ways, and who does it.

    Attributes:
        name: as people call it.
        hooks: any of these is the role's.
        key: of the configuration, that names the plugins.
        named: those that it names, in the order in which they are asked; None where it says nothing.
        elsewhere: those that are named for some calls alone.
    """

    name: str
    hooks: tuple[str, ...]
    key: str
    named: tuple[str, ...] | None
    elsewhere: frozenset[str] = frozenset()

    @property
    def all_named(self) -> frozenset[str]:
        return self.elsewhere.union(self.named or ())

    def asked(self, registry: Registry) -> list[str]:
        """Who is asked, in order."""
        if self.named is not None:
            return list(self.named)
        found = {name for hook in self.hooks for name in registry.on_by_itself(hook)}
        return sorted(found)


def line_roles(settings: Settings) -> tuple[LineRole, ...]:
    """The roles that the configuration fills."""
    routing, cache = settings.routing, settings.cache
    return (
        LineRole("strategy", ("route_targets",), "routing.strategy", routing.strategy, routing.named),
        LineRole("cache", ("answer_get", "cache_get", "cache_put"), "cache.plugins", cache.plugins),
        LineRole("authentication", ("authenticate",), "authentication.plugins", settings.authentication.plugins),
    )


def check_chosen(settings: Settings, registry: Registry) -> None:
    """Raises ``ConfigError``: the configuration names a plugin that is not there, or that does something else."""
    for role in line_roles(settings):
        for name in sorted(role.all_named):
            where = settings.where(role.key)
            plugin = registry.plugins.get(name)
            if plugin is None:
                raise ConfigError(f"{where}: no plugin is called {name!r}{nearest(name, registry.plugins)}")
            if plugin.state == "disabled":
                raise ConfigError(f"{where}: [plugins] leaves {name!r} out: let it in there, or take it out here")
            if plugin.state == "loaded" and not set(role.hooks) & set(plugin.hooks):
                able = sorted(set(_able(registry, role)))
                hint = f"; those that do are {', '.join(able)}" if able else ""
                raise ConfigError(f"{where}: the plugin {name!r} has no hook {' or '.join(role.hooks)}{hint}")


def turn_off_unchosen(settings: Settings, registry: Registry) -> None:
    """Take the hooks away of plugins that serve by choice, and that nobody has chosen."""
    roles = line_roles(settings)
    chosen = frozenset().union(*(role.all_named for role in roles))
    for plugin in list(registry.plugins.values()):
        if plugin.by_choice and plugin.name not in chosen and _BESIDE.issuperset(plugin.roles):
            keys = [role.key for role in roles if set(role.hooks) & set(plugin.hooks)]
            if keys:
                registry.turn_off(plugin.name, " or ".join(map(_remedy, keys)) + f' = ["{plugin.name}"] turns it on')


def _able(registry: Registry, role: LineRole) -> Iterator[str]:
    for plugin in registry.plugins.values():
        if set(role.hooks) & {*plugin.hooks, *plugin.offers}:
            yield plugin.name


def _remedy(key: str) -> str:
    section, _, name = key.partition(".")
    return f"[{section}] {name}"
