"""``router models``: the catalogue that clients see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from router.app.assembly import Assembly
from router.catalogue.prices import PriceBook
from router.catalogue.snapshot import CatalogueEntry, Snapshot
from router.cli.subcommands.prices import price, price_text, shown_price
from router.cli.subcommands.sync import sync
from router.cli.support.describing import describing, given_by
from router.cli.support.groups import Commands, NearestChoice
from router.cli.support.output import pairs, table
from router.cli.support.references import MODEL, PROVIDER
from router.cli.support.session import CommandSession, common
from router.cli.support.targets import check_models, check_provider
from router.errors import BadRequest, ConfigError, NotFound
from router.money.price_text import show_price
from router.plugin_host.registry import nearest
from router.store.models import load_catalogue, remove_alias, remove_model, set_alias, set_model_enabled, upsert_model

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
    if provider is not None:
        check_provider(session.assembly.providers, provider)
    snapshot = session.assembly.catalogue.snapshot()
    rows = [_row(entry, snapshot.prices) for entry in snapshot.entries.values()]
    rows += [_alias_row(alias, target, snapshot) for alias, target in snapshot.aliases.items()]
    rows = sorted((row for row in rows if provider in (None, row["provider"])), key=lambda row: str(row["id"]))
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
        "price": f"PRICE ({snapshot.prices.currency} PER MILLION TOKENS)",
    }
    shown = [{**row, "price": price_text(row["price"]) or "none"} for row in rows]
    session.show(rows, table(shown, columns, empty="No model: `router providers list` says what to set."))
    for one in session.assembly.providers.values():
        if one.unset:
            session.note(f"{one.name} is taken as active, though not set up in this shell: {one.unset}")


@models.command()
@click.argument("model_id", type=MODEL, metavar="ID")
@common
def show(session: CommandSession, model_id: str) -> None:
    """One model: who serves it, its limits, and its price per million tokens."""
    snapshot = session.assembly.catalogue.snapshot()
    entry = snapshot.entries.get(model_id)
    if entry is None:
        target = session.assembly.resolver.route(model_id).targets[0]
        entry = snapshot.entries.get(
            target.id, CatalogueEntry(target.id, target.provider.name, target.card, True, "unlisted")
        )
    aliases = sorted(alias for alias, target_id in snapshot.aliases.items() if target_id == entry.id)
    card = entry.card
    facts = {
        "owned_by": card.owned_by,
        "created": card.created or None,
        "reasoning": card.reasoning,
        "capabilities": list(card.capabilities),
        "image_tokens": card.image_tokens,
        "audio_tokens": card.audio_tokens,
        "file_tokens": card.file_tokens,
        "cost": show_price(cost) if (cost := snapshot.prices.cost(card)) is not None else None,
    }
    book = snapshot.prices
    value = {**_row(entry, book), "currency": book.currency, **facts, "aliases": aliases}
    texts = {name: price_text(value[name]) for name in ("price", "cost")}
    session.show(value, pairs({**value, **texts}))


@models.command()
@click.argument("public_id")
@click.option(
    "--provider", type=PROVIDER, required=True, metavar="NAME", help="The configured provider that serves it."
)
@click.option("--model", required=True, metavar="MODEL", help="The model's name at that provider.")
@click.option("--kind", type=NearestChoice(["chat", "embeddings"]), default="chat", show_default=True)
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
    given = given_by(facts)
    assembly = session.assembly
    check_provider(assembly.providers, provider)
    _refuse_pinned(assembly, public_id)
    snapshot = assembly.catalogue.snapshot()
    if public_id in snapshot.aliases:
        raise BadRequest(f"{public_id!r} is an alias of {snapshot.aliases[public_id]!r}: remove that first.")
    if public_id in snapshot.entries and not replace:
        raise BadRequest(f"The model {public_id!r} is there already: give --replace to change what it means.")
    card = {"given": given} if given else {}
    upsert_model(assembly.database, public_id, provider=provider, model=model, kind=kind, card=card)
    value = {"id": public_id, "provider": provider, "model": model, "kind": kind, "enabled": True}
    session.show(value, f"{public_id} is served by {provider} as {model}.")
    problem = assembly.providers[provider].problem
    if problem:
        session.note(f"warning: provider {provider} cannot serve yet: {problem}")
    else:
        _note_unsold(session, public_id)


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
    assembly = session.assembly
    _refuse_pinned(assembly, model_id)
    snapshot = assembly.catalogue.snapshot()
    if model_id in snapshot.aliases:
        raise BadRequest(f"{model_id!r} is an alias: `router models alias {model_id} --remove` forgets it.")
    if model_id not in {row.public_id for row in load_catalogue(assembly.database).models}:
        if model_id in snapshot.entries:
            source = snapshot.entries[model_id].source
            raise BadRequest(f"{model_id!r} is listed by the {source}: `router models disable {model_id}` hides it.")
        raise NotFound(f"There is no model {model_id!r}{nearest(model_id, snapshot.entries)}.", code="model_not_found")
    remove_model(assembly.database, model_id)
    left = model_id in assembly.catalogue.refresh().entries
    said = "is as its provider lists it" if left else "is forgotten"
    session.show({"id": model_id, "removed": True, "listed": left}, f"{model_id} {said}.")
    for alias_name, target in sorted(snapshot.aliases.items()):
        if target == model_id and not left:
            session.note(f"warning: the alias {alias_name} leads nowhere now")


@models.command()
@click.argument("name")
@click.argument("target", required=False)
@click.option("--remove", is_flag=True, help="Forget the alias.")
@common
def alias(session: CommandSession, name: str, target: str | None, remove: bool) -> None:
    """Let NAME mean the model TARGET, or, with --remove, nothing any more."""
    if (target is None) is not remove:
        raise click.UsageError("give either TARGET or --remove")
    assembly = session.assembly
    if name in assembly.settings.aliases:
        where = assembly.settings.where(f"aliases.{name}")
        raise ConfigError(f"{where}: the alias is fixed there, which wins over the database: change it in that file")
    if target is None:
        _remove_alias(assembly, name)
        session.show({"alias": name, "removed": True}, f"{name} is no alias any more.")
        return
    _check_alias(session, name, target)
    set_alias(assembly.database, name, target)
    session.show({"alias": name, "target": target}, f"{name} means {target} now.")


def _note_unsold(session: CommandSession, model_id: str) -> None:
    """Say what a model that was added still lacks to be sold."""
    snapshot = session.assembly.catalogue.refresh()
    entry = snapshot.entries.get(model_id)
    if entry is not None and session.assembly.settings.gateway.bills and snapshot.price_of(entry) is None:
        session.note(
            f"Calls are refused until it has a price: router models price {model_id} --input AMOUNT --output AMOUNT"
        )


def _remove_alias(assembly: Assembly, name: str) -> None:
    aliases = assembly.catalogue.snapshot().aliases
    if name not in aliases:
        raise NotFound(f"There is no alias {name!r}{nearest(name, aliases)}.", code="alias_not_found")
    remove_alias(assembly.database, name)


def _check_alias(session: CommandSession, name: str, target: str) -> None:
    snapshot = session.assembly.catalogue.snapshot()
    if name in snapshot.entries:
        raise BadRequest(f"{name!r} is a model itself, which wins over an alias of that name: choose another.")
    _refuse_cycle({**snapshot.aliases, name: target}, name)
    check_models(session, [target])


def _refuse_cycle(aliases: Mapping[str, str], name: str) -> None:
    chain = [name]
    while chain[-1] in aliases:
        chain.append(aliases[chain[-1]])
        if chain[-1] in chain[:-1]:
            raise BadRequest(f"The alias would lead in a circle: {' -> '.join(chain)}.", code="alias_cycle")


def _switch(session: CommandSession, model_id: str, *, enabled: bool) -> None:
    assembly = session.assembly
    _refuse_pinned(assembly, model_id)
    snapshot = assembly.catalogue.snapshot()
    if model_id in snapshot.aliases:
        raise BadRequest(
            f"{model_id!r} is an alias: name the model, {snapshot.aliases[model_id]!r}, or remove the alias."
        )
    if model_id not in snapshot.entries:
        model_id = assembly.resolver.route(model_id).targets[0].id  # or the nearest IDs
    set_model_enabled(assembly.database, model_id, enabled)
    session.show({"id": model_id, "enabled": enabled}, f"{model_id} is {'enabled' if enabled else 'disabled'}.")


def _refuse_pinned(assembly: Assembly, model_id: str) -> None:
    """Refuse a model that a section of the configuration lists."""
    name, _, model = model_id.partition("/")
    provider = assembly.providers.get(name)
    if provider is not None and model in provider.settings.models:
        where = assembly.settings.where(f"providers.{name}.models")
        raise ConfigError(f"{where}: the model {model_id!r} is fixed there: change it in that file")


def _row(entry: CatalogueEntry, book: PriceBook) -> dict[str, Any]:
    return {
        "id": entry.id,
        "provider": entry.provider,
        "model": entry.card.model,
        "kind": entry.card.kind,
        "enabled": entry.enabled,
        "available": entry.available,
        "source": entry.source,
        "context_window": entry.card.context_window,
        "max_output": entry.card.max_output,
        "price": shown_price(book, entry.id, entry.provider, entry.card),
    }


def _alias_row(alias: str, target: str, snapshot: Snapshot) -> dict[str, Any]:
    entry = snapshot.entries.get(target)
    nothing = {"provider": None, "kind": None, "enabled": False, "available": False, "price": None}
    row = _row(entry, snapshot.prices) if entry is not None else nothing
    return {**row, "id": alias, "model": target, "source": "alias"}
