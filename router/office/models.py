"""The catalogue that clients see, models and aliases: what is added to it, switched and taken out of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from router.catalogue.snapshot import CatalogueEntry, Snapshot
from router.db.transaction import Transaction
from router.errors import BadRequest, ConfigError, NotFound
from router.money.prices import Price
from router.office.actor import Actor
from router.office.audit import Change, write
from router.office.office import Office, Shelf
from router.plugin_host.validate import nearest
from router.store import models as table
from router.store.models import load_catalogue

__all__ = [
    "AddedModel",
    "ModelDetails",
    "ModelShown",
    "RemovedModel",
    "add_model",
    "list_models",
    "refuse_pinned",
    "remove_alias",
    "remove_model",
    "set_alias",
    "set_model_enabled",
    "show_model",
]


@dataclass(frozen=True, slots=True)
class ModelShown:
    """One line of the catalogue: a model, or an alias of one.

    Attributes:
        id: what clients ask for.
        entry: the model that serves it; None for an alias that leads to none of the list.
        alias_of: what an alias means; empty for a model.
        price: what everybody is charged, in the balance currency; None for none.
    """

    id: str
    entry: CatalogueEntry | None
    alias_of: str
    price: Price | None


@dataclass(frozen=True, slots=True)
class ModelDetails:
    """All that is known of one model.

    Attributes:
        aliases: that mean it.
        cost: what the provider charges us, in the balance currency; None where that is not known.
    """

    shown: ModelShown
    entry: CatalogueEntry
    aliases: Sequence[str]
    cost: Price | None
    currency: str


@dataclass(frozen=True, slots=True)
class AddedModel:
    """A model that was added.

    Attributes:
        problem: why its provider cannot serve yet; empty where it can.
        unsold: whether its calls are refused until it has a price.
    """

    id: str
    provider: str
    model: str
    kind: str
    problem: str = ""
    unsold: bool = False


@dataclass(frozen=True, slots=True)
class RemovedModel:
    """A row that was forgotten.

    Attributes:
        listed: whether the model is there still, as its provider lists it.
        dead_aliases: that lead nowhere now.
    """

    id: str
    listed: bool
    dead_aliases: Sequence[str]


def list_models(office: Office, provider: str | None = None) -> list[ModelShown]:
    """Every model of the active providers, disabled ones included, and the aliases, by ID.

    Args:
        provider: only this one's.

    Raises:
        NotFound: there is no such provider; names the nearest.
    """
    if provider is not None:
        office.shelf.provider(provider)
    snapshot = office.shelf.snapshot
    rows = [_shown(snapshot, entry) for entry in snapshot.entries.values()]
    rows += [_shown_alias(snapshot, alias, target) for alias, target in snapshot.aliases.items()]
    kept = [row for row in rows if provider is None or (row.entry is not None and row.entry.provider == provider)]
    return sorted(kept, key=lambda row: row.id)


def show_model(office: Office, model_id: str) -> ModelDetails:
    """One model. One that is on no list, and whose provider passes such on, is shown as well.

    Raises:
        ModelNotFound: naming the nearest IDs.
        Unavailable: its provider is not set up.
    """
    snapshot = office.shelf.snapshot
    entry = snapshot.entries.get(model_id)
    if entry is None:
        target = office.shelf.resolver.route(model_id).targets[0]
        unlisted = CatalogueEntry(target.id, target.provider.name, target.card, True, "unlisted")
        entry = snapshot.entries.get(target.id, unlisted)
    aliases = sorted(alias for alias, target_id in snapshot.aliases.items() if target_id == entry.id)
    book = snapshot.prices
    return ModelDetails(_shown(snapshot, entry), entry, aliases, book.cost(entry.card), book.currency)


def add_model(
    office: Office,
    actor: Actor,
    public_id: str,
    *,
    provider: str,
    model: str,
    kind: str = "chat",
    facts: Mapping[str, Any] | None = None,
    replace: bool = False,
) -> AddedModel:
    """Let clients ask for ``public_id``, and serve it by a provider's model.

    Args:
        facts: what is said of the model, as ``router.catalogue.facts.given_facts`` gives it.
        replace: whether an ID that is there already gets this new meaning.

    Raises:
        NotFound: there is no such provider; names the nearest.
        ConfigError: the configuration lists the model.
        BadRequest: the ID is taken, or a name is none.
    """
    shelf = office.shelf
    shelf.provider(provider)

    def add(transaction: Transaction) -> Change[AddedModel]:
        seen = shelf.within(transaction)
        refuse_pinned(office, public_id)
        snapshot = seen.snapshot
        if public_id in snapshot.aliases:
            raise BadRequest(f"{public_id!r} is an alias of {snapshot.aliases[public_id]!r}: remove that first.")
        if public_id in snapshot.entries and not replace:
            raise BadRequest(f"The model {public_id!r} is there already: give --replace to change what it means.")
        card = {"given": dict(facts)} if facts else {}
        table.upsert_model(transaction, public_id, provider=provider, model=model, kind=kind, card=card)
        problem = seen.providers[provider].problem
        unsold = not problem and _is_unsold(office, shelf.within(transaction), public_id)
        detail = {"provider": provider, "model": model, "kind": kind, "replace": replace, "facts": facts or {}}
        return Change(AddedModel(public_id, provider, model, kind, problem, unsold), public_id, detail)

    return write(office, actor, "models add", add)


def set_model_enabled(office: Office, actor: Actor, model_id: str, enabled: bool) -> str:
    """Let clients use a model again, or hide it and refuse calls to it; its public ID.

    Raises:
        ModelNotFound: naming the nearest IDs.
        ConfigError: the configuration lists the model.
        BadRequest: it is an alias.
    """
    shelf = office.shelf

    def switch(transaction: Transaction) -> Change[str]:
        seen = shelf.within(transaction)
        refuse_pinned(office, model_id)
        snapshot = seen.snapshot
        if model_id in snapshot.aliases:
            meant = snapshot.aliases[model_id]
            raise BadRequest(f"{model_id!r} is an alias: name the model, {meant!r}, or remove the alias.")
        public_id = model_id if model_id in snapshot.entries else seen.target(model_id)  # or the nearest IDs
        table.set_model_enabled(transaction, public_id, enabled)
        return Change(public_id, public_id, {})

    return write(office, actor, "models enable" if enabled else "models disable", switch)


def remove_model(office: Office, actor: Actor, model_id: str) -> RemovedModel:
    """Forget a model that was added by hand or by a list, or the switch of a listed one. Its usage stays.

    Raises:
        NotFound: there is none; names the nearest.
        ConfigError: the configuration lists the model.
        BadRequest: it is an alias, or on a provider's list.
    """
    shelf = office.shelf

    def remove(transaction: Transaction) -> Change[RemovedModel]:
        refuse_pinned(office, model_id)
        snapshot = shelf.within(transaction).snapshot
        if model_id in snapshot.aliases:
            raise BadRequest(f"{model_id!r} is an alias: `router models alias {model_id} --remove` forgets it.")
        if model_id not in {row.public_id for row in load_catalogue(transaction).models}:
            raise _not_removable(snapshot, model_id)
        table.remove_model(transaction, model_id)
        left = model_id in shelf.within(transaction).snapshot.entries
        dead = [alias for alias, target in sorted(snapshot.aliases.items()) if target == model_id and not left]
        return Change(RemovedModel(model_id, left, dead), model_id, {})

    return write(office, actor, "models remove", remove)


def _not_removable(snapshot: Snapshot, model_id: str) -> BadRequest | NotFound:
    if model_id in snapshot.entries:
        source = snapshot.entries[model_id].source
        return BadRequest(f"{model_id!r} is listed by the {source}: `router models disable {model_id}` hides it.")
    return NotFound(f"There is no model {model_id!r}{nearest(model_id, snapshot.entries)}.", code="model_not_found")


def refuse_pinned(office: Office, model_id: str) -> None:
    """Refuse a model that a section of the configuration lists."""
    name, _, model = model_id.partition("/")
    provider = office.shelf.providers.get(name)
    if provider is not None and model in provider.settings.models:
        where = office.settings.where(f"providers.{name}.models")
        raise ConfigError(f"{where}: the model {model_id!r} is fixed there: change it in that file")


def _is_unsold(office: Office, shelf: Shelf, model_id: str) -> bool:
    """Whether a model's calls are refused for want of a price."""
    snapshot = shelf.snapshot
    entry = snapshot.entries.get(model_id)
    return entry is not None and office.settings.gateway.bills and snapshot.price_of(entry) is None


