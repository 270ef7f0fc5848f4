"""``router limits``, budgets and tiers on the command line."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from router.store.opening import open_database

pytestmark = pytest.mark.slow

TIERS = """
[limits.tiers.gold]
requests_per_minute = 1000
spend_per_day = "50"
[limits.tiers.gold.account]
concurrent = 20
"""
POLICIES = {"ROUTER__GATEWAY__BILLING": "prepaid", "ROUTER__GATEWAY__RATE_LIMIT": "windows"}


@pytest.fixture
def key(router) -> str:
    return str(router.json("keys", "create", "--account", router.first["account"])["id"])


def put_bucket(folder: Path, id: str, start_ms: int, used: int, held: int) -> None:
    database = open_database("sqlite:///router.db", folder)
    sql = "INSERT INTO buckets (id, window_start, used, held) VALUES (?, ?, ?, ?)"
    database.write(lambda connection: connection.execute(sql, (id, start_ms, used, held)))
    database.close()


def test_limits_are_set_listed_and_cleared(router, key: str) -> None:
    account = router.first["account"]
    made = router.json("limits", "set", "--key", key, "--requests-per-minute", "5", "--spend-per-day", "2.50")
    assert (made["kind"], made["name"], made["requests_per_minute"]) == ("key", key, 5)
    assert (made["spend_per_day"], made["concurrent"]) == ("2.5", None)
    router.json("limits", "set", "--account", account, "--concurrent", "3")
    router.json("limits", "set", "--tier", "gold", "--tokens-per-minute", "0")
    router.json("limits", "set", "--tier", "gold", "--per-account", "--spend-per-month", "7")
    rows = router.json("limits", "list")
    assert {row["subject"] for row in rows} == {
        f"key {key}",
        f"account {account}",
        "each key of tier gold",
        "each account of tier gold",
    }
    assert "2.5" in router("limits", "list").out
    changed = router.json("limits", "set", "--key", key, "--requests-per-minute", "none")
    assert (changed["requests_per_minute"], changed["spend_per_day"]) == (None, "2.5")
    router.json("limits", "set", "--key", key, "--clear")
    assert len(router.json("limits", "list")) == 3
    assert "no limits of key" in router.refused("limits", "set", "--key", key, "--clear")


def test_what_is_in_force_and_where_it_comes_from(router, key: str) -> None:
    router.write(TIERS)
    router.json("config", "set", "limits.requests_per_minute", "100")
    account = router.first["account"]
    assert router.json("accounts", "tier", account, "gold")["tier"] == "gold"
    router.json("limits", "set", "--tier", "gold", "--tokens-per-minute", "9")
    router.json("limits", "set", "--key", key, "--spend-per-day", "1")
    router.json("limits", "set", "--account", account, "--spend-per-month", "30")
    rows = router.json("limits", "list", "--key", key)
    assert {row["limit"]: "resets_at" in row for row in rows}["spend_per_day"]
    assert [tuple(row.values())[:4] for row in rows] == [
        ("key", "requests_per_minute", 1000, "[limits.tiers.gold]"),
        ("key", "tokens_per_minute", 9, "tier 'gold'"),
        ("key", "spend_per_day", "1", "the key's own"),
        ("account", "concurrent", 20, "[limits.tiers.gold.account]"),
        ("account", "spend_per_month", "30", "the account's own"),
    ]
    assert router.json("limits", "list", "--account", account) == rows[3:]
    assert router.json("accounts", "show", account)["tier"] == "gold"
    assert router.json("accounts", "tier", account, "none")["tier"] is None
    assert router.json("limits", "list", "--key", key)[0]["source"] == "[limits]"


def test_tiers_of_configuration_and_database_are_listed_with_their_accounts(router) -> None:
    router.write(TIERS)
    router.json("limits", "set", "--tier", "silver", "--concurrent", "2")
    router.json("accounts", "tier", router.first["account"], "gold")
    rows = [(row["tier"], row["kind"], row["accounts"], row["where"]) for row in router.json("limits", "tiers")]
    assert rows == [
        ("gold", "tier", 1, "[limits.tiers.gold]"),
        ("gold", "tier-account", 1, "[limits.tiers.gold.account]"),
        ("silver", "tier", 0, "database"),
    ]


def test_without_any_limit_the_commands_say_so(router, key: str) -> None:
    assert "No limit is set." in router("limits", "list").out
    assert "No limit holds." in router("limits", "list", "--key", key).out
    assert "router limits set --tier NAME" in router("limits", "tiers").out


def test_limits_that_nothing_enforces_are_a_warning(router, key: str) -> None:
    none = {"ROUTER__GATEWAY__BILLING": "none", "ROUTER__GATEWAY__RATE_LIMIT": "none"}
    assert 'rate_limit is "none"' in router("limits", "set", "--key", key, "--concurrent", "1", env=none).err
    assert 'billing is "none"' in router("keys", "limit", key, "--budget", "1", env=none).err


@pytest.mark.parametrize("value", ["-1", "nan", "inf", "1e3", "0.0000000001", "1000000001", "999999999999999", "", "x"])
def test_amounts_that_are_none_are_refused_and_change_nothing(router, key: str, value: str) -> None:
    for command in (
        ["limits", "set", "--key", key, "--spend-per-day", value],
        ["keys", "limit", key, "--budget", value],
        ["keys", "create", "--account", router.first["account"], "--budget", value],
    ):
        said = router.refused(*command, status=2)
        assert "is not an amount" in said or "is above the largest" in said
        assert f"{command[-2]}: " in said
    assert router.json("limits", "list") == []
    assert router.json("keys", "show", key)["budget"] is None


@pytest.mark.parametrize("value", ["-1", "1.5", "nan", "x", "99999999999999999999"])
def test_counts_that_are_none_are_refused(router, key: str, value: str) -> None:
    router.refused("limits", "set", "--key", key, "--concurrent", value, status=2)
    assert router.json("limits", "list") == []


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (["limits", "set", "--concurrent", "1"], "give one of --key, --account and --tier"),
        (["limits", "set", "--key", "key_1", "--tier", "a", "--concurrent", "1"], "give one of"),
        (["limits", "set", "--account", "acct_1", "--per-account", "--concurrent", "1"], "goes with --tier"),
        (["limits", "set", "--tier", "a"], "say which limits to set"),
        (["limits", "set", "--tier", "a", "--clear", "--concurrent", "1"], "say which limits to set"),
        (["limits", "list", "--key", "a", "--account", "b"], "not both"),
        (["keys", "create", "--account", "a", "--period", "day"], "goes with --budget"),
        (["keys", "limit", "key_1"], "say what to change"),
        (["keys", "limit", "key_1", "--scope", "echo/echo", "--any-model"], "not both"),
    ],
)
def test_options_that_do_not_go_together(router, args: list[str], reason: str) -> None:
    assert reason in router.refused(*args, status=2)


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (["limits", "set", "--key", "key_none", "--concurrent", "1"], "no key key_none"),
        (["limits", "set", "--account", "acct_none", "--concurrent", "1"], "no account 'acct_none'"),
        (["limits", "set", "--tier", "none", "--concurrent", "1"], "cannot be called 'none'"),
        (["limits", "list", "--key", "key_none"], "no key key_none"),
        (["limits", "list", "--account", "acct_none"], "no account 'acct_none'"),
        (["keys", "limit", "key_none", "--any-model"], "no key key_none"),
        (["accounts", "tier", "acct_none", "none"], "no account 'acct_none'"),
        (["accounts", "price-list", "acct_none", "none"], "no account 'acct_none'"),
    ],
)
def test_what_is_not_there_is_named(router, args: list[str], reason: str) -> None:
    assert reason in router.refused(*args)


def test_a_misspelt_tier_or_price_list_is_refused(router) -> None:
    router.write(TIERS)
    account = router.first["account"]
    assert "no tier 'golt'; did you mean 'gold'?" in router.refused("accounts", "tier", account, "golt")
    said = router.refused("accounts", "price-list", account, "x")
    assert "no price list 'x' (`router models price MODEL --list NAME` makes it)" in said


def test_an_account_is_put_on_a_price_list(router) -> None:
    database = open_database("sqlite:///router.db", router.folder)
    sql = "INSERT INTO prices (list, model, price, starts_at, created_at) VALUES ('friends', 'echo/echo', '{}', 0, 0)"
    database.write(lambda connection: connection.execute(sql))
    database.close()
    account = router.first["account"]
    assert router.json("accounts", "price-list", account, "friends")["price_list"] == "friends"
    assert router.json("accounts", "price-list", account, "none")["price_list"] is None


def test_a_key_with_a_budget(router) -> None:
    account = router.first["account"]
    made = router.json(
        *("keys", "create", "--account", account, "--budget", "10", "--period", "month", "--idempotent"), env=POLICIES
    )
    assert (made["budget"], made["budget_period"], made["idempotent"]) == ("10", "month", True)
    listed = next(row for row in router.json("keys", "list") if row["id"] == made["id"])
    assert (listed["budget"], listed["budget_period"]) == ("10", "month")
    assert router.json("keys", "show", made["id"])["spent"] == "0"
    put_bucket(router.folder, f"host:budget:{made['id']}", round(time.time() * 1000), 2_500_000_000, 250_000_000)
    assert router.json("keys", "show", made["id"])["spent"] == "2.75"
    new = router.json("keys", "rotate", made["id"])
    assert router.json("keys", "show", new["id"])["spent"] == "2.75"


def test_what_was_spent_in_an_earlier_period_is_forgotten(router, key: str) -> None:
    put_bucket(router.folder, f"host:budget:{key}", round(time.time() * 1000) - 32 * 86_400_000, 5_000_000_000, 0)
    spent = {"month": "0", "week": "0", "day": "0", "none": "5"}
    for period, shown in spent.items():
        assert router.json("keys", "limit", key, "--budget", "10", "--period", period)["spent"] == shown


def test_a_keys_limits_are_changed_one_by_one(router, key: str) -> None:
    def limit(*args: str) -> dict[str, object]:
        return dict(router.json("keys", "limit", key, *args))

    limit("--budget", "10", "--period", "day")
    changed = limit("--scope", "echo/echo", "--scope", "echo/*", "--idempotent", "--expires", "30d")
    assert (changed["budget"], changed["budget_period"], changed["idempotent"]) == ("10", "day", True)
    assert changed["scope"] == ["echo/echo", "echo/*"] and changed["expires_at"] is not None
    assert limit("--budget", "3")["budget_period"] == "day"
    changed = limit("--period", "none", "--any-model", "--expires", "never", "--no-idempotent")
    assert (changed["budget"], changed["budget_period"], changed["idempotent"]) == ("3", None, False)
    assert (changed["scope"], changed["expires_at"]) == ([], None)
    assert limit("--budget", "none")["budget"] is None
    assert "no budget that a period could belong to" in router.refused("keys", "limit", key, "--period", "day")
    assert "does not exist" in router.refused("keys", "limit", key, "--scope", "echo/none")
    assert "must lie in the future" in router.refused("keys", "limit", key, "--expires", "2020-01-01")
