"""What a provider says that it serves now, brought into the catalogue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from router.config.provider import Timeouts
from router.db.transaction import Transaction
from router.errors import BadRequest, ConfigError, UpstreamError
from router.money.price_text import keep_price
from router.office.actor import Actor
from router.office.audit import Change, write
from router.office.office import Office, Shelf
from router.store.models import ModelRow, load_catalogue, upsert_model
from router.types.records import ModelCard

if TYPE_CHECKING:
    from router.providers.configured import ConfiguredProvider

__all__ = ["SyncedModels", "Unpriced", "sync_models", "syncable"]

_LIMITS = Timeouts(first_byte=30.0, whole=60.0)
_NO_PRICE = "its provider's list tells no price"


@dataclass(frozen=True, slots=True)
class Unpriced:
    """A model that nobody can call, and why."""

    id: str
    why: str


@dataclass(frozen=True, slots=True)
class SyncedModels:
    """What became of one provider's list.

    Attributes:
        added: public IDs that are new.
        known: how many were there already.
        gone: public IDs that it lists no more.
        unpriced: models without a price.
        error: why it could not be asked; None where it was.
    """

    provider: str
    added: Sequence[str] = ()
    known: int = 0
    gone: Sequence[str] = ()
    unpriced: Sequence[Unpriced] = ()
    error: str | None = None


def syncable(office: Office, name: str | None = None) -> list[ConfiguredProvider]:
    """The providers that can be asked for their models.

    Args:
        name: this one; None for every active one that has a list.

    Raises:
        NotFound: there is no such provider; names the nearest.
        ConfigError: it is not set up, or not in this process.
        BadRequest: it has no list.
    """
    if name is None:
        found = office.shelf.providers.values()
        return [one for one in found if one.active and not one.unset and "list_models" in one.hooks]
    provider = office.shelf.provider(name)
    if not provider.active:
        raise ConfigError(f"provider {name!r} is not set up: {provider.problem}")
    if provider.unset:
        raise ConfigError(f"provider {name!r} cannot be asked from this shell: {provider.unset}")
    if "list_models" not in provider.hooks:
        raise BadRequest(f"The provider {name!r} has no list to ask for: `router models add` adds a single model.")
    return [provider]


def sync_models(office: Office, actor: Actor, provider: ConfiguredProvider) -> SyncedModels:
    """Ask a provider for its models, and add those that are not in the catalogue yet.

    New models are enabled. Known ones keep their switch and their price; what the list says of their windows is kept
    up. None is ever removed.
    """
    try:
        cards = {card.model: card for card in _listed(provider)}
    except (UpstreamError, BadRequest) as error:
        return SyncedModels(provider.name, error=error.in_full)
    shelf = office.shelf

    def bring(transaction: Transaction) -> Change[SyncedModels]:
        seen = shelf.within(transaction)
        known = _known(seen, provider)
        rows = {row.public_id: row for row in load_catalogue(transaction).models}
        added, kept_up, there = [], 0, 0
        for model, card in cards.items():
            public_id = f"{provider.name}/{model}"
            if model in known or public_id in rows or public_id in seen.snapshot.aliases:
                there += 1
                kept_up += _keep_up(transaction, rows.get(public_id), card)
            else:
                added.append(_add(transaction, provider.name, card))
        gone = sorted(model_id for model, model_id in known.items() if model not in cards)
        unpriced = list(_unpriced(office, shelf.within(transaction), provider, cards))
        result = SyncedModels(provider.name, added, there, gone, unpriced)
        return Change(result, provider.name, {"added": added, "kept_up": kept_up}, made=bool(added or kept_up))

    return write(office, actor, "models sync", bring)


def _known(shelf: Shelf, provider: ConfiguredProvider) -> dict[str, str]:
    """The provider's models in the catalogue -> their public IDs."""
    entries = shelf.snapshot.entries.values()
    return {entry.card.model: entry.id for entry in entries if entry.provider == provider.name}


def _listed(provider: ConfiguredProvider) -> Iterator[ModelCard]:
    """The lists of all the provider's endpoints, one after the other."""
    for place in provider.endpoints.places:
        context = replace(provider.context(), settings=place.settings, timeouts=_LIMITS)
        yield from provider.hooks["list_models"](context=context)


def _add(transaction: Transaction, provider: str, card: ModelCard) -> str:
    public_id = f"{provider}/{card.model}"
    facts = _facts(card)
    if card.price is not None:
        facts["price"] = keep_price(card.price)
    upsert_model(transaction, public_id, provider=provider, model=card.model, kind=card.kind, card=facts)
    return public_id


def _facts(card: ModelCard) -> dict[str, Any]:
    """What the list says of a model, its price left out."""
    unset = asdict(ModelCard(""))
    told = {name: value for name, value in asdict(card).items() if value != unset[name]}
    kept = {name: value for name, value in told.items() if name not in ("model", "kind", "price", "unpriced")}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in kept.items()}


def _keep_up(transaction: Transaction, row: ModelRow | None, card: ModelCard) -> bool:
    """Take over what the list says now of a model that an earlier list brought; its price and its switch stay."""
    if row is None or row.provider is None or row.model != card.model:
        return False
    kept = {name: value for name, value in row.card.items() if name in ("price", "given")}
    facts = {**_facts(card), **kept}
    if facts == {**row.card} or not _facts(card):
        return False
    upsert_model(
        transaction,
        row.public_id,
        provider=row.provider,
        model=card.model,
        kind=card.kind or row.kind,
        enabled=row.enabled,
        card={**row.card, **facts},
    )
    return True


def _unpriced(
    office: Office, shelf: Shelf, provider: ConfiguredProvider, cards: Mapping[str, ModelCard]
) -> Iterator[Unpriced]:
    """Models that nobody can call."""
    if not office.settings.gateway.bills:
        return
    snapshot = shelf.snapshot
    for entry in sorted(snapshot.entries.values(), key=lambda entry: entry.id):
        card = cards.get(entry.card.model)
        if entry.provider == provider.name and card is not None and snapshot.price_of(entry) is None:
            rate = f"no rate of USD to {snapshot.prices.currency} is known"
            why = rate if snapshot.prices.lacks_rate(entry.id, entry.card) else card.unpriced or _NO_PRICE
            yield Unpriced(entry.id, why)
