"""Each rule for policies: kept by a plain one, broken by a policy that is wrong in just that way."""

from __future__ import annotations

import time
from collections.abc import Sequence
from math import inf
from pathlib import Path
from typing import Any

import pytest

from router import BALANCE, ChatCall, Claim, Key, Meters, Outcome, PolicyContext, Quote, Window, hookimpl
from router.plugin_host.registry import registry_of
from router.testing.conformance import RuleResult, Run
from router.types.periods import window_of

pytestmark = pytest.mark.slow


def outcomes(policy: Any) -> dict[str, RuleResult]:
    """Rule ID -> its result."""
    with Run(registry_of(made=policy).plugins["made"]) as run:
        return {rule.id: run.check(rule) for rule in run.rules}


class Billing:
    """Prepaid, to be spoilt."""

    @hookimpl
    def billing_claims(self, call: ChatCall, key: Key, quote: Quote) -> Sequence[Claim]:
        return self.claimed(call, key, quote)

    @hookimpl
    def billing_settle(self, claims: Sequence[Claim], outcome: Outcome) -> Sequence[int]:
        return self.settled(claims, outcome)

    def claimed(self, call: ChatCall, key: Key, quote: Quote) -> Sequence[Claim]:
        return [Claim(BALANCE, quote.charge_nano, refusal="balance")]

    def settled(self, claims: Sequence[Claim], outcome: Outcome) -> Sequence[int]:
        return [outcome.charge_nano for _ in claims]


class Limiting:
    """Five calls a minute, to be spoilt."""

    @hookimpl
    def rate_limit_claims(self, key: Key, quote: Quote) -> Sequence[Claim]:
        return self.claimed(key, quote)

    @hookimpl
    def rate_limit_settle(self, claims: Sequence[Claim], outcome: Outcome) -> Sequence[int]:
        return [1 for _ in claims]

    def claimed(self, key: Key, quote: Quote) -> Sequence[Claim]:
        return [Claim(f"calls:{key.id}", 1, 5, Window(60))]


class Fractional(Billing):
    def claimed(self, call: ChatCall, key: Key, quote: Quote) -> Sequence[Claim]:
        return [Claim(BALANCE, quote.charge_nano / 1)]  # type: ignore[arg-type]


class Rich(Limiting):
    def claimed(self, key: Key, quote: Quote) -> Sequence[Claim]:
        return [Claim(BALANCE, quote.charge_nano)]


class Counting(Limiting):
    calls = 0

    def claimed(self, key: Key, quote: Quote) -> Sequence[Claim]:
        self.calls += 1
        return [Claim(f"calls:{key.id}", self.calls, 1000, Window(60))]


class Clocked(Limiting):
    def claimed(self, key: Key, quote: Quote) -> Sequence[Claim]:
        return [Claim(f"day:{int(time.time() // 86_400)}", 1, 5)]


class Editing(Billing):
    def claimed(self, call: ChatCall, key: Key, quote: Quote) -> Sequence[Claim]:
        call.body["max_tokens"] = 5  # type: ignore[index]
        return super().claimed(call, key, quote)


class Reading(Limiting):
    def claimed(self, key: Key, quote: Quote) -> Sequence[Claim]:
        most = len(Path(__file__).read_text(encoding="utf-8"))
        return [Claim(f"calls:{key.id}", 1, most, Window(60))]


class Inverse(Billing):
    def claimed(self, call: ChatCall, key: Key, quote: Quote) -> Sequence[Claim]:
        return [Claim(BALANCE, max(0, 10**10 - quote.charge_nano))]


class Unpaired(Billing):
    def settled(self, claims: Sequence[Claim], outcome: Outcome) -> Sequence[int]:
        return [outcome.charge_nano] if outcome.usage is not None else []


class Negative(Billing):
    def settled(self, claims: Sequence[Claim], outcome: Outcome) -> Sequence[int]:
        return [-1 if outcome.ending == "cut" else 0]


