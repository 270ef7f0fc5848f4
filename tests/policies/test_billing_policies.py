"""``prepaid``, ``postpaid`` and a key's budget."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from router import BALANCE, Budget, Claim, Key, Outcome, PolicyContext, Quote, Usage
from router.charging.budget import budget_claim

QUOTE = Quote(1000, 500, 7_000)
FREE = Quote(1000, 500, 0)
KEY = Key("key_1", "acct_1")
OUTCOME = Outcome("ok", Usage(900, 100), 1_234)
NOTHING = Outcome("error", None, 0)


def test_prepaid_holds_the_most_and_takes_what_was_used(policy) -> None:
    prepaid = policy("prepaid", "billing")
    claims = prepaid.claims(KEY, QUOTE)
    assert claims == [Claim(BALANCE, 7_000, refusal="balance")]
    assert prepaid.settle(claims, OUTCOME) == [1_234]
    assert prepaid.settle(claims, NOTHING) == [0]


def test_postpaid_holds_nothing_but_wants_a_balance(policy) -> None:
    postpaid = policy("postpaid", "billing")
    claims = postpaid.claims(KEY, QUOTE)
    message = "The account has no balance left: add credits."
    assert claims == [Claim(BALANCE, 0, at_least=1, refusal="balance", message=message)]
    assert postpaid.settle(claims, OUTCOME) == [1_234]


def test_a_free_model_needs_no_balance(policy) -> None:
    assert [(one.amount, one.at_least) for one in policy("postpaid", "billing").claims(KEY, FREE)] == [(0, 0)]
    assert [(one.amount, one.at_least) for one in policy("prepaid", "billing").claims(KEY, FREE)] == [(0, 0)]


def at(text: str, zone: str = "UTC") -> PolicyContext:
    timezone = ZoneInfo(zone) if zone != "UTC" else UTC
    return PolicyContext(datetime.fromisoformat(text).replace(tzinfo=timezone).timestamp(), timezone)


def test_a_key_without_a_budget_claims_none() -> None:
    assert budget_claim(KEY, QUOTE, at("2025-07-23T12:00")) is None


def test_a_budget_is_a_claim_of_the_whole_charge() -> None:
    claim = budget_claim(replace(KEY, budget=Budget(10_000)), QUOTE, at("2025-07-23T12:00"))
    assert claim is not None
    assert (claim.bucket, claim.amount, claim.ceiling, claim.window) == ("budget:key_1", 7_000, 10_000, None)
    assert (claim.refusal, claim.unit) == ("budget", "money")


@pytest.mark.parametrize(("period", "days"), [("day", 1), ("week", 7), ("month", 31)])
def test_a_budgets_window_is_its_period(period: str, days: int) -> None:
    key = replace(KEY, budget=Budget(10_000, period))
    claim = budget_claim(key, QUOTE, at("2025-07-23T12:00", "Asia/Ashgabat"))
    assert claim is not None and claim.window is not None
    assert claim.window.seconds == days * 86_400


def test_rotated_keys_share_one_budget() -> None:
    keys = [Key(id, "acct_1", budget=Budget(5), origin=origin) for id, origin in (("key_1", ""), ("key_2", "key_1"))]
    claims = [budget_claim(key, QUOTE, at("2025-07-23T12:00")) for key in keys]
    assert [claim.bucket for claim in claims if claim] == ["budget:key_1", "budget:key_1"]
