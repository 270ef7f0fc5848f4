"""``router usage margin``: what models earn."""

from __future__ import annotations

import click

from router.cli.support.output import table
from router.cli.support.session import CommandSession, remotely
from router.cli.support.times import PAST
from router.office.operations.usage import list_margins

__all__ = ["margin"]


@click.command()
@click.option("--since", type=PAST, metavar="TIME", help="From the hour of: 7d ago, or 2027-01-31 (UTC).")
@remotely
def margin(session: CommandSession, since: float | None) -> None:
    """By model: what was charged, what the provider charges for it, and the difference.

    Where the cost of calls is not known (NO COST), no difference is shown: COST is that of the others.
    """
    rows = session.run(list_margins, since=since)
    columns = {
        "model": "MODEL",
        "calls": "CALLS",
        "charge": "CHARGE",
        "cost": "COST",
        "margin": "MARGIN",
        "uncosted": "NO COST",
        "currency": "CURRENCY",
    }
    session.show(rows, table(rows, columns, empty="No call so far."))
    unknown = [row["model"] for row in rows if row["uncosted"]]
    if unknown:
        names = ", ".join(unknown[:5]) + (" and others" if len(unknown) > 5 else "")
        session.note(
            f"The cost of calls to {names} is not known, and so no margin. Say what the provider charges, in USD per "
            "million tokens: `router models add ... --cost-input AMOUNT --cost-output AMOUNT`, or `cost` in "
            "[providers.NAME.models.MODEL]."
        )
