"""Prices and rates in the database: kept exactly, and seen by every worker."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import pytest
from stored_usage import insert_usage

from router.db.database import Database
from router.errors import BadRequest, NotFound
from router.metering.margins import Margin, list_margins
from router.money.prices import Price, PriceTier
from router.store.models import catalogue_version
from router.store.prices import list_prices, read_prices, remove_price, set_price
from router.store.rates import get_rate, read_rates, set_rate
from router.types.records import CallRecord

PRICE = Price(input=1, output=10**17, cached_input=0, tiers=(PriceTier(hours=("22:00-04:00",), input=5),))


def in_force(database: Database, now: float | None = None) -> Mapping[tuple[str, str], Price]:
    return database.read(lambda connection: read_prices(connection, time.time() if now is None else now))[0]


def test_a_price_is_kept_as_it_is(database: Database) -> None:
    set_price(database, "acme/large", PRICE)
    set_price(database, "acme/large", Price(input=2), "gold")
    assert [(row.price_list, row.model, row.price) for row in list_prices(database)] == [
        ("", "acme/large", PRICE),
        ("gold", "acme/large", Price(input=2)),
    ]
    set_price(database, "acme/large", Price(input=3), "gold")
    assert in_force(database) == {("", "acme/large"): PRICE, ("gold", "acme/large"): Price(input=3)}
    remove_price(database, "acme/large", "gold")
    assert in_force(database) == {("", "acme/large"): PRICE}


def test_every_change_is_seen(database: Database) -> None:
    seen = [catalogue_version(database)]
    for change in (
        lambda: set_price(database, "m", PRICE),
        lambda: remove_price(database, "m"),
        lambda: set_rate(database, "EUR", 5, "test"),
    ):
        change()
        seen.append(catalogue_version(database))
    assert seen == sorted(set(seen))


def test_what_is_refused_changes_nothing(database: Database) -> None:
    before = catalogue_version(database)
    with pytest.raises(NotFound, match="no price for 'm' in the database"):
        remove_price(database, "m")
    with pytest.raises(NotFound, match="in the price list 'gold'"):
        remove_price(database, "m", "gold")
    for name in ("", "a\nb", "x" * 201):
        with pytest.raises(BadRequest):
            set_price(database, name, PRICE)
    with pytest.raises(BadRequest, match="A price list's name"):
        set_price(database, "m", PRICE, "a\nb")
    assert (catalogue_version(database), list_prices(database)) == (before, [])


def test_the_last_rate_of_each_currency_is_kept(database: Database) -> None:
    assert get_rate(database, "EUR") is None
    set_rate(database, "EUR", 900_000_000, "a")
    set_rate(database, "EUR", 910_000_000, "b")
    set_rate(database, "TMT", 3_500_000_000, "b")
    rate = get_rate(database, "EUR")
    assert rate is not None and (rate.rate_nano, rate.source) == (910_000_000, "b")
    assert database.read(read_rates) == {"EUR": 910_000_000, "TMT": 3_500_000_000}


def test_margins_are_sums_by_model_from_an_hour_on(database: Database, new_record: Callable[..., CallRecord]) -> None:
    hour = 1_700_000_000 // 3600 * 3600
    rows = [
        new_record("r1", model="a", created_at=hour + 5.0, charge_nano=10**18, cost_nano=10**14),
        new_record("r2", model="a", created_at=hour + 6.0, charge_nano=1, cost_nano=None),
        new_record("r3", model="b", created_at=hour - 1.0, charge_nano=7, cost_nano=9),
    ]
    database.write(lambda connection: insert_usage(connection, rows))
    assert list_margins(database) == [Margin("a", 2, 10**18 + 1, 10**14, 1), Margin("b", 1, 7, 9, 0)]
    assert list_margins(database, hour + 3599.0) == [Margin("a", 2, 10**18 + 1, 10**14, 1)]
