"""``router accounts``: what owns keys."""

from __future__ import annotations

from typing import Any

import click

from router.cli.groups import Commands
from router.cli.output import iso_time, pairs, table
from router.cli.session import Session, common
from router.store.accounts import Account, create_account, get_account, list_accounts, set_account_status
from router.store.keys import list_keys

__all__ = ["accounts"]


@click.group(cls=Commands)
def accounts() -> None:
    """Accounts: what owns keys."""


@accounts.command()
@click.argument("name")
@common
def create(session: Session, name: str) -> None:
    """Make an account called NAME."""
    account = create_account(session.database, name)
    session.show(_value(account), pairs(_value(account)))
    session.note(f"Next: router keys create --account {account.id}")


@accounts.command("list")
@common
def list_(session: Session) -> None:
    """All accounts, oldest first."""
    rows = [_value(account) for account in list_accounts(session.database)]
    columns = {"id": "ID", "name": "NAME", "status": "STATUS", "created_at": "CREATED"}
    session.show(rows, table(rows, columns, empty="There is no account: make one with `router accounts create NAME`."))


@accounts.command()
@click.argument("account_id", metavar="ID")
@common
def show(session: Session, account_id: str) -> None:
    """One account and its balance; all zero as long as nothing is charged."""
    account = get_account(session.database, account_id)
    keys = len(list_keys(session.database, account.id))
    value = {**_value(account), "balance": "0", "held": "0", "available": "0", "keys": keys}
    session.show(value, pairs(value))


@accounts.command()
@click.argument("account_id", metavar="ID")
@common
def suspend(session: Session, account_id: str) -> None:
    """Refuse every key of an account, as if disabled, until it is resumed. Calls in flight are finished."""
    _set_status(session, account_id, "suspended")


@accounts.command()
@click.argument("account_id", metavar="ID")
@common
def resume(session: Session, account_id: str) -> None:
    """Accept the keys of a suspended account again; those that are disabled themselves stay so."""
    _set_status(session, account_id, "active")


def _set_status(session: Session, account_id: str, status: str) -> None:
    set_account_status(session.database, account_id, status)
    account = get_account(session.database, account_id)
    session.show(_value(account), f"account {account.id} is {account.status}")
    session.note("A running gateway sees it within a second.")


def _value(account: Account) -> dict[str, Any]:
    return {
        "id": account.id,
        "name": account.name,
        "status": account.status,
        "created_at": iso_time(account.created_at),
    }
