"""Finding plugins, refusing the doubtful ones, and binding each hook to the plugin that implements it.

Each plugin gets a pluggy manager of its own: it is validated alone, a broken one is dropped whole, and a call addressed
to one plugin can never reach another.
"""

from __future__ import annotations

import difflib
import inspect
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any, Protocol

import pluggy

from router.errors import ConfigError
from router.hookspecs import ROLES

__all__ = ["EntryPoint", "Plugin", "Registry", "load_plugins", "nearest", "registry_of"]

GROUP = "router"
_MARK = "router_impl"  # what HookimplMarker("router") leaves on a function
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}", re.ASCII)
_log = logging.getLogger("router.registry")


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
        state: ``loaded``, ``disabled`` (by configuration) or ``failed``.
        problem: why it failed, and what to do; empty otherwise.
        hooks: hook name -> bound callable taking the spec's arguments by keyword.
        roles: names of the roles (``router.hookspecs.ROLES``) that it plays, ``common`` left out.
    """

    name: str
    distribution: str
    version: str
    state: str
    problem: str = ""
    hooks: Mapping[str, Callable[..., Any]] = field(default_factory=dict, repr=False)
    roles: tuple[str, ...] = ()


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
        except Exception:
            _log.exception("plugin %s failed in hook %s", plugin, hook)


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
        plugins.append(plugin)
    return Registry(plugins)


def registry_of(**objects: Any) -> Registry:
    """A registry of the given objects instead of installed plugins, for tests: ``registry_of(acme=AcmePlugin())``.

    Raises:
        ConfigError: an object that ``load_plugins`` would refuse.
    """
    return Registry(Plugin(name, "(test)", "0", "loaded", "", *_bind(name, thing)) for name, thing in objects.items())


def _refuse_duplicates(points: Iterable[EntryPoint]) -> None:
    seen: dict[str, EntryPoint] = {}
    for point in points:
        other = seen.setdefault(point.name, point)
        if other is not point and (other.value, _dist(other)) != (point.value, _dist(point)):
            raise ConfigError(
                f"two installed distributions ship a plugin named {point.name!r}: {_dist(other)[0]} and "
                f"{_dist(point)[0]}. The name decides who receives a prompt, so uninstall one of them"
            )


def _dist(point: EntryPoint) -> tuple[str, str]:
    return (point.dist.name, point.dist.version) if point.dist is not None else ("(unknown)", "")


def _describe(point: EntryPoint, state: str, problem: str = "") -> Plugin:
    distribution, version = _dist(point)
    return Plugin(point.name, distribution, version, state, problem)


def _load(point: EntryPoint) -> Plugin:
    try:
        if _NAME.fullmatch(point.name) is None:
            raise ConfigError("its name must be lower-case letters, digits, '-' and '_', and begin with a letter")
        bound = _bind(point.name, point.load())
    except ConfigError as error:
        return _describe(point, "failed", error.message)
    except (Exception, SystemExit) as error:  # a plugin's import may do anything; the gateway serves with the others
        return _describe(point, "failed", f"cannot be imported: {type(error).__name__}: {error}")
    distribution, version = _dist(point)
    return Plugin(point.name, distribution, version, "loaded", "", *bound)


def _bind(name: str, thing: Any) -> tuple[dict[str, Callable[..., Any]], tuple[str, ...]]:
    """Validate one plugin object; its hooks and roles.

    Raises:
        ConfigError: what is wrong with it.
    """
    if inspect.isclass(thing):
        raise ConfigError(f"its entry point gives the class {thing.__name__}; it must give a module or an instance")
    _refuse_unmarked_overrides(thing)
    manager = pluggy.PluginManager("router")
    for specs in ROLES.values():
        manager.add_hookspecs(specs)
    try:
        manager.register(thing, name)
        _refuse_unknown_hooks(manager)
    except pluggy.PluginValidationError as error:
        raise ConfigError(" ".join(str(error).split())) from error
    callers = [caller for caller in manager.get_hookcallers(thing) or [] if caller.has_spec()]
    if not callers:
        raise ConfigError("it implements no hook: mark its functions with @router.hookimpl")
    hooks = {caller.name: _callable(caller.name, caller.get_hookimpls()[0]) for caller in callers}
    roles = tuple(role for role, specs in ROLES.items() if role != "common" and any(h in vars(specs) for h in hooks))
    return hooks, roles


def _refuse_unknown_hooks(manager: pluggy.PluginManager) -> None:
    """``optionalhook=True`` marks a hook of other versions; without it, an unknown name is a misspelt one."""
    known = [name for specs in ROLES.values() for name in vars(specs) if not name.startswith("_")]
    for name, caller in sorted(vars(manager.hook).items()):
        if name not in known and any(not found.optionalhook for found in caller.get_hookimpls()):
            raise ConfigError(f"there is no hook {name!r}{nearest(name, known)}")


def _refuse_unmarked_overrides(thing: Any) -> None:
    """A method that overrides a marked one without the marker would take the hook away in silence."""
    for specs in ROLES.values():
        for name in vars(specs):
            marked = [hasattr(getattr(cls, name), _MARK) for cls in type(thing).__mro__ if name in vars(cls)]
            if marked and not marked[0] and any(marked):
                raise ConfigError(f"{type(thing).__name__}.{name} overrides a hook without @router.hookimpl: add it")


def _callable(name: str, implementation: pluggy.HookImpl) -> Callable[..., Any]:
    function = implementation.function
    if implementation.wrapper or implementation.hookwrapper:
        raise ConfigError(
            f"hook {name!r} is a wrapper: a wrapper round a stream ends before its first token, so none is called"
        )
    parameters = inspect.signature(function).parameters.values()
    if any(parameter.default is not parameter.empty for parameter in parameters):
        raise ConfigError(
            f"hook {name!r} gives an argument a default value, which pluggy's versions treat differently: remove it"
        )
    if any(parameter.kind is not parameter.POSITIONAL_OR_KEYWORD for parameter in parameters):
        raise ConfigError(f"hook {name!r} must name its arguments plainly: no '*', '/', *args or **kwargs")
    wanted = frozenset(implementation.argnames)
    spec = next(vars(specs)[name] for specs in ROLES.values() if name in vars(specs))
    if wanted >= set(inspect.signature(spec).parameters) - {"self"}:
        return function

    def with_fewer_arguments(**arguments: Any) -> Any:
        return function(**{key: value for key, value in arguments.items() if key in wanted})

    return with_fewer_arguments


def nearest(name: str, known: Iterable[str]) -> str:
    """``"; did you mean 'x'?"`` for the known name most like ``name``; empty where none is."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
