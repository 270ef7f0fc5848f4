"""Prices that an operator sets in the database, each from a moment on: for everybody, or for the accounts of one price
list.

A price is never written over: the newest that has begun holds, those before it are its history, those that have not
begun are planned. What is set or removed for now begins when it is written, and holds on every worker once it is seen,
whatever its clock says; what is planned begins by each worker's clock.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from router.db.bulk import in_list
from router.db.connection import Connection
from router.db.ids import check_name
from router.db.transaction import Runner
from router.errors import Conflict, NotFound
from router.money.price_text import keep_price, kept_price
from router.money.prices import PlannedPrice, Price
from router.store.models import change_catalogue
from router.types.periods import iso_time

__all__ = [
    "PriceRow",
    "list_prices",
    "note_told",
    "planned_prices",
    "price_history",
    "read_prices",
    "remove_price",
    "set_price",
    "untold_prices",
    "withdraw_price",
]

_COLUMNS = "list, model, price, starts_at, created_at"
_SET = f"""
INSERT INTO prices ({_COLUMNS}) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (list, model, starts_at) DO UPDATE SET price = excluded.price, created_at = excluded.created_at
"""  # noqa: S608 - constant text
_NEWEST = "SELECT MAX(starts_at) FROM prices WHERE list = ? AND model = ? AND starts_at = created_at"
_IN_FORCE = f"""
SELECT {_COLUMNS} FROM prices p WHERE (starts_at <= ? OR starts_at = created_at) AND NOT EXISTS (
    SELECT 1 FROM prices n WHERE n.list = p.list AND n.model = p.model AND n.starts_at > p.starts_at
        AND (n.starts_at <= ? OR n.starts_at = n.created_at)
) AND price IS NOT NULL
"""  # noqa: S608 - constant text
_PLANNED = f"SELECT {_COLUMNS} FROM prices WHERE starts_at > ? AND starts_at <> created_at"  # noqa: S608
_STEP_S = 0.001
_TOLD = "price_told:"


@dataclass(frozen=True, slots=True)
class PriceRow:
    """One price, in the balance currency.

    Attributes:
        price_list: whose accounts it holds for; empty for all.
        model: a public ID, or ``provider/model``.
        price: None where a price was removed: from then on holds what stood before all of them.
        created_at: when it was set; Unix seconds.
        starts_at: from when it holds.
    """

    price_list: str
    model: str
    price: Price | None
    created_at: float
    starts_at: float


def set_price(
    database: Runner,
    model: str,
    price: Price,
    price_list: str = "",
    *,
    starts_at: float | None = None,
    now: float | None = None,
) -> None:
    """Charge a model at this price from a moment on.

    Args:
        starts_at: Unix seconds, later than now; None is now: in every worker within a second.
        now: Unix seconds; the system's if omitted.

    Raises:
        BadRequest: a name is empty, too long or holds control characters.
    """
    list_name = check_name(price_list, "a price list's name") if price_list else ""
    name = check_name(model, "a model ID")
    at = time.time() if now is None else now

    def insert(connection: Connection) -> None:
        begins = _now_or_next(connection, list_name, name, at) if starts_at is None else starts_at
        made_at = begins if starts_at is None else at
        connection.execute(_SET, (list_name, name, json.dumps(keep_price(price)), begins, made_at))

    change_catalogue(database, insert)


def remove_price(database: Runner, model: str, price_list: str = "", *, now: float | None = None) -> None:
    """Let a price hold no more: what stood before it holds again. What is planned stays.

    Raises:
        NotFound: there is none.
        Conflict: it is the last of a price list that accounts are charged by.
    """
    at = time.time() if now is None else now

    def remove(connection: Connection) -> None:
        known, _ = read_prices(connection, at)
        if (price_list, model) not in known:
            where = f"the price list {price_list[:100]!r}" if price_list else "the database"
            raise NotFound(f"There is no price for {model[:100]!r} in {where}.", code="price_not_found")
        begins = _now_or_next(connection, price_list, model, at)
        connection.execute(_SET, (price_list, model, None, begins, begins))
        if price_list and not any(name == price_list for name, one in known if one != model):
            _keep_members(connection, price_list)

    change_catalogue(database, remove)


def withdraw_price(
    database: Runner, model: str, price_list: str = "", *, starts_at: float, now: float | None = None
) -> PriceRow:
    """Forget a planned price.

    Raises:
        NotFound: none is planned from that moment on.
        Conflict: it has begun.
    """
    at = time.time() if now is None else now

    def remove(connection: Connection) -> PriceRow:
        sql = f"SELECT {_COLUMNS} FROM prices WHERE list = ? AND model = ? AND starts_at = ?"  # noqa: S608
        found = connection.tuples(sql, (price_list, model, starts_at))
        when = iso_time(starts_at)
        if not found or found[0][-1] == starts_at:
            raise NotFound(f"No price of {model[:100]!r} is planned from {when} on.", code="price_not_found")
        if starts_at <= at:
            raise Conflict(f"The price of {model[:100]!r} holds since {when}: set another.", code="price_begun")
        connection.execute(
            "DELETE FROM prices WHERE list = ? AND model = ? AND starts_at = ?", (price_list, model, starts_at)
        )
        return _row(found[0])

    return change_catalogue(database, remove)


def list_prices(database: Runner, now: float | None = None) -> list[PriceRow]:
    """Those in force, by model and list."""
    at = time.time() if now is None else now
    sql = f"{_IN_FORCE} ORDER BY model, list"
    return [_row(row) for row in database.read(lambda connection: connection.tuples(sql, (at, at)), whole=False)]


def planned_prices(database: Runner, now: float | None = None) -> list[PriceRow]:
    """Those that have not begun, the soonest first."""
    at = time.time() if now is None else now
    sql = f"{_PLANNED} ORDER BY starts_at, model, list"
    return [_row(row) for row in database.read(lambda connection: connection.tuples(sql, (at,)), whole=False)]


def untold_prices(database: Runner, now: float) -> list[PriceRow]:
    """Planned prices of which ``note_told`` has not noted that customers were told, the soonest first."""
    told = database.read(_told_names)
    return [row for row in planned_prices(database, now) if _told_name(row) not in told]


def note_told(connection: Connection, row: PriceRow, now: float) -> None:
    """Note that customers were told of a planned price, and forget this of those that are planned no more."""
    planned = {_told_name(one) for one in map(_row, connection.tuples(_PLANNED, (now,)))}
    for name in _told_names(connection) - planned:
        connection.execute("DELETE FROM meta WHERE name = ?", (name,))
    insert = "INSERT INTO meta (name, value) VALUES (?, 1) ON CONFLICT (name) DO NOTHING"
    connection.execute(insert, (_told_name(row),))


def _told_names(connection: Connection) -> set[str]:
    sql = f"SELECT name FROM meta WHERE name LIKE '{_TOLD}%'"  # noqa: S608 - constant text
    return {name for (name,) in connection.tuples(sql)}


def _told_name(row: PriceRow) -> str:
    """One that is planned anew is another price."""
    return f"{_TOLD}{row.starts_at:.0f}:{row.created_at!r}:{row.price_list}:{row.model}"


def price_history(database: Runner, models: Sequence[str], now: float | None = None, *, limit: int) -> list[PriceRow]:
    """What has begun to hold under some IDs, removals as well, the newest first."""
    at = time.time() if now is None else now

    def load(connection: Connection) -> list[tuple[Any, ...]]:
        one_of, values = in_list(connection.engine, models)
        sql = f"""
            SELECT {_COLUMNS} FROM prices WHERE model {one_of} AND (starts_at <= ? OR starts_at = created_at)
            ORDER BY starts_at DESC, model, list LIMIT ?
        """  # noqa: S608 - constant texts
        return connection.tuples(sql, (values, at, limit))

    return [_row(row) for row in database.read(load, whole=False)]


def read_prices(connection: Connection, now: float) -> tuple[Mapping[tuple[str, str], Price], list[PlannedPrice]]:
    """(price list, model) -> the price in force; and those that are planned, the soonest first."""
    rows = connection.tuples(_IN_FORCE, (now, now))
    planned = connection.tuples(f"{_PLANNED} ORDER BY starts_at, model, list", (now,))
    return (
        {(name, model): kept_price(json.loads(price)) for name, model, price, *_ in rows},
        [PlannedPrice(at, name, model, kept_price(json.loads(price))) for name, model, price, at, _ in planned],
    )


def _now_or_next(connection: Connection, price_list: str, model: str, now: float) -> float:
    """Now, or a moment after the last price that was set for its now: another node's clock may be ahead."""
    ((newest,),) = connection.tuples(_NEWEST, (price_list, model))
    return now if newest is None else max(now, float(newest) + _STEP_S)


def _keep_members(connection: Connection, price_list: str) -> None:
    """Refuse to end a list that accounts have: without a word they would be charged what everybody is."""
    members = connection.tuples("SELECT id FROM accounts WHERE price_list = ? ORDER BY id", (price_list,))
    if members:
        raise Conflict(
            f"{len(members)} account(s) are charged by the price list {price_list!r}, {members[0][0]} among them: this "
            "is its last price. Give them another (`router accounts price-list ID NAME`), or none, before.",
            code="price_list_in_use",
        )


def _row(row: tuple[Any, ...]) -> PriceRow:
    name, model, price, starts_at, created_at = row
    return PriceRow(name, model, None if price is None else kept_price(json.loads(price)), created_at, starts_at)
