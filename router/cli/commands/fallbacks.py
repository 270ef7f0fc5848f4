"""``router fallbacks``: the models that are tried when another fails."""

from __future__ import annotations

import click

from router.cli.support.groups import Commands
from router.cli.support.output import table
from router.cli.support.references import MODEL
from router.cli.support.session import CommandSession, remotely
from router.office.operations import models as operations

__all__ = ["fallbacks"]


@click.group(cls=Commands)
def fallbacks() -> None:
    """Which models are tried when one fails."""


@fallbacks.command("list")
@remotely
def list_(session: CommandSession) -> None:
    """Every model with fallbacks, and where that is written."""
    rows = session.run(operations.list_fallbacks)
    columns = {"model": "MODEL", "targets": "FALLBACKS", "where": "WRITTEN IN"}
    session.show(rows, table(rows, columns, empty="No model has fallbacks."))


@fallbacks.command("set")
@click.argument("model", type=MODEL)
@click.argument("targets", type=MODEL, nargs=-1, required=True, metavar="TARGET...")
@remotely
def set_(session: CommandSession, model: str, targets: tuple[str, ...]) -> None:
    """Try each TARGET, best first, when MODEL fails before its first output.

    MODEL may be an alias, whose fallbacks then hold for calls under that name. The targets' own fallbacks are not
    followed.
    """
    value = session.run(operations.set_fallbacks, model=model, targets=targets)
    session.show(value, f"{value['model']} falls back to {', '.join(targets)}.")


@fallbacks.command()
@click.argument("model", type=MODEL)
@remotely
def clear(session: CommandSession, model: str) -> None:
    """Forget MODEL's fallbacks."""
    value = session.run(operations.clear_fallbacks, model=model)
    session.show(value, f"{value['model']} has no fallbacks any more.")
