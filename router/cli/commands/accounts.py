"""``router accounts``: what owns keys."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import click

from router.cli.support.groups import Commands
from router.cli.support.output import iso_time, pairs, table
from router.cli.support.references import ACCOUNT
from router.cli.support.session import CommandSession, common
from router.errors import NotFound
from router.ledger.balances import balance
from router.money.amounts import format_nano
from router.plugin_host.registry import nearest
from router.store.accounts import (
    Account,
    create_account,
    get_account,
    list_accounts,
    list_price_lists,
    rename_account,
    set_account_price_list,
    set_account_status,
    set_account_tier,
)
from router.store.keys import list_keys
from router.store.limits import list_limits

__all__ = ["accounts"]


@click.group(cls=Commands)
def accounts() -> None:
    """Accounts: what owns keys."""


@accounts.command()
@click.argument("name")
@common
def create(session: CommandSession, name: str) -> None:
    """Make an account called NAME."""
    account = create_account(session.database, name)
    session.show(_value(account), pairs(_value(account)))
    session.note(f"Next: router keys create --account {account.id}")


@accounts.command("list")
@common
def list_(session: CommandSession) -> None:
    """All accounts, oldest first."""
    rows = [_value(account) for account in list_accounts(session.database)]
    columns = {"id": "ID", "name": "NAME", "status": "STATUS", "created_at": "CREATED", "tier": "TIER"}
    session.show(rows, table(rows, columns, empty="There is no account: make one with `router accounts create NAME`."))


@accounts.command()
@click.argument("account_id", type=ACCOUNT, metavar="ID")
@common
def show(session: CommandSession, account_id: str) -> None:
    """One account, what it has, and what of that its calls under way hold."""
    account = get_account(session.database, account_id)
    keys = len(list_keys(session.database, account.id))
    money = balance(session.database, account.id)
    amounts = {name: format_nano(getattr(money, name)) for name in ("balance", "held", "available")}
    value = {**_value(account), **amounts, "currency": session.currency, "keys": keys}
    session.show(value, pairs(value))


@accounts.command()
@click.argument("account_id", type=ACCOUNT, metavar="ID")
@click.argument("name")
@common
def rename(session: CommandSession, account_id: str, name: str) -> None:
    """Call an account NAME from now on."""
    rename_account(session.database, account_id, name)
    account = get_account(session.database, account_id)
    session.show(_value(account), f"account {account.id} is called {account.name}")


@accounts.command()
@click.argument("account_id", type=ACCOUNT, metavar="ID")
@click.option("--now", is_flag=True, help="End its calls that are under way, too, within about a second.")
@common
def suspend(session: CommandSession, account_id: str, now: bool) -> None:
    """Refuse every key of an account, as if disabled, until it is resumed. Calls under way end well, but with --now."""
    _set_status(session, account_id, "suspended", now=now)


@accounts.command()
@click.argument("account_id", type=ACCOUNT, metavar="ID")
@common
def resume(session: CommandSession, account_id: str) -> None:
    """Accept the keys of a suspended account again; those that are disabled themselves stay so."""
    _set_status(session, account_id, "active")


@accounts.command()
@click.argument("account_id", type=ACCOUNT, metavar="ID")
@click.argument("name")
@common
def tier(session: CommandSession, account_id: str, name: str) -> None:
    """Put an account into the tier NAME, whose limits hold for its keys from the next call on; none takes it out."""
    known = {*session.settings.limits.tiers}
    known |= {subject.name for subject in list_limits(session.database) if subject.kind.startswith("tier")}
    value = _listed(name, known, "tier", "router limits set --tier NAME")
    set_account_tier(session.database, account_id, value)
    _show_changed(session, account_id, f"is in tier {value}" if value else "is in no tier")


@accounts.command("price-list")
@click.argument("account_id", type=ACCOUNT, metavar="ID")
@click.argument("name")
@common
def price_list(session: CommandSession, account_id: str, name: str) -> None:
    """Charge an account by the price list NAME from the next call on; none goes back to the prices for everybody."""
    known = list_price_lists(session.database)
    value = _listed(name, known, "price list", "router models price MODEL --list NAME")
    set_account_price_list(session.database, account_id, value)
    _show_changed(session, account_id, f"is charged by {value}" if value else "is charged by the prices for everybody")


def _listed(name: str, known: Collection[str], what: str, remedy: str) -> str:
    """The name of one that there is; empty for ``none``."""
    if name.lower() == "none":
        return ""
    if name not in known:
        raise NotFound(f"There is no {what} {name[:100]!r}{nearest(name, known)} (`{remedy}` makes it).")
    return name


def _show_changed(session: CommandSession, account_id: str, what: str) -> None:
    account = get_account(session.database, account_id)
    session.show(_value(account), f"account {account.id} {what}")


def _set_status(session: CommandSession, account_id: str, status: str, *, now: bool = False) -> None:
    set_account_status(session.database, account_id, status, now=now)
    account = get_account(session.database, account_id)
    session.show(_value(account), f"account {account.id} is {account.status}")
    session.note("A running gateway sees it at the next call.")


def _value(account: Account) -> dict[str, Any]:
    return {
        "id": account.id,
        "name": account.name,
        "status": account.status,
        "created_at": iso_time(account.created_at),
        "tier": account.tier or None,
        "price_list": account.price_list or None,
    }
