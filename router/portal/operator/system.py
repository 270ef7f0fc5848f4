"""The installation: its plugins, its processes, its database, and the configuration in force, secrets masked."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from typing import Any

from router import __version__
from router.app.effective import Setting, effective
from router.errors import RouterError
from router.office.console.system import COUNTERS, counts, database_state
from router.plugin_host.grades import grade_of, kept_grades
from router.plugin_host.registry import Plugin
from router.portal.operator.frame import nothing_there, show
from router.portal.web.pages import PageRoutes
from router.portal.web.replies import PageReply
from router.portal.web.requests import PageRequest

__all__ = ["PAGES"]

PAGES = PageRoutes()


@PAGES.get("/ops/plugins", "operator")
def plugins_page(request: PageRequest) -> PageReply:
    """All installed plugins."""
    registry, grades = request.site.assembly.registry, kept_grades(request.office.settings.path)
    rows = [_told(one, grades) for one in sorted(registry.plugins.values(), key=lambda one: one.name)]
    return show(request, "plugins.html", rows=rows)


@PAGES.get("/ops/plugins/<name>", "operator")
def plugin_page(request: PageRequest) -> PageReply:
    """One plugin: what it does, and how it is set."""
    name = request.params["name"]
    found = request.site.assembly.registry.plugins.get(name)
    if found is None:
        raise nothing_there("installed plugin of this name")
    settings = [one for one in _settings(request) if one.key.startswith(f"plugins.{name}.")]
    row = _told(found, kept_grades(request.office.settings.path))
    return show(request, "plugin.html", row=row, hooks=sorted(found.hooks), settings=settings)


@PAGES.get("/ops/system", "operator")
def system_page(request: PageRequest) -> PageReply:
    """What runs here, on what, and how it is set."""
    state = database_state(request.office)
    owners = {one.id: one for one in state.workers}
    return show(
        request,
        "system.html",
        version=__version__,
        python=platform.python_version(),
        state=state,
        owners=owners,
        serving={one.id: json.loads(one.providers) for one in state.workers if one.providers},
        counters=[(name, COUNTERS[name], value) for name, value in counts(request.office).items()],
        place=request.office.database.place,
        settings=_settings(request),
    )


def _settings(request: PageRequest) -> list[Setting]:
    """The configuration as this process has it; none where a section of it is wrong by now."""
    assembly = request.site.assembly
    try:
        return effective(assembly.settings, assembly.registry, assembly.providers)
    except RouterError:
        return []


def _told(plugin: Plugin, grades: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": plugin.name,
        "version": plugin.version,
        "distribution": plugin.distribution,
        "state": plugin.state,
        "roles": ", ".join(plugin.roles),
        "grade": grade_of(plugin, grades),
        "problem": plugin.problem,
        "warnings": plugin.warnings,
    }
