"""What finished calls come to, whatever their upstream says that they used."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from market import Market, card, chat, price

from router.charging.charge import ChargeResult, compute_charge
from router.types.records import OVER_BOUND, Usage
from router.upstream.wire import usage_of

CARD = card(price=price(input="2.50", cached_input="1.25", cache_write="3", output="10", reasoning="12"))
BOUND = 6_000
CAP = 500


def reckoned(usage: Any, estimate: Usage | None = None, ending: str = "ok") -> ChargeResult:
    """Of a call with a prompt of at most 6,000 tokens and an output of at most 500."""
    terms = Market([CARD]).terms(chat("x" * BOUND, max_tokens=CAP))
    read = usage if isinstance(usage, Usage) or usage is None else usage_of(usage)
    return compute_charge(terms, terms.targets[0], read, estimate, ending)


def counts(done: ChargeResult) -> tuple[int, ...]:
    usage = done.usage
    assert usage is not None
    return (
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.cached_tokens,
        usage.cache_write_tokens,
        usage.reasoning_tokens,
    )


def raw(prompt: Any = 100, completion: Any = 10, **details: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"prompt_tokens": prompt, "completion_tokens": completion}
    if "reasoning_tokens" in details:
        found["completion_tokens_details"] = {"reasoning_tokens": details.pop("reasoning_tokens")}
    return {**found, "prompt_tokens_details": details}


def test_a_charge_is_exact_to_the_nano() -> None:
    done = reckoned(raw(2006, 300, cached_tokens=1920))
    assert done.charge_nano == 86 * 2_500 + 1920 * 1_250 + 300 * 10_000 == done.cost_nano
    assert (done.estimated, done.clamped) == (False, False)


def test_every_kind_of_token_has_its_rate() -> None:
    done = reckoned(raw(100, 50, cached_tokens=20, cache_write_tokens=30, reasoning_tokens=40))
    assert done.charge_nano == 50 * 2_500 + 20 * 1_250 + 30 * 3_000 + 10 * 10_000 + 40 * 12_000


@pytest.mark.parametrize(
    ("usage", "kept"),
    [
        (raw(cached_tokens=150), (100, 10, 100, 0, 0)),
        (raw(cached_tokens=80, cache_write_tokens=50), (100, 10, 80, 20, 0)),
        (raw(reasoning_tokens=11), (100, 10, 0, 0, 10)),
        (raw(10**18), (BOUND, 10, 0, 0, 0)),
        (raw(1e18), (BOUND, 10, 0, 0, 0)),
        (raw(10**30, 10**30), (BOUND, CAP, 0, 0, 0)),
        (raw(cached_tokens=10**30), (100, 10, 100, 0, 0)),
    ],
)
def test_impossible_counts_become_the_nearest_possible(usage: Any, kept: tuple[int, ...]) -> None:
    done = reckoned(usage)
    assert counts(done) == kept
    assert done.clamped and not done.estimated
    assert done.reported and OVER_BOUND not in done.marks


@pytest.mark.parametrize("told", [(BOUND + 1, 10), (100, CAP + 1), (100, 140 * CAP)])
def test_more_than_the_bound_is_charged_as_it_is_told(told: tuple[int, int]) -> None:
    """A cap that a provider does not obey, or an overhead that nobody knew: it charges us for all of it."""
    done = reckoned(raw(*told))
    assert counts(done) == (*told, 0, 0, 0)
    assert done.charge_nano == told[0] * 2_500 + told[1] * 10_000
    assert (done.marks, done.clamped, done.estimated, done.reported) == ((OVER_BOUND,), False, False, {})


@pytest.mark.parametrize("odd", [-1, -(10**30), "12", 3.5, True, [], {}, float("inf"), float("nan")])
def test_counts_that_are_none_become_the_estimates(odd: Any) -> None:
    estimate = Usage(77, 7)
    assert counts(reckoned(raw(prompt=odd), estimate)) == (77, 10, 0, 0, 0)
    assert counts(reckoned(raw(completion=odd), estimate)) == (100, 7, 0, 0, 0)
    assert counts(reckoned(raw(cached_tokens=odd), estimate)) == (100, 10, 0, 0, 0)
    for done in (reckoned(raw(prompt=odd), estimate), reckoned(raw(cached_tokens=odd))):
        assert done.clamped and not done.estimated
    assert counts(reckoned(raw(completion=odd))) == (100, 0, 0, 0, 0)


def test_null_is_not_given() -> None:
    estimate = Usage(77, 7)
    assert counts(reckoned(raw(cached_tokens=None, reasoning_tokens=None))) == (100, 10, 0, 0, 0)
    half = reckoned(raw(completion=None), estimate)
    assert (counts(half), half.clamped) == ((100, 7, 0, 0, 0), True)
    none = reckoned(raw(prompt=None, completion=None), estimate)
    assert (counts(none), none.estimated, none.clamped) == ((77, 7, 0, 0, 0), True, False)
    assert reckoned(raw(12.0)).charge_nano == reckoned(raw(12)).charge_nano


def test_explicit_zeros_stay_zero() -> None:
    done = reckoned(raw(0, 0), Usage(77, 7))
    assert (done.charge_nano, done.cost_nano, done.clamped, done.estimated) == (0, 0, False, False)


def test_no_usage_is_an_estimate_within_the_bound() -> None:
    done = reckoned(None, Usage(77, 7))
    assert (counts(done), done.estimated, done.clamped) == ((77, 7, 0, 0, 0), True, False)
    assert done.charge_nano == 77 * 2_500 + 7 * 10_000
    much = reckoned(None, Usage(10**9, 10**9))
    assert (counts(much), much.clamped) == ((BOUND, CAP, 0, 0, 0), False)


@pytest.mark.parametrize("ending", ["cut", "disconnect"])
def test_what_was_delivered_before_an_early_end_is_charged(ending: str) -> None:
    assert reckoned(raw(), ending=ending).charge_nano == 100 * 2_500 + 10 * 10_000
    assert reckoned(None, Usage(77, 7), ending).estimated
    assert reckoned(None, None, ending) == ChargeResult(None, 0, 0)


def test_a_failure_before_output_costs_nothing() -> None:
    assert reckoned(raw(), Usage(77, 7), "error") == ChargeResult(None, 0, 0)
    terms = Market([CARD]).terms(chat())
    assert compute_charge(terms, None, None, None, "error") == ChargeResult(None, 0, 0)


def test_together_beyond_the_window_is_charged_beyond_the_quote() -> None:
    terms = Market([card(context_window=1_000, max_output=1_000)]).terms(chat("x" * 1_000))
    done = compute_charge(terms, terms.targets[0], Usage(1_000, 1_000), None, "ok")
    assert done.charge_nano == 3_000_000 > terms.quote.charge_nano
    assert (done.marks, done.clamped) == ((OVER_BOUND,), False)


def test_the_served_targets_price_counts_and_cost_stands_beside_it() -> None:
    cheap = card("cheap", price=price(input="1", output="1"))
    market = Market([CARD, cheap], stored={("", "acme/cheap"): price(input="4", output="4")})
    terms = market.terms(chat("hello", max_tokens=10))
    done = compute_charge(terms, terms.targets[1], Usage(2, 3), None, "ok")
    assert (done.charge_nano, done.cost_nano) == (20_000, 5_000)
    unknown = Market([card(price=None)], stored={("", "acme/large"): price(input="4", output="4")}).terms(chat())
    done = compute_charge(unknown, unknown.targets[0], Usage(1), None, "ok")
    assert replace(done, prices={}) == ChargeResult(Usage(1), 4_000, None)
    assert {"source": "database", "name": "acme/large", "currency": "USD", "input": "4"}.items() <= done.prices.items()
