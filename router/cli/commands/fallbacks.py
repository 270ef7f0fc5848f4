"""``router fallbacks``: the models that are tried when another fails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from router.app.assembly import Assembly
from router.catalogue.fallbacks import check_no_circle
from router.cli.support.groups import Commands
from router.cli.support.output import table
from router.cli.support.references import MODEL
from router.cli.support.session import CommandSession, common
from router.cli.support.targets import check_models
from router.errors import ConfigError, NotFound, Unavailable
from router.plugin_host.registry import nearest
from router.store.models import remove_fallbacks, set_fallbacks

__all__ = ["fallbacks"]


@click.group(cls=Commands)
def fallbacks() -> None:
    """Which models are tried when one fails."""


@fallbacks.command("list")
@common
def list_(session: CommandSession) -> None:
    """Every model with fallbacks, and where that is written."""
    assembly = session.assembly
    found = assembly.catalogue.snapshot().fallbacks
    rows: list[dict[str, Any]] = [
        {"model": model, "targets": list(found[model]), **_origin(assembly, model)} for model in sorted(found)
    ]
    columns = {"model": "MODEL", "targets": "FALLBACKS", "where": "WRITTEN IN"}
    session.show(rows, table(rows, columns, empty="No model has fallbacks."))


@fallbacks.command("set")
@click.argument("model", type=MODEL)
@click.argument("targets", type=MODEL, nargs=-1, required=True, metavar="TARGET...")
@common
def set_(session: CommandSession, model: str, targets: tuple[str, ...]) -> None:
    """Try each TARGET, best first, when MODEL fails before its first output.

    MODEL may be an alias, whose fallbacks then hold for calls under that name. The targets' own fallbacks are not
    followed.
    """
    assembly = session.assembly
    check_models(session, [model, *targets])
    model = _kept_as(assembly, model)
    _refuse_fixed(assembly, model)
    check_no_circle(_by_target(assembly, {**assembly.catalogue.snapshot().fallbacks, model: targets}))
    set_fallbacks(assembly.database, model, targets)
    value = {"model": model, "targets": list(targets)}
    session.show(value, f"{model} falls back to {', '.join(targets)}.")


@fallbacks.command()
@click.argument("model", type=MODEL)
@common
def clear(session: CommandSession, model: str) -> None:
    """Forget MODEL's fallbacks."""
    assembly = session.assembly
    model = _kept_as(assembly, model)
    _refuse_fixed(assembly, model)
    found = assembly.catalogue.snapshot().fallbacks
    if model not in found:
        raise NotFound(f"The model {model!r} has no fallbacks{nearest(model, found)}.", code="fallback_not_found")
    remove_fallbacks(assembly.database, model)
    session.show({"model": model, "targets": []}, f"{model} has no fallbacks any more.")


def _origin(assembly: Assembly, model: str) -> dict[str, str]:
    if model in assembly.settings.fallbacks:
        return {"source": "configuration", "where": assembly.settings.where(f"fallback.{model}")}
    return {"source": "operator", "where": "the database"}


def _kept_as(assembly: Assembly, model: str) -> str:
    """An alias as it is; every other way to name a model becomes its public ID, which has one list of fallbacks."""
    return model if model in assembly.catalogue.snapshot().aliases else _target(assembly, model)


def _target(assembly: Assembly, model: str) -> str:
    """The public ID of the model that a name leads to; the name itself while its provider is not set up."""
    try:
        return assembly.resolver.route(model).targets[0].id
    except (NotFound, Unavailable):
        return model


def _by_target(assembly: Assembly, fallbacks: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The fallbacks with all names led to their models, so that an alias hides no circle."""
    found: dict[str, list[str]] = {}
    for model, targets in fallbacks.items():
        found.setdefault(_target(assembly, model), []).extend(_target(assembly, target) for target in targets)
    return found


def _refuse_fixed(assembly: Assembly, model: str) -> None:
    if model in assembly.settings.fallbacks:
        where = assembly.settings.where(f"fallback.{model}")
        raise ConfigError(f"{where}: fixed there, which wins over the database: change it in that file")
