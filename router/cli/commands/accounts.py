"""``router accounts``: what owns keys."""

from __future__ import annotations

from typing import Any

import click

from router.cli.support.groups import Commands
from router.cli.support.output import iso_time, pairs, table
from router.cli.support.references import ACCOUNT
from router.cli.support.session import CommandSession, common
from router.money.amounts import format_nano
from router.office import accounts as office
from router.office.accounts import Account

__all__ = ["accounts"]


@click.group(cls=Commands)
def accounts() -> None:
    """Accounts: what owns keys."""


@accounts.command()
@click.argument("name")
@common
def create(session: CommandSession, name: str) -> None:
    """Make an account called NAME."""
    account = office.create_account(session.office, session.actor, name)
    session.show(_value(account), pairs(_value(account)))
    session.note(f"Next: router keys create --account {account.id}")


@accounts.command("list")
@common
def list_(session: CommandSession) -> None:
    """All accounts, oldest first."""
    rows = [_value(account) for account in office.list_accounts(session.office)]
    columns = {"id": "ID", "name": "NAME", "status": "STATUS", "created_at": "CREATED", "tier": "TIER"}
    session.show(rows, table(rows, columns, empty="There is no account: make one with `router accounts create NAME`."))


@accounts.command()
@click.argument("account_id", type=ACCOUNT, metavar="ID")
@common
def show(session: CommandSession, account_id: str) -> None:
    """One account, what it has, and what of that its calls under way hold."""
    found = office.show_account(session.office, account_id)
    amounts = {name: format_nano(getattr(found.balance, name)) for name in ("balance", "held", "available")}
    kinds = office.credit_by_kind(session.office, account_id)
    by_kind: dict[str, Any] = {name: format_nano(getattr(kinds, name)) for name in ("paid", "granted")}
    if kinds.owed:
        by_kind["owed"] = format_nano(kinds.owed)
    if kinds.expiring:
        soon = kinds.expiring[0]
        by_kind["expires_next"] = f"{format_nano(soon.left_nano)} at {iso_time(soon.expires_at)}"
    frozen = office.disputes_of(session.office, account_id)
    if frozen:
        by_kind["frozen_by"] = frozen
    value = {**_value(found.account), **amounts, **by_kind, "currency": found.currency, "keys": found.keys}
    session.show(value, pairs(value))


@accounts.command()
@click.argument("account_id", type=ACCOUNT, metavar="ID")
@click.argument("name")
@common
def rename(session: CommandSession, account_id: str, name: str) -> None:
    """Call an account NAME from now on."""
    account = office.rename_account(session.office, session.actor, account_id, name)
    session.show(_value(account), f"account {account.id} is called {account.name}")


@accounts.command()
@click.argument("account_id", type=ACCOUNT, metavar="ID")
@click.option("--now", is_flag=True, help="End its calls that are under way, too, within about a second.")
@common
def suspend(session: CommandSession, account_id: str, now: bool) -> None:
    """Refuse every key of an account, as if disabled, until it is resumed. Calls under way end well, but with --now."""
    _show_status(session, office.suspend_account(session.office, session.actor, account_id, now=now))


@accounts.command()
@click.argument("account_id", type=ACCOUNT, metavar="ID")
@common
def resume(session: CommandSession, account_id: str) -> None:
    """Accept the keys of a suspended account again; those that are disabled themselves stay so."""
    _show_status(session, office.resume_account(session.office, session.actor, account_id))


@accounts.command()
@click.argument("account_id", type=ACCOUNT, metavar="ID")
@click.argument("name")
@common
def tier(session: CommandSession, account_id: str, name: str) -> None:
    """Put an account into the tier NAME, whose limits hold for its keys from the next call on; none takes it out."""
    account = office.set_tier(session.office, session.actor, account_id, _given(name))
    what = f"is in tier {account.tier}" if account.tier else "is in no tier"
    session.show(_value(account), f"account {account.id} {what}")


@accounts.command("price-list")
@click.argument("account_id", type=ACCOUNT, metavar="ID")
@click.argument("name")
@common
def price_list(session: CommandSession, account_id: str, name: str) -> None:
    """Charge an account by the price list NAME from the next call on; none goes back to the prices for everybody."""
    account = office.set_price_list(session.office, session.actor, account_id, _given(name))
    session.show(
        _value(account), f"account {account.id} is charged by {account.price_list or 'the prices for everybody'}"
    )


def _given(name: str) -> str:
    """A name; empty for the word that means that there shall be none."""
    return "" if name.lower() == "none" else name


def _show_status(session: CommandSession, account: Account) -> None:
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
