"""``router fallbacks``: the models that are tried when another fails."""

from __future__ import annotations

import click

from router.cli.support.groups import Commands
from router.cli.support.output import table
from router.cli.support.references import MODEL
from router.cli.support.session import CommandSession, common
from router.office import fallbacks as office

__all__ = ["fallbacks"]


@click.group(cls=Commands)
def fallbacks() -> None:
    """Which models are tried when one fails."""


@fallbacks.command("list")
@common
def list_(session: CommandSession) -> None:
    """Every model with fallbacks, and where that is written."""
    rows = [
        {"model": one.model, "targets": list(one.targets), "source": one.source, "where": one.where}
        for one in office.list_fallbacks(session.office)
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
    made = office.set_fallbacks(session.office, session.actor, model, targets)
    session.warn(made.warnings)
    value = {"model": made.model, "targets": list(targets)}
    session.show(value, f"{made.model} falls back to {', '.join(targets)}.")


@fallbacks.command()
@click.argument("model", type=MODEL)
@common
def clear(session: CommandSession, model: str) -> None:
    """Forget MODEL's fallbacks."""
    model = office.clear_fallbacks(session.office, session.actor, model)
    session.show({"model": model, "targets": []}, f"{model} has no fallbacks any more.")
