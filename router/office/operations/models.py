"""The catalogue, as operators work on it: models, aliases and fallbacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from router.money.price_text import show_price
from router.office import fallbacks as office_fallbacks
from router.office import models as office_models
from router.office.actor import Actor
from router.office.model_sync import sync_models as sync_provider
from router.office.model_sync import syncable
from router.office.models import ModelShown
from router.office.office import Office
from router.office.operations.operation import OperationAnswer, Progress, operation

__all__ = [
    "add_model",
    "clear_fallbacks",
    "disable_model",
    "enable_model",
    "list_fallbacks",
    "list_models",
    "remove_alias",
    "remove_model",
    "set_alias",
    "set_fallbacks",
    "show_model",
    "sync_models",
]


@operation("models list", "models:ModelsForm")
def list_models(office: Office, *, provider: str | None = None) -> OperationAnswer:
    """Every model of the active providers, disabled ones included, and the aliases."""
    rows = [_row(one) for one in office_models.list_models(office, provider)]
    currency = office.shelf.snapshot.prices.currency
    notes = [
        f"{one.name} is taken as active, though not set up in this shell: {one.unset}"
        for one in office.shelf.providers.values()
        if one.unset
    ]
    return OperationAnswer([{**row, "currency": currency} for row in rows], notes=notes)


@operation("models show", "models:ModelForm")
def show_model(office: Office, *, model: str) -> OperationAnswer:
    """One model: who serves it, its limits, and its price per million tokens."""
    found = office_models.show_model(office, model)
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
    return OperationAnswer({**_row(found.shown), "currency": found.currency, **facts, "aliases": list(found.aliases)})


@operation("models add", "models:AddModelForm", writes=True)
def add_model(
    office: Office,
    actor: Actor,
    *,
    id: str,
    provider: str,
    model: str,
    kind: str | None = None,
    facts: dict[str, Any] | None = None,
    replace: bool | None = None,
) -> OperationAnswer:
    """Let clients ask for an ID, and serve it by a provider's model."""
    kind = kind or "chat"
    made = office_models.add_model(
        office, actor, id, provider=provider, model=model, kind=kind, facts=facts or {}, replace=bool(replace)
    )
    value = {"id": id, "provider": provider, "model": model, "kind": kind, "enabled": True}
    if made.problem:
        return OperationAnswer(value, [f"provider {provider} cannot serve yet: {made.problem}"])
    remedy = f"Calls are refused until it has a price: router models price {id} --input AMOUNT --output AMOUNT"
    return OperationAnswer(value, notes=[remedy] if made.unsold else [])


@operation("models enable", "models:ModelForm", writes=True)
def enable_model(office: Office, actor: Actor, *, model: str) -> OperationAnswer:
    """Let clients use a model again."""
    return OperationAnswer({"id": office_models.set_model_enabled(office, actor, model, True), "enabled": True})


@operation("models disable", "models:ModelForm", writes=True)
def disable_model(office: Office, actor: Actor, *, model: str) -> OperationAnswer:
    """Hide a model, and refuse calls to it."""
    return OperationAnswer({"id": office_models.set_model_enabled(office, actor, model, False), "enabled": False})


@operation("models remove", "models:ModelForm", writes=True)
def remove_model(office: Office, actor: Actor, *, model: str) -> OperationAnswer:
    """Forget a model that was added by hand or by a list, or the switch of a listed one."""
    gone = office_models.remove_model(office, actor, model)
    warnings = [f"the alias {one} leads nowhere now" for one in gone.dead_aliases]
    return OperationAnswer({"id": model, "removed": True, "listed": gone.listed}, warnings)


@operation("models alias", "models:AliasForm", writes=True)
def set_alias(office: Office, actor: Actor, *, name: str, target: str) -> OperationAnswer:
    """Let a name mean a model."""
    warnings = office_models.set_alias(office, actor, name, target)
    return OperationAnswer({"alias": name, "target": target}, warnings)


@operation("models unalias", "models:AliasNameForm", writes=True)
def remove_alias(office: Office, actor: Actor, *, name: str) -> OperationAnswer:
    """Let a name mean nothing any more."""
    office_models.remove_alias(office, actor, name)
    return OperationAnswer({"alias": name, "removed": True})


@operation("models sync", "models:ModelsForm", writes=True, long=True)
def sync_models(office: Office, actor: Actor, *, provider: str | None = None, progress: Progress) -> OperationAnswer:
    """Ask a provider, or every active one, for its models, and add those that are not in the catalogue yet."""
    chosen = syncable(office, provider)
    results = []
    for place, one in enumerate(chosen, 1):
        if len(chosen) > 1:
            progress(f"asking {one.name} ({place} of {len(chosen)})")
        results.append(asdict(sync_provider(office, actor, one)))
    return OperationAnswer(results)


@operation("fallbacks list", "form:NothingForm")
def list_fallbacks(office: Office) -> OperationAnswer:
    """Every model with fallbacks, and where that is written."""
    return OperationAnswer(
        [
            {"model": one.model, "targets": list(one.targets), "source": one.source, "where": one.where}
            for one in office_fallbacks.list_fallbacks(office)
        ]
    )


@operation("fallbacks set", "models:FallbacksForm", writes=True)
def set_fallbacks(office: Office, actor: Actor, *, model: str, targets: Sequence[str]) -> OperationAnswer:
    """Try each target, best first, when a model fails before its first output."""
    made = office_fallbacks.set_fallbacks(office, actor, model, tuple(targets))
    return OperationAnswer({"model": made.model, "targets": list(targets)}, made.warnings)


@operation("fallbacks clear", "models:ModelForm", writes=True)
def clear_fallbacks(office: Office, actor: Actor, *, model: str) -> OperationAnswer:
    """Forget a model's fallbacks."""
    return OperationAnswer({"model": office_fallbacks.clear_fallbacks(office, actor, model), "targets": []})


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