class Forgetful(Limiting):
    """Counts in itself, and gives too little back."""

    left = 100

    def claimed(self, key: Key, quote: Quote) -> Sequence[Claim]:
        self.left -= 2
        return [Claim(f"calls:{key.id}", 0, self.left)]

    @hookimpl
    def rate_limit_undo(self, claims: Sequence[Claim]) -> None:
        self.left += 1


class Greedy(Billing):
    def settled(self, claims: Sequence[Claim], outcome: Outcome) -> Sequence[int]:
        return [claim.amount for claim in claims]


class Overcharging(Billing):
    def settled(self, claims: Sequence[Claim], outcome: Outcome) -> Sequence[int]:
        return [2 * claim.amount if outcome.usage is not None else 0 for claim in claims]


class Wavering(Limiting):
    """Every second call of a key has another ceiling."""

    calls = 0

    def claimed(self, key: Key, quote: Quote) -> Sequence[Claim]:
        self.calls += 1
        return [Claim(f"calls:{key.id}", 10, 100 if self.calls % 2 else 20)]


class _Stated:
    """Meters of one claim."""

    def __init__(self, claim: Claim, until: float = inf) -> None:
        self.claims = [claim]
        self.until = until

    def amounts(self, quote: Quote) -> Sequence[int]:
        return [quote.charge_nano if self.claims[0].bucket == BALANCE else 1]

    def settled(self, outcome: Outcome) -> Sequence[int]:
        return [outcome.charge_nano if self.claims[0].bucket == BALANCE else 1]


class Declaring(Billing):
    @hookimpl
    def billing_meters(self, key: Key) -> Meters:
        return _Stated(Claim(BALANCE, 0, refusal="balance"))


class Understating(Declaring):
    @hookimpl
    def billing_claims(self, call: ChatCall, key: Key, quote: Quote) -> Sequence[Claim]:
        return [Claim(BALANCE, 2 * quote.charge_nano, refusal="balance")]

    @hookimpl
    def billing_meters(self, key: Key) -> Meters:
        return _Stated(Claim(BALANCE, 0, refusal="balance"))


class Lasting(Limiting):
    """Its claims are the day's, and its declaration is for ever."""

    @hookimpl
    def rate_limit_claims(  # type: ignore[override]  # it asks for other arguments, as plugins may
        self, key: Key, context: PolicyContext
    ) -> Sequence[Claim]:
        return [Claim(f"calls:{key.id}", 1, 5, window_of("day", context.at, context.timezone))]

    @hookimpl
    def rate_limit_meters(self, key: Key, context: PolicyContext) -> Meters:
        return _Stated(self.rate_limit_claims(key, context)[0])


class Inheriting(Declaring):
    """It overrides what is claimed, and not what is declared."""

    @hookimpl
    def billing_claims(self, call: ChatCall, key: Key, quote: Quote) -> Sequence[Claim]:
        return [Claim(BALANCE, quote.charge_nano + 1, refusal="balance")]


WRONG = {
    Understating: "B10",
    Lasting: "R10",
    Fractional: "B01",
    Rich: "R01",
    Counting: "R02",
    Clocked: "R02",
    Editing: "B03",
    Reading: "R04",
    Inverse: "B05",
    Unpaired: "B06",
    Negative: "B06",
    Forgetful: "R07",
    Greedy: "B08",
    Overcharging: "B20",
    Wavering: "R22",
}


@pytest.mark.parametrize("good", [Billing, Limiting, Declaring])
def test_a_small_policy_keeps_the_rules(good: type) -> None:
    assert {result.outcome for result in outcomes(good()).values()} == {"pass", "not offered"}


def test_a_declaration_that_is_inherited_gives_way_to_a_hook_that_is_not() -> None:
    assert "billing_meters" in registry_of(made=Declaring()).plugins["made"].hooks
    assert "billing_meters" not in registry_of(made=Inheriting()).plugins["made"].hooks


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_policy_breaks_the_rule(wrong: type) -> None:
    for _ in range(5):  # a race may go well by chance
        result = outcomes(wrong())[WRONG[wrong]]
        if result.outcome == "fail":
            break
    assert result.outcome == "fail", result
    assert result.seen and result.remedy
