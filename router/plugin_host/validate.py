"""One plugin object checked against the load rules, and its hooks made callable.

What breaks a rule is refused with the rule's ID, so that its author finds the reason in ``docs/plugins.md``.
"""

from __future__ import annotations

import difflib
import inspect
import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pluggy

from router.errors import ConfigError
from router.hookspecs import HOOKS_VERSION, ROLES

__all__ = ["LOAD_RULES", "LoadFault", "bind", "check_name", "nearest"]

LOAD_RULES: Mapping[str, str] = {
    "L01": "Its name is lower-case letters, digits, '-' and '_', begins with a letter and is no longer than 63.",
    "L02": "No other distribution ships a plugin of its name.",
    "L03": "It can be imported.",
    "L04": "It needs no newer hooks than this gateway has.",
    "L05": "Its entry point gives a module or an instance, not a class.",
    "L06": "A method that overrides a hook is marked with @router.hookimpl too.",
    "L07": "Each function that it marks is a hook; one of other versions is marked optionalhook=True.",
    "L08": "Its hooks take no argument that the hook does not have.",
    "L09": "Its hooks give no argument a default value.",
    "L10": "Its hooks name their arguments plainly: no '*', '/', *args or **kwargs.",
    "L11": "None of its hooks is a wrapper.",
    "L12": "It implements at least one hook.",
}
"""Rule ID -> what holds for a plugin that loads. An ID is never given to another rule."""

_DECLARED = {
    f"{role}_meters": (f"{role}_claims", f"{role}_settle", f"{role}_undo") for role in ("billing", "rate_limit")
}
"""Hook that declares -> those which it stands in for."""

_MARK = "router_impl"  # what HookimplMarker("router") leaves on a function
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}", re.ASCII)
_VERSION = re.compile(r"\d+(?:\.\d+)*", re.ASCII)


class LoadFault(ConfigError):
    """A plugin breaks a load rule; the message begins with the rule's ID.

    Attributes:
        rule: a key of ``LOAD_RULES``.
    """

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(f"{rule}: {message}")
        self.rule = rule


def check_name(name: str) -> None:
    """Refuse a name that no model ID could begin with.

    Raises:
        LoadFault: naming the nearest name that is allowed.
    """
    if _NAME.fullmatch(name) is None:
        allowed = re.sub(r"[^a-z0-9_-]+", "-", name.lower()).strip("-_0123456789")[:63]
        remedy = f", such as {allowed!r}" if allowed else ""
        raise LoadFault(
            "L01",
            f"the name {name!r} cannot be the first part of a model ID: it must be lower-case letters, digits, '-' and "
            f"'_', and begin with a letter. Rename the entry point in its distribution{remedy}",
        )


class _Manager(pluggy.PluginManager):
    """One that does not look for marks on what every object has."""

    def parse_hookimpl_opts(self, plugin: Any, name: str) -> Any:
        return None if name.startswith("__") else super().parse_hookimpl_opts(plugin, name)

    def parse_hookspec_opts(self, module_or_class: Any, name: str) -> Any:
        return None if name.startswith("__") else super().parse_hookspec_opts(module_or_class, name)


def bind(
    name: str, thing: Any
) -> tuple[dict[str, Callable[..., Any]], tuple[str, ...], tuple[str, ...], tuple[int, ...]]:
    """Validate one plugin object; its hooks (by keyword), its roles, what its author should change in time, and the
    version of the hooks that it needs.

    Raises:
        LoadFault: the rule that it breaks, and how.
    """
    needs = _refuse_newer(thing)
    if inspect.isclass(thing):
        raise LoadFault(
            "L05", f"its entry point gives the class {thing.__name__}; it must give a module or an instance"
        )
    _refuse_unmarked_overrides(thing)
    manager = _Manager("router")
    for specs in ROLES.values():
        manager.add_hookspecs(specs)
    try:
        advice = _register(manager, name, thing)
    except pluggy.PluginValidationError as error:
        raise LoadFault("L08", " ".join(str(error).split())) from error
    _refuse_unknown_hooks(manager)
    callers = [caller for caller in manager.get_hookcallers(thing) or [] if caller.has_spec()]
    if not callers:
        raise LoadFault("L12", "it implements no hook: mark its functions with @router.hookimpl")
    hooks = {caller.name: _callable(caller.name, caller.get_hookimpls()[0]) for caller in callers}
    for caller in manager.get_hookcallers(thing) or ():
        if not caller.has_spec():  # of another version; or of a surface that a plugin brings
            hooks[caller.name] = _callable(caller.name, caller.get_hookimpls()[0])
    for declared, asked in _DECLARED.items():
        if declared in hooks and any(_is_nearer(thing, one, declared) for one in asked):
            del hooks[declared]
    roles = tuple(role for role, specs in ROLES.items() if role != "common" and any(h in vars(specs) for h in hooks))
    return hooks, roles, advice, needs


