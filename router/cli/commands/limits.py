"""``router limits``: limits of keys, accounts and tiers."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, fields
from datetime import tzinfo
from typing import Any

import click

from router.charging.limit_rules import Layer, LimitRules, limit_rules
from router.cli.support.groups import Commands
from router.cli.support.output import iso_time, table
from router.cli.support.references import ACCOUNT, KEY
from router.cli.support.session import CommandSession, common
from router.cli.support.values import AMOUNT, OrNothing, given
from router.errors import BadRequest
from router.money.amounts import format_nano
from router.store.accounts import get_account, list_accounts
from router.store.keys import get_key
from router.store.limits import StoredLimits, Subject, clear_limits, list_limits, set_limits
from router.types.keys import Limits
from router.types.periods import window_of

__all__ = ["limits"]

_NAMES = tuple(field.name for field in fields(Limits))
_MONEY = ("spend_per_day", "spend_per_month")
_COUNT = OrNothing(click.IntRange(0, 2**53))
_COLUMNS = {"subject": "LIMITS OF", "where": "WRITTEN IN"} | {name: name.upper().replace("_", " ") for name in _NAMES}


@click.group(cls=Commands)
def limits() -> None:
    """Limits of keys, accounts and tiers."""


@limits.command("list")
@click.option("--key", type=KEY, metavar="ID", help="What holds for this key, and where each limit comes from.")
@click.option("--account", type=ACCOUNT, metavar="ID", help="What holds for all keys of this account together.")
@common
def list_(session: CommandSession, key: str | None, account: str | None) -> None:
    """All limits that are set, or those in force for a key or an account."""
    if key is not None and account is not None:
        raise click.UsageError("give --key or --account, not both")
    if key is None and account is None:
        rows = list(_written(session))
        session.show(rows, table(rows, _COLUMNS, empty="No limit is set."))
        return
    rows = list(_in_force(session, key, account))
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
@common
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
    configuration's. It holds from the next call on.
    """
    subject = _subject(session, key, account, tier, per_account)
    tiers = session.settings.limits.tiers
    changes = {name: given(value) for name, value in values.items() if value is not None}
    if clear == bool(changes):
        raise click.UsageError("say which limits to set, or --clear to take all of them away")
    if clear:
        clear_limits(session.database, subject, defined=tiers)
    now = Limits() if clear else set_limits(session.database, subject, changes, defined=tiers)
    row = _row(subject, now, "database")
    session.show(row, table([row], _COLUMNS, empty=""))
    _warn(session, now)


@limits.command()
@common
def tiers(session: CommandSession) -> None:
    """Every tier, its limits, where they are written and how many accounts have it."""
    counts: dict[str, int] = {}
    for account in list_accounts(session.database):
        counts[account.tier] = counts.get(account.tier, 0) + 1
    rows = [
        row | {"tier": row["name"], "accounts": counts.get(row["name"], 0)}
        for row in _written(session)
        if row["kind"].startswith("tier")
    ]
    rows.sort(key=lambda row: (row["tier"], row["kind"]))
    columns = {"accounts": "ACCOUNTS", **_COLUMNS}
    session.show(rows, table(rows, columns, empty="There is no tier: make one with `router limits set --tier NAME`."))


def _subject(
    session: CommandSession, key: str | None, account: str | None, tier: str | None, per_account: bool
) -> Subject:
    if [key, account, tier].count(None) != 2:
        raise click.UsageError("give one of --key, --account and --tier")
    if per_account and tier is None:
        raise click.UsageError("--per-account goes with --tier")
    if key is not None:
        return Subject("key", get_key(session.database, key).counted_as)
    if account is not None:
        return Subject("account", account)
    if (tier or "").strip().lower() == "none":
        raise BadRequest("A tier cannot be called 'none': that takes an account out of its tier.")
    return Subject("tier-account" if per_account else "tier", tier or "")


def _written(session: CommandSession) -> Iterator[dict[str, Any]]:
    """Every set of limits: the configuration's, then the database's."""
    rules = limit_rules(session.settings)
    yield from _of_configuration(rules)
    for subject, found in list_limits(session.database).items():
        yield _row(subject, found, "database")


def _of_configuration(rules: LimitRules) -> Iterator[dict[str, Any]]:
    if rules.default.key != Limits():
        yield _row(Subject("default", ""), rules.default.key, "[limits]")
    if rules.default.account != Limits():
        yield _row(Subject("default-account", ""), rules.default.account, "[limits.account]")
    for name, tier in rules.tiers.items():
        yield _row(Subject("tier", name), tier.key, f"[limits.tiers.{name}]")
        if tier.account != Limits():
            yield _row(Subject("tier-account", name), tier.account, f"[limits.tiers.{name}.account]")


def _in_force(session: CommandSession, key_id: str | None, account_id: str | None) -> Iterator[dict[str, Any]]:
    """Each limit that holds, and the layer that it comes from."""
    key = get_key(session.database, key_id) if key_id is not None else None
    account = get_account(session.database, key.account_id if key is not None else account_id or "")
    stored = _stored(list_limits(session.database), key.counted_as if key is not None else "", account.id, account.tier)
    rules = limit_rules(session.settings)
    if key is not None:
        yield from _strongest("key", rules.key_layers(account.tier, stored), rules.timezone)
    yield from _strongest("account", rules.account_layers(account.tier, stored), rules.timezone)


def _stored(found: Mapping[Subject, Limits], key: str, account: str, tier: str) -> StoredLimits:
    subjects = (("key", key), ("tier", tier), ("account", account), ("tier-account", tier))
    return StoredLimits(*(found.get(Subject(*subject), Limits()) for subject in subjects))


def _strongest(counted: str, layers: Iterable[Layer], timezone: tzinfo) -> Iterator[dict[str, Any]]:
    kept = list(layers)
    for name in _NAMES:
        for source, found in kept:
            value = getattr(found, name)
            if value is not None:
                row = {"counted": counted, "limit": name, "value": _shown(name, value), "source": source}
                resets_at = _resets_at(name, timezone)
                yield row if resets_at is None else row | {"resets_at": resets_at}
                break


def _resets_at(name: str, timezone: tzinfo) -> str | None:
    """When a spending limit's present period ends."""
    if name not in _MONEY:
        return None
    window = window_of(name.removeprefix("spend_per_"), time.time(), timezone)
    return iso_time((window.start or 0.0) + window.seconds)


def _row(subject: Subject, found: Limits, where: str) -> dict[str, Any]:
    values = {name: _shown(name, value) for name, value in asdict(found).items()}
    return {"kind": subject.kind, "name": subject.name, "subject": _called(subject), "where": where, **values}


def _called(subject: Subject) -> str:
    words = {
        "default": "each key",
        "default-account": "each account",
        "tier": f"each key of tier {subject.name}",
        "tier-account": f"each account of tier {subject.name}",
    }
    return words.get(subject.kind, f"{subject.kind} {subject.name}")


def _shown(name: str, value: int | None) -> int | str | None:
    return format_nano(value) if name in _MONEY and value is not None else value


def _warn(session: CommandSession, found: Limits) -> None:
    """Limits that nothing enforces would be a false comfort."""
    gateway = session.settings.gateway
    if not gateway.limits and found != Limits():
        session.note('warning: [gateway] rate_limit is "none": no limit is in force')
    elif not gateway.bills and any(getattr(found, name) is not None for name in _MONEY):
        session.note('warning: [gateway] billing is "none": nothing is charged, so spending limits count nothing')