def _shown(snapshot: Snapshot, entry: CatalogueEntry) -> ModelShown:
    return ModelShown(entry.id, entry, "", snapshot.prices.charge(entry.id, entry.provider, entry.card))


def _shown_alias(snapshot: Snapshot, alias: str, target: str) -> ModelShown:
    entry = snapshot.entries.get(target)
    price = None if entry is None else snapshot.prices.charge(entry.id, entry.provider, entry.card)
    return ModelShown(alias, entry, target, price)


def set_alias(office: Office, actor: Actor, alias: str, target: str) -> list[str]:
    """Let an alias mean a model from now on; what is to be said beside.

    Raises:
        ModelNotFound: there is no such target; names the nearest IDs.
        ConfigError: the configuration has an alias of that name.
        BadRequest: it is a model itself, or would lead in a circle.
    """
    _refuse_fixed(office, alias)
    shelf = office.shelf

    def change(transaction: Transaction) -> Change[list[str]]:
        seen = shelf.within(transaction)
        snapshot = seen.snapshot
        if alias in snapshot.entries:
            raise BadRequest(f"{alias!r} is a model itself, which wins over an alias of that name: choose another.")
        _refuse_circle({**snapshot.aliases, alias: target}, alias)
        warnings = seen.check_models([target])
        table.set_alias(transaction, alias, target)
        return Change(warnings, alias, {"target": target, "before": snapshot.aliases.get(alias)})

    return write(office, actor, "models alias", change)


def remove_alias(office: Office, actor: Actor, alias: str) -> None:
    """Let an alias mean nothing any more.

    Raises:
        NotFound: there is none; names the nearest.
        ConfigError: the configuration has it.
    """
    _refuse_fixed(office, alias)
    shelf = office.shelf

    def remove(transaction: Transaction) -> Change[None]:
        aliases = shelf.within(transaction).snapshot.aliases
        if alias not in aliases:
            raise NotFound(f"There is no alias {alias!r}{nearest(alias, aliases)}.", code="alias_not_found")
        table.remove_alias(transaction, alias)
        return Change(None, alias, {"remove": True, "before": aliases[alias]})

    write(office, actor, "models alias", remove)


def _refuse_fixed(office: Office, alias: str) -> None:
    if alias in office.settings.aliases:
        where = office.settings.where(f"aliases.{alias}")
        raise ConfigError(f"{where}: the alias is fixed there, which wins over the database: change it in that file")


def _refuse_circle(aliases: Mapping[str, str], name: str) -> None:
    chain = [name]
    while chain[-1] in aliases:
        chain.append(aliases[chain[-1]])
        if chain[-1] in chain[:-1]:
            raise BadRequest(f"The alias would lead in a circle: {' -> '.join(chain)}.", code="alias_cycle")
