"""``router keys``: API keys. A key's text is shown once, by the command that makes it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import click

from router.cli.groups import Commands
from router.cli.output import iso_time, pairs, table
from router.cli.session import Session, common
from router.cli.targets import check_scope
from router.cli.times import DURATION, FUTURE
from router.store.accounts import get_account
from router.store.database import Database
from router.store.keys import KeyRow, create_key, disable_key, enable_key, get_key, list_keys, revoke_key, rotate_key

__all__ = ["keys"]

_ONCE = "\nThe key is shown this once; only its hash is kept."


@click.group(cls=Commands)
def keys() -> None:
    """API keys."""


@keys.command()
@click.option("--account", required=True, metavar="ID", help="The account that the key belongs to.")
@click.option("--name", default="key", show_default=True, help="A label.")
@click.option("--scope", multiple=True, metavar="MODEL", help="A model ID, or PROVIDER/*, that it may use; repeatable.")
@click.option("--expires", type=FUTURE, metavar="TIME", help="When it ends: 30d, or 2027-01-31; never if omitted.")
@common
def create(session: Session, account: str, name: str, scope: tuple[str, ...], expires: float | None) -> None:
    """Make a key. Without --scope it may use every model."""
    check_scope(session, scope)
    prefix = session.key_prefix
    row, text = create_key(session.database, account, name, prefix=prefix, expires_at=expires, scope=scope)
    _show_once(session, row, text)


@keys.command("list")
@click.option("--account", metavar="ID", help="Only this account's.")
@common
def list_(session: Session, account: str | None) -> None:
    """All keys, oldest first. Of a key's text only the last four characters are known."""
    if account is not None:
        get_account(session.database, account)
    rows = [_value(row) for row in list_keys(session.database, account)]
    columns = {
        "id": "ID",
        "account": "ACCOUNT",
        "name": "NAME",
        "hint": "ENDS IN",
        "status": "STATUS",
        "created_at": "CREATED",
        "expires_at": "EXPIRES",
        "scope": "SCOPE",
    }
    session.show(rows, table(rows, columns, empty="There is no key: make one with `router keys create --account ID`."))


@keys.command()
@click.argument("key_id", metavar="ID")
@common
def show(session: Session, key_id: str) -> None:
    """One key."""
    value = _value(get_key(session.database, key_id))
    session.show(value, pairs(value))


@keys.command()
@click.argument("key_id", metavar="ID")
@common
def disable(session: Session, key_id: str) -> None:
    """Refuse a key until it is enabled again."""
    _change(session, disable_key, key_id)


@keys.command()
@click.argument("key_id", metavar="ID")
@common
def enable(session: Session, key_id: str) -> None:
    """Accept a disabled key again."""
    _change(session, enable_key, key_id)


@keys.command()
@click.argument("key_id", metavar="ID")
@common
def revoke(session: Session, key_id: str) -> None:
    """Refuse a key for good."""
    _change(session, revoke_key, key_id)


@keys.command()
@click.argument("key_id", metavar="ID")
@click.option("--grace", type=DURATION, default="24h", show_default=True, help="How long the old key goes on working.")
@common
def rotate(session: Session, key_id: str, grace: float) -> None:
    """Make a new key in place of an old one: same account, name, scope and expiry."""
    row, text = rotate_key(session.database, key_id, grace_s=grace, prefix=session.key_prefix)
    _show_once(session, row, text)
    old = get_key(session.database, key_id)
    session.note(
        f"The old key works until {iso_time(old.expires_at)}." if old.status == "active" else "The old key is revoked."
    )


def _show_once(session: Session, row: KeyRow, text: str) -> None:
    value = {"id": row.id, "api_key": text, **_value(row)}
    session.show(value, pairs(value))
    session.note(_ONCE)


def _change(session: Session, change: Callable[[Database, str], KeyRow], key_id: str) -> None:
    row = change(session.database, key_id)
    session.show(_value(row), f"key {row.id} is {row.status}")


def _status(row: KeyRow) -> str:
    """The status that a call would meet: an active key whose time is over is refused."""
    over = row.expires_at is not None and row.expires_at <= time.time()
    return "expired" if over and row.status == "active" else row.status


def _value(row: KeyRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "account": row.account_id,
        "name": row.name,
        "hint": row.hint,
        "status": _status(row),
        "created_at": iso_time(row.created_at),
        "expires_at": iso_time(row.expires_at),
        "scope": list(row.scope),
        "replaced_by": row.replaced_by,
    }
