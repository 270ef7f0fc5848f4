"""``router providers``: what is configured, and whether it answers."""

from __future__ import annotations

import click

from router.cli.subcommands.provider_setup import add, remove, set_key
from router.cli.subcommands.provider_switch import disable, enable
from router.cli.support.groups import Commands
from router.cli.support.output import pairs, table
from router.cli.support.session import CommandSession, remotely
from router.office.operations import providers as operations

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
@remotely
def list_(session: CommandSession) -> None:
    """Every configured provider and every installed one: active, turned off, or what to set."""
    rows = session.run(operations.list_providers)
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
@remotely
def test(session: CommandSession, name: str, model: str | None) -> int:
    """Make one tiny real call to each of its endpoints, which may cost a fraction of a cent."""
    value = session.run(operations.test_provider, name=name, model=model)
    results = value.get("endpoints", [value])
    texts = [pairs({key: part for key, part in result.items() if part is not None}) for result in results]
    session.show(value, "\n\n".join(texts))
    return 0 if value["ok"] else 1
