"""``router fallbacks``: the models that are tried when another fails."""

from __future__ import annotations

from typing import Any

import click

from router.catalogue.fallbacks import check_no_cycle
from router.cli.groups import Commands
from router.cli.output import table
from router.cli.session import Session, common
from router.cli.targets import check_models
from router.errors import ConfigError, NotFound
from router.gateway.assembly import Assembly
from router.registry import nearest
from router.store.models import remove_fallbacks, set_fallbacks

__all__ = ["fallbacks"]


@click.group(cls=Commands)
def fallbacks() -> None:
    """Which models are tried when one fails."""


@fallbacks.command("list")
@common
def list_(session: Session) -> None:
    """Every model with fallbacks, and whether the configuration or the database says so."""
    fixed = session.assembly.settings.fallbacks
    found = session.assembly.catalogue.snapshot().fallbacks
    rows: list[dict[str, Any]] = [
        {"model": model, "targets": list(found[model]), "source": "configuration" if model in fixed else "operator"}
        for model in sorted(found)
    ]
    columns = {"model": "MODEL", "targets": "FALLBACKS", "source": "SOURCE"}
    session.show(rows, table(rows, columns, empty="No model has fallbacks."))


@fallbacks.command("set")
@click.argument("model")
@click.argument("targets", nargs=-1, required=True, metavar="TARGET...")
@common
def set_(session: Session, model: str, targets: tuple[str, ...]) -> None:
    """Try each TARGET, best first, when MODEL fails before its first output."""
    assembly = session.assembly
    _refuse_fixed(assembly, model)
    check_models(session, [model, *targets])
    check_no_cycle({**assembly.catalogue.snapshot().fallbacks, model: targets})
    set_fallbacks(assembly.database, model, targets)
    value = {"model": model, "targets": list(targets)}
    session.show(value, f"{model} falls back to {', '.join(targets)}.")


@fallbacks.command()
@click.argument("model")
@common
def clear(session: Session, model: str) -> None:
    """Forget MODEL's fallbacks."""
    assembly = session.assembly
    _refuse_fixed(assembly, model)
    found = assembly.catalogue.snapshot().fallbacks
    if model not in found:
        raise NotFound(f"The model {model!r} has no fallbacks{nearest(model, found)}.", code="fallback_not_found")
    remove_fallbacks(assembly.database, model)
    session.show({"model": model, "targets": []}, f"{model} has no fallbacks any more.")


def _refuse_fixed(assembly: Assembly, model: str) -> None:
    if model in assembly.settings.fallbacks:
        where = assembly.settings.where(f"fallback.{model}")
        raise ConfigError(f"{where}: fixed there, which wins over the database: change it in that file")
