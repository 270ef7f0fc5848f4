"""Rows of the addresses that were given to accounts, and of how far watchers are."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from router.db.connection import Connection
from router.db.transaction import Runner
from router.types.payments import WatchedAddress

__all__ = [
    "WatchRow",
    "addresses_after",
    "addresses_of",
    "find_address",
    "find_watch",
    "insert_address",
    "next_number",
    "put_comparison",
    "put_watch",
]

_PUT = """
INSERT INTO payment_watches (method, cursor, delayed, stepped_at, compared_at, differences) VALUES (?, ?, ?, ?, 0, '[]')
ON CONFLICT (method) DO UPDATE
SET cursor = excluded.cursor, delayed = excluded.delayed, stepped_at = excluded.stepped_at
"""
_COMPARED = """
INSERT INTO payment_watches (method, cursor, delayed, stepped_at, compared_at, differences)
VALUES (?, '{}', '', 0, ?, ?)
ON CONFLICT (method) DO UPDATE SET compared_at = excluded.compared_at, differences = excluded.differences
"""


@dataclass(frozen=True, slots=True)
class WatchRow:
    """How far the watcher of a method is.

    Attributes:
        cursor: where it goes on.
        delayed: why it is behind; empty where it is not.
        stepped_at, compared_at: Unix seconds; 0 for never.
        differences: what the last comparison found.
    """

    method: str
    cursor: Mapping[str, Any]
    delayed: str = ""
    stepped_at: float = 0.0
    compared_at: float = 0.0
    differences: Sequence[str] = ()


def find_watch(database: Runner, method: str) -> WatchRow:
    """How far it is; at its beginning where it never took a step."""
    sql = "SELECT method, cursor, delayed, stepped_at, compared_at, differences FROM payment_watches WHERE method = ?"
    row = database.read(lambda connection: connection.row(sql, (method,)))
    if row is None:
        return WatchRow(method, {})
    return WatchRow(**(row | {"cursor": json.loads(row["cursor"]), "differences": json.loads(row["differences"])}))


def put_watch(connection: Connection, method: str, cursor: Mapping[str, Any], delayed: str, now: float) -> None:
    """Keep how far it is."""
    connection.execute(_PUT, (method, json.dumps(cursor, sort_keys=True), delayed, now))


def put_comparison(connection: Connection, method: str, differences: Sequence[str], now: float) -> None:
    """Keep what a comparison found."""
    connection.execute(_COMPARED, (method, now, json.dumps(list(differences))))


def addresses_of(database: Runner, method: str) -> dict[str, WatchedAddress]:
    """Address -> whose it is, of all that a method gave out."""
    sql = "SELECT address, account_id, number FROM payment_addresses WHERE method = ?"
    rows = database.read(lambda connection: connection.tuples(sql, (method,)))
    return {address: WatchedAddress(address, account, number) for address, account, number in rows}


def addresses_after(database: Runner, method: str, number: int, limit: int) -> list[WatchedAddress]:
    """Those of a method's that have a higher number, in their order."""
    sql = (
        "SELECT address, account_id, number FROM payment_addresses WHERE method = ? AND number > ? "
        "ORDER BY number LIMIT ?"
    )
    rows = database.read(lambda connection: connection.tuples(sql, (method, number, limit)))
    return [WatchedAddress(*row) for row in rows]


def find_address(
    connection: Connection, method: str, *, account_id: str = "", address: str = ""
) -> WatchedAddress | None:
    """An account's address, or whose an address is."""
    column, value = ("account_id", account_id) if account_id else ("address", address)
    sql = f"SELECT address, account_id, number FROM payment_addresses WHERE method = ? AND {column} = ?"  # noqa: S608
    found = connection.tuples(sql, (method, value))
    return WatchedAddress(*found[0]) if found else None


def next_number(connection: Connection, method: str) -> int:
    """The number of the next address, which nobody else is given."""
    sql = (
        "INSERT INTO meta (name, value) VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET value = meta.value + 1 "
        "RETURNING value"
    )
    row = connection.rows(sql, (f"addresses:{method}",))[0]
    return int(row["value"]) - 1


def insert_address(connection: Connection, method: str, given: WatchedAddress, now: float) -> WatchedAddress:
    """Give an account an address for good, unless it has one by now; the one that it has."""
    sql = (
        "INSERT INTO payment_addresses (method, account_id, number, address, created_at) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (method, account_id) DO NOTHING"
    )
    if connection.execute(sql, (method, given.account, given.number, given.address, now)) == 1:
        return given
    return find_address(connection, method, account_id=given.account) or given
