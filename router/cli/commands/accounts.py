"""``router accounts``: what owns keys."""

from __future__ import annotations

from typing import Any

import click

from router.cli.support.groups import Commands
from router.cli.support.output import pairs, table
from router.cli.support.references import ACCOUNT
from router.cli.support.session import CommandSession, remotely
from router.office.operations import accounts as operations

__all__ = ["accounts"]


@click.group(cls=Commands)
def accounts() -> None:
    """Accounts: what owns keys."""


@accounts.command()
@click.argument("name")
@remotely
def create(session: CommandSession, name: str) -> None:
    """Make an account called NAME."""
    account = session.run(operations.create_account, name=name)
    session.show(account, pairs(account))
    session.note(f"Next: router keys create --account {account['id']}")


@accounts.command("list")
@remotely
def list_(session: CommandSession) -> None:
    """All accounts, oldest first."""
    rows = session.run(operations.list_accounts)
    columns = {"id": "ID", "name": "NAME", "status": "STATUS", "created_at": "CREATED", "tier": "TIER"}
    session.show(rows, table(rows, columns, empty="There is no account: make one with `router accounts create NAME`."))


@accounts.command()
@click.argument("account", type=ACCOUNT, metavar="ID")
@remotely
def show(session: CommandSession, account: str) -> None:
    """One account, what it has, and what of that its calls under way hold."""
    value = session.run(operations.show_account, account=account)
    session.show(value, pairs(value))


@accounts.command()
@click.argument("account", type=ACCOUNT, metavar="ID")
@click.argument("name")
@remotely
def rename(session: CommandSession, account: str, name: str) -> None:
    """Call an account NAME from now on."""
    value = session.run(operations.rename_account, account=account, name=name)
    session.show(value, f"account {value['id']} is called {value['name']}")


@accounts.command()
@click.argument("account", type=ACCOUNT, metavar="ID")
@click.option("--now", is_flag=True, help="End its calls that are under way, too, within about a second.")
@remotely
def suspend(session: CommandSession, account: str, now: bool) -> None:
    """Refuse every key of an account, as if disabled, until it is resumed. Calls under way end well, but with --now."""
    _show_status(session, session.run(operations.suspend_account, account=account, now=now))


@accounts.command()
@click.argument("account", type=ACCOUNT, metavar="ID")
@remotely
def resume(session: CommandSession, account: str) -> None:
    """Accept the keys of a suspended account again; those that are disabled themselves stay so."""
    _show_status(session, session.run(operations.resume_account, account=account))


@accounts.command()
@click.argument("account", type=ACCOUNT, metavar="ID")
@click.argument("name")
@remotely
def tier(session: CommandSession, account: str, name: str) -> None:
    """Put an account into the tier NAME, whose limits hold for its keys from the next call on; none takes it out."""
    value = session.run(operations.set_tier, account=account, tier=_given(name))
    what = f"is in tier {value['tier']}" if value["tier"] else "is in no tier"
    session.show(value, f"account {value['id']} {what}")


@accounts.command("price-list")
@click.argument("account", type=ACCOUNT, metavar="ID")
@click.argument("name")
@remotely
def price_list(session: CommandSession, account: str, name: str) -> None:
    """Charge an account by the price list NAME from the next call on; none goes back to the prices for everybody."""
    value = session.run(operations.set_price_list, account=account, price_list=_given(name))
    session.show(value, f"account {value['id']} is charged by {value['price_list'] or 'the prices for everybody'}")


def _given(name: str) -> str | None:
    """A name; None for the word that means that there shall be none."""
    return None if name.lower() == "none" else name


def _show_status(session: CommandSession, account: dict[str, Any]) -> None:
    session.show(account, f"account {account['id']} is {account['status']}")
    session.note("A running gateway sees it at the next call.")
