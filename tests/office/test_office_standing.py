"""What an account is told of its limits: what holds, why, how much is used, and whose tiers it may see."""

from __future__ import annotations

import pytest
from office_kit import ADA, Opened
from stored_usage import insert_usage

from router.office import accounts, keys, limits
from router.office.customers.standing import read_standing
from router.office.limits import Subject
from router.office.office import Office
from router.types.keys import Limits
from router.types.records import CallRecord

pytestmark = pytest.mark.slow

CONFIG = """
[limits]
requests_per_minute = 60
[limits.account]
spend_per_day = "50"
spend_per_month = "900"
[limits.tiers.gold]
requests_per_minute = 600
[limits.tiers.gold.account]
spend_per_day = "500"
"""


def told(found: object) -> dict[str, tuple[int, str]]:
    return {one.name: (one.value, one.source) for one in found}  # type: ignore[attr-defined]


def spend(office: Office, account: str, id: str, at: float, charge_nano: int) -> None:
    words = ("chat", account, "key_1", "echo/echo", "echo", "echo", 200, "ok", "", False)
    record = CallRecord(id, at, *words, 1, 1, 0, 0, False, 1, None, charge_nano=charge_nano)
    office.database.write(lambda connection: insert_usage(connection, [record]))


def test_each_limit_has_the_strongest_layer_and_its_use(opened: Opened) -> None:
    office = opened(CONFIG)
    office.clock = lambda: 1_800_000_000.0  # 15 January 2027, 08:00
    account = accounts.create_account(office, ADA, "Ours").id
    for id, at, charge in (("r1", 1_800_000_000.0 - 60, 7), ("r2", 1_800_000_000.0 - 86_400, 11), ("r3", 1.7e9, 13)):
        spend(office, account, id, at, charge)
    found = read_standing(office, account)
    assert told(found.each_key) == {"requests_per_minute": (60, "everybody")}
    assert told(found.account) == {
        "spend_per_day": (50 * 10**9, "everybody"),
        "spend_per_month": (900 * 10**9, "everybody"),
    }
    assert [one.used_nano for one in found.account] == [7, 18]
    assert [one.resets_at for one in found.account] == [1_800_057_600.0, 1_801_440_000.0]
    assert (found.tier, found.keys, found.enforced, found.billed) == ("", [], True, True)


def test_a_tier_and_what_is_set_win(opened: Opened) -> None:
    office = opened(CONFIG)
    account = accounts.create_account(office, ADA, "Ours").id
    key = keys.create_key(office, ADA, account, "mine").row.id
    keys.create_key(office, ADA, account, "plain")
    accounts.set_tier(office, ADA, account, "gold")
    limits.set_limits(office, ADA, Subject("account", account), {"spend_per_month": 5})
    limits.set_limits(office, ADA, Subject("key", key), {"concurrent": 2})
    found = read_standing(office, account)
    assert told(found.account) == {"spend_per_day": (500 * 10**9, "tier"), "spend_per_month": (5, "own")}
    assert told(found.each_key) == {"requests_per_minute": (600, "tier")}
    (own,) = found.keys
    assert (own.key.id, own.values) == (key, {"requests_per_minute": 600, "concurrent": 2})
    keys.revoke_key(office, ADA, key)
    assert read_standing(office, account).keys == []


def test_tiers_of_the_configuration_are_everybodys_and_others_their_members_alone(opened: Opened) -> None:
    office = opened(CONFIG)
    account, other = (accounts.create_account(office, ADA, name).id for name in ("Ours", "Theirs"))
    limits.set_limits(office, ADA, Subject("tier", "acme deal"), {"requests_per_minute": 7})
    limits.set_limits(office, ADA, Subject("tier", "gold"), {"requests_per_minute": 700})
    accounts.set_tier(office, ADA, other, "acme deal")
    assert [one.name for one in read_standing(office, account).tiers] == ["gold"]
    (ours, gold) = read_standing(office, other).tiers
    assert (ours.name, ours.key, gold.key) == ("acme deal", Limits(7), Limits(700))
    assert gold.account == Limits(spend_per_day=500 * 10**9, spend_per_month=900 * 10**9)


def test_that_nothing_is_enforced_or_billed_is_told(opened: Opened) -> None:
    office = opened('[gateway]\nbilling = "none"\nrate_limit = "none"\n')
    account = accounts.create_account(office, ADA, "Ours").id
    found = read_standing(office, account)
    assert (found.enforced, found.billed) == (False, False)
