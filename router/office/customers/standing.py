"""The limits that hold for an account and its keys, whence they come, and how much of them is used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import tzinfo

from router.charging.limit_rules import Layer, LimitRules, limit_rules, merged
from router.db.connection import Connection
from router.ledger.balances import Balance, read_balance
from router.metering.usage_hours import charged_since
from router.office.customers.tiers import TierProgress, read_progress
from router.office.limits import MONEY
from router.office.office import Office
from router.store.accounts import get_account
from router.store.keys import KeyRow, list_keys
from router.store.limits import StoredLimits, Subject, list_limits
from router.types.keys import Limits
from router.types.periods import window_of

__all__ = [
    "KEY_SOURCES",
    "SOURCES",
    "KeyLimits",
    "ShownLimit",
    "ShownTier",
    "Standing",
    "read_key_limits",
    "read_limits_of_keys",
    "read_standing",
]

SOURCES = ("own", "tier", "tier", "everybody")
"""Whence an account's limit comes, by the layers of ``router.charging.limit_rules``, strongest first."""

KEY_SOURCES = ("asked", *SOURCES)
"""Whence a key's comes: ``asked`` is what the account itself set in the portal."""

_NAMES = tuple(one.name for one in fields(Limits))


@dataclass(frozen=True, slots=True)
class ShownLimit:
    """One limit that holds.

    Attributes:
        name: a field of ``Limits``.
        value: a count, or nano-units of money; 0 refuses every call.
        source: one of ``KEY_SOURCES``, or of an account's limits one of ``SOURCES``.
        used_nano: of a spending limit of the account, what was charged in its present period; else None.
        resets_at: of a spending limit, when that ends, Unix seconds; else None.
    """

    name: str
    value: int
    source: str
    used_nano: int | None = None
    resets_at: float | None = None


@dataclass(frozen=True, slots=True)
class KeyLimits:
    """A key, the limits that hold for it, and what its account asks of it: that may be more than what holds."""

    key: KeyRow
    limits: Sequence[ShownLimit]
    asked: Limits

    @property
    def values(self) -> dict[str, int]:
        """Each limit's name -> its value."""
        return {one.name: one.value for one in self.limits}


@dataclass(frozen=True, slots=True)
class ShownTier:
    """A tier: what holds in it for each key, and for all keys of an account together."""

    name: str
    key: Limits
    account: Limits


@dataclass(frozen=True, slots=True)
class Standing:
    """What an account may do.

    Attributes:
        tier: its tier; empty for none.
        account: for all its keys together.
        each_key: for each key that has no limits of its own.
        keys: those that have.
        tiers: those of the configuration and its own, by name.
        money: what it has, and what its calls under way hold of that.
        enforced: whether limits are in force at all.
        billed: whether calls are charged, without which spending limits count nothing.
        progress: how far it is on its way to the next tier; None where none follows its own.
    """

    tier: str
    account: Sequence[ShownLimit]
    each_key: Sequence[ShownLimit]
    keys: Sequence[KeyLimits]
    tiers: Sequence[ShownTier]
    money: Balance
    enforced: bool
    billed: bool
    progress: TierProgress | None


def read_standing(office: Office, account_id: str) -> Standing:
    """What holds for an account now.

    Raises:
        NotFound: there is no such account.
        ConfigError: the balances are in another currency than the configuration's.
    """
    _ = office.currency  # or the numbers would mean other money
    rules, now, gateway = limit_rules(office.settings), office.clock(), office.settings.gateway
    account = get_account(office.database, account_id)
    stored = list_limits(office.database)
    keys = [row for row in list_keys(office.database, account_id) if row.status == "active"]
    tier = account.tier
    of_account = rules.account_layers(tier, _stored(stored, "", account_id, tier))
    each_key = rules.key_layers(tier, _stored(stored, "", account_id, tier))
    own = [
        _of_key(rules, row, tier, stored, now)
        for row in keys
        if {Subject("key", row.counted_as), Subject("key-owner", row.counted_as)} & stored.keys()
    ]
    used, money = _spent(office, account_id, now, rules.timezone)
    return Standing(
        tier,
        [*_shown(SOURCES, of_account, now, rules.timezone, used)],
        [*_shown(KEY_SOURCES, each_key, now, rules.timezone)],
        own,
        _tiers(office, stored, tier),
        money,
        gateway.limits,
        gateway.bills,
        read_progress(office, account),
    )


