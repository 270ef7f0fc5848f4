"""``router limits``: limits of keys, accounts and tiers."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import click

from router.cli.support.groups import Commands
from router.cli.support.output import table
from router.cli.support.references import ACCOUNT, KEY
from router.cli.support.session import CommandSession, remotely
from router.cli.support.values import AMOUNT, OrNothing, given
from router.office.limits import Limits
from router.office.operations import limits as operations

__all__ = ["limits"]

_NAMES = tuple(field.name for field in fields(Limits))
_COUNT = OrNothing(click.IntRange(0, 2**53))
_COLUMNS = {"subject": "LIMITS OF", "where": "WRITTEN IN"} | {name: name.upper().replace("_", " ") for name in _NAMES}


@click.group(cls=Commands)
def limits() -> None:
    """Limits of keys, accounts and tiers."""


@limits.command("list")
@click.option("--key", type=KEY, metavar="ID", help="What holds for this key, and where each limit comes from.")
@click.option("--account", type=ACCOUNT, metavar="ID", help="What holds for all keys of this account together.")
@remotely
def list_(session: CommandSession, key: str | None, account: str | None) -> None:
    """All limits that are set, or those in force for a key or an account."""
    if key is not None and account is not None:
        raise click.UsageError("give --key or --account, not both")
    if key is None and account is None:
        rows = session.run(operations.list_limits)
        session.show(rows, table(rows, _COLUMNS, empty="No limit is set."))
        return
    rows = session.run(operations.list_limits, key=key, account=account)
    columns = {
        "counted": "COUNTED FOR",
        "limit": "LIMIT",
        "value": "VALUE",
        "resets_at": "BEGINS AGAIN",
        "source": "COMES FROM",
    }
    session.show(rows, table(rows, columns, empty="No limit holds."))


@limits.command("set")
@click.option("--key", type=KEY, metavar="ID", help="Of this key.")
@click.option("--account", type=ACCOUNT, metavar="ID", help="Of all keys of this account together.")
@click.option("--tier", metavar="NAME", help="Of each key of the accounts of this tier.")
@click.option("--per-account", is_flag=True, help="With --tier: of all keys of such an account together.")
@click.option("--requests-per-minute", type=_COUNT, metavar="N", help="Calls that begin.")
@click.option("--tokens-per-minute", type=_COUNT, metavar="N", help="Tokens in and out.")
@click.option("--concurrent", type=_COUNT, metavar="N", help="Calls under way.")
@click.option("--spend-per-day", type=OrNothing(AMOUNT), metavar="AMOUNT", help="Charges in a calendar day.")
@click.option("--spend-per-month", type=OrNothing(AMOUNT), metavar="AMOUNT", help="Charges in a calendar month.")
@click.option("--clear", is_flag=True, help="Take all limits away that are set here.")
@remotely
def set_(
    session: CommandSession,
    key: str | None,
    account: str | None,
    tier: str | None,
    per_account: bool,
    clear: bool,
    **values: Any,
) -> None:
    """Set limits; those not named stay as they are.

    0 refuses every call, none takes a limit away, so that the next weaker one holds: a key's own, its tier's, then the
    configuration's. What its account asks of a key in the portal only lowers it. It holds from the next call on.
    """
    if [key, account, tier].count(None) != 2:
        raise click.UsageError("give one of --key, --account and --tier")
    if per_account and tier is None:
        raise click.UsageError("--per-account goes with --tier")
    changes = {name: given(value) for name, value in values.items() if value is not None}
    if clear == bool(changes):
        raise click.UsageError("say which limits to set, or --clear to take all of them away")
    whose = {"key": key, "account": account, "tier": tier, "per_account": per_account}
    row = session.run(operations.set_limits, **whose, clear=clear, **changes)
    session.show(row, table([row], _COLUMNS, empty=""))


@limits.command()
@remotely
def tiers(session: CommandSession) -> None:
    """Every tier, its limits, where they are written and how many accounts have it."""
    rows = session.run(operations.list_tiers)
    columns = {"accounts": "ACCOUNTS", **_COLUMNS}
    session.show(rows, table(rows, columns, empty="There is no tier: make one with `router limits set --tier NAME`."))