def _is_nearer(thing: Any, asked: str, declared: str) -> bool:
    """Whether a class overrides a hook, and inherits the declaration that stands in its place."""
    for cls in type(thing).__mro__:
        if declared in vars(cls):
            return False
        if asked in vars(cls):
            return True
    return False


def _register(manager: pluggy.PluginManager, name: str, thing: Any) -> tuple[str, ...]:
    """The warnings of specs with ``warn_on_impl`` or ``warn_on_impl_args``, each with the place that it is about.

    Python's own filters hide most warnings, and turn some into errors: what an operator sees is our business.

    Raises:
        pluggy.PluginValidationError: an argument that a hook does not have.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        manager.register(thing, name)
    return tuple(f"{one.message} ({one.filename}:{one.lineno})" for one in caught)


def nearest(name: str, known: Iterable[str]) -> str:
    """``"; did you mean 'x'?"`` for the known name most like ``name``; empty where none is."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _refuse_newer(thing: Any) -> tuple[int, ...]:
    """``requires_hooks = "0.2"`` on the module or the instance says what the plugin was written for."""
    wanted = getattr(thing, "requires_hooks", None)
    if wanted is None:
        return ()
    if not isinstance(wanted, str) or _VERSION.fullmatch(wanted) is None:
        raise LoadFault("L04", f'requires_hooks must be a text such as "{HOOKS_VERSION}", not {wanted!r}')
    if _parts(wanted) > _parts(HOOKS_VERSION):
        raise LoadFault(
            "L04",
            f"it needs the hooks of version {wanted}, and this gateway has {HOOKS_VERSION}: upgrade it "
            "(pip install --upgrade tollrouter), or install an older version of the plugin",
        )
    return tuple(_parts(wanted))


def _parts(version: str) -> list[int]:
    parts = [int(part) for part in version.split(".")]
    while parts and not parts[-1]:
        parts.pop()
    return parts


def _refuse_unknown_hooks(manager: pluggy.PluginManager) -> None:
    """``optionalhook=True`` marks a hook of other versions; without it, an unknown name is a misspelt one."""
    known = [name for specs in ROLES.values() for name in vars(specs) if not name.startswith("_")]
    for name, caller in sorted(vars(manager.hook).items()):
        if name not in known and any(not found.optionalhook for found in caller.get_hookimpls()):
            raise LoadFault("L07", f"there is no hook {name!r}{nearest(name, known)}")


def _refuse_unmarked_overrides(thing: Any) -> None:
    """A method that overrides a marked one without the marker would take the hook away in silence."""
    for specs in ROLES.values():
        for name in vars(specs):
            marked = [hasattr(getattr(cls, name), _MARK) for cls in type(thing).__mro__ if name in vars(cls)]
            if marked and not marked[0] and any(marked):
                raise LoadFault(
                    "L06", f"{type(thing).__name__}.{name} overrides a hook without @router.hookimpl: add it"
                )


def _callable(name: str, implementation: pluggy.HookImpl) -> Callable[..., Any]:
    function = implementation.function
    if implementation.wrapper or implementation.hookwrapper:
        raise LoadFault(
            "L11",
            f"hook {name!r} is a wrapper: a wrapper round a stream ends before its first token, so none is called",
        )
    parameters = inspect.signature(function).parameters.values()
    if any(parameter.default is not parameter.empty for parameter in parameters):
        raise LoadFault(
            "L09",
            f"hook {name!r} gives an argument a default value, which pluggy's versions treat differently: remove it",
        )
    if any(parameter.kind is not parameter.POSITIONAL_OR_KEYWORD for parameter in parameters):
        raise LoadFault("L10", f"hook {name!r} must name its arguments plainly: no '*', '/', *args or **kwargs")
    wanted = frozenset(implementation.argnames)
    spec = next((vars(specs)[name] for specs in ROLES.values() if name in vars(specs)), None)
    if spec is not None and wanted >= set(inspect.signature(spec).parameters) - {"self"}:
        return function

    def with_fewer_arguments(**arguments: Any) -> Any:
        return function(**{key: value for key, value in arguments.items() if key in wanted})

    return with_fewer_arguments
