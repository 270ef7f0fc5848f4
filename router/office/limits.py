"""Limits of keys, accounts and tiers: those that are written, and those in force."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import tzinfo
from typing import Any

from router.charging.limit_rules import Layer, LimitRules, limit_rules
from router.db.transaction import Transaction
from router.errors import BadRequest
from router.money.amounts import format_nano
from router.office.actor import Actor
from router.office.audit import Change, check_held, write
from router.office.office import Office
from router.store import limits as table
from router.store.accounts import get_account, list_accounts
from router.store.keys import get_key
from router.store.limits import AMOUNT_MAX, StoredLimits, Subject, list_limits
from router.types.keys import Limits
from router.types.periods import window_of

__all__ = [
    "AMOUNT_MAX",
    "MONEY",
    "LimitInForce",
    "Limits",
    "Subject",
    "Tier",
    "WrittenLimits",
    "clear_limits",
    "limits_in_force",
    "limits_warning",
    "list_tiers",
    "set_limits",
    "shown_limit",
    "written_limits",
]

MONEY = ("spend_per_day", "spend_per_month")
"""The limits that are amounts of money, in nano-units; the others are counts."""

_NAMES = tuple(field.name for field in fields(Limits))


@dataclass(frozen=True, slots=True)
class WrittenLimits:
    """Limits as they are written in one place.

    Attributes:
        subject: whose; ``default`` and ``default-account`` are everybody.
        where: ``database``, or the section of the configuration.
    """

    subject: Subject
    limits: Limits
    where: str


@dataclass(frozen=True, slots=True)
class LimitInForce:
    """One limit that holds.

    Attributes:
        counted: what is counted for it: ``key`` or ``account``.
        name: the limit's.
        value: a count, or nano-units of money.
        source: the layer that it comes from, in words.
        resets_at: when a spending limit's present period ends, Unix seconds; None for other limits.
    """

    counted: str
    name: str
    value: int
    source: str
    resets_at: float | None = None


@dataclass(frozen=True, slots=True)
class Tier:
    """Limits of a tier, and how many accounts have it."""

    written: WrittenLimits
    accounts: int


def written_limits(office: Office) -> list[WrittenLimits]:
    """Every set of limits: the configuration's, then the database's."""
    stored = list_limits(office.database)
    written = [*_of_configuration(limit_rules(office.settings))]
    return written + [WrittenLimits(subject, found, "database") for subject, found in stored.items()]


def list_tiers(office: Office) -> list[Tier]:
    """Every tier's limits by its name; one with limits per account as well stands twice."""
    counts: dict[str, int] = {}
    for account in list_accounts(office.database):
        counts[account.tier] = counts.get(account.tier, 0) + 1
    written = [one for one in written_limits(office) if one.subject.kind.startswith("tier")]
    written.sort(key=lambda one: (one.subject.name, one.subject.kind))
    return [Tier(one, counts.get(one.subject.name, 0)) for one in written]


def limits_in_force(office: Office, *, key: str | None = None, account: str | None = None) -> list[LimitInForce]:
    """Each limit that holds for a key, or for an account, and the layer that it comes from.

    Raises:
        NotFound: there is no such key or account.
    """
    row = get_key(office.database, key) if key is not None else None
    owner = get_account(office.database, row.account_id if row is not None else account or "")
    stored = _stored(list_limits(office.database), row.counted_as if row is not None else "", owner.id, owner.tier)
    rules = limit_rules(office.settings)
    found: list[LimitInForce] = []
    if row is not None:
        found += _strongest("key", rules.key_layers(owner.tier, stored), rules.timezone)
    return [*found, *_strongest("account", rules.account_layers(owner.tier, stored), rules.timezone)]


