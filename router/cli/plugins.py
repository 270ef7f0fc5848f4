"""``router plugins``: what is installed."""

from __future__ import annotations

from typing import Any

import click

from router.cli.groups import Commands
from router.cli.output import table
from router.cli.session import Session, common
from router.registry import Plugin

__all__ = ["plugins"]


@click.group(cls=Commands)
def plugins() -> None:
    """Installed plugins."""


@plugins.command("list")
@common
def list_(session: Session) -> None:
    """Every installed plugin, with the reason where one is not loaded."""
    rows = [_value(plugin) for plugin in session.registry.plugins.values()]
    columns = {
        "name": "NAME",
        "version": "VERSION",
        "distribution": "DISTRIBUTION",
        "state": "STATE",
        "roles": "ROLES",
        "hooks": "HOOKS",
        "problem": "PROBLEM",
    }
    session.show(rows, table(rows, columns, empty="No plugin is installed: pip install provider-router again."))


@plugins.command("check")
@click.argument("name")
@click.option("--rule", metavar="ID", default="", help="Only the rules whose ID begins so, such as P or P07.")
@common
def check(session: Session, name: str, rule: str) -> None:
    """Hold an installed plugin against the rules for its roles; exit status 1 where it breaks one.

    It is driven for real, before an upstream of the test kit on this machine: neither the configuration nor any key is
    used, and nothing is sent anywhere.
    """
    from router.testing.conformance import check_plugin

    report = check_plugin(name, rule)
    session.show(report.to_json(), report.to_text())
    if not report.ok:
        click.get_current_context().exit(1)


def _value(plugin: Plugin) -> dict[str, Any]:
    return {
        "name": plugin.name,
        "version": plugin.version,
        "distribution": plugin.distribution,
        "state": plugin.state,
        "roles": list(plugin.roles),
        "hooks": sorted(plugin.hooks),
        "problem": plugin.problem,
    }
