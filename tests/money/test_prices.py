"""What a usage comes to at a price: exact, and never above the bound that was made for it."""

from __future__ import annotations

from calendar import timegm
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.money.amounts import NANO, format_nano, parse_nano
from router.money.hours import parse_hours
from router.money.price_text import keep_price, kept_price, read_price, show_price
from router.money.prices import FREE, Price, PriceTier, Rates, dearest, is_complete, is_free, rates, scaled
from router.money.usage import Usage

AT = 1_700_000_000.0
SPANS = ("mon-fri 01:00-04:00", "22:00-04:00", "sat,sun 00:00-24:00", "fri-mon 12:30-12:29")

amounts = st.integers(0, 10**15)
maybe = st.none() | amounts
tiers = st.builds(
    PriceTier,
    above_tokens=st.none() | st.integers(0, 400_000),
    hours=st.lists(st.sampled_from(SPANS), max_size=2).map(tuple),
    input=maybe,
    output=maybe,
    cached_input=maybe,
    cache_write=maybe,
    reasoning=maybe,
)
prices = st.builds(
    Price,
    input=amounts,
    output=amounts,
    cached_input=maybe,
    cache_write=maybe,
    reasoning=maybe,
    tiers=st.lists(tiers, max_size=3).map(tuple),
)
moments = st.integers(1_700_000_000, 1_800_000_000).map(float)


@st.composite
def usages(draw: st.DrawFn, prompt_max: int = 500_000, completion_max: int = 500_000) -> Usage:
    prompt = draw(st.integers(0, prompt_max))
    completion = draw(st.integers(0, completion_max))
    cached = draw(st.integers(0, prompt))
    written = draw(st.integers(0, prompt - cached))
    return Usage(prompt, completion, cached, written, draw(st.integers(0, completion)))


@given(prices, moments, st.integers(0, 500_000), st.integers(0, 500_000), st.data())
def test_no_usage_within_its_bounds_is_charged_more_than_the_bound(
    price: Price, at: float, prompt_bound: int, completion_bound: int, data: st.DataObject
) -> None:
    usage = data.draw(usages(prompt_bound, completion_bound))
    bound = dearest(price, at, prompt_bound).most_nano(prompt_bound, completion_bound)
    assert rates(price, at, usage.prompt_tokens).charge_nano(usage) <= bound


@given(prices, moments, usages())
def test_a_charge_is_the_exact_sum_rounded_up_once(price: Price, at: float, usage: Usage) -> None:
    held = rates(price, at, usage.prompt_tokens)
    exact = (
        (usage.prompt_tokens - usage.cached_tokens - usage.cache_write_tokens) * held.input
        + usage.cached_tokens * held.cached_input
        + usage.cache_write_tokens * held.cache_write
        + (usage.completion_tokens - usage.reasoning_tokens) * held.output
        + usage.reasoning_tokens * held.reasoning
    )
    assert 0 <= held.charge_nano(usage) * 10**6 - exact < 10**6


@given(prices)
def test_a_price_survives_being_kept_and_shown(price: Price) -> None:
    assert kept_price(keep_price(price)) == price


@given(prices, st.integers(1, 10**12), st.integers(1, 10**12))
def test_scaling_rounds_each_rate_up(price: Price, numerator: int, denominator: int) -> None:
    result = scaled(price, numerator, denominator)
    for name in ("input", "output", "cached_input", "cache_write", "reasoning"):
        before, after = getattr(price, name), getattr(result, name)
        assert (before is None) == (after is None)
        if before is not None:
            assert 0 <= after * denominator - before * numerator < denominator


def test_prompt_2006_cached_1920_completion_300() -> None:
    price = read_price({"input": "2.50", "cached_input": "1.25", "output": "10.00"})
    charge = rates(price, AT, 2006).charge_nano(Usage(2006, 300, cached_tokens=1920))
    assert charge == 86 * 2_500 + 1920 * 1_250 + 300 * 10_000 == 5_615_000
    assert format_nano(charge) == "0.005615"


def test_sums_of_small_charges_are_exact() -> None:
    tenth = rates(read_price({"input": "0.1", "output": "0"}), AT, 10**6).charge_nano(Usage(10**6))
    tiny = rates(read_price({"input": "0.4", "output": "0"}), AT, 1).charge_nano(Usage(1))
    assert (format_nano(sum([tenth] * 10_000)), format_nano(sum([tiny] * 1_000))) == ("1000", "0.0004")
    assert tiny == parse_nano("0.0000004")


def test_what_a_list_leaves_out_follows_from_input_and_output() -> None:
    assert rates(Price(input=3, output=5), AT, 1) == Rates(3, 5, 3, 3, 5)
    assert rates(Price(input=3), AT, 1) == Rates(3, 0, 3, 3, 0)
    with pytest.raises(ValueError, match="no rate for input"):
        rates(Price(output=3), AT, 1)