def read_key_limits(office: Office, row: KeyRow) -> KeyLimits:
    """What holds for one key now.

    Raises:
        NotFound: its account is no more.
    """
    return read_limits_of_keys(office, row.account_id, [row])[0]


def read_limits_of_keys(office: Office, account_id: str, rows: Iterable[KeyRow]) -> list[KeyLimits]:
    """What holds for some keys of one account now, in their order.

    Raises:
        NotFound: there is no such account.
    """
    tier, stored = get_account(office.database, account_id).tier, list_limits(office.database)
    rules, now = limit_rules(office.settings), office.clock()
    return [_of_key(rules, row, tier, stored, now) for row in rows]


def _of_key(rules: LimitRules, row: KeyRow, tier: str, stored: Mapping[Subject, Limits], now: float) -> KeyLimits:
    own = _stored(stored, row.counted_as, row.account_id, tier)
    shown = _shown(KEY_SOURCES, rules.key_layers(tier, own), now, rules.timezone)
    return KeyLimits(row, [*shown], own.key_owner)


def _stored(found: Mapping[Subject, Limits], key: str, account: str, tier: str) -> StoredLimits:
    subjects = (("key", key), ("tier", tier), ("account", account), ("tier-account", tier), ("key-owner", key))
    return StoredLimits(*(found.get(Subject(*subject), Limits()) for subject in subjects))


def _shown(
    sources: Sequence[str],
    layers: Iterable[Layer],
    now: float,
    timezone: tzinfo,
    used: Mapping[str, int] | None = None,
) -> Iterator[ShownLimit]:
    """Each limit as the strongest layer has it."""
    kept = list(zip(sources, (layer.limits for layer in layers), strict=True))
    for name in _NAMES:
        for source, limits in kept:
            value = getattr(limits, name)
            if value is not None:
                period = name.removeprefix("spend_per_") if name in MONEY else ""
                used_nano = used[period] if used is not None and period else None
                yield ShownLimit(name, value, source, used_nano, _resets_at(period, now, timezone))
                break


def _resets_at(period: str, now: float, timezone: tzinfo) -> float | None:
    if not period:
        return None
    window = window_of(period, now, timezone)
    return (window.start or 0.0) + window.seconds


def _spent(office: Office, account_id: str, now: float, timezone: tzinfo) -> tuple[dict[str, int], Balance]:
    """What an account was charged in the present ``day`` and ``month``, and what it has."""
    starts = {period: window_of(period, now, timezone).start or 0.0 for period in ("day", "month")}

    def read(connection: Connection) -> tuple[dict[str, int], Balance]:
        with connection.snapshot():
            spent = {
                period: charged_since(connection, "account", start, [account_id]).get(account_id, 0)
                for period, start in starts.items()
            }
            return spent, read_balance(connection, account_id)

    return office.database.read(read)


def _tiers(office: Office, stored: Mapping[Subject, Limits], own: str) -> list[ShownTier]:
    """The configuration's tiers, which are everybody's to see, and the account's own; as the database changes them."""
    rules = limit_rules(office.settings)
    found = []
    for name in sorted({*rules.tiers, *filter(None, (own,))}):
        of_key = rules.key_layers(name, _stored(stored, "", "", name))
        of_account = rules.account_layers(name, _stored(stored, "", "", name))
        found.append(ShownTier(name, merged(of_key), merged(of_account)))
    return found
