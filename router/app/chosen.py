"""Which plugins stand on calls' ways: those that the configuration names; of older ones, before hooks 0.3, all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from router.config.file import Settings
from router.errors import ConfigError
from router.plugin_host.registry import Registry, nearest

__all__ = ["LineRole", "check_chosen", "line_roles", "turn_off_unchosen"]


_BESIDE = frozenset({"lifecycle", "line", "observer", "site", "storage"})
"""What a plugin on calls' ways may be besides: one that is a provider or a policy too is that, whoever names it."""


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
