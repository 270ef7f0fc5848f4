"""``router providers``: what is configured, and whether it answers."""

from __future__ import annotations

from typing import Any

import click

from router.cli.checking import check_settings, upstream_url
from router.cli.groups import Commands
from router.cli.output import pairs, table
from router.cli.probe import probe
from router.cli.session import Session, common
from router.errors import NotFound
from router.gateway.providers import Provider
from router.registry import nearest

__all__ = ["providers"]


@click.group(cls=Commands)
def providers() -> None:
    """Configured providers."""


@providers.command("list")
@common
def list_(session: Session) -> None:
    """Every configured provider and every installed one: active, or what to set."""
    rows = [_row(provider) for provider in check_settings(session.settings, session.registry).values()]
    columns = {
        "name": "NAME",
        "kind": "PLUGIN",
        "state": "STATE",
        "base_url": "BASE URL",
        "transport": "TRANSPORT",
        "models": "MODELS",
    }
    session.show(rows, table(rows, columns, empty="No provider plugin is loaded: see `router plugins list`."))


@providers.command()
@click.argument("name")
@click.option("--model", help="The model to call.  [default: the cheapest on its list]")
@common
def test(session: Session, name: str, model: str | None) -> int:
    """Make one tiny real call, which may cost a fraction of a cent."""
    found = check_settings(session.settings, session.registry)
    if name not in found:
        raise NotFound(f"There is no provider {name!r}{nearest(name, found)}; there are: {', '.join(sorted(found))}.")
    result = probe(found[name], model)
    found[name].transport.close()
    session.show(result, pairs({key: value for key, value in result.items() if value is not None}))
    return 0 if result["ok"] else 1


def _row(provider: Provider) -> dict[str, Any]:
    return {
        "name": provider.name,
        "kind": provider.kind,
        "active": provider.active,
        "state": provider.problem or "active",
        "base_url": upstream_url(provider),
        "transport": provider.settings.transport,
        "models": len(provider.cards()) + len(provider.settings.models),
    }
