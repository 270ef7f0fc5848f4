"""``router providers``: what is configured, and whether it answers."""

from __future__ import annotations

from typing import Any

import click

from router.cli.subcommands.provider_setup import add, remove, set_key
from router.cli.subcommands.provider_switch import disable, enable
from router.cli.support.config_check import check_settings, upstream_urls
from router.cli.support.groups import Commands
from router.cli.support.output import pairs, table
from router.cli.support.session import CommandSession, common
from router.config.provider import Secret
from router.errors import RouterError
from router.office.console.provider_switches import providers_off
from router.office.office import provider_of
from router.providers.configured import ConfiguredProvider
from router.providers.probe import probe

__all__ = ["providers"]


@click.group(cls=Commands)
def providers() -> None:
    """Configured providers."""


providers.add_command(add)
providers.add_command(set_key)
providers.add_command(remove)
providers.add_command(disable)
providers.add_command(enable)


@providers.command("list")
@common
def list_(session: CommandSession) -> None:
    """Every configured provider and every installed one: active, turned off, or what to set."""
    found = check_settings(session.settings, session.registry, session.stored_keys)
    off = _off(session)
    rows = [_row(provider, off.get(provider.name)) for provider in found.values()]
    columns = {
        "name": "NAME",
        "kind": "PLUGIN",
        "state": "STATE",
        "base_url": "BASE URL",
        "key": "KEY FROM",
        "transport": "TRANSPORT",
        "models": "MODELS",
    }
    session.show(rows, table(rows, columns, empty="No provider plugin is loaded: see `router plugins list`."))


@providers.command()
@click.argument("name")
@click.option("--model", help="The model to call.  [default: the cheapest on its list]")
@common
def test(session: CommandSession, name: str, model: str | None) -> int:
    """Make one tiny real call to each of its endpoints, which may cost a fraction of a cent."""
    found = check_settings(session.settings, session.registry, session.stored_keys)
    provider = provider_of(found, name)
    results = probe(provider, model)
    provider.transport.close()
    good = all(result["ok"] for result in results)
    value = results[0] if len(results) == 1 else {"provider": name, "ok": good, "endpoints": results}
    texts = [pairs({key: part for key, part in result.items() if part is not None}) for result in results]
    session.show(value, "\n\n".join(texts))
    return 0 if good else 1


def _off(session: CommandSession) -> dict[str, str]:
    """Each provider that is turned off, and what is shown of it; none where the database cannot be read."""
    try:
        off = providers_off(session.office)
    except RouterError:
        return {}
    return {one.provider: f"turned off: {one.reason}" if one.reason else "turned off" for one in off}


def _row(provider: ConfiguredProvider, off: str | None) -> dict[str, Any]:
    return {
        "name": provider.name,
        "kind": provider.kind,
        "active": provider.active and off is None,
        "state": provider.problem or off or "active",
        "base_url": ", ".join(upstream_urls(provider)),
        "key": ", ".join(dict.fromkeys(_origin(place.settings.api_key) for place in provider.endpoints.places)),
        "transport": provider.settings.transport,
        "models": len(provider.cards()) + len(provider.settings.models),
    }


def _origin(key: Secret) -> str:
    """Where a key comes from: ``file``, ``database`` or ``env:NAME``; empty where there is none."""
    if not key:
        return ""
    return "file" if key.source == "configuration" else key.source
