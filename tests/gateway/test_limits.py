"""Which limits hold for a key, and how ``[limits]`` is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from datetime import UTC
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from router.app.config_rules import check_rules
from router.charging.limit_rules import KeyFinder, limit_rules
from router.config.file import Settings, load_settings
from router.db.database import Database
from router.errors import ConfigError
from router.store.accounts import create_account, set_account_tier
from router.store.keys import create_key, hash_key, rotate_key
from router.store.limits import Subject, set_limits
from router.store.migrating import migrate
from router.store.opening import open_database
from router.types.keys import Limits
from router.types.records import Key

CONFIGURATION = """
[limits]
timezone = "Asia/Ashgabat"
requests_per_minute = 100
tokens_per_minute = 100
concurrent = 100
spend_per_day = "100"
spend_per_month = "100.5"
[limits.account]
concurrent = 200
[limits.tiers.gold]
requests_per_minute = 90
tokens_per_minute = 90
concurrent = 90
[limits.tiers.gold.account]
concurrent = 190
spend_per_day = "190"
"""


@pytest.fixture
def settings(tmp_path: Path) -> Callable[[str], Settings]:
    def load(text: str) -> Settings:
        path = tmp_path / "router.toml"
        path.write_text(text)
        return load_settings(path, {})

    return load


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = open_database(f"sqlite:///{tmp_path / 'router.db'}", tmp_path, create=True)
    migrate(database)
    yield database
    database.close()


def test_limits_are_merged_field_by_field(database: Database, settings) -> None:
    finder = KeyFinder(database, limit_rules(settings(CONFIGURATION)))
    account = create_account(database, "a").id
    row, text = create_key(database, account, "k")

    def found() -> Key:
        key = finder(hash_key(text))
        assert key is not None
        return key

    assert found().limits == Limits(100, 100, 100, 100 * 10**9, 100_500_000_000)
    assert found().account_limits == Limits(concurrent=200)
    set_account_tier(database, account, "gold")
    assert found().limits == Limits(90, 90, 90, 100 * 10**9, 100_500_000_000)
    assert found().account_limits == Limits(concurrent=190, spend_per_day=190 * 10**9)
    set_limits(database, Subject("tier", "gold"), {"requests_per_minute": 80, "tokens_per_minute": 80})
    set_limits(database, Subject("tier-account", "gold"), {"concurrent": 180})
    set_limits(database, Subject("key", row.id), {"requests_per_minute": 0})
    set_limits(database, Subject("account", account), {"tokens_per_minute": 1})
    assert found().limits == Limits(0, 80, 90, 100 * 10**9, 100_500_000_000)
    assert found().account_limits == Limits(tokens_per_minute=1, concurrent=180, spend_per_day=190 * 10**9)


def test_without_a_configuration_nothing_is_limited(database: Database, settings) -> None:
    rules = limit_rules(settings(""))
    text = create_key(database, create_account(database, "a").id, "k")[1]
    key = KeyFinder(database, rules)(hash_key(text))
    assert key is not None
    assert key.limits == key.account_limits == Limits()
    assert rules.timezone is UTC
    assert KeyFinder(database, rules)("0" * 64) is None


def test_a_rotated_key_keeps_its_limits_and_is_counted_as_before(database: Database, settings) -> None:
    row = create_key(database, create_account(database, "a").id, "k")[0]
    set_limits(database, Subject("key", row.id), {"requests_per_minute": 7})
    second = rotate_key(database, row.id, grace_s=60)[0]
    text = rotate_key(database, second.id, grace_s=60)[1]
    key = KeyFinder(database, limit_rules(settings("")))(hash_key(text))
    assert key is not None
    assert (key.limits.requests_per_minute, key.counted_as) == (7, row.id)


def test_the_time_zone_is_looked_up(settings) -> None:
    assert limit_rules(settings(CONFIGURATION)).timezone == ZoneInfo("Asia/Ashgabat")


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ('[limits]\nspend_per_day = "-1"', "[limits] spend_per_day", "not an amount"),
        ('[limits]\nspend_per_month = "NaN"', "[limits] spend_per_month", "not an amount"),
        ('[limits]\nspend_per_month = "inf"', "[limits] spend_per_month", "not an amount"),
        ('[limits]\nspend_per_month = "1e3"', "[limits] spend_per_month", "not an amount"),
        ('[limits]\nspend_per_day = "0.0000000001"', "[limits] spend_per_day", "nine decimals"),
        ('[limits]\nspend_per_day = "1000000001"', "[limits] spend_per_day", "above the largest"),
        ('[limits]\nspend_per_day = "99999999999"', "[limits] spend_per_day", "above the largest"),
        ('[limits.tiers.gold]\nspend_per_day = "x"', "[limits.tiers.gold] spend_per_day", "not an amount"),
        ('[limits.account]\nspend_per_day = "x"', "[limits.account] spend_per_day", "not an amount"),
        ('[limits]\ntimezone = "Europe/Berlim"', "[limits] timezone", "no time zone"),
        ('[limits]\ntimezone = "../etc"', "[limits] timezone", "no time zone"),
        ('[limits]\ntimezone = "Europe"', "[limits] timezone", "no time zone"),
        ('[limits]\ntimezone = ""', "[limits] timezone", "no time zone"),
    ],
)
def test_bad_values_are_refused_with_their_place(settings, text: str, place: str, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_rules(settings(text))
    assert place in str(caught.value) and "line 2" in str(caught.value)
    assert reason in str(caught.value)


@pytest.mark.parametrize("value", ["-1", "1.5", "nan", '"5"', "true", "99999999999999999999"])
@pytest.mark.parametrize("name", ["requests_per_minute", "tokens_per_minute", "concurrent"])
def test_counts_are_whole_numbers(settings, name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=rf"line 2: \[limits\] {name}: must be"):
        settings(f"[limits]\n{name} = {value}")


def test_every_limit_can_be_configured() -> None:
    assert all(f"{field.name} = " in CONFIGURATION for field in fields(Limits))
