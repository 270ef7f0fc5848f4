"""Rows of second factors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from typing import Any

from router.db.connection import Connection
from router.db.ids import new_id
from router.db.transaction import Runner

__all__ = [
    "FactorRow",
    "advance_counter",
    "confirm_factor",
    "delete_factors",
    "find_passkey_row",
    "has_second_factor_row",
    "insert_factor",
    "list_factor_rows",
    "replace_recovery",
    "take_recovery",
    "use_passkey",
]


@dataclass(frozen=True, slots=True)
class FactorRow:
    """All that is kept of a second factor; ``router.store.people.tables`` says what each column is."""

    id: str
    person_id: str
    kind: str
    name: str
    secret: str
    handle: str
    counter: int
    confirmed: bool
    created_at: float
    used_at: float | None


_NAMES = tuple(field.name for field in fields(FactorRow))
_COLUMNS = ", ".join(_NAMES)
_INSERT = f"INSERT INTO factors ({_COLUMNS}) VALUES ({', '.join('?' * len(_NAMES))})"  # noqa: S608 - constant text
_TAKE = "DELETE FROM factors WHERE person_id = ? AND kind = 'recovery' AND secret = ?"


def insert_factor(connection: Connection, row: FactorRow) -> None:
    """Keep a factor."""
    connection.execute(_INSERT, astuple(row))


def list_factor_rows(database: Runner, person_id: str, kind: str = "") -> list[FactorRow]:
    """Somebody's factors, of one kind or of all, those that are not confirmed too; oldest first."""
    more = " AND kind = ?" if kind else ""
    sql = f"SELECT {_COLUMNS} FROM factors WHERE person_id = ?{more} ORDER BY created_at, id"  # noqa: S608 - constants
    rows = database.read(lambda connection: connection.rows(sql, (person_id, kind) if kind else (person_id,)))
    return [_row(row) for row in rows]


def find_passkey_row(database: Runner, handle: str) -> FactorRow | None:
    """The passkey with a credential's ID."""
    sql = f"SELECT {_COLUMNS} FROM factors WHERE handle = ? AND kind = 'passkey'"  # noqa: S608 - constant texts
    row = database.read(lambda connection: connection.row(sql, (handle,)))
    return None if row is None else _row(row)


def has_second_factor_row(database: Runner, person_id: str) -> bool:
    """Whether somebody has a second factor; recovery codes alone are none."""
    sql = "SELECT 1 AS one FROM factors WHERE person_id = ? AND confirmed AND kind <> 'recovery' LIMIT 1"
    return database.read(lambda connection: connection.row(sql, (person_id,))) is not None


def confirm_factor(connection: Connection, factor_id: str, counter: int, now: float) -> bool:
    """Let a factor count from now on; False where it is gone, or counts already."""
    sql = "UPDATE factors SET confirmed = TRUE, counter = ?, used_at = ? WHERE id = ? AND NOT confirmed"
    return connection.execute(sql, (counter, now, factor_id)) == 1


def advance_counter(connection: Connection, factor_id: str, counter: int, now: float) -> bool:
    """Use a factor's step up; False where it, or a later one, was used before, or the factor is gone."""
    sql = "UPDATE factors SET counter = ?, used_at = ? WHERE id = ? AND counter < ?"
    return connection.execute(sql, (counter, now, factor_id, counter)) == 1


def use_passkey(connection: Connection, factor_id: str, counter: int, now: float) -> bool:
    """Note a passkey's use; False where it is gone, or its counter was as high before: then there is a copy of it.
    Many passkeys do not count, and tell 0 always.
    """
    sql = "UPDATE factors SET counter = ?, used_at = ? WHERE id = ? AND (counter < ? OR (counter = 0 AND ? = 0))"
    return connection.execute(sql, (counter, now, factor_id, counter, counter)) == 1


def take_recovery(connection: Connection, person_id: str, hash: str) -> bool:
    """Use a recovery code up; False where there is none such."""
    return connection.execute(_TAKE, (person_id, hash)) == 1


def replace_recovery(connection: Connection, person_id: str, hashes: Iterable[str], now: float) -> None:
    """Let these be somebody's recovery codes, and no others."""
    delete_factors(connection, person_id, kind="recovery")
    for hash in hashes:
        insert_factor(connection, FactorRow(new_id("fact"), person_id, "recovery", "", hash, "", 0, True, now, None))


def delete_factors(connection: Connection, person_id: str, **columns: Any) -> int:
    """Delete somebody's factors that have these columns; how many."""
    assert columns.keys() <= set(_NAMES), "columns of factors"
    where = "".join(f" AND {name} = ?" for name in columns)
    sql = f"DELETE FROM factors WHERE person_id = ?{where}"  # noqa: S608 - constant texts
    return connection.execute(sql, (person_id, *columns.values()))


def _row(columns: dict[str, Any]) -> FactorRow:
    return FactorRow(**(columns | {"confirmed": bool(columns["confirmed"])}))
