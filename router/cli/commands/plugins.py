"""``router plugins``: what is installed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from router.app.config_rules import line_roles
from router.app.plugin_contexts import menu_entries, plugin_jobs, plugin_routes
from router.cli.subcommands.guard_places import guard_places
from router.cli.subcommands.plugin_commands import plugin_contexts
from router.cli.support.groups import Commands, NearestChoice
from router.cli.support.output import pairs, table
from router.cli.support.scaffolding import KINDS, write
from router.cli.support.session import CommandSession, common
from router.errors import ConfigError
from router.plugin_host.grades import grade_of, keep_grade, kept_grades
from router.plugin_host.registry import Plugin, nearest

__all__ = ["plugins"]


@click.group(cls=Commands)
def plugins() -> None:
    """Installed plugins."""


@plugins.command("list")
@common
def list_(session: CommandSession) -> None:
    """Every installed plugin, with the reason where one is not loaded, and what its author has to change in time.

    ASKED tells what it does on calls' ways, and after how many others of its role.
    """
    grades = kept_grades(session.config)
    found = session.registry.plugins.values()
    asked, places = _asked(session), guard_places(session)
    rows = [
        {**_value(plugin, places), "asked": asked.get(plugin.name, []), "conformance": grade_of(plugin, grades)}
        for plugin in found
    ]
    columns = {
        "name": "NAME",
        "version": "VERSION",
        "distribution": "DISTRIBUTION",
        "state": "STATE",
        "roles": "ROLES",
        "asked": "ASKED",
        "hooks": "HOOKS",
        "guard": "GUARD",
        "conformance": "CONFORMANCE",
        "problem": "PROBLEM",
    }
    shown = [
        {**row, "problem": row["problem"] or row["warnings"], "guard": _guard_line(row.get("guard"))} for row in rows
    ]
    session.show(rows, table(shown, columns, empty="No plugin is installed: install the gateway (tollrouter) again."))


@plugins.command("check")
@click.argument("name")
@click.option("--rule", metavar="ID", default="", help="Only the rules whose ID begins so, such as P or P07.")
@common
def check(session: CommandSession, name: str, rule: str) -> None:
    """Hold an installed plugin against the rules for its roles; exit status 1 where it breaks one.

    It is driven for real, before an upstream of the test kit on this machine: neither the configuration nor any key is
    used, and nothing is sent anywhere. What a whole check came to is kept beside the configuration, in
    conformance.json, and shown by `router plugins list` for as long as that version is installed.
    """
    from router.testing.conformance import check_plugin

    report = check_plugin(name, rule)
    session.show(report.to_json(), report.to_text())
    if not rule:
        try:
            keep_grade(session.config, name, report.distribution, report.version, report.grade)
        except OSError as error:
            session.note(f"warning: the result is not kept for `router plugins list`: {error}")
    if not report.ok:
        click.get_current_context().exit(1)


@plugins.command("new")
@click.argument("name")
@click.option("--kind", type=NearestChoice(KINDS), default=KINDS[0], show_default=True, help="What the plugin is.")
@click.option("--dir", "folder", type=click.Path(path_type=Path), help="Folder to make.  [default: router-NAME]")
@common
def new(session: CommandSession, name: str, kind: str, folder: Path | None) -> None:
    """Write a plugin's distribution: package, entry point, tests that pass, README, CI.

    A folder that is there already is never written into.
    """
    folder = folder or Path(f"router-{name}")
    files = write(name, kind, folder)
    session.show({"name": name, "kind": kind, "folder": str(folder), "files": files}, "\n".join(files))
    session.note(f"\nNext: cd {folder} && pip install -e '.[dev]' && pytest")


@plugins.command("show")
@click.argument("name")
@common
def show(session: CommandSession, name: str) -> None:
    """One installed plugin: its hooks, its paths and who may ask for them, its entries of a portal's menu, its jobs."""
    found = session.registry.plugins
    if name not in found:
        raise ConfigError(f"no plugin named {name!r} is installed{nearest(name, found)}")
    value = {
        **_value(found[name], guard_places(session)),
        **(_declared(session, name) if found[name].state == "loaded" else _NOTHING),
    }
    value["problem"] = session.registry.plugins[name].problem  # of one that failed to say what it has
    lines = {**value, "routes": _lines(value["routes"], "{methods} {path} ({access})")}
    lines |= {"menu": _lines(value["menu"], "{title}: {path} ({audience})")}
    lines |= {"jobs": _lines(value["jobs"], "{name} every {every_s:g} s")}
    lines |= {"guard": _guard_line(value.get("guard"))}
    session.show(value, pairs({name: lines[name] for name in lines if lines[name]}))


def _asked(session: CommandSession) -> dict[str, list[str]]:
    """Plugin -> what it is asked on calls' ways, and as which: ``strategy 1`` is asked before ``strategy 2``."""
    found: dict[str, list[str]] = {}
    for role in line_roles(session.settings):
        for number, name in enumerate(role.asked(session.registry), 1):
            found.setdefault(name, []).append(f"{role.name} {number}")
        for name in sorted(role.elsewhere.difference(role.named or ())):
            found.setdefault(name, []).append(f"{role.name} for some models")
    return found


_NOTHING: dict[str, Any] = {"routes": [], "menu": [], "jobs": []}


def _declared(session: CommandSession, name: str) -> dict[str, Any]:
    """What it serves, shows and does beside calls."""
    registry, contexts = session.registry, plugin_contexts(session, name)
    routes = plugin_routes(registry, contexts, only=name).get(name, [])
    entries = menu_entries(registry, contexts, only=name).get(name, [])
    return {
        "routes": [
            {"path": f"/plugins/{name}{one.path}", "methods": list(one.methods), "access": one.access} for one in routes
        ],
        "menu": [{"title": one.title, "path": one.path, "audience": one.audience} for one in entries],
        "jobs": [{"name": one.name, "every_s": one.every_s} for one in plugin_jobs(registry, contexts, only=name)],
    }


def _lines(rows: list[dict[str, Any]], shape: str) -> list[str]:
    shown = [{**row, "methods": ", ".join(row.get("methods", ()))} for row in rows]
    return [shape.format(**row) for row in shown]


def _guard_line(guard: dict[str, Any] | None) -> str:
    """``1: buffer; refuse after 2 s``"""
    if guard is None or not guard["on"]:
        return "" if guard is None else f"{guard['place']}: off"
    return f"{guard['place']}: {guard['replies'] or 'requests'}; {guard['on_failure']} after {guard['timeout_s']:g} s"


def _value(plugin: Plugin, places: Mapping[str, Any]) -> dict[str, Any]:
    guard = {"guard": places[plugin.name]} if plugin.name in places else {}
    return {
        "name": plugin.name,
        "version": plugin.version,
        "distribution": plugin.distribution,
        "state": plugin.state,
        "roles": list(plugin.roles),
        "hooks": sorted(plugin.hooks) or list(plugin.offers),
        "problem": plugin.problem,
        "warnings": list(plugin.warnings),
        **guard,
    }
