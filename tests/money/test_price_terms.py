"""Planned prices in the catalogue: whoever asks at a moment is given the snapshot whose prices hold then."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from market import card

from router.catalogue import Catalogue, OperatorCatalogue, PriceRules, ProviderModels
from router.catalogue.prices import USD
from router.errors import StoreError
from router.money.prices import PlannedPrice, Price
from router.providers.model_list import ModelListService
from router.providers.resolve import ModelResolver
from router.types.records import Key

MODEL = "acme/large"


def of(number: int) -> Price:
    return Price(input=number, output=number)


@dataclass
class Rows:
    """The database's rows as a worker reads them, and how often it has asked."""

    now: float = 1000.0
    away: bool = False
    asked: int = 0
    number: int = 1
    prices: dict[tuple[str, str], Price] = field(default_factory=dict)
    planned: list[PlannedPrice] = field(default_factory=list)

    def version(self) -> int:
        self.asked += 1
        if self.away:
            raise StoreError("away")
        return self.number

    def load(self) -> OperatorCatalogue:
        return OperatorCatalogue(prices=dict(self.prices), planned=sorted(self.planned, key=lambda one: one.starts_at))

    def plan(self, starts_at: float, number: int, price_list: str = "", model: str = MODEL) -> None:
        self.planned.append(PlannedPrice(starts_at, price_list, model, of(number)))
        self.number += 1

    def catalogue(self, rules: PriceRules = USD) -> Catalogue:
        listings = {"acme": ProviderModels([card()])}
        clocks = {"clock": lambda: self.now - 400.0, "now": lambda: self.now}
        return Catalogue(listings, OperatorCatalogue(), self, rules=rules, **clocks)  # type: ignore[arg-type]


def price_now(catalogue: Catalogue, price_list: str = "") -> Price | None:
    snapshot = catalogue.snapshot()
    return snapshot.price_of(snapshot.entries[MODEL], price_list)


plans = some.lists(some.tuples(some.integers(1, 4000), some.integers(10, 99), some.sampled_from(["", "gold"])))
steps = some.lists(some.integers(0, 900), min_size=1, max_size=60)


@settings(max_examples=150, deadline=None)
@given(plans, steps, some.booleans())
def test_a_call_at_any_moment_has_the_price_in_force_then(
    planned: list[tuple[int, int, str]], waits: list[int], away: bool
) -> None:
    """Moments in milliseconds; the database may be away from the first call on."""
    rows = Rows()
    rows.prices = {("", MODEL): of(1), ("gold", MODEL): of(2)}
    first = rows.now
    held = {"": {0: of(1)}, "gold": {0: of(2)}}
    for at, number, price_list in planned:
        if at in held[price_list]:
            continue
        rows.plan(first + at / 1000, number, price_list)
        held[price_list][at] = of(number)
    catalogue, passed = rows.catalogue(), 0
    catalogue.snapshot()
    rows.away = away
    for wait in waits:
        passed += wait
        rows.now = first + passed / 1000
        for price_list in ("", "gold"):
            newest = max(at for at in held[price_list] if first + at / 1000 <= rows.now)
            assert price_now(catalogue, price_list) == held[price_list][newest]


def test_a_moment_costs_one_question_and_the_snapshot_stays_one_object_between() -> None:
    rows = Rows()
    rows.plan(1000.4, 7)
    catalogue = rows.catalogue()
    before = catalogue.snapshot()
    asked = rows.asked
    rows.now = 1000.399
    assert catalogue.snapshot() is before and rows.asked == asked
    rows.now = 1000.4
    after = catalogue.snapshot()
    assert after is not before and after.entries is before.entries
    assert (price_now(catalogue), rows.asked) == (of(7), asked + 1)
    assert catalogue.snapshot() is after and catalogue.refresh() is after
    assert after.prices.changes_at == math.inf


def test_a_call_that_waits_for_a_reading_that_began_before_the_moment_has_what_holds_after_it() -> None:
    rows = Rows()
    rows.plan(1001.2, 7)
    catalogue = rows.catalogue()
    catalogue.snapshot()
    inside, go_on, found = threading.Event(), threading.Event(), list[Price | None]()
    real = rows.version

    def slow() -> int:
        inside.set()
        go_on.wait(10)
        return real()

    rows.version = slow  # type: ignore[method-assign]
    rows.now = 1001.1
    first = threading.Thread(target=lambda: found.append(price_now(catalogue)))
    first.start()
    assert inside.wait(10)
    rows.now = 1001.2
    second = threading.Thread(target=lambda: found.append(price_now(catalogue)))
    second.start()
    go_on.set()
    first.join(10)
    second.join(10)
    assert found == [of(7), of(7)]


def test_pins_win_over_plans_and_a_plan_under_the_providers_name_counts_as_well() -> None:
    rows = Rows()
    rows.plan(1001.0, 7)
    pinned = rows.catalogue(PriceRules(pins={MODEL: of(5)}))
    assert pinned.snapshot().coming_prices(pinned.snapshot().entries[MODEL]) == ()
    rows.now = 1002.0
    assert price_now(pinned) == of(5)


@pytest.mark.parametrize("price_list", ["", "gold", "silver"])
def test_lists_of_models_tell_what_is_to_come(price_list: str) -> None:
    rows = Rows(prices={("", MODEL): of(1)})
    rows.plan(2000.0, 2)
    rows.plan(3000.0, 9, "gold")
    rows.plan(4000.0, 3)
    rows.plan(5000.0, 3)
    rows.plan(6000.0, 4, model="acme/other")
    catalogue = rows.catalogue()
    lister = ModelListService(catalogue, ModelResolver(catalogue, {}))
    (listed,) = lister.served(Key("key_1", "acct_1", price_list=price_list))
    told = [(one.starts_at, one.price.input) for one in listed.coming]
    assert told == ([(2000.0, 2), (3000.0, 9)] if price_list == "gold" else [(2000.0, 2), (4000.0, 3)])
    rows.now = 4000.0
    (listed,) = lister.served(Key("key_1", "acct_1", price_list=price_list))
    assert (listed.price, listed.coming) == (of(9) if price_list == "gold" else of(3), ())
