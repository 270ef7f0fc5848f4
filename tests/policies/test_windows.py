"""``windows``: which buckets a call takes from, how much, and what it gives back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router import Claim, Key, Limits, Outcome, Quote, Usage, Window

QUOTE = Quote(1000, 4000, 7_000)
OUTCOME = Outcome("ok", Usage(900, 100), 1_234)
ALL = {
    "requests_per_minute": 60,
    "tokens_per_minute": 100_000,
    "concurrent": 4,
    "spend_per_day": 10**9,
    "spend_per_month": 10**10,
}


@pytest.fixture(scope="module")
def windows(policy) -> Any:
    return policy("windows", "rate_limit")


def by_bucket(claims: Iterable[Claim]) -> dict[str, Claim]:
    return {claim.bucket: claim for claim in claims}


def test_without_limits_there_are_no_claims(windows, key) -> None:
    assert windows.claims(key(), QUOTE) == []


def test_every_limit_is_a_bucket_of_its_own(windows, key) -> None:
    claims = by_bucket(windows.claims(key(**ALL, account=ALL), QUOTE))
    names = ("requests", "tokens", "concurrent", "day", "month")
    assert list(claims) == [f"{name}:{whose}" for whose in ("key:key_1", "account:acct_1") for name in names]
    for whose in ("key:key_1", "account:acct_1"):
        amounts = [(claims[f"{name}:{whose}"].amount, claims[f"{name}:{whose}"].ceiling) for name in names]
        assert amounts == [(1, 60), (1256, 100_000), (1, 4), (7_000, 10**9), (7_000, 10**10)]
    assert claims["requests:key:key_1"].window == claims["tokens:account:acct_1"].window == Window(60)
    assert claims["concurrent:key:key_1"].window is None
    assert {claim.refusal for claim in claims.values()} == {"rate_limit"}
    assert all(claim.message.endswith(".") for claim in claims.values())


def test_settling_leaves_what_was_used(windows, key) -> None:
    claims = windows.claims(key(**ALL), QUOTE)
    assert windows.settle(claims, OUTCOME) == [1, 1000, 0, 1_234, 1_234]
    assert windows.settle(claims, Outcome("error", None, 0)) == [1, 0, 0, 0, 0]


def test_a_named_cap_counts_in_full(windows, key) -> None:
    limited = key(tokens_per_minute=100_000)
    assert windows.claims(limited, replace(QUOTE, named_cap=True))[0].amount == 5_000
    assert windows.claims(limited, QUOTE, settings=SimpleNamespace(uncapped_output_tokens=10))[0].amount == 1_010
    assert windows.claims(limited, Quote(10, 0, 0))[0].amount == 10  # embeddings have no output


def test_a_call_larger_than_its_limit_passes_when_the_window_is_empty(windows, key) -> None:
    claim = windows.claims(key(tokens_per_minute=300), QUOTE)[0]
    assert claim.amount == claim.ceiling == 300
    assert windows.settle([claim], OUTCOME) == [1000]


@given(st.integers(0, 5), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**12), st.booleans())
def test_a_limit_of_zero_refuses_every_call(
    windows, which: int, prompt: int, completion: int, charge: int, named: bool
) -> None:
    name = list(ALL)[which % len(ALL)]
    quote = Quote(prompt, completion, charge, named)
    for key in (Key("k", "a", limits=Limits(**{name: 0})), Key("k", "a", account_limits=Limits(**{name: 0}))):
        (claim,) = windows.claims(key, quote)
        assert claim.ceiling == 0
        assert claim.amount + claim.at_least > 0


def test_a_spending_limit_may_be_used_up_exactly(windows, key) -> None:
    (claim,) = windows.claims(key(spend_per_day=7_000), QUOTE)
    assert (claim.amount, claim.at_least, claim.ceiling) == (7_000, 0, 7_000)


def test_the_headers_show_the_keys_limits_else_the_accounts(windows, key) -> None:
    both = windows.claims(key(requests_per_minute=5, account={"requests_per_minute": 9, "tokens_per_minute": 9}), QUOTE)
    assert [(claim.unit, claim.ceiling) for claim in both if claim.unit] == [("requests", 5), ("tokens", 9)]


def test_days_and_months_are_those_of_the_time_zone(windows, key) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    at = datetime(2025, 3, 30, 1, 30, tzinfo=UTC).timestamp()
    day, month = windows.claims(key(spend_per_day=10**9, spend_per_month=10**9), QUOTE, at=at, timezone=berlin)
    assert day.window == Window(23 * 3600, datetime(2025, 3, 30, tzinfo=berlin).timestamp())
    assert month.window == Window(31 * 86_400 - 3600, datetime(2025, 3, 1, tzinfo=berlin).timestamp())


def test_rotated_keys_are_counted_as_one(windows) -> None:
    limits = Limits(requests_per_minute=5)
    claims = [windows.claims(Key(id, "a", limits=limits, origin=of), QUOTE) for id, of in (("k1", ""), ("k2", "k1"))]
    assert claims[0] == claims[1]
