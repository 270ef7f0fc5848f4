"""``router models sync``: what the providers say they serve now, in the catalogue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any

import click

from router.app.assembly import Assembly
from router.cli.support.output import table
from router.cli.support.references import PROVIDER
from router.cli.support.session import CommandSession, common
from router.cli.support.targets import check_provider
from router.config.provider import Timeouts
from router.errors import BadRequest, ConfigError, UpstreamError
from router.money.price_text import keep_price
from router.providers.configured import ConfiguredProvider
from router.store.models import ModelRow, load_catalogue, upsert_model
from router.types.records import ModelCard

__all__ = ["sync"]

_LIMITS = Timeouts(first_byte=30.0, whole=60.0)
_NO_PRICE = "its provider's list tells no price"
_SHOWN_MAX = 5


@click.command()
@click.argument("provider", type=PROVIDER, required=False)
@common
def sync(session: CommandSession, provider: str | None) -> int:
    """Ask PROVIDER, or every active one, for its models, and add those that are not in the catalogue yet.

    New models are enabled. Known ones keep their switch and their price; what the list says of their windows is kept
    up. None is ever removed: a model that the provider lists no more is named. What is left without a price, as its
    provider tells none or is not paid by tokens alone, is said with the reason. Exit status 1 if a provider could not
    be asked.
    """
    assembly = session.assembly
    chosen = _chosen(assembly, provider)
    results = []
    for place, one in enumerate(chosen, 1):
        if len(chosen) > 1:
            session.progress(f"asking {one.name} ({place} of {len(chosen)})")
        results.append(_synced(assembly, one))
    columns = {"provider": "PROVIDER", "added": "ADDED", "known": "KNOWN", "gone": "NOT LISTED", "error": "ERROR"}
    shown = [{**result, "added": _few(result["added"])} for result in results]
    text = table(shown, columns, empty="No active provider has a list to ask for.")
    session.show(results, "\n".join([text, *_unpriced_text(results)]))
    return 1 if any(result["error"] for result in results) else 0


def _chosen(assembly: Assembly, name: str | None) -> list[ConfiguredProvider]:
    if name is None:
        return [
            one for one in assembly.providers.values() if one.active and not one.unset and "list_models" in one.hooks
        ]
    check_provider(assembly.providers, name)
    provider = assembly.providers[name]
    if not provider.active:
        raise ConfigError(f"provider {name!r} is not set up: {provider.problem}")
    if provider.unset:
        raise ConfigError(f"provider {name!r} cannot be asked from this shell: {provider.unset}")
    if "list_models" not in provider.hooks:
        raise BadRequest(f"The provider {name!r} has no list to ask for: `router models add` adds a single model.")
    return [provider]


def _synced(assembly: Assembly, provider: ConfiguredProvider) -> dict[str, Any]:
    """What became of one provider's list.

    IDs that were added, how many were known, IDs that it lists no more, and those without a price, with the reason.
    """
    result: dict[str, Any] = {"provider": provider.name, "added": [], "known": 0, "gone": [], "unpriced": []}
    result["error"] = None
    try:
        cards = {card.model: card for card in _listed(provider)}
    except (UpstreamError, BadRequest) as error:
        return {**result, "error": error.in_full}
    known, stored = _known(assembly, provider), load_catalogue(assembly.database)
    rows = {row.public_id: row for row in stored.models}
    for model, card in cards.items():
        public_id = f"{provider.name}/{model}"
        if model in known or public_id in rows or public_id in assembly.catalogue.snapshot().aliases:
            result["known"] += 1
            _keep_up(assembly, rows.get(public_id), card)
        else:
            result["added"].append(_add(assembly, provider.name, card))
    result["gone"] = sorted(model_id for model, model_id in known.items() if model not in cards)
    result["unpriced"] = list(_unpriced(assembly, provider, cards))
    return result


def _known(assembly: Assembly, provider: ConfiguredProvider) -> dict[str, str]:
    """The provider's models in the catalogue -> their public IDs."""
    entries = assembly.catalogue.snapshot().entries.values()
    return {entry.card.model: entry.id for entry in entries if entry.provider == provider.name}


def _listed(provider: ConfiguredProvider) -> Iterator[ModelCard]:
    """The lists of all the provider's endpoints, one after the other."""
    for place in provider.endpoints.places:
        context = replace(provider.context(), settings=place.settings, timeouts=_LIMITS)
        yield from provider.hooks["list_models"](context=context)


def _add(assembly: Assembly, provider: str, card: ModelCard) -> str:
    public_id = f"{provider}/{card.model}"
    facts = _facts(card)
    if card.price is not None:
        facts["price"] = keep_price(card.price)
    upsert_model(assembly.database, public_id, provider=provider, model=card.model, kind=card.kind, card=facts)
    return public_id


def _facts(card: ModelCard) -> dict[str, Any]:
    """What the list says of a model, its price left out."""
    unset = asdict(ModelCard(""))
    told = {name: value for name, value in asdict(card).items() if value != unset[name]}
    kept = {name: value for name, value in told.items() if name not in ("model", "kind", "price", "unpriced")}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in kept.items()}


def _keep_up(assembly: Assembly, row: ModelRow | None, card: ModelCard) -> None:
    """Take over what the list says now of a model that an earlier list brought; its price and its switch stay."""
    if row is None or row.provider is None or row.model != card.model:
        return
    kept = {name: value for name, value in row.card.items() if name in ("price", "given")}
    facts = {**_facts(card), **kept}
    if facts != {**row.card} and _facts(card):
        kind, enabled = card.kind or row.kind, row.enabled
        upsert_model(
            assembly.database,
            row.public_id,
            provider=row.provider,
            model=card.model,
            kind=kind,
            enabled=enabled,
            card={**row.card, **facts},
        )


def _unpriced(
    assembly: Assembly, provider: ConfiguredProvider, cards: Mapping[str, ModelCard]
) -> Iterator[dict[str, str]]:
    """Models that nobody can call, and why."""
    if not assembly.settings.gateway.bills:
        return
    snapshot = assembly.catalogue.refresh()
    for entry in sorted(snapshot.entries.values(), key=lambda entry: entry.id):
        card = cards.get(entry.card.model)
        if entry.provider == provider.name and card is not None and snapshot.price_of(entry) is None:
            rate = f"no rate of USD to {snapshot.prices.currency} is known"
            why = rate if snapshot.prices.lacks_rate(entry.id, entry.card) else card.unpriced or _NO_PRICE
            yield {"id": entry.id, "why": why}


def _unpriced_text(results: list[dict[str, Any]]) -> Iterator[str]:
    """One line for each reason."""
    reasons: dict[str, list[str]] = {}
    for result in results:
        for one in result["unpriced"]:
            reasons.setdefault(one["why"], []).append(one["id"])
    if reasons:
        yield "\nWithout a price, so that calls are refused (`router models price ID` sets one):"
    for why, ids in sorted(reasons.items()):
        yield f"- {why}: {', '.join(_few(ids))}"


def _few(ids: list[str]) -> list[str]:
    return ids if len(ids) <= _SHOWN_MAX else [*ids[:_SHOWN_MAX], f"and {len(ids) - _SHOWN_MAX} more"]
