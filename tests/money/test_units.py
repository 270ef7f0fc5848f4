"""Prices, bounds and charges of what calls use beside tokens."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from market import AT, Market, card, chat, price

from router.charging.bounds import Bound
from router.charging.charge import ChargeResult, compute_charge
from router.charging.terms import CallPricing
from router.errors import ModelNotPriced
from router.money.price_text import keep_price, kept_price, read_price, show_price
from router.money.prices import (
    UNIT_RATES,
    Price,
    dearest,
    is_complete,
    is_free,
    rates,
    request_of,
    scaled,
    unpriced_units,
)
from router.money.usage import Units
from router.surfaces.chat.surface import CHAT
from router.surfaces.checked import look
from router.types.records import OVER_BOUND, UNPRICED_UNIT, Key, Usage

NANO = 10**9
ALL = {
    "per_image": "0.04",
    "per_second": "0.0001",
    "per_million_characters": "15",
    "per_search": "0.01",
    "per_request": "0.005",
}


def of_units(units: Units, written: dict[str, str] = ALL) -> int:
    return rates(price(**written), AT, 0).charge_nano(Usage(0, units=units))


@pytest.mark.parametrize(
    ("units", "nano"),
    [
        (Units(images=3), 120_000_000),
        (Units(milliseconds=1_500), 150_000),
        (Units(milliseconds=1), 100),
        (Units(characters=1), 15_000),
        (Units(characters=7), 105_000),
        (Units(searches=2), 20_000_000),
        (Units(requests=1), 5_000_000),
        (Units(1, 1, 1, 1, 1), 40_000_000 + 100 + 15_000 + 10_000_000 + 5_000_000),
        (Units(), 0),
    ],
)
def test_each_unit_has_its_rate(units: Units, nano: int) -> None:
    assert of_units(units) == nano


def test_tokens_and_units_are_rounded_up_once_and_together() -> None:
    held = rates(price(input="0.0000004", output="0", per_million_characters="0.0000006"), AT, 0)
    assert held.charge_nano(Usage(1, units=Units(characters=1))) == 1
    assert held.charge_nano(Usage(1_000, units=Units(characters=1_000))) == 1
    assert held.charge_nano(Usage(1_000, units=Units(characters=1_001))) == 2


def test_what_says_nothing_of_units_has_none() -> None:
    plain = rates(price(input="1", output="2"), AT, 0)
    assert plain.units is None
    assert plain.charge_nano(Usage(10, units=Units(images=5))) == 10_000
    assert request_of(price(input="1", output="2", per_image="1"), None) is None
    assert request_of(None, price(input="1", output="2", per_request="1")) == Units(requests=1)


def test_a_unit_price_is_written_kept_and_shown_alike() -> None:
    table = {"input": "1", "output": "2", **ALL, "tiers": [{"hours": ["22:00-04:00"], "per_request": "0.001"}]}
    read = read_price(table)
    assert json.loads(json.dumps(show_price(read))) == table
    assert kept_price(keep_price(read)) == read
    assert scaled(read, 3, 2).per_request == 7_500_000
    assert scaled(read, 3, 2).tiers[0].per_request == 1_500_000
    assert Price.per_million(input="1", output="2", **ALL) == replace(read, tiers=())


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"per_images": "1"}, "did you mean 'per_image'"),
        ({"output": "1", "per_request": "1"}, "input: is required"),
        ({"per_request": "-1"}, "per_request: '-1' is not an amount"),
        ({"per_request": 1}, "per_request: 1 is not an amount"),
        ({"per_image": "1000001"}, "per_image: '1000001' per image is beyond belief"),
        ({"per_million_characters": "100000001"}, "per million is beyond belief"),
        ({"free": True, "per_request": "1"}, "a free model has no rates"),
    ],
)
def test_a_wrong_unit_price_names_its_key(table: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_price(table)


def test_what_a_price_of_units_alone_is_good_for() -> None:
    image = price(per_image="0.04")
    assert not is_complete(image, "chat") and not is_complete(image, "embeddings") and is_complete(image, "images")
    assert not is_free(price(input="0", output="0", per_request="0.1"))
    assert is_free(price(input="0", output="0", per_request="0"))
    assert unpriced_units(image, Units(images=1, searches=2, requests=1)) == ("searches",)
    assert unpriced_units(price(per_image="0"), Units(images=1)) == ()


def test_the_dearest_of_tiers_is_so_for_each_unit() -> None:
    tiers = [{"above_tokens": 100, "per_request": "2", "per_image": "1"}]
    found = dearest(price(input="1", output="1", per_request="1", per_image="3", tiers=tiers), AT, 1_000)
    assert found.units is not None
    assert (found.units.per_request, found.units.per_image) == (2 * NANO, 3 * NANO)


_COUNT = st.integers(0, 2**30)
_RATE = st.integers(0, 10**12)


@given(st.builds(Units, *[_COUNT] * 5), st.builds(Units, *[_COUNT] * 5), st.tuples(*[_RATE] * 5), st.integers(0, 10**6))
def test_a_bound_costs_at_least_what_fits_it(one: Units, other: Units, costs: tuple[int, ...], tokens: int) -> None:
    by_unit: dict[str, Any] = dict(zip(UNIT_RATES, costs, strict=True))
    held = rates(Price(7, 11, **by_unit), AT, 0)
    most = Units(*(max(getattr(one, name), getattr(other, name)) for name in one.__match_args__))
    bound = Bound(tokens, tokens, units=most)
    assert not bound.exceeded_by(Usage(tokens, tokens, units=one))
    assert bound.most_nano(held) >= held.charge_nano(Usage(tokens, tokens, units=one))


# Calls.

ASKED = card(price=price(input="1", output="2", per_request="0.005"))
SEARCHED = card(price=price(input="1", output="2", per_request="0.005", per_search="0.01"))


def terms(body: dict[str, Any] | None = None, **changes: Any) -> CallPricing:
    return Market([ASKED], **changes).terms(body or chat("x" * 100, max_tokens=10))


def test_a_call_holds_its_request() -> None:
    assert terms().quote.charge_nano == 100 * 1_000 + 10 * 2_000 + 5_000_000
    assert terms({"model": "m", "input": "xyz"}).quote.charge_nano == 3_000 + 5_000_000


def test_a_call_of_another_shape_holds_its_request_too() -> None:
    image = {"type": "image_url", "image_url": {"url": "https://pictures.example/1.png"}}
    pictured = replace(ASKED, image_tokens=500)
    body = chat([{"type": "text", "text": "x"}, image], max_tokens=10)
    assert Market([pictured]).terms(body).quote.charge_nano == 501 * 1_000 + 10 * 2_000 + 5_000_000
    long = Market([ASKED]).terms(chat("x" * 100_000, max_tokens=10))
    assert long.quote.charge_nano >= 100_000 * 1_000 + 5_000_000


def test_the_request_of_a_fallback_is_held_too() -> None:
    found = Market([card(), replace(ASKED, model="other")]).terms(chat("x" * 100, max_tokens=10))
    assert found.quote.charge_nano == 100 * 1_000 + 10 * 2_000 + 5_000_000
    charges = [compute_charge(found, target, Usage(1, 1), None, "ok").charge_nano for target in found.targets]
    assert charges == [3_000, 3_000 + 5_000_000]


def test_a_cap_is_lowered_to_what_is_left_beside_the_request() -> None:
    found = Market([card(price=ASKED.price, max_output=None)]).terms(chat("x" * 100))
    lowered = found.lowered(5_000_000 + 100_000 + 64 * 2_000, 10)
    assert lowered is not None and lowered.max_tokens == 64
    assert lowered.quote.charge_nano == 5_000_000 + 100_000 + 64 * 2_000
    assert found.lowered(5_000_000, 10) is None


def test_a_tier_of_the_request_holds_the_dearest() -> None:
    tiers = [{"above_tokens": 50, "per_request": "0.007"}]
    tiered = card(price=price(input="1", output="2", per_request="0.005", tiers=tiers))
    found = Market([tiered]).terms(chat("x" * 100, max_tokens=10))
    assert found.quote.charge_nano == 100 * 1_000 + 10 * 2_000 + 7_000_000
    for prompt, request in ((50, 5_000_000), (51, 7_000_000)):
        done = compute_charge(found, found.targets[0], Usage(prompt, 1), None, "ok")
        assert done.charge_nano == prompt * 1_000 + 2_000 + request


def reckoned(usage: Usage | None, estimate: Usage | None = None, ending: str = "ok", card: Any = ASKED) -> ChargeResult:
    found = Market([card]).terms(chat("x" * 100, max_tokens=10))
    return compute_charge(found, found.targets[0], usage, estimate, ending)


def test_a_served_call_is_charged_its_request_once() -> None:
    done = reckoned(Usage(10, 1))
    assert done.charge_nano == 10_000 + 2_000 + 5_000_000 == done.cost_nano
    assert done.usage is not None and done.usage.units == Units(requests=1)
    assert done.prices["per_request"] == "0.005"
    assert reckoned(Usage(10, 1, units=Units(requests=9))).charge_nano == done.charge_nano
    assert reckoned(None, Usage(10, 1), "cut").charge_nano == done.charge_nano
    assert reckoned(Usage(10, 1), None, "error").charge_nano == 0
    assert reckoned(None).usage is None


def test_embeddings_are_charged_their_request() -> None:
    found = Market([ASKED]).terms({"model": "m", "input": ["xyz", "uv"]})
    done = compute_charge(found, found.targets[0], Usage(2), None, "ok")
    assert done.charge_nano == 2_000 + 5_000_000 <= found.quote.charge_nano


def test_a_cost_per_request_counts_the_request_and_charges_nothing() -> None:
    found = Market([ASKED], with_billing=False).terms(chat("x", max_tokens=10))
    done = compute_charge(found, found.targets[0], Usage(10, 1), None, "ok")
    assert (done.charge_nano, done.cost_nano) == (0, 10_000 + 2_000 + 5_000_000)
    guessed = compute_charge(found, found.targets[0], None, Usage(1, 1), "ok")
    assert (guessed.charge_nano, guessed.cost_nano) == (0, 1_000 + 2_000 + 5_000_000)
    assert done.usage is not None and done.usage.units == Units(requests=1)


def test_units_that_are_told_are_charged_where_they_have_a_price() -> None:
    told = Usage(10, 1, units=Units(searches=2))
    done = reckoned(told, card=SEARCHED)
    assert done.charge_nano == 12_000 + 5_000_000 + 20_000_000
    assert done.marks == (OVER_BOUND,), "nothing bounded the searches"
    unpriced = reckoned(told)
    assert unpriced.charge_nano == 12_000 + 5_000_000
    assert UNPRICED_UNIT in unpriced.marks
    assert unpriced.usage is not None and unpriced.usage.units == Units(searches=2, requests=1)


def test_impossible_counts_of_units_are_put_within_bounds() -> None:
    done = reckoned(Usage(10, 1, units=Units(searches=2**40)), card=SEARCHED)
    assert done.clamped and done.charge_nano == 12_000 + 5_000_000
    assert done.reported["searches"] == 2**40


# Bodies that ask for units: what a surface's measure says.


def drawn(units: Units, **changes: Any) -> CallPricing:
    market = Market([card(price=price(input="1", output="2", **changes))])
    body = chat("x", max_tokens=10)
    found = look("chat", body)
    found.units = units
    plan = market.quoter.plan(CHAT, Key("key_1", "acct_1"), market.route)
    return market.quoter.terms(plan, body, found, AT)


def test_what_a_body_asks_for_is_held_and_bounds_the_charge() -> None:
    found = drawn(Units(images=4), per_image="0.04", per_request="0.005")
    assert found.quote.charge_nano == 1_000 + 10 * 2_000 + 4 * 40_000_000 + 5_000_000
    within = compute_charge(found, found.targets[0], Usage(1, 1, units=Units(images=4)), None, "ok")
    assert within.charge_nano == 3_000 + 160_000_000 + 5_000_000 and within.marks == ()
    beyond = compute_charge(found, found.targets[0], Usage(1, 1, units=Units(images=5)), None, "ok")
    assert beyond.charge_nano == 3_000 + 200_000_000 + 5_000_000 and beyond.marks == (OVER_BOUND,)
    ours = compute_charge(found, found.targets[0], None, Usage(1, 1, units=Units(images=5)), "cut")
    assert ours.charge_nano == 3_000 + 160_000_000 + 5_000_000 and ours.estimated


def test_units_without_a_price_are_refused() -> None:
    with pytest.raises(ModelNotPriced, match=r"no price for images, searches") as caught:
        drawn(Units(images=1, searches=1))
    assert "--per-image AMOUNT --per-search AMOUNT" in str(caught.value.detail)
    assert drawn(Units(images=1), per_image="0").quote.charge_nano == 1_000 + 10 * 2_000
