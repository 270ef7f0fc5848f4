"""Finding plugins, refusing the doubtful ones, and binding each hook to the plugin that implements it.

Each plugin gets a pluggy manager of its own: it is validated alone, a broken one is dropped whole, and a call addressed
to one plugin can never reach another.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib import metadata
from typing import Any, Protocol

from router.errors import ConfigError, faults
from router.plugin_host.validate import LoadFault, bind, check_name, nearest

__all__ = ["EntryPoint", "Plugin", "Registry", "load_plugins", "nearest", "registry_of"]

GROUP = "router"
_log = logging.getLogger("router.plugin_host")
_BY_CHOICE_SINCE = (0, 3)
_DISTRIBUTIONS: dict[int, tuple[Any, tuple[str, str]]] = {}


class EntryPoint(Protocol):
    """What the registry needs of ``importlib.metadata.EntryPoint``."""

    @property
    def name(self) -> str: ...
    @property
    def value(self) -> str: ...
    @property
    def dist(self) -> Any: ...
    def load(self) -> Any: ...


@dataclass(frozen=True)
class Plugin:
    """One discovered plugin.

    Attributes:
        name: the entry point's name: provider prefix and policy name.
        distribution, version: the package that ships it.
        state: ``loaded``, ``off`` (nothing names it), ``disabled`` (by configuration) or ``failed``.
        problem: why it failed, and what to do; empty otherwise.
        hooks: hook name -> bound callable taking the spec's arguments by keyword.
        roles: names of the roles (``router.hookspecs.ROLES``) that it plays, ``common`` left out.
        warnings: what it uses that a later version will not have, each with what to change and where.
        needs: the version of the hooks that it says it was written for, as numbers; empty where it says none.
        offers: the hooks of one that is off.
    """

    name: str
    distribution: str
    version: str
    state: str
    problem: str = ""
    hooks: Mapping[str, Callable[..., Any]] = field(default_factory=dict, repr=False)
    roles: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    needs: tuple[int, ...] = ()
    offers: tuple[str, ...] = ()

    @property
    def by_choice(self) -> bool:
        """Whether it stands on calls' ways only where the configuration names it: so since hooks 0.3, for what is
        installed alone must decide neither who is let in nor what is answered.
        """
        return self.needs >= _BY_CHOICE_SINCE


class Registry:
    """The plugins of one process, by name."""

    def __init__(self, plugins: Iterable[Plugin]) -> None:
        self.plugins: dict[str, Plugin] = {plugin.name: plugin for plugin in plugins}

    def hook(self, plugin: str, hook: str) -> Callable[..., Any] | None:
        """The implementation of ``hook`` by ``plugin``; None when it does not offer it or is not loaded."""
        found = self.plugins.get(plugin)
        return found.hooks.get(hook) if found is not None else None

    def having(self, hook: str) -> list[Plugin]:
        """The loaded plugins that implement ``hook``, sorted by name."""
        return sorted((p for p in self.plugins.values() if hook in p.hooks), key=lambda plugin: plugin.name)

    def on_by_itself(self, hook: str) -> tuple[str, ...]:
        """Names of the plugins that a hook is asked of where the configuration names none, sorted."""
        return tuple(plugin.name for plugin in self.having(hook) if not plugin.by_choice)

    def turn_off(self, plugin: str, remedy: str) -> None:
        """Take a plugin's hooks away since nothing names it; its section is not looked at.

        Its tables stay known: what it once kept is copied, restored and brought up to date with all else.

        Args:
            remedy: what would turn it on, for lists of plugins.
        """
        found = self.plugins[plugin]
        offers = tuple(sorted(found.hooks))
        hooks = {name: hook for name, hook in found.hooks.items() if name == "storage_migrations"}
        self.plugins[plugin] = replace(found, state="off", problem=remedy, hooks=hooks, offers=offers)

    def broadcast(self, hook: str, **arguments: Any) -> None:
        """Call ``hook`` of every plugin that has it. A failure is logged; the others are still called."""
        for plugin in self.having(hook):
            self.notify(plugin.name, hook, **arguments)

    def notify(self, plugin: str, hook: str, **arguments: Any) -> None:
        """As ``broadcast``, to one plugin alone."""
        function = self.hook(plugin, hook)
        try:
            if function is not None:
                function(**arguments)
        except faults():
            _log.exception("plugin %s failed in hook %s", plugin, hook)

    def ask(self, plugin: str, hook: str, read: Callable[[Any], Any], **arguments: Any) -> Any:
        """What ``hook`` gives at the start, as ``read`` has it; None where the plugin has no such hook or is left out.

        A plugin that fails here, or gives what ``read`` cannot take, is left out: the others serve.
        """
        function = self.hook(plugin, hook)
        if function is None:
            return None
        try:
            return read(function(**arguments))
        except faults() as error:
            self.leave_out(plugin, f"its hook {hook} failed: {type(error).__name__}: {error}")
            return None

    def leave_out(self, plugin: str, problem: str) -> None:
        """Take away a plugin's hooks, and say why, in the log and wherever plugins are listed."""
        found = self.plugins[plugin]
        self.plugins[plugin] = replace(found, state="failed", problem=problem, hooks={}, roles=())
        _log.error("plugin %s (%s) is left out: %s", plugin, found.distribution, problem)


