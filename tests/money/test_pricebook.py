"""Which price of several holds, and how list prices become charges and costs."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from market import card, price

from router.app.exchange_rate import rate_warning
from router.catalogue import OperatorCatalogue, OverrideRow, PriceBook, PriceRules, ProviderModels
from router.catalogue.merging import build_snapshot
from router.money.amounts import NANO
from router.money.price_text import keep_price
from router.types.records import Price, PriceTier

CARD = card()
PIN, LISTED, DEFAULT = price(input="9", output="9"), price(input="7", output="7"), price(input="5", output="5")


def found(
    pins: Mapping[str, Price], stored: Mapping[tuple[str, str], Price], price_list: str = ""
) -> tuple[object, str]:
    book = PriceBook(PriceRules(pins=pins), stored)
    answer = book.explain("public", "acme", CARD, price_list)
    assert book.charge("public", "acme", CARD, price_list) == answer.price
    return answer.price, answer.source


def test_the_first_that_there_is_holds() -> None:
    by_id, by_target = {"public": PIN}, {"acme/large": PIN}
    stored = {("gold", "public"): LISTED, ("", "public"): DEFAULT}
    for pins in (by_id, by_target):
        assert found(pins, stored, "gold") == (PIN, "pin")
    assert found({**by_target, "public": LISTED}, {}) == (LISTED, "pin")
    assert found({}, stored, "gold") == (LISTED, "list")
    assert found({}, {("gold", "acme/large"): LISTED, ("", "public"): DEFAULT}, "gold") == (LISTED, "list")
    assert found({}, stored, "silver") == (DEFAULT, "database")
    assert found({}, stored) == (DEFAULT, "database")
    assert found({}, {("", "acme/large"): DEFAULT}) == (DEFAULT, "database")
    assert found({}, {("gold", "public"): LISTED}) == (CARD.price, "card")


def test_list_prices_are_marked_up_and_converted_and_costs_only_converted() -> None:
    listed = card(price=price(input="2", output="0.000000001", tiers=[{"above_tokens": 9, "input": "3"}]))
    book = PriceBook(PriceRules(currency="EUR", markup_nano=1_250_000_000, rate_nano=900_000_000))
    charge, cost = book.charge("m", "acme", listed), book.cost(listed)
    assert charge == Price(input=2_250_000_000, output=2, tiers=(PriceTier(above_tokens=9, input=3_375_000_000),))
    assert cost == Price(input=1_800_000_000, output=1, tiers=(PriceTier(above_tokens=9, input=2_700_000_000),))


def test_prices_that_an_operator_sets_are_charged_as_they_are() -> None:
    rules = PriceRules(pins={"pinned": PIN}, currency="EUR", markup_nano=2 * NANO, rate_nano=3 * NANO)
    book = PriceBook(rules, {("", "set"): DEFAULT})
    assert (book.charge("pinned", "acme", CARD), book.charge("set", "acme", CARD)) == (PIN, DEFAULT)


def test_without_a_rate_only_what_is_free_has_a_price() -> None:
    book = PriceBook(PriceRules(currency="EUR", rate_nano=None))
    assert (book.charge("m", "acme", CARD), book.cost(CARD), book.rate_nano) == (None, None, None)
    assert book.lacks_rate("m", CARD) and not book.lacks_rate("m", card(price=None))
    free = card(price=price(free=True))
    assert book.charge("m", "acme", free) == free.price
    assert PriceBook(PriceRules(currency="EUR", rate_nano=None), {}, 2 * NANO).cost(CARD) == price(
        input="2", output="4"
    )


def test_a_card_without_an_input_price_has_none() -> None:
    assert PriceBook().charge("m", "acme", card(price=Price(output=1))) is None
    assert PriceBook().charge("m", "acme", card(price=None)) is None


@given(st.integers(1, 10**12), st.integers(10**6, 10**12), st.integers(10**6, 10**16))
def test_a_mark_up_of_at_least_one_never_charges_less_than_the_cost(rate: int, markup: int, usd_rate: int) -> None:
    book = PriceBook(PriceRules(currency="EUR", markup_nano=NANO + markup, rate_nano=usd_rate))
    one = card(price=Price(input=rate, output=rate))
    charge, cost = book.charge("m", "acme", one), book.cost(one)
    assert charge is not None and cost is not None
    assert (charge.input or 0) >= (cost.input or 0) > 0


@pytest.mark.row("AG-1")
def test_the_snapshot_has_the_rate_of_its_currency_and_the_stored_price_of_a_synced_card() -> None:
    row = OverrideRow("acme/new", "acme", "new", "chat", True, {"price": keep_price(CARD.price), "image_tokens": 5})
    stored = OperatorCatalogue((row,), rates={"EUR": 2 * NANO, "TMT": NANO})
    snapshot = build_snapshot({"acme": ProviderModels([])}, stored, PriceRules(currency="EUR", rate_nano=None))
    new = snapshot.entries["acme/new"].card
    assert (new.price, new.image_tokens) == (CARD.price, 5)
    assert snapshot.prices.charge("acme/new", "acme", new) == price(input="2", output="4")
    assert rate_warning(snapshot) is None
    without = build_snapshot(
        {"acme": ProviderModels([])}, OperatorCatalogue((row,)), PriceRules(currency="EUR", rate_nano=None)
    )
    assert "no rate of USD to EUR is known, so 1 model(s)" in (rate_warning(without) or "")
