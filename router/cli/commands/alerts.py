"""``router alerts``: what wants an operator."""

from __future__ import annotations

import click

from router.cli.support.groups import Commands
from router.cli.support.output import table
from router.cli.support.session import CommandSession, remotely
from router.office.operations.care import list_alerts

__all__ = ["alerts"]


@click.group(cls=Commands)
def alerts() -> None:
    """What the running gateway found that wants an operator."""


@alerts.command("list")
@remotely
def list_(session: CommandSession) -> None:
    """A refused key or an unpaid bill at a provider, a model without a price, a loss, a database or a job in trouble.

    Each is mailed to operators once, and listed here, by `router doctor` and on the console's first page for as long
    as it lasts.
    """
    rows = session.run(list_alerts)
    columns = {"since": "SINCE", "kind": "KIND", "detail": "WHAT", "remedy": "WHAT TO DO"}
    session.show(rows, table(rows, columns, empty="Nothing wants an operator."))
