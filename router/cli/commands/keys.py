"""``router keys``: API keys. A key's text is shown once, by the command that makes it."""

from __future__ import annotations

from typing import Any

import click

from router.cli.support.groups import Commands
from router.cli.support.output import pairs, table
from router.cli.support.references import ACCOUNT, KEY
from router.cli.support.session import CommandSession, remotely
from router.cli.support.times import DURATION, FUTURE
from router.cli.support.values import AMOUNT, OrNothing, given
from router.office.operations import keys as operations
from router.types.periods import PERIODS

__all__ = ["keys"]

_PERIOD = click.Choice(PERIODS)
_now = click.option("--now", is_flag=True, help="End its calls that are under way, too, within about a second.")
_ONCE = "\nThe key is shown this once; only its hash is kept."


@click.group(cls=Commands)
def keys() -> None:
    """API keys."""


@keys.command()
@click.option("--account", type=ACCOUNT, metavar="ID", help="The account that the key belongs to.")
@click.option("--name", default="key", show_default=True, help="A label.")
@click.option("--scope", multiple=True, metavar="MODEL", help="A model ID, or PROVIDER/*, that it may use; repeatable.")
@click.option("--expires", type=FUTURE, metavar="TIME", help="When it ends: 30d, or 2027-01-31; never if omitted.")
@click.option("--budget", type=AMOUNT, metavar="AMOUNT", help="The most that it may spend; no such limit if omitted.")
@click.option("--period", type=_PERIOD, help="Begin the budget again each day, week or month; never if omitted.")
@click.option("--idempotent", is_flag=True, help="Let its calls send Idempotency-Key.")
@click.option("--management", is_flag=True, help="For scripts that manage the account's keys and read what it used.")
@click.option("--operator", is_flag=True, help="For scripts that run this gateway; without an account.")
@remotely
def create(
    session: CommandSession,
    account: str | None,
    name: str,
    scope: tuple[str, ...],
    expires: float | None,
    budget: int | None,
    period: str | None,
    idempotent: bool,
    management: bool,
    operator: bool,
) -> None:
    """Make a key. Without --scope it may use every model.

    One that is made with --management or --operator calls no model: it is for the API of scripts, which docs/api.md
    describes. An operator's may do there what this command line can.
    """
    if period is not None and budget is None:
        raise click.UsageError("--period goes with --budget")
    if operator and (management or account is not None):
        raise click.UsageError("--operator goes with neither --account nor --management: it makes a key of no account")
    if account is None and not operator:
        raise click.UsageError("--account is missing")
    made = session.run(
        operations.create_key,
        account=account,
        name=name,
        kind="operator" if operator else "management" if management else "model",
        scope=scope,
        expires_at=expires,
        budget=budget,
        budget_period=period,
        idempotent=idempotent,
    )
    _show_once(session, made)


@keys.command("list")
@click.option("--account", type=ACCOUNT, metavar="ID", help="Only this account's.")
@remotely
def list_(session: CommandSession, account: str | None) -> None:
    """All keys, oldest first. Of a key's text only the last four characters are known."""
    rows = session.run(operations.list_keys, account=account)
    columns = {
        "id": "ID",
        "account": "ACCOUNT",
        "name": "NAME",
        **({"kind": "KIND"} if any(row["kind"] != "model" for row in rows) else {}),
        "hint": "ENDS IN",
        "status": "STATUS",
        "created_at": "CREATED",
        "expires_at": "EXPIRES",
        "scope": "SCOPE",
        "budget": "BUDGET",
        "budget_period": "PER",
    }
    session.show(rows, table(rows, columns, empty="There is no key: make one with `router keys create --account ID`."))


@keys.command()
@click.argument("key", type=KEY, metavar="ID")
@remotely
def show(session: CommandSession, key: str) -> None:
    """One key, what is spent of its budget in the present period, calls under way included, and when that ends."""
    value = session.run(operations.show_key, key=key)
    session.show(value, pairs(value))


@keys.command()
@click.argument("key", type=KEY, metavar="ID")
@click.argument("name")
@remotely
def rename(session: CommandSession, key: str, name: str) -> None:
    """Call a key NAME from now on."""
    value = session.run(operations.rename_key, key=key, name=name)
    session.show(value, f"key {value['id']} is called {value['name']}")


@keys.command()
@click.argument("key", type=KEY, metavar="ID")
@click.option("--budget", type=OrNothing(AMOUNT), metavar="AMOUNT|none", help="The most that it may spend.")
@click.option("--period", type=OrNothing(_PERIOD), metavar="day|week|month|none", help="When the budget begins again.")
@click.option("--scope", multiple=True, metavar="MODEL", help="A model ID, or PROVIDER/*, that it may use; repeatable.")
@click.option("--any-model", is_flag=True, help="It may use every model.")
@click.option("--expires", type=OrNothing(FUTURE, "never"), metavar="TIME|never", help="When it ends.")
@click.option("--idempotent/--no-idempotent", default=None, help="Whether its calls may send Idempotency-Key.")
@remotely
def limit(
    session: CommandSession,
    key: str,
    budget: Any,
    period: Any,
    scope: tuple[str, ...],
    any_model: bool,
    expires: Any,
    idempotent: bool | None,
) -> None:
    """Change what a key may do; what is not named stays. It holds from the next call on.

    How often it may call is set by `router limits set`.
    """
    if scope and any_model:
        raise click.UsageError("give --scope or --any-model, not both")
    edits: dict[str, Any] = {}
    if budget is not None:
        edits["budget"] = given(budget)
    if period is not None:
        edits["budget_period"] = given(period)
    if scope or any_model:
        edits["scope"] = scope
    if expires is not None:
        edits["expires_at"] = given(expires)
    if idempotent is not None:
        edits["idempotent"] = idempotent
    if not edits:
        raise click.UsageError("say what to change: --budget, --period, --scope, --any-model, --expires, --idempotent")
    value = session.run(operations.limit_key, key=key, **edits)
    session.show(value, pairs(value))


@keys.command()
@click.argument("key", type=KEY, metavar="ID")
@_now
@remotely
def disable(session: CommandSession, key: str, now: bool) -> None:
    """Refuse a key until it is enabled again. Calls under way end well, but with --now."""
    _show_status(session, session.run(operations.disable_key, key=key, now=now))


@keys.command()
@click.argument("key", type=KEY, metavar="ID")
@remotely
def enable(session: CommandSession, key: str) -> None:
    """Accept a disabled key again."""
    _show_status(session, session.run(operations.enable_key, key=key))


@keys.command()
@click.argument("key", type=KEY, metavar="ID")
@_now
@remotely
def revoke(session: CommandSession, key: str, now: bool) -> None:
    """Refuse a key for good. Calls under way end well, but with --now."""
    _show_status(session, session.run(operations.revoke_key, key=key, now=now))


@keys.command()
@click.argument("key", type=KEY, metavar="ID")
@click.option("--grace", type=DURATION, default="24h", show_default=True, help="How long the old key goes on working.")
@remotely
def rotate(session: CommandSession, key: str, grace: float) -> None:
    """Make a new key in place of an old one: same account, name, scope, expiry, budget and limits.

    Both keys together are counted as one, so a rotation neither resets nor doubles what the key may spend.
    """
    _show_once(session, session.run(operations.rotate_key, key=key, grace_s=grace))


def _show_once(session: CommandSession, made: dict[str, Any]) -> None:
    session.show(made, pairs(made))
    session.note(_ONCE)


def _show_status(session: CommandSession, key: dict[str, Any]) -> None:
    session.show(key, f"key {key['id']} is {key['status']}")
