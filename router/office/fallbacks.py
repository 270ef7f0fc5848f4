"""Fallbacks: the models that are tried when another fails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from router.catalogue.fallbacks import check_no_circle
from router.db.transaction import Transaction
from router.errors import ConfigError, NotFound, Unavailable
from router.office.actor import Actor
from router.office.audit import Change, write
from router.office.office import Office, Shelf
from router.plugin_host.validate import nearest
from router.store import models as table

__all__ = ["Fallbacks", "clear_fallbacks", "list_fallbacks", "set_fallbacks"]


@dataclass(frozen=True, slots=True)
class Fallbacks:
    """What is tried when a model fails.

    Attributes:
        targets: best first.
        source: ``configuration`` or ``operator``.
        where: the place in words.
        warnings: what is to be said beside.
    """

    model: str
    targets: Sequence[str]
    source: str = "operator"
    where: str = "the database"
    warnings: Sequence[str] = ()


def list_fallbacks(office: Office) -> list[Fallbacks]:
    """Every model with fallbacks, by its ID."""
    found = office.shelf.snapshot.fallbacks
    fixed = office.settings.fallbacks
    return [
        Fallbacks(model, found[model], "configuration", office.settings.where(f"fallback.{model}"))
        if model in fixed
        else Fallbacks(model, found[model])
        for model in sorted(found)
    ]


def set_fallbacks(office: Office, actor: Actor, model: str, targets: Sequence[str]) -> Fallbacks:
    """Try each target, best first, when a model fails before its first output.

    Args:
        model: an alias keeps fallbacks of its own; every other name means the model's public ID.

    Raises:
        ModelNotFound: a name leads nowhere; names the nearest IDs.
        ConfigError: the configuration has the model's fallbacks.
        BadRequest: they would go round in a circle.
    """
    shelf = office.shelf

    def change(transaction: Transaction) -> Change[Fallbacks]:
        seen = shelf.within(transaction)
        warnings = seen.check_models([model, *targets])
        kept = _kept_as(seen, model)
        _refuse_fixed(office, kept)
        present = seen.snapshot.fallbacks
        check_no_circle(_by_target(seen, {**present, kept: targets}))
        table.set_fallbacks(transaction, kept, targets)
        detail = {"targets": list(targets), "before": list(present.get(kept, ()))}
        return Change(Fallbacks(kept, tuple(targets), warnings=warnings), kept, detail)

    return write(office, actor, "fallbacks set", change)


def clear_fallbacks(office: Office, actor: Actor, model: str) -> str:
    """Forget a model's fallbacks; the name that they stood under.

    Raises:
        NotFound: it has none; names the nearest that has.
        ConfigError: the configuration has them.
    """
    shelf = office.shelf

    def clear(transaction: Transaction) -> Change[str]:
        seen = shelf.within(transaction)
        kept = _kept_as(seen, model)
        _refuse_fixed(office, kept)
        found = seen.snapshot.fallbacks
        if kept not in found:
            raise NotFound(f"The model {kept!r} has no fallbacks{nearest(kept, found)}.", code="fallback_not_found")
        table.remove_fallbacks(transaction, kept)
        return Change(kept, kept, {"before": list(found[kept])})

    return write(office, actor, "fallbacks clear", clear)


def _kept_as(shelf: Shelf, model: str) -> str:
    """An alias as it is; every other way to name a model becomes its public ID, which has one list of fallbacks."""
    return model if model in shelf.snapshot.aliases else _target(shelf, model)


def _target(shelf: Shelf, model: str) -> str:
    """The public ID of the model that a name leads to; the name itself while its provider is not set up."""
    try:
        return shelf.target(model)
    except (NotFound, Unavailable):
        return model


def _by_target(shelf: Shelf, fallbacks: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The fallbacks with all names led to their models, so that an alias hides no circle."""
    found: dict[str, list[str]] = {}
    for model, targets in fallbacks.items():
        found.setdefault(_target(shelf, model), []).extend(_target(shelf, target) for target in targets)
    return found


def _refuse_fixed(office: Office, model: str) -> None:
    if model in office.settings.fallbacks:
        where = office.settings.where(f"fallback.{model}")
        raise ConfigError(f"{where}: fixed there, which wins over the database: change it in that file")