def set_limits(
    office: Office,
    actor: Actor,
    subject: Subject,
    changes: Mapping[str, int | None],
    *,
    expected: str | None = None,
) -> WrittenLimits:
    """Set some limits and leave the others; they hold from the next call on. All of the subject's afterwards.

    Args:
        subject: ``key`` with the key's ID, ``account``, ``tier`` or ``tier-account``.
        changes: name -> value; 0 refuses every call, None takes a limit away.
        expected: the subject's limits before, as ``router.office.audit.state_of`` has them; None for any.

    Raises:
        NotFound: there is no such key or account.
        BadRequest: a limit that there is not, a value that it cannot have, or a bad name of a tier.
        Conflict: a tier with members would be no more, or other limits held than were expected.
    """
    tiers = office.settings.limits.tiers

    def change(transaction: Transaction) -> Change[WrittenLimits]:
        counted = _counted(transaction, subject)
        check_held(expected, list_limits(transaction).get(counted, Limits()))
        now = table.set_limits(transaction, counted, changes, defined=tiers)
        detail = {name: "none" if value is None else shown_limit(name, value) for name, value in changes.items()}
        return Change(WrittenLimits(counted, now, "database"), subject.name, {"of": subject.kind, "limits": detail})

    return write(office, actor, "limits set", change)


def clear_limits(office: Office, actor: Actor, subject: Subject) -> WrittenLimits:
    """Take all limits away that are set for a subject; what is left, which is none.

    Raises:
        NotFound: there is no such key, or nothing is set.
        Conflict: a tier with members would be no more.
    """
    tiers = office.settings.limits.tiers

    def clear(transaction: Transaction) -> Change[WrittenLimits]:
        counted = _counted(transaction, subject)
        before = list_limits(transaction).get(counted, Limits())
        table.clear_limits(transaction, counted, defined=tiers)
        told = {name: shown_limit(name, value) for name, value in asdict(before).items() if value is not None}
        detail: dict[str, Any] = {"of": subject.kind, "clear": True, "before": told}
        return Change(WrittenLimits(counted, Limits(), "database"), subject.name, detail)

    return write(office, actor, "limits set", clear)


def shown_limit(name: str, value: int | None) -> int | str | None:
    """A limit as JSON has it: money as decimal text."""
    return format_nano(value) if name in MONEY and value is not None else value


def limits_warning(office: Office, found: Limits) -> str:
    """What to say of limits that nothing enforces, which would be a false comfort; empty where there are none."""
    gateway = office.settings.gateway
    if not gateway.limits and found != Limits():
        return '[gateway] rate_limit is "none": no limit is in force'
    if not gateway.bills and any(getattr(found, name) is not None for name in MONEY):
        return '[gateway] billing is "none": nothing is charged, so spending limits count nothing'
    return ""


def _counted(transaction: Transaction, subject: Subject) -> Subject:
    """Whose limits they are in the table: keys that took another's place have its."""
    if subject.kind == "key":
        return Subject("key", get_key(transaction, subject.name).counted_as)
    if subject.kind == "account":
        return Subject("account", get_account(transaction, subject.name).id)
    if subject.kind.startswith("tier") and subject.name.strip().lower() == "none":
        raise BadRequest("A tier cannot be called 'none': that takes an account out of its tier.")
    return subject


def _of_configuration(rules: LimitRules) -> Iterator[WrittenLimits]:
    if rules.default.key != Limits():
        yield WrittenLimits(Subject("default", ""), rules.default.key, "[limits]")
    if rules.default.account != Limits():
        yield WrittenLimits(Subject("default-account", ""), rules.default.account, "[limits.account]")
    for name, tier in rules.tiers.items():
        yield WrittenLimits(Subject("tier", name), tier.key, f"[limits.tiers.{name}]")
        if tier.account != Limits():
            yield WrittenLimits(Subject("tier-account", name), tier.account, f"[limits.tiers.{name}.account]")


def _stored(found: Mapping[Subject, Limits], key: str, account: str, tier: str) -> StoredLimits:
    subjects = (("key", key), ("tier", tier), ("account", account), ("tier-account", tier), ("key-owner", key))
    return StoredLimits(*(found.get(Subject(*subject), Limits()) for subject in subjects))


def _strongest(counted: str, layers: Iterable[Layer], timezone: tzinfo) -> Iterator[LimitInForce]:
    kept = list(layers)
    for name in _NAMES:
        for source, found in kept:
            value = getattr(found, name)
            if value is not None:
                yield LimitInForce(counted, name, value, source, _resets_at(name, timezone))
                break


def _resets_at(name: str, timezone: tzinfo) -> float | None:
    if name not in MONEY:
        return None
    window = window_of(name.removeprefix("spend_per_"), time.time(), timezone)
    return (window.start or 0.0) + window.seconds
