"""``router usage margin``: what models earn."""

from __future__ import annotations

from typing import Any

import click

from router.cli.support.output import table
from router.cli.support.session import CommandSession, common
from router.cli.support.times import PAST
from router.money.amounts import format_nano
from router.office.usage import Margin, list_margins

__all__ = ["margin"]


@click.command()
@click.option("--since", type=PAST, metavar="TIME", help="From the hour of: 7d ago, or 2027-01-31 (UTC).")
@common
def margin(session: CommandSession, since: float | None) -> None:
    """By model: what was charged, what the provider charges for it, and the difference.

    Where the cost of calls is not known (NO COST), no difference is shown: COST is that of the others.
    """
    currency = session.office.currency
    found = list_margins(session.office, since or 0.0)
    rows = [_value(one, currency) for one in found]
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
    unknown = [one.model for one in found if one.uncosted]
    if unknown:
        names = ", ".join(unknown[:5]) + (" and others" if len(unknown) > 5 else "")
        session.note(
            f"The cost of calls to {names} is not known, and so no margin. Say what the provider charges, in USD per "
            "million tokens: `router models add ... --cost-input AMOUNT --cost-output AMOUNT`, or `cost` in "
            "[providers.NAME.models.MODEL]."
        )


def _value(one: Margin, currency: str) -> dict[str, Any]:
    return {
        "model": one.model,
        "calls": one.calls,
        "charge": format_nano(one.charge_nano),
        "cost": format_nano(one.cost_nano),
        "margin": format_nano(one.charge_nano - one.cost_nano) if not one.uncosted else None,
        "uncosted": one.uncosted,
        "currency": currency,
    }
