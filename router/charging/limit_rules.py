"""Limits that hold for a key: what operators set in the database over what ``[limits]`` says, field by field."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from router.config.file import Settings
from router.config.schema import LimitsTable, TierLimits
from router.db.access_version import access_version
from router.errors import ConfigError
from router.money.amounts import format_nano, parse_nano
from router.store.limits import StoredLimits
from router.store.lookup import find_hash, find_key
from router.types.keys import AMOUNT_MAX, Key, Limits

if TYPE_CHECKING:
    from router.db.database import Database

__all__ = ["KeyFinder", "Layer", "LimitRules", "TierRules", "limit_rules", "merged", "rules_text"]

_MONEY = ("spend_per_day", "spend_per_month")


@dataclass(frozen=True)
class TierRules:
    """What the configuration says of a tier, or of everybody.

    Attributes:
        key: for each key.
        account: for all keys of an account together.
    """

    key: Limits = field(default_factory=Limits)
    account: Limits = field(default_factory=Limits)


class Layer(NamedTuple):
    """One source of limits, and where it is written. Of several layers the first that sets a limit counts."""

    source: str
    limits: Limits


@dataclass(frozen=True)
class LimitRules:
    """``[limits]``, checked.

    Attributes:
        default: for everybody.
        tiers: tier -> what it changes.
        timezone: in which days and months begin.
    """

    default: TierRules = field(default_factory=TierRules)
    tiers: Mapping[str, TierRules] = field(default_factory=dict)
    timezone: tzinfo = UTC

    def key_layers(self, tier: str, stored: StoredLimits) -> Iterator[Layer]:
        """The layers of limits for one key, strongest first: what its account asks of it where that is less."""
        layers = (
            Layer("the key's own", stored.key),
            Layer(f"tier {tier!r}", stored.tier),
            Layer(f"[limits.tiers.{tier}]", self.tiers.get(tier, TierRules()).key),
            Layer("[limits]", self.default.key),
        )
        yield Layer("asked for by its account", _lower(stored.key_owner, merged(iter(layers))))
        yield from layers

    def account_layers(self, tier: str, stored: StoredLimits) -> Iterator[Layer]:
        """The layers of limits for all keys of an account together, strongest first."""
        yield Layer("the account's own", stored.account)
        yield Layer(f"tier {tier!r}, per account", stored.tier_account)
        yield Layer(f"[limits.tiers.{tier}.account]", self.tiers.get(tier, TierRules()).account)
        yield Layer("[limits.account]", self.default.account)


class KeyFinder:
    """Hash -> key with the limits that hold for it: what an ``Authenticator`` asks."""

    def __init__(self, database: Database, rules: LimitRules) -> None:
        self._database = database
        self._rules = rules

    def __call__(self, hash: str) -> Key | None:
        """The key with this SHA-256, whatever its status; None if there is none.

        Raises:
            StoreError: the database does not answer.
        """
        found = find_key(self._database, hash)
        if found is None:
            return None
        key, stored = found
        return replace(
            key,
            limits=merged(self._rules.key_layers(key.tier, stored)),
            account_limits=merged(self._rules.account_layers(key.tier, stored)),
        )

    def hash_of(self, key_id: str) -> str | None:
        """The SHA-256 of the key with this ID; None if there is none.

        Raises:
            StoreError: the database does not answer.
        """
        return find_hash(self._database, key_id)

    def version(self) -> int:
        """The version that a key would have that was found now.

        Raises:
            StoreError: the database does not answer.
        """
        return self._database.read(access_version, whole=False)

    def unchecked(self) -> bool:
        """Whether there are keys whose text has no checksum.

        Raises:
            StoreError: the database does not answer.
        """
        sql = "SELECT id FROM api_keys WHERE NOT checked LIMIT 1"
        return self._database.read(lambda connection: connection.row(sql), whole=False) is not None


def merged(layers: Iterator[Layer]) -> Limits:
    """Each limit as the first layer has it that sets it."""
    values: dict[str, int] = {}
    for _, limits in layers:
        for one in fields(Limits):
            value = getattr(limits, one.name)
            if value is not None:
                values.setdefault(one.name, value)
    return Limits(**values)


def _lower(asked: Limits, given: Limits) -> Limits:
    """Of what is asked for, what is less than what is given."""
    values: dict[str, int] = {}
    for one in fields(Limits):
        wish, most = getattr(asked, one.name), getattr(given, one.name)
        if wish is not None and (most is None or wish < most):
            values[one.name] = wish
    return Limits(**values)


def limit_rules(settings: Settings) -> LimitRules:
    """``[limits]`` with its amounts as nano-units and its time zone looked up.

    Raises:
        ConfigError: an amount that is none, or an unknown time zone; names the place.
    """
    section = settings.limits
    return LimitRules(
        _rules(settings, section, "limits"),
        {name: _rules(settings, tier, f"limits.tiers.{name}") for name, tier in section.tiers.items()},
        _timezone(settings),
    )


def rules_text(settings: Settings) -> str:
    """What the configuration says of limits and policies, as one text: the same for the same, in whatever order."""
    chosen = {role: getattr(settings.gateway, role) for role in ("billing", "rate_limit")}
    sections = {name: settings.plugin_sections.get(name) for names in chosen.values() for name in names}
    policies = {role: names[0] if len(names) == 1 else names for role, names in chosen.items()}
    return json.dumps([asdict(settings.limits), policies, sections], sort_keys=True, default=str)


def _rules(settings: Settings, table: TierLimits, place: str) -> TierRules:
    return TierRules(_limits(settings, table, place), _limits(settings, table.account, f"{place}.account"))


def _limits(settings: Settings, table: LimitsTable, place: str) -> Limits:
    values = {}
    for name in (one.name for one in fields(Limits)):
        value = getattr(table, name)
        values[name] = _amount(settings, value, f"{place}.{name}") if name in _MONEY else value
    return Limits(**values)


def _amount(settings: Settings, text: str | None, place: str) -> int | None:
    if text is None:
        return None
    try:
        amount_nano = parse_nano(text)
    except ValueError as error:
        raise ConfigError(f"{settings.where(place)}: {error}") from None
    if amount_nano > AMOUNT_MAX:
        raise ConfigError(f"{settings.where(place)}: {text} is above the largest limit, {format_nano(AMOUNT_MAX)}")
    return amount_nano


def _timezone(settings: Settings) -> tzinfo:
    name = settings.limits.timezone
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a folder of zones
        raise ConfigError(
            f"{settings.where('limits.timezone')}: there is no time zone {name!r}: write one such as "
            '"UTC" or "Europe/Berlin"; a system without time zones has them after `pip install tzdata`'
        ) from None
