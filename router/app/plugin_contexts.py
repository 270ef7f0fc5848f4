"""What each plugin is given besides calls: one context, and what it declares by it."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from router.config.file import Settings
from router.db.database import Database
from router.db.plugin_tables import PluginTables
from router.jobs.leased import LeasedJob
from router.office.entries import note_of_plugin
from router.plugin_host.registry import Registry
from router.types.plugin_context import Job, PluginContext
from router.types.routes import ACCESS, MenuEntry, PluginRoute, RouteSchema

__all__ = ["PluginContexts", "menu_entries", "plugin_jobs", "plugin_routes"]

_METHODS = frozenset({"DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"})
_PATH = re.compile(r"(?:/(?:[A-Za-z0-9._~-]+|\{[a-z][a-z0-9_]*\}))+/?|/")
_JOB = re.compile(r"[A-Za-z0-9_-]{1,63}", re.ASCII)
_AUDIENCES = ("customer", "operator")
_BODY_MAX = 2**26


class PluginContexts:
    """The contexts of one process's plugins.

    Args:
        plugin_settings: plugin -> the record of its section ``[plugins.NAME]``.
        open_database: gives the database, when a plugin first wants it.
        providers: names of the active providers.
    """

    def __init__(
        self,
        settings: Settings,
        plugin_settings: Mapping[str, Any],
        open_database: Callable[[], Database],
        providers: Sequence[str] = (),
    ) -> None:
        self._path = str(settings.path)
        self._currency = settings.gateway.currency
        self._note = note_of_plugin(settings.gateway.key_prefix)
        self._settings = plugin_settings
        self._open_database = open_database
        self._providers = tuple(providers)
        self._made: dict[str, PluginContext] = {}

    def of(self, plugin: str) -> PluginContext:
        """The plugin's context: the same one whenever it is asked for."""
        if plugin not in self._made:
            self._made[plugin] = PluginContext(
                self._path,
                self._providers,
                self._settings.get(plugin),
                plugin,
                logging.getLogger(f"router.plugins.{plugin}"),
                PluginTables(plugin, self._open_database, self._note),
                self._currency,
            )
        return self._made[plugin]


def plugin_jobs(registry: Registry, contexts: PluginContexts, only: str = "") -> list[LeasedJob]:
    """The jobs of all plugins. A plugin that fails to give them, or gives what is none, is left out.

    Args:
        only: of this plugin alone.
    """
    found = []
    for plugin in registry.having("jobs"):
        name = plugin.name
        if only not in ("", name):
            continue
        jobs = registry.ask(name, "jobs", _checked_jobs, context=contexts.of(name))
        found += [LeasedJob(f"{name}:{job.name}", job.every_s, job.run) for job in jobs or ()]
    return found


def plugin_routes(registry: Registry, contexts: PluginContexts, only: str = "") -> dict[str, list[PluginRoute]]:
    """Plugin -> its routes. A plugin that fails to give them, or gives what cannot be served, is left out."""
    found = {}
    for plugin in registry.having("routes"):
        name = plugin.name
        if only not in ("", name):
            continue
        routes = registry.ask(name, "routes", _checked_routes, context=contexts.of(name))
        if routes:
            found[name] = routes
    return found


def menu_entries(registry: Registry, contexts: PluginContexts, only: str = "") -> dict[str, list[MenuEntry]]:
    """Plugin -> its entries of a menu, their paths whole."""
    found = {}
    for plugin in registry.having("menu"):
        name = plugin.name
        if only not in ("", name):
            continue
        entries = registry.ask(name, "menu", _checked_entries, context=contexts.of(name))
        if entries:
            found[name] = [MenuEntry(one.title, f"/plugins/{name}{one.path}", one.audience) for one in entries]
    return found


def _checked_jobs(given: Any) -> list[Job]:
    return [_checked_job(one) for one in given]


def _checked_entries(given: Any) -> list[MenuEntry]:
    return [_checked_entry(one) for one in given]


def _checked_job(job: Any) -> Job:
    if not isinstance(job, Job):
        raise TypeError(f"a router.Job is wanted, not {type(job).__name__}")
    if not isinstance(job.name, str) or _JOB.fullmatch(job.name) is None:
        raise ValueError(f"{job.name!r} is no name of a job: letters, digits, '-' and '_'")
    if not isinstance(job.every_s, int | float) or not 1 <= job.every_s <= 366 * 86_400 or not callable(job.run):
        raise ValueError(f"the job {job.name!r} needs every_s from one second to a year, and a function")
    return job


def _checked_routes(given: Any) -> list[PluginRoute]:
    routes = list(given)
    seen: set[tuple[str, str]] = set()
    for route in routes:
        if not isinstance(route, PluginRoute):
            raise TypeError(f"a router.PluginRoute is wanted, not {type(route).__name__}")
        if not isinstance(route.path, str) or _PATH.fullmatch(route.path) is None:
            raise ValueError(f"{route.path!r} is no path of a route: write /one/{{two}}, with plain letters")
        if isinstance(route.methods, str) or not route.methods or not _METHODS.issuperset(route.methods):
            raise ValueError(f"{route.path}: methods are a tuple of {', '.join(sorted(_METHODS))}")
        if route.access not in ACCESS:
            raise ValueError(f"{route.path}: access is one of {', '.join(ACCESS)}, not {route.access!r}")
        if not callable(route.handler) or not 0 <= route.max_body_bytes <= _BODY_MAX or not 0 < route.timeout_s <= 3600:
            raise ValueError(f"{route.path}: a handler, a body of at most {_BODY_MAX} bytes, at most an hour")
        _check_schema(route)
        for method in route.methods:
            if (method, route.path) in seen:
                raise ValueError(f"{method} {route.path} is there twice")
            seen.add((method, route.path))
    return routes


def _check_schema(route: PluginRoute) -> None:
    """Raises:
    ValueError: what the route says of itself is nothing that a description can hold.
    """
    schema = route.schema
    if schema is None:
        return
    if not isinstance(schema, RouteSchema) or not isinstance(schema.summary, str):
        raise TypeError(f"{route.path}: schema is a router.RouteSchema, not {type(schema).__name__}")
    if type(schema.status) is not int or not 200 <= schema.status <= 299:
        raise ValueError(f"{route.path}: {schema.status!r} is no status of a good answer")
    for shapes in (schema.request, schema.answers, schema.query):
        if not isinstance(shapes, Mapping) or not all(isinstance(shape, Mapping) for shape in shapes.values()):
            raise ValueError(f"{route.path}: its schema holds mappings of names to JSON Schemas")
        try:
            json.dumps(dict(shapes), default=dict)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{route.path}: its schema is no JSON: {error}") from None


def _checked_entry(entry: Any) -> MenuEntry:
    if not isinstance(entry, MenuEntry):
        raise TypeError(f"a router.MenuEntry is wanted, not {type(entry).__name__}")
    if not (isinstance(entry.title, str) and 0 < len(entry.title) <= 60 and entry.title.isprintable()):
        raise ValueError(f"{entry.title!r} is no title of a menu's entry: at most 60 characters that show")
    if not isinstance(entry.path, str) or _PATH.fullmatch(entry.path) is None or "{" in entry.path:
        raise ValueError(f"{entry.title!r}: {entry.path!r} is no path that can be opened")
    if entry.audience not in _AUDIENCES:
        raise ValueError(f"{entry.title!r}: audience is one of {', '.join(_AUDIENCES)}, not {entry.audience!r}")
    return entry
