"""Limits, budgets and the version under which keys are read."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from router.db.access_version import access_version
from router.db.database import Database
from router.errors import BadRequest, NotFound
from router.store.accounts import (
    Account,
    create_account,
    get_account,
    list_price_lists,
    set_account_price_list,
    set_account_status,
    set_account_tier,
)
from router.store.keys import (
    KeyRow,
    change_key,
    create_key,
    disable_key,
    enable_key,
    get_key,
    hash_key,
    revoke_key,
    rotate_key,
)
from router.store.limits import AMOUNT_MAX, StoredLimits, Subject, clear_limits, list_limits, set_limits
from router.store.lookup import FoundKey, find_key
from router.types.keys import Budget, Limits

pytestmark = pytest.mark.slow


@pytest.fixture
def made(database: Database, account: Account) -> tuple[KeyRow, str]:
    return create_key(database, account.id, "k", budget=Budget(5, "week"), idempotent=True, scope=["a/b"])


def look_up(database: Database, text: str) -> FoundKey:
    found = find_key(database, hash_key(text))
    assert found is not None
    return found


def version(database: Database) -> int:
    return database.read(access_version)


def test_a_key_is_found_with_all_that_bears_on_it(database: Database, account: Account, made) -> None:
    row, text = made
    set_account_tier(database, account.id, "gold")
    set_account_price_list(database, account.id, "friends")
    for number, (kind, name) in enumerate(
        [
            ("key", row.id),
            ("tier", "gold"),
            ("account", account.id),
            ("tier-account", "gold"),
            ("key-owner", row.id),
            ("tier", "silver"),
        ]
    ):
        set_limits(database, Subject(kind, name), {"concurrent": number})
    key, limits = look_up(database, text)
    assert (key.budget, key.idempotent, key.tier, key.price_list) == (Budget(5, "week"), True, "gold", "friends")
    assert (key.scope, key.version) == (("a/b",), version(database))
    assert limits == StoredLimits(*(Limits(concurrent=number) for number in range(5)))
    assert get_key(database, row.id) == row
    assert (get_account(database, account.id).tier, get_account(database, account.id).price_list) == ("gold", "friends")


def test_an_account_without_a_tier_has_no_tiers_limits(database: Database, made) -> None:
    database.write(lambda connection: connection.execute("INSERT INTO limits VALUES ('tier:', '{\"concurrent\": 1}')"))
    assert look_up(database, made[1]).limits == StoredLimits()


def test_every_change_that_calls_must_see_raises_the_version(database: Database, account: Account, made) -> None:
    row = made[0]
    subject = Subject("key", row.id)
    changes: list[Callable[[], object]] = [
        lambda: change_key(database, row.id, {"budget": None}),
        lambda: change_key(database, row.id, {"scope": []}),
        lambda: disable_key(database, row.id),
        lambda: enable_key(database, row.id),
        lambda: set_limits(database, subject, {"concurrent": 1}),
        lambda: clear_limits(database, subject),
        lambda: set_account_status(database, account.id, "suspended"),
        lambda: set_account_tier(database, account.id, "gold"),
        lambda: set_account_price_list(database, account.id, "friends"),
        lambda: rotate_key(database, row.id, grace_s=5),
        lambda: revoke_key(database, row.id),
    ]
    for number, change in enumerate(changes):
        before = version(database)
        change()
        assert version(database) == before + 1, number
    assert look_up(database, made[1]).key.version == version(database)


def test_a_refused_change_raises_no_version(database: Database, made) -> None:
    before = version(database)
    with pytest.raises(NotFound):
        set_limits(database, Subject("key", "key_none"), {"concurrent": 1})
    with pytest.raises(NotFound):
        set_account_tier(database, "acct_none", "gold")
    with pytest.raises(BadRequest):
        change_key(database, made[0].id, {"budget": Budget(-1)})
    assert version(database) == before


def test_limits_are_set_one_by_one_and_cleared_together(database: Database, account: Account) -> None:
    subject = Subject("account", account.id)
    assert set_limits(database, subject, {"concurrent": 5, "spend_per_day": 7}) == Limits(concurrent=5, spend_per_day=7)
    assert set_limits(database, subject, {"concurrent": 0}) == Limits(concurrent=0, spend_per_day=7)
    assert set_limits(database, subject, {"spend_per_day": None}) == Limits(concurrent=0)
    assert list_limits(database) == {subject: Limits(concurrent=0)}
    clear_limits(database, subject)
    assert list_limits(database) == {}
    with pytest.raises(NotFound, match="no limits of account"):
        clear_limits(database, subject)
    set_limits(database, subject, {"concurrent": 1})
    set_limits(database, subject, {"concurrent": None})
    assert list_limits(database) == {}


@pytest.mark.parametrize("value", [-1, AMOUNT_MAX + 1, 1.5, float("nan"), "5", True])
def test_a_limit_that_is_no_sensible_number_is_refused(database: Database, value) -> None:
    with pytest.raises(BadRequest, match="whole number"):
        set_limits(database, Subject("tier", "gold"), {"concurrent": value})
    assert list_limits(database) == {}


def test_limits_of_what_is_not_there_are_refused(database: Database) -> None:
    for subject in (Subject("key", "key_none"), Subject("account", "acct_none")):
        with pytest.raises(NotFound, match=rf"no {subject.kind} '{subject.name}'.*router {subject.kind}s list"):
            set_limits(database, subject, {"concurrent": 1})
    with pytest.raises(BadRequest, match="requests_per_minute, tokens_per_minute"):
        set_limits(database, Subject("tier", "gold"), {"requests_per_hour": 1})
    with pytest.raises(BadRequest, match="key, account, tier, tier-account"):
        set_limits(database, Subject("planet", "mars"), {"concurrent": 1})
    with pytest.raises(BadRequest, match="tier's name"):
        set_limits(database, Subject("tier", "a\nb"), {"concurrent": 1})


def test_two_who_set_different_limits_at_once_lose_none(database: Database, account: Account) -> None:
    subject = Subject("account", account.id)
    names = ("requests_per_minute", "tokens_per_minute", "concurrent", "spend_per_day", "spend_per_month")
    threads = [threading.Thread(target=set_limits, args=(database, subject, {name: 1})) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert list_limits(database) == {subject: Limits(1, 1, 1, 1, 1)}


def test_a_key_is_changed_in_what_is_named_only(database: Database, made) -> None:
    row, text = made
    soon = time.time() + 60
    change_key(database, row.id, {"expires_at": soon})
    key = look_up(database, text).key
    assert (key.expires_at, key.budget, key.scope, key.idempotent) == (soon, Budget(5, "week"), ("a/b",), True)
    change_key(database, row.id, {"expires_at": None, "budget": Budget(0), "scope": [], "idempotent": False})
    key = look_up(database, text).key
    assert (key.expires_at, key.budget, key.scope, key.idempotent) == (None, Budget(0), (), False)
    change_key(database, row.id, {"budget": None})
    assert look_up(database, text).key.budget is None


@pytest.mark.parametrize("budget", [Budget(-1), Budget(AMOUNT_MAX + 1), Budget(1, "year"), Budget(1.5)])  # type: ignore[arg-type]
def test_a_bad_budget_is_refused(database: Database, account: Account, made, budget: Budget) -> None:
    with pytest.raises(BadRequest, match="budget"):
        create_key(database, account.id, "k", budget=budget)
    with pytest.raises(BadRequest, match="budget"):
        change_key(database, made[0].id, {"budget": budget})
    assert get_key(database, made[0].id) == made[0]


def test_a_past_expiry_or_a_revoked_key_cannot_be_changed(database: Database, made) -> None:
    for expires_at in (time.time() - 1, float("nan")):
        with pytest.raises(BadRequest, match="in the future"):
            change_key(database, made[0].id, {"expires_at": expires_at})
    revoke_key(database, made[0].id)
    with pytest.raises(BadRequest, match="revoked, which is for good"):
        change_key(database, made[0].id, {"scope": []})


def test_a_rotated_key_has_the_old_ones_budget_and_is_counted_with_it(database: Database, made) -> None:
    new, text = rotate_key(database, made[0].id, grace_s=60)
    newest, _ = rotate_key(database, new.id, grace_s=60)
    key = look_up(database, text).key
    assert (key.budget, key.scope, key.idempotent) == (Budget(5, "week"), ("a/b",), True)
    assert {made[0].counted_as, new.counted_as, newest.counted_as, key.counted_as} == {made[0].id}


def test_price_lists_are_those_that_hold_prices(database: Database) -> None:
    sql = "INSERT INTO prices (list, model, price, starts_at, created_at) VALUES (?, ?, '{}', 0, 0)"
    for row in (("", "a/b"), ("friends", "a/b"), ("friends", "a/c"), ("big", "a/b")):
        database.write(lambda connection, row=row: connection.execute(sql, row))
    assert list_price_lists(database) == ["big", "friends"]


def test_an_accounts_tier_can_be_taken_away(database: Database) -> None:
    account = create_account(database, "a")
    set_account_tier(database, account.id, "gold")
    set_account_tier(database, account.id, "")
    assert get_account(database, account.id) == account
