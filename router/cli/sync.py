"""``router models sync``: what the providers say they serve now, in the catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

import click

from router.cli.output import table
from router.cli.session import Session, common
from router.cli.targets import check_provider
from router.errors import BadRequest, ConfigError, UpstreamError
from router.gateway.assembly import Assembly
from router.gateway.providers import Provider
from router.settings import Timeouts
from router.store.models import load_catalogue, upsert_model
from router.tariff import keep_price
from router.types import ModelCard

__all__ = ["sync"]

_LIMITS = Timeouts(first_byte=30.0, whole=60.0)


@click.command()
@click.argument("provider", required=False)
@common
def sync(session: Session, provider: str | None) -> int:
    """Ask PROVIDER, or every active one, for its models, and add those that are not in the catalogue yet.

    New models are enabled. Known ones keep their switch and their price, and none is ever removed: a model that the
    provider lists no more is named. Exit status 1 if a provider could not be asked.
    """
    assembly = session.assembly
    results = [_synced(assembly, one) for one in _chosen(assembly, provider)]
    columns = {"provider": "PROVIDER", "added": "ADDED", "known": "KNOWN", "gone": "NOT LISTED", "error": "ERROR"}
    session.show(results, table(results, columns, empty="No active provider has a list to ask for."))
    return 1 if any(result["error"] for result in results) else 0


def _chosen(assembly: Assembly, name: str | None) -> list[Provider]:
    if name is None:
        return [one for one in assembly.providers.values() if one.active and "list_models" in one.hooks]
    check_provider(assembly.providers, name)
    provider = assembly.providers[name]
    if not provider.active:
        raise ConfigError(f"provider {name!r} is not set up: {provider.problem}")
    if "list_models" not in provider.hooks:
        raise BadRequest(f"The provider {name!r} has no list to ask for: `router models add` adds a single model.")
    return [provider]


def _synced(assembly: Assembly, provider: Provider) -> dict[str, Any]:
    """What became of one provider's list: IDs that were added, how many were known, IDs that it lists no more."""
    result: dict[str, Any] = {"provider": provider.name, "added": [], "known": 0, "gone": [], "error": None}
    try:
        cards = {card.model: card for card in _listed(provider)}
        known, taken = _known(assembly, provider), _taken(assembly)
        for model, card in cards.items():
            if model in known or f"{provider.name}/{model}" in taken:
                result["known"] += 1
            else:
                result["added"].append(_add(assembly, provider.name, card))
    except (UpstreamError, BadRequest) as error:
        return {**result, "error": error.message}
    return {**result, "gone": sorted(model_id for model, model_id in known.items() if model not in cards)}


def _known(assembly: Assembly, provider: Provider) -> dict[str, str]:
    """The provider's models in the catalogue -> their public IDs."""
    entries = assembly.catalogue.snapshot().entries.values()
    return {entry.card.model: entry.id for entry in entries if entry.provider == provider.name}


def _taken(assembly: Assembly) -> set[str]:
    """IDs that mean something already: a switch of the operator's, or a model of a provider that is not set up."""
    stored = load_catalogue(assembly.database)
    return {row.public_id for row in stored.models} | set(assembly.catalogue.snapshot().aliases)


def _listed(provider: Provider) -> Iterator[ModelCard]:
    """The lists of all the provider's endpoints, one after the other."""
    for place in provider.endpoints.places:
        context = replace(provider.context(), settings=place.settings, timeouts=_LIMITS)
        yield from provider.hooks["list_models"](context=context)


def _add(assembly: Assembly, provider: str, card: ModelCard) -> str:
    public_id = f"{provider}/{card.model}"
    unset = asdict(ModelCard(""))
    facts = {name: value for name, value in asdict(card).items() if value != unset[name]}
    facts = {name: value for name, value in facts.items() if name not in ("model", "kind", "price")}
    if card.price is not None:
        facts["price"] = keep_price(card.price)
    upsert_model(assembly.database, public_id, provider=provider, model=card.model, kind=card.kind, card=facts)
    return public_id
