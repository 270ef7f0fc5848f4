"""Tiers that follow each other: who goes on into which, when, and what is told of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from payments_kit import OPERATOR, Clock, Till

from router import DepositPaid, Dispute, Refund
from router.app.installed import plugin_migrations, registry_of_settings
from router.app.start import assemble
from router.config.file import load_settings
from router.money.amounts import NANO
from router.office import accounts
from router.office.actor import GATEWAY
from router.office.audit import list_audit
from router.office.customers import tiers
from router.office.customers.tiers import TierProgress, promote_accounts, read_progress, show_progress
from router.store.migrating import migrate
from router.store.opening import open_database

DAY = 86_400.0
LADDER = """
[limits.tiers.bronze]
after = "none"
days = 10
[limits.tiers.silver]
after = "bronze"
days = 20
paid = "15"
[limits.tiers.gold]
after = "silver"
paid = "100"
[limits.tiers.partner]
concurrent = 9
"""
NEW = '[limits.tiers.new]\n[limits.tiers.known]\nafter = "new"\npaid = "20"\n'


@pytest.fixture
def climbing(database_url: str, make_till: Any, clock: Clock) -> Till:
    return at_first(make_till(database_url, before=LADDER), clock)


def at_first(till: Till, clock: Clock) -> Till:
    """The clock at the moment in which the till's account was made."""
    clock.now = accounts.get_account(till.office, till.account).created_at
    return till


def tier_of(till: Till, account: str = "") -> str:
    return accounts.get_account(till.office, account or till.account).tier


def went(till: Till) -> list[tuple[str, dict[str, Any]]]:
    """Who went up how, the newest first."""
    found = list_audit(till.office, action=tiers.PROMOTE)
    return [(one.actor, dict(one.detail)) for one in found]


def test_age_takes_an_account_up_once(climbing: Till, clock: Clock) -> None:
    clock.now += 10 * DAY - 1
    assert promote_accounts(climbing.office, GATEWAY) == 0 and tier_of(climbing) == ""
    clock.now += 1
    assert promote_accounts(climbing.office, GATEWAY) == 1 and tier_of(climbing) == "bronze"
    assert promote_accounts(climbing.office, GATEWAY) == 0
    assert went(climbing) == [("gateway", {"tier": "bronze", "before": "none"})]


def test_a_step_needs_age_and_payments(climbing: Till, clock: Clock) -> None:
    climbing.tell(DepositPaid("voucher:gift", climbing.account, 500 * NANO, "USD", 9, granted=True))
    clock.now += 40 * DAY
    assert promote_accounts(climbing.office, GATEWAY) == 1 and tier_of(climbing) == "bronze"  # a gift is not paid
    account = accounts.get_account(climbing.office, climbing.account)
    assert read_progress(climbing.office, account) == TierProgress("silver", 40, 20, 0, 15 * NANO)
    assert show_progress(climbing.office, account) == "silver: 40 of 20 days old, 0.00 of 15.00 USD paid in"
    climbing.paid(14 * NANO)
    assert promote_accounts(climbing.office, GATEWAY) == 0
    climbing.paid(1 * NANO)
    assert tier_of(climbing) == "silver"  # at once, by the payment that it wanted
    assert promote_accounts(climbing.office, GATEWAY) == 0


def test_all_steps_that_were_earned_are_taken_and_none_is_taken_back(climbing: Till, clock: Clock) -> None:
    row = climbing.paid(100 * NANO)
    assert tier_of(climbing) == ""
    clock.now += 20 * DAY
    assert promote_accounts(climbing.office, GATEWAY) == 1 and tier_of(climbing) == "gold"
    assert went(climbing) == [("gateway", {"tier": "gold", "before": "none", "through": ["bronze", "silver"]})]
    assert read_progress(climbing.office, accounts.get_account(climbing.office, climbing.account)) is None
    climbing.tell(Refund("re_1", payment=row.payment, amount=row.amount, currency="USD"))
    assert promote_accounts(climbing.office, GATEWAY) == 0 and tier_of(climbing) == "gold"


def test_what_went_back_is_not_paid(climbing: Till, clock: Clock) -> None:
    refunded, disputed = climbing.paid(20 * NANO), climbing.paid(20 * NANO)
    climbing.tell(Refund("re_1", payment=refunded.payment, amount=1500, currency="USD"))
    lost: dict[str, Any] = {"payment": disputed.payment, "amount": 1000, "currency": "USD"}
    climbing.tell(Dispute("dp_1", stage="withdrawn", **lost))
    account = accounts.get_account(climbing.office, climbing.account)
    found = read_progress(climbing.office, account)
    assert account.status == "suspended" and found is not None and found.paid_nano == 15 * NANO
    clock.now += 30 * DAY
    assert promote_accounts(climbing.office, GATEWAY) == 0  # nobody goes up while suspended
    climbing.tell(Dispute("dp_1", stage="reinstated", **lost), Dispute("dp_1", stage="won", **lost))
    assert promote_accounts(climbing.office, GATEWAY) == 1 and tier_of(climbing) == "silver"


def test_a_tier_that_nothing_follows_is_the_operator_s(climbing: Till, clock: Clock) -> None:
    accounts.set_tier(climbing.office, OPERATOR, climbing.account, "partner")
    climbing.paid(500 * NANO)
    clock.now += 400 * DAY
    assert promote_accounts(climbing.office, GATEWAY) == 0 and tier_of(climbing) == "partner"
    assert went(climbing) == []


def test_more_accounts_than_a_page_go_up(climbing: Till, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiers, "_PAGE", 2)
    made = [climbing.account, *(accounts.create_account(climbing.office, OPERATOR, f"a{n}").id for n in range(4))]
    clock.now += 11 * DAY
    assert promote_accounts(climbing.office, GATEWAY) == 5
    assert {tier_of(climbing, one) for one in made} == {"bronze"}


@pytest.mark.parametrize(("ladder", "tier"), [(NEW, "new"), ("[limits.tiers.new]\n", "")])
def test_the_first_payment_ends_the_new_tier_unless_one_follows_it(
    sqlite_url: str, make_till: Any, ladder: str, tier: str
) -> None:
    till = make_till(sqlite_url, before=ladder)
    office = till.office
    office.settings = replace(office.settings, portal=replace(office.settings.portal, new_tier="new"))
    accounts.set_tier(till.office, OPERATOR, till.account, "new")
    till.paid(5 * NANO)
    assert tier_of(till) == tier
    till.paid(15 * NANO)
    assert tier_of(till) == ("known" if tier else "")


def test_the_job_runs_where_tiers_follow_each_other(sqlite_url: str, tmp_path: Path) -> None:
    config = tmp_path / "router.toml"
    for ladder, there in (("", False), (LADDER, True)):
        config.write_text(f'[database]\nurl = "{sqlite_url}"\n[providers.echo]\n{ladder}', encoding="utf-8")
        database = open_database(sqlite_url, tmp_path, create=True)
        migrate(database, plugin_migrations(registry_of_settings(load_settings(config, {}))))
        database.close()
        assembly = assemble(config, {})
        try:
            assert ("tiers" in {job.name for job in assembly.leased_jobs()}) is there
        finally:
            assembly.close()
