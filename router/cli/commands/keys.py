"""``router keys``: API keys. A key's text is shown once, by the command that makes it."""

from __future__ import annotations

from typing import Any

import click

from router.cli.support.groups import Commands
from router.cli.support.output import iso_time, pairs, table
from router.cli.support.references import ACCOUNT, KEY
from router.cli.support.session import CommandSession, common
from router.cli.support.times import DURATION, FUTURE
from router.cli.support.values import AMOUNT, OrNothing, given
from router.money.amounts import format_nano
from router.office import keys as office
from router.office.keys import OPERATORS, KeyEdits, KeyRow, MadeKey
from router.types.keys import Budget
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
@common
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
    terms: dict[str, Any] = {"scope": scope, "idempotent": idempotent}
    terms["budget"] = None if budget is None else Budget(budget, period or "")
    made = office.create_key(
        session.office,
        session.actor,
        OPERATORS if account is None else account,
        name,
        expires_at=expires,
        kind="operator" if operator else "management" if management else "model",
        **terms,
    )
    _show_once(session, made)
    _warn(session, made.row)


@keys.command("list")
@click.option("--account", type=ACCOUNT, metavar="ID", help="Only this account's.")
@common
def list_(session: CommandSession, account: str | None) -> None:
    """All keys, oldest first. Of a key's text only the last four characters are known."""
    rows = [_value(row) for row in office.list_keys(session.office, account)]
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
@click.argument("key_id", type=KEY, metavar="ID")
@common
def show(session: CommandSession, key_id: str) -> None:
    """One key, what is spent of its budget in the present period, calls under way included, and when that ends."""
    row = office.get_key(session.office, key_id)
    value = _value(row) | _spent(session, row)
    session.show(value, pairs(value))


@keys.command()
@click.argument("key_id", type=KEY, metavar="ID")
@click.option("--budget", type=OrNothing(AMOUNT), metavar="AMOUNT|none", help="The most that it may spend.")
@click.option("--period", type=OrNothing(_PERIOD), metavar="day|week|month|none", help="When the budget begins again.")
@click.option("--scope", multiple=True, metavar="MODEL", help="A model ID, or PROVIDER/*, that it may use; repeatable.")
@click.option("--any-model", is_flag=True, help="It may use every model.")
@click.option("--expires", type=OrNothing(FUTURE, "never"), metavar="TIME|never", help="When it ends.")
@click.option("--idempotent/--no-idempotent", default=None, help="Whether its calls may send Idempotency-Key.")
@common
def limit(
    session: CommandSession,
    key_id: str,
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
    edits = KeyEdits()
    if budget is not None:
        edits["budget_nano"] = given(budget)
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
    changed = office.change_key(session.office, session.actor, key_id, edits)
    session.warn(changed.warnings)
    value = _value(changed.row) | _spent(session, changed.row)
    session.show(value, pairs(value))
    _warn(session, changed.row)


@keys.command()
@click.argument("key_id", type=KEY, metavar="ID")
@_now
@common
def disable(session: CommandSession, key_id: str, now: bool) -> None:
    """Refuse a key until it is enabled again. Calls under way end well, but with --now."""
    _show_status(session, office.disable_key(session.office, session.actor, key_id, now=now))


@keys.command()
@click.argument("key_id", type=KEY, metavar="ID")
@common
def enable(session: CommandSession, key_id: str) -> None:
    """Accept a disabled key again."""
    _show_status(session, office.enable_key(session.office, session.actor, key_id))


@keys.command()
@click.argument("key_id", type=KEY, metavar="ID")
@_now
@common
def revoke(session: CommandSession, key_id: str, now: bool) -> None:
    """Refuse a key for good. Calls under way end well, but with --now."""
    _show_status(session, office.revoke_key(session.office, session.actor, key_id, now=now))


@keys.command()
@click.argument("key_id", type=KEY, metavar="ID")
@click.option("--grace", type=DURATION, default="24h", show_default=True, help="How long the old key goes on working.")
@common
def rotate(session: CommandSession, key_id: str, grace: float) -> None:
    """Make a new key in place of an old one: same account, name, scope, expiry, budget and limits.

    Both keys together are counted as one, so a rotation neither resets nor doubles what the key may spend.
    """
    made = office.rotate_key(session.office, session.actor, key_id, grace_s=grace)
    _show_once(session, made)
    old = made.replaced
    if old is not None:
        works = f"works until {iso_time(old.expires_at)}" if old.status == "active" else "is revoked"
        session.note(f"The old key {works}.")


def _spent(session: CommandSession, row: KeyRow) -> dict[str, Any]:
    spent = office.spent_of(session.office, row)
    if spent is None:
        return {"spent": None}
    return {
        "spent": format_nano(spent.used_nano + spent.held_nano),
        "budget_resets_at": iso_time(spent.begins_again),
    }


def _warn(session: CommandSession, row: KeyRow) -> None:
    if row.budget is not None and not session.settings.gateway.bills:
        session.note('warning: [gateway] billing is "none": nothing is charged, so a budget counts nothing')


def _show_once(session: CommandSession, made: MadeKey) -> None:
    session.warn(made.warnings)
    value = {"id": made.row.id, "api_key": made.text, **_value(made.row)}
    session.show(value, pairs(value))
    session.note(_ONCE)


def _show_status(session: CommandSession, row: KeyRow) -> None:
    session.show(_value(row), f"key {row.id} is {row.status}")


def _value(row: KeyRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "account": None if row.account_id == OPERATORS else row.account_id,
        "name": row.name,
        "kind": row.kind,
        "hint": row.hint,
        "status": office.status_of(row),
        "created_at": iso_time(row.created_at),
        "expires_at": iso_time(row.expires_at),
        "scope": list(row.scope),
        "replaced_by": row.replaced_by,
        "budget": None if row.budget_nano is None else format_nano(row.budget_nano),
        "budget_period": row.budget_period or None,
        "idempotent": row.idempotent,
    }