def test_the_last_tier_that_holds_counts() -> None:
    long = PriceTier(above_tokens=200_000, input=40, output=120)
    longer = PriceTier(above_tokens=500_000, input=80)
    price = Price(input=20, output=60, cached_input=5, tiers=(long, longer))
    assert rates(price, AT, 200_000).input == 20
    assert rates(price, AT, 200_001) == Rates(40, 120, 5, 40, 120)
    assert rates(price, AT, 500_001) == Rates(80, 60, 5, 80, 60)
    assert dearest(price, AT, 200_000) == Rates(20, 60, 5, 20, 60)
    assert dearest(price, AT, 600_000) == Rates(80, 120, 5, 80, 120)


def test_tiers_by_the_hour_hold_in_their_hours() -> None:
    price = Price(input=1, output=2, tiers=(PriceTier(hours=("mon-fri 01:00-04:00",), input=9),))
    monday = float(timegm((2026, 11, 23, 1, 0, 0)))
    assert (rates(price, monday, 1).input, dearest(price, monday, 1).input) == (9, 9)
    assert (rates(price, monday - 1, 1).input, dearest(price, monday - 1, 1).input) == (1, 1)


@given(st.sampled_from(SPANS), moments)
def test_hours_are_what_a_calendar_says(span: str, at: float) -> None:
    hours = parse_hours(span)
    moment = datetime.fromtimestamp(at, UTC)
    second = (moment - moment.replace(hour=0, minute=0, second=0)).seconds
    began = moment if hours.start_s < hours.end_s or second >= hours.start_s else moment - timedelta(days=1)
    inside = (
        hours.start_s <= second < hours.end_s
        if hours.start_s < hours.end_s
        else (second >= hours.start_s or second < hours.end_s)
    )
    assert hours.hold(at) is (inside and began.weekday() in hours.days)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no span of hours"),
        ("6-10", "no span of hours"),
        ("mon-fry 06:00-10:00", "'mon-fry' is no day"),
        ("25:00-26:00", "25:00 is no time of the day"),
        ("10:61-11:00", "10:61 is no time of the day"),
        ("10:00-10:00", "is empty"),
        ("24:00-10:00", "is empty"),
        ("٠٦:00-10:00", "no span of hours"),
    ],
)
def test_hours_that_are_none(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_hours(text)


def test_free_and_complete() -> None:
    assert is_free(FREE) and is_free(read_price({"free": True})) and is_free(Price(input=0))
    assert not is_free(Price(input=0, output=0, tiers=(PriceTier(above_tokens=1, input=1),)))
    assert not is_free(Price())
    assert is_complete(Price(input=1), "embeddings") and not is_complete(Price(input=1), "chat")
    assert not is_complete(Price(output=1), "embeddings")


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"input": "-1"}, "input: '-1' is not an amount"),
        ({"input": "NaN"}, "input: 'NaN' is not an amount"),
        ({"input": "inf"}, "input: 'inf' is not an amount"),
        ({"input": "1e5"}, "input: '1e5' is not an amount"),
        ({"input": "0.0000000001"}, "at most nine decimals"),
        ({"input": "100000001"}, "beyond belief"),
        ({"input": 2.5}, "input: 2.5 is not an amount"),
        ({"input": True}, "input: True is not an amount"),
        ({"input": None}, "input: None is not an amount"),
        ({"input": "1", "outptu": "2"}, "outptu: unknown key; did you mean 'output'"),
        ({"output": "1"}, "input: is required"),
        ({}, "input: is required"),
        ("2.50", "must be a table"),
        ({"free": "yes"}, "free: must be true or false"),
        ({"free": True, "input": "1"}, "give either"),
        ({"input": "1", "tiers": {}}, "tiers: must be a list"),
        ({"input": "1", "tiers": [{"input": "1"}]}, r"tiers\[0\]: says neither above_tokens nor hours"),
        ({"input": "1", "tiers": [{"above_tokens": 1}]}, r"tiers\[0\]: has no rate"),
        ({"input": "1", "tiers": [{"above_tokens": -1, "input": "1"}]}, r"tiers\[0\]: above_tokens: must be a whole"),
        ({"input": "1", "tiers": [{"above_tokens": 1, "input": "x"}]}, r"tiers\[0\]: input: 'x' is not"),
        ({"input": "1", "tiers": [{"hours": "06:00-10:00", "input": "1"}]}, r"tiers\[0\]: hours: must be a list"),
        ({"input": "1", "tiers": [{"hours": ["6-7"], "input": "1"}]}, r"tiers\[0\]: '6-7' is no span"),
        ({"input": "1", "tiers": [{"above_token": 1, "input": "1"}]}, "did you mean 'above_tokens'"),
    ],
)
def test_prices_that_are_refused(table: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_price(table)


def test_a_price_is_shown_as_it_is_written() -> None:
    table = {
        "input": "2.5",
        "output": "10",
        "tiers": [{"output": "5", "hours": ["22:00-04:00"]}, {"input": "0.000000001", "above_tokens": 200_000}],
    }
    assert read_price(show_price(read_price(table))) == read_price(table)
    assert show_price(read_price(table))["tiers"][1] == {"input": "0.000000001", "above_tokens": 200_000}
    assert show_price(FREE) == {"input": "0", "output": "0"}
    assert NANO == 10**9
