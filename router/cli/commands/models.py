"""``router models``: the catalogue that clients see."""

from __future__ import annotations

from typing import Any

import click

from router.cli.subcommands.prices import planned, price, price_text
from router.cli.subcommands.sync import sync
from router.cli.support.describing import describing, given_by
from router.cli.support.groups import Commands, NearestChoice
from router.cli.support.output import pairs, table
from router.cli.support.references import MODEL, PROVIDER
from router.cli.support.session import CommandSession, remotely
from router.money.modalities import MODALITIES
from router.office.operations import models as operations

__all__ = ["models"]


@click.group(cls=Commands)
def models() -> None:
    """The catalogue: models and aliases."""


models.add_command(sync)
models.add_command(price)
models.add_command(planned)


@models.command("list")
@click.option("--provider", type=PROVIDER, metavar="NAME", help="Only this provider's.")
@remotely
def list_(session: CommandSession, provider: str | None) -> None:
    """Every model of the active providers, disabled ones included, and the aliases.

    Where a gateway runs, the providers are those that it has active; where none does, a section whose secret is not in
    this shell counts as well.
    """
    rows = session.run(operations.list_models, provider=provider)
    currency = rows[0]["currency"] if rows else ""
    columns = {
        "id": "ID",
        "provider": "PROVIDER",
        "model": "MODEL",
        "kind": "KIND",
        "enabled": "ENABLED",
        "available": "SET UP",
        "source": "SOURCE",
        "context_window": "CONTEXT",
        "max_output": "MAX OUTPUT",
        "price": f"PRICE ({currency} PER MILLION TOKENS)",
    }
    shown = [{**row, "price": price_text(row["price"]) or "none"} for row in rows]
    session.show(rows, table(shown, columns, empty="No model: `router providers list` says what to set."))


@models.command()
@click.argument("model", type=MODEL, metavar="ID")
@remotely
def show(session: CommandSession, model: str) -> None:
    """One model: who serves it, its limits, and its price per million tokens."""
    value = session.run(operations.show_model, model=model)
    texts = {name: price_text(value[name]) for name in ("price", "cost")}
    session.show(value, pairs({**value, **texts}))


@models.command()
@click.argument("public_id")
@click.option(
    "--provider", type=PROVIDER, required=True, metavar="NAME", help="The configured provider that serves it."
)
@click.option("--model", required=True, metavar="MODEL", help="The model's name at that provider.")
@click.option("--kind", type=NearestChoice(MODALITIES), default="chat", show_default=True)
@describing
@click.option("--replace", is_flag=True, help="Give an ID that is there already this new meaning.")
@remotely
def add(
    session: CommandSession,
    public_id: str,
    provider: str,
    model: str,
    kind: str,
    replace: bool,
    **facts: Any,
) -> None:
    """Let clients ask for PUBLIC_ID and serve it by a provider's model.

    What is given of the model (window, largest output, cost, ...) goes before what its provider's list and the public
    catalogue say. A cost is what the provider charges; where no price is set, calls are charged it times the mark-up.
    """
    value = session.run(
        operations.add_model,
        id=public_id,
        provider=provider,
        model=model,
        kind=kind,
        facts=given_by(facts),
        replace=replace,
    )
    session.show(value, f"{public_id} is served by {provider} as {model}.")


@models.command()
@click.argument("model", type=MODEL, metavar="ID")
@remotely
def enable(session: CommandSession, model: str) -> None:
    """Let clients use a model again."""
    value = session.run(operations.enable_model, model=model)
    session.show(value, f"{value['id']} is enabled.")


@models.command()
@click.argument("model", type=MODEL, metavar="ID")
@remotely
def disable(session: CommandSession, model: str) -> None:
    """Hide a model, and refuse calls to it."""
    value = session.run(operations.disable_model, model=model)
    session.show(value, f"{value['id']} is disabled.")


@models.command()
@click.argument("model", type=MODEL, metavar="ID")
@remotely
def remove(session: CommandSession, model: str) -> None:
    """Forget a model that `models add` or `models sync` brought, or the switch of a listed one. Its usage stays."""
    gone = session.run(operations.remove_model, model=model)
    said = "is as its provider lists it" if gone["listed"] else "is forgotten"
    session.show(gone, f"{model} {said}.")


@models.command()
@click.argument("name")
@click.argument("target", required=False)
@click.option("--remove", is_flag=True, help="Forget the alias.")
@remotely
def alias(session: CommandSession, name: str, target: str | None, remove: bool) -> None:
    """Let NAME mean the model TARGET, or, with --remove, nothing any more."""
    if (target is None) is not remove:
        raise click.UsageError("give either TARGET or --remove")
    if target is None:
        session.show(session.run(operations.remove_alias, name=name), f"{name} is no alias any more.")
        return
    session.show(session.run(operations.set_alias, name=name, target=target), f"{name} means {target} now.")