def load_plugins(
    *,
    enabled: Iterable[str] | None = None,
    disabled: Iterable[str] = (),
    strict: bool = False,
    entry_points: Iterable[EntryPoint] | None = None,
) -> Registry:
    """Discover, validate and bind the installed plugins.

    Args:
        enabled: the only plugins to load; None loads all that are installed.
        disabled: plugins to leave out.
        strict: a plugin that does not load stops the start.
        entry_points: instead of those of the installed distributions.

    Raises:
        ConfigError: two distributions ship one name; an allow-list names an unknown plugin; or, with ``strict``, a
            plugin is broken.
    """
    found = list(metadata.entry_points(group=GROUP) if entry_points is None else entry_points)
    _refuse_duplicates(found)
    names = sorted(point.name for point in found)
    for listed in (*(enabled or ()), *disabled):
        if listed not in names:
            hint = nearest(listed, names) or f"; installed are {', '.join(names) or 'none'}"
            raise ConfigError(f"[plugins] names {listed!r}, which is not installed{hint}")
    plugins = []
    for point in sorted(found, key=lambda point: point.name):
        off = point.name in disabled or (enabled is not None and point.name not in enabled)
        plugin = _describe(point, "disabled") if off else _load(point)
        if strict and plugin.state == "failed":
            raise ConfigError(
                f"plugin {plugin.name} ({plugin.distribution}): {plugin.problem} ([plugins] strict = true)"
            )
        if plugin.state == "failed":
            _log.error("plugin %s (%s) is not loaded: %s", plugin.name, plugin.distribution, plugin.problem)
        for warning in plugin.warnings:
            _log.warning("plugin %s (%s): %s", plugin.name, plugin.distribution, warning)
        plugins.append(plugin)
    return Registry(plugins)


def registry_of(**objects: Any) -> Registry:
    """A registry of the given objects instead of installed plugins, for tests: ``registry_of(acme=AcmePlugin())``.

    Raises:
        ConfigError: an object that ``load_plugins`` would refuse.
    """
    return Registry(Plugin(name, "(test)", "0", "loaded", "", *bind(name, thing)) for name, thing in objects.items())


def _refuse_duplicates(points: Iterable[EntryPoint]) -> None:
    seen: dict[str, EntryPoint] = {}
    for point in points:
        other = seen.setdefault(point.name, point)
        if other is not point and (other.value, _dist(other)) != (point.value, _dist(point)):
            raise LoadFault(
                "L02",
                f"two installed distributions ship a plugin named {point.name!r}: {_dist(other)[0]} and "
                f"{_dist(point)[0]}. The name decides who receives a prompt, so uninstall one of them",
            )


def _dist(point: EntryPoint) -> tuple[str, str]:
    """Name and version. Either reads all of a distribution's metadata, and ours has many plugins: so once for each."""
    if point.dist is None:
        return "(unknown)", ""
    held, told = _DISTRIBUTIONS.get(id(point.dist), (None, ("", "")))
    if held is not point.dist:
        told = (point.dist.name, point.dist.version)
        _DISTRIBUTIONS[id(point.dist)] = (point.dist, told)
    return told


def _describe(point: EntryPoint, state: str, problem: str = "") -> Plugin:
    distribution, version = _dist(point)
    return Plugin(point.name, distribution, version, state, problem)


def _load(point: EntryPoint) -> Plugin:
    try:
        check_name(point.name)
        bound = bind(point.name, point.load())
    except ConfigError as error:
        return _describe(point, "failed", error.message)
    except faults() as error:  # a plugin's import may do anything; the gateway serves with the others
        return _describe(point, "failed", f"L03: {_unimportable(error, _dist(point)[0])}")
    distribution, version = _dist(point)
    return Plugin(point.name, distribution, version, "loaded", "", *bound)


def _unimportable(error: BaseException, distribution: str) -> str:
    """What its import raised, with the remedy where the cause is known."""
    told = f"cannot be imported: {type(error).__name__}: {error}"
    missing = (getattr(error, "name", None) or "").partition(".")[0] if isinstance(error, ImportError) else ""
    if missing == "router":
        return (
            f"{told}. It was written for another version of the gateway: upgrade that "
            f"(pip install --upgrade tollrouter), or install another version of {distribution}"
        )
    if missing and isinstance(error, ModuleNotFoundError):
        return (
            f"{told}. It needs the module {missing!r}, which is not installed. Ask the author of {distribution} which "
            "package has it, and to declare it: a module's name need not be its package's, and may be somebody else's"
        )
    return told
