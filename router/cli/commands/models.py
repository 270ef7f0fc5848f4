"""``router models``: the catalogue that clients see."""

from __future__ import annotations

from typing import Any

import click

from router.cli.subcommands.prices import price, price_text
from router.cli.subcommands.sync import sync
from router.cli.support.describing import describing, given_by
from router.cli.support.groups import Commands, NearestChoice
from router.cli.support.output import pairs, table
from router.cli.support.references import MODEL, PROVIDER
from router.cli.support.session import CommandSession, common
from router.money.modalities import MODALITIES
from router.money.price_text import show_price
from router.office import models as office
from router.office.models import ModelShown

__all__ = ["models"]


@click.group(cls=Commands)
def models() -> None:
    """The catalogue: models and aliases."""


models.add_command(sync)
models.add_command(price)


@models.command("list")
@click.option("--provider", type=PROVIDER, metavar="NAME", help="Only this provider's.")
@common
def list_(session: CommandSession, provider: str | None) -> None:
    """Every model of the active providers, disabled ones included, and the aliases.

    Where a gateway runs, the providers are those that it has active; where none does, a section whose secret is not in
    this shell counts as well.
    """
    rows = [_row(one) for one in office.list_models(session.office, provider)]
    currency = session.office.shelf.snapshot.prices.currency
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
    for one in session.office.shelf.providers.values():
        if one.unset:
            session.note(f"{one.name} is taken as active, though not set up in this shell: {one.unset}")


@models.command()
@click.argument("model_id", type=MODEL, metavar="ID")
@common
def show(session: CommandSession, model_id: str) -> None:
    """One model: who serves it, its limits, and its price per million tokens."""
    found = office.show_model(session.office, model_id)
    card = found.entry.card
    facts = {
        "owned_by": card.owned_by,
        "created": card.created or None,
        "reasoning": card.reasoning,
        "capabilities": list(card.capabilities),
        "retires": card.retires or None,
        "image_tokens": card.image_tokens,
        "audio_tokens": card.audio_tokens,
        "file_tokens": card.file_tokens,
        "cost": None if found.cost is None else show_price(found.cost),
    }
    value = {**_row(found.shown), "currency": found.currency, **facts, "aliases": list(found.aliases)}
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
@common
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
    made = office.add_model(
        session.office,
        session.actor,
        public_id,
        provider=provider,
        model=model,
        kind=kind,
        facts=given_by(facts),
        replace=replace,
    )
    value = {"id": public_id, "provider": provider, "model": model, "kind": kind, "enabled": True}
    session.show(value, f"{public_id} is served by {provider} as {model}.")
    if made.problem:
        session.note(f"warning: provider {provider} cannot serve yet: {made.problem}")
    elif made.unsold:
        session.note(
            f"Calls are refused until it has a price: router models price {public_id} --input AMOUNT --output AMOUNT"
        )


@models.command()
@click.argument("model_id", type=MODEL, metavar="ID")
@common
def enable(session: CommandSession, model_id: str) -> None:
    """Let clients use a model again."""
    _switch(session, model_id, enabled=True)


@models.command()
@click.argument("model_id", type=MODEL, metavar="ID")
@common
def disable(session: CommandSession, model_id: str) -> None:
    """Hide a model, and refuse calls to it."""
    _switch(session, model_id, enabled=False)


@models.command()
@click.argument("model_id", type=MODEL, metavar="ID")
@common
def remove(session: CommandSession, model_id: str) -> None:
    """Forget a model that `models add` or `models sync` brought, or the switch of a listed one. Its usage stays."""
    gone = office.remove_model(session.office, session.actor, model_id)
    said = "is as its provider lists it" if gone.listed else "is forgotten"
    session.show({"id": model_id, "removed": True, "listed": gone.listed}, f"{model_id} {said}.")
    session.warn(f"the alias {one} leads nowhere now" for one in gone.dead_aliases)


@models.command()
@click.argument("name")
@click.argument("target", required=False)
@click.option("--remove", is_flag=True, help="Forget the alias.")
@common
def alias(session: CommandSession, name: str, target: str | None, remove: bool) -> None:
    """Let NAME mean the model TARGET, or, with --remove, nothing any more."""
    if (target is None) is not remove:
        raise click.UsageError("give either TARGET or --remove")
    if target is None:
        office.remove_alias(session.office, session.actor, name)
        session.show({"alias": name, "removed": True}, f"{name} is no alias any more.")
        return
    session.warn(office.set_alias(session.office, session.actor, name, target))
    session.show({"alias": name, "target": target}, f"{name} means {target} now.")


def _switch(session: CommandSession, model_id: str, *, enabled: bool) -> None:
    model_id = office.set_model_enabled(session.office, session.actor, model_id, enabled)
    session.show({"id": model_id, "enabled": enabled}, f"{model_id} is {'enabled' if enabled else 'disabled'}.")


def _row(one: ModelShown) -> dict[str, Any]:
    """A model, or an alias with what it means in its model's place."""
    if one.entry is None:
        nothing = {"provider": None, "kind": None, "enabled": False, "available": False, "price": None}
        return {**nothing, "id": one.id, "model": one.alias_of, "source": "alias"}
    card = one.entry.card
    return {
        "id": one.id,
        "provider": one.entry.provider,
        "model": one.alias_of or card.model,
        "kind": card.kind,
        "enabled": one.entry.enabled,
        "available": one.entry.available,
        "source": "alias" if one.alias_of else one.entry.source,
        "context_window": card.context_window,
        "max_output": card.max_output,
        "price": None if one.price is None else show_price(one.price),
    }
