"""Prices with the moment from which they hold: planned, begun, replaced, withdrawn; and what a step back leaves."""

from __future__ import annotations

import pytest

from router.db.database import Database
from router.errors import BadRequest, Conflict, NotFound
from router.money.prices import PlannedPrice, Price
from router.store.accounts import create_account, list_price_lists, set_account_price_list
from router.store.migrating import migrate, step_back
from router.store.models import catalogue_version
from router.store.prices import (
    list_prices,
    planned_prices,
    price_history,
    read_prices,
    remove_price,
    set_price,
    withdraw_price,
)

ONE, TWO, THREE = (Price(input=number, output=number) for number in (1, 2, 3))


def now_at(database: Database, now: float) -> dict[str, Price]:
    """What holds for everybody."""
    found, _ = database.read(lambda connection: read_prices(connection, now))
    return {model: price for (name, model), price in found.items() if not name}


def test_a_planned_price_holds_from_its_moment_on(database: Database) -> None:
    set_price(database, "m", ONE, now=10.0)
    version = catalogue_version(database)
    set_price(database, "m", THREE, starts_at=30.0, now=11.0)
    set_price(database, "m", TWO, starts_at=20.0, now=12.0)
    assert catalogue_version(database) == version + 2, "workers are told of plans, not of moments"
    _, planned = database.read(lambda connection: read_prices(connection, 12.0))
    assert planned == [PlannedPrice(20.0, "", "m", TWO), PlannedPrice(30.0, "", "m", THREE)]
    assert [now_at(database, at)["m"] for at in (12.0, 19.999, 20.0, 29.0, 30.0, 99.0)] == [
        ONE, ONE, TWO, TWO, THREE, THREE,
    ]  # fmt: skip
    assert [row.price for row in planned_prices(database, 25.0)] == [THREE]
    assert [row.price for row in price_history(database, ["m"], 25.0, limit=9)] == [TWO, ONE]


def test_what_is_set_for_now_replaces_what_has_begun_and_leaves_what_is_planned(database: Database) -> None:
    set_price(database, "m", TWO, starts_at=20.0, now=10.0)
    set_price(database, "m", THREE, starts_at=40.0, now=10.0)
    set_price(database, "m", ONE, now=30.0)
    assert (now_at(database, 35.0), now_at(database, 40.0)) == ({"m": ONE}, {"m": THREE})
    remove_price(database, "m", now=36.0)
    assert (now_at(database, 37.0), now_at(database, 40.0)) == ({}, {"m": THREE})
    assert [row.price for row in price_history(database, ["m"], 41.0, limit=9)] == [THREE, None, ONE, TWO]


def test_a_clock_that_is_behind_undoes_nothing(database: Database) -> None:
    """Two nodes, of which one is two seconds ahead."""
    set_price(database, "m", ONE, now=102.0)
    assert now_at(database, 100.0) == {"m": ONE}, "what is set for now holds at once, everywhere"
    set_price(database, "m", TWO, now=100.0)
    assert now_at(database, 100.0) == now_at(database, 103.0) == {"m": TWO}
    remove_price(database, "m", now=100.5)
    assert now_at(database, 100.0) == now_at(database, 103.0) == {}


def test_a_plan_is_withdrawn_before_its_moment_and_never_after(database: Database) -> None:
    set_price(database, "m", ONE, now=10.0)
    set_price(database, "m", TWO, starts_at=20.0, now=10.0)
    before = catalogue_version(database)
    with pytest.raises(NotFound, match="No price of 'm' is planned from 1970-01-01T00:00:21Z on"):
        withdraw_price(database, "m", starts_at=21.0, now=11.0)
    with pytest.raises(NotFound, match="is planned"):
        withdraw_price(database, "m", starts_at=10.0, now=5.0)  # not planned, but set
    with pytest.raises(NotFound, match="is planned"):
        withdraw_price(database, "m", "gold", starts_at=20.0, now=11.0)
    with pytest.raises(Conflict, match="holds since 1970-01-01T00:00:20Z"):
        withdraw_price(database, "m", starts_at=20.0, now=20.0)
    assert catalogue_version(database) == before
    assert withdraw_price(database, "m", starts_at=20.0, now=19.0).price == TWO
    assert (catalogue_version(database), now_at(database, 30.0)) == (before + 1, {"m": ONE})


def test_a_price_list_lives_as_long_as_a_price_of_it_holds_or_is_to_hold(database: Database) -> None:
    account = create_account(database, "Ours")
    set_price(database, "m", ONE, "gold", starts_at=20.0, now=10.0)
    assert list_price_lists(database) == ["gold"]
    withdraw_price(database, "m", "gold", starts_at=20.0, now=11.0)
    assert list_price_lists(database) == []
    set_price(database, "m", ONE, "gold", now=12.0)
    set_account_price_list(database, account.id, "gold")
    with pytest.raises(Conflict, match="this is its last price"):
        remove_price(database, "m", "gold", now=13.0)
    set_price(database, "n", ONE, "gold", now=13.0)
    remove_price(database, "m", "gold", now=14.0)
    assert list_price_lists(database) == ["gold"]
    set_account_price_list(database, account.id, "")
    remove_price(database, "n", "gold", now=15.0)
    assert list_price_lists(database) == []


def test_a_step_back_keeps_what_holds_and_a_step_forward_goes_on_with_it(database: Database) -> None:
    set_price(database, "m", ONE)
    set_price(database, "n", ONE)
    set_price(database, "n", TWO, "gold")
    while step_back_is_beyond(database):
        step_back(database)
    assert step_back(database).title == "prices with the moment from which they hold"
    rows = database.read(lambda connection: connection.tuples("SELECT list, model FROM prices ORDER BY list, model"))
    assert rows == [("", "m"), ("", "n"), ("gold", "n")]
    migrate(database)
    held = [(row.price_list, row.model, row.price) for row in list_prices(database)]
    assert held == [("", "m", ONE), ("", "n", ONE), ("gold", "n", TWO)]
    set_price(database, "m", TWO)
    set_price(database, "m", THREE, starts_at=4e9)
    while step_back_is_beyond(database):
        step_back(database)
    with pytest.raises(BadRequest, match="Planned prices"):
        step_back(database)
    step_back(database, lossy=True)
    migrate(database)
    assert (now_at(database, 5e9), planned_prices(database)) == ({"m": TWO, "n": ONE}, [])


def step_back_is_beyond(database: Database) -> bool:
    """Whether a later migration than that of prices is the newest."""
    sql = "SELECT MAX(number) FROM schema_migrations WHERE owner = 'router'"
    ((newest,),) = database.read(lambda connection: connection.tuples(sql))
    return int(newest) > 23
