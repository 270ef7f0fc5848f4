"""Prices that an operator sets in the database: for everybody, or for the accounts of one price list."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass

from router.db.connection import Connection
from router.db.ids import check_name
from router.db.transaction import Runner
from router.errors import Conflict, NotFound
from router.money.price_text import keep_price, kept_price
from router.money.prices import Price
from router.store.models import change_catalogue

__all__ = ["PriceRow", "list_prices", "read_prices", "remove_price", "set_price"]

_SET = """
INSERT INTO prices (list, model, price, created_at) VALUES (?, ?, ?, ?)
ON CONFLICT (list, model) DO UPDATE SET price = excluded.price, created_at = excluded.created_at
"""


@dataclass(frozen=True, slots=True)
class PriceRow:
    """One price, in the balance currency.

    Attributes:
        price_list: whose accounts it holds for; empty for all.
        model: a public ID, or ``provider/model``.
        created_at: Unix seconds.
    """

    price_list: str
    model: str
    price: Price
    created_at: float


def set_price(database: Runner, model: str, price: Price, price_list: str = "") -> None:
    """Charge a model at this price from now on, in every worker within a second.

    Raises:
        BadRequest: a name is empty, too long or holds control characters.
    """
    name = check_name(price_list, "a price list's name") if price_list else ""
    values = (name, check_name(model, "a model ID"), json.dumps(keep_price(price)), time.time())
    change_catalogue(database, lambda connection: connection.execute(_SET, values))


def remove_price(database: Runner, model: str, price_list: str = "") -> None:
    """Forget a price: what it stood before holds again.

    Raises:
        NotFound: there is none.
        Conflict: it is the last of a price list that accounts are charged by.
    """

    def remove(connection: Connection) -> None:
        if not connection.execute("DELETE FROM prices WHERE list = ? AND model = ?", (price_list, model)):
            where = f"the price list {price_list[:100]!r}" if price_list else "the database"
            raise NotFound(f"There is no price for {model[:100]!r} in {where}.", code="price_not_found")
        if price_list:
            _keep_members(connection, price_list)

    change_catalogue(database, remove)


def _keep_members(connection: Connection, price_list: str) -> None:
    """Refuse to end a list that accounts have: without a word they would be charged what everybody is."""
    if connection.row("SELECT 1 AS one FROM prices WHERE list = ?", (price_list,)) is not None:
        return
    members = connection.tuples("SELECT id FROM accounts WHERE price_list = ? ORDER BY id", (price_list,))
    if members:
        raise Conflict(
            f"{len(members)} account(s) are charged by the price list {price_list!r}, {members[0][0]} among them: this "
            "is its last price. Give them another (`router accounts price-list ID NAME`), or none, before.",
            code="price_list_in_use",
        )


def list_prices(database: Runner) -> list[PriceRow]:
    """All of them, by model and list."""

    def load(connection: Connection) -> list[PriceRow]:
        rows = connection.tuples("SELECT list, model, price, created_at FROM prices ORDER BY model, list")
        return [PriceRow(name, model, kept_price(json.loads(price)), at) for name, model, price, at in rows]

    return database.read(load, whole=False)


def read_prices(connection: Connection) -> Mapping[tuple[str, str], Price]:
    """(price list, model) -> price."""
    rows = connection.tuples("SELECT list, model, price FROM prices")
    return {(name, model): kept_price(json.loads(price)) for name, model, price in rows}
