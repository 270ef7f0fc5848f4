"""Statements that take many rows at once: a few steps in the database, whatever their number.

Each step of a statement gives Python's interpreter lock away and has to win it back from a busy event loop; a hundred
steps would cost a hundred such turns. PostgreSQL takes a list of rows fastest as one ``jsonb`` parameter, SQLite as the
rows of one VALUES (per row of 26 columns 10 and 6 microseconds; with ``json`` it is 30 and 16).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from router.store.connection import Connection

__all__ = ["Columns", "delete_returning", "in_list", "select_in", "write_new", "write_rows"]

_CHUNKS = (64, 32, 16)
"""Rows of one VALUES, where there are more than sixteen: few texts for a connection to keep prepared, and few
parameters for the smallest of limits."""

Columns = tuple[tuple[str, str], ...]
"""(name, type) of each column, the type as PostgreSQL calls it: ``text``, ``bigint``, ``boolean``, ``float8``."""


def write_rows(
    connection: Connection, table: str, columns: Columns, rows: Sequence[Sequence[Any]], conflict: str = ""
) -> None:
    """Insert rows in their order, none being no statement at all.

    Args:
        rows: values in the order of ``columns``: text, numbers, booleans, None.
        conflict: an ``ON CONFLICT ...`` clause.
    """
    if not rows:
        return
    if connection.engine == "postgresql":
        connection.execute(_insert_json(table, columns, conflict), (json.dumps(rows),))
        return
    place = 0
    while place < len(rows):
        left = len(rows) - place
        size = next((size for size in _CHUNKS if size <= left), left)
        values = [value for row in rows[place : place + size] for value in row]
        connection.execute(_insert_values(table, columns, conflict, size), values)
        place += size


def write_new(connection: Connection, table: str, columns: Columns, rows: Sequence[Sequence[Any]]) -> set[str]:
    """Insert those rows whose key, the first of ``columns``, is not there yet; of rows with one key the first.

    Returns:
        the keys of the rows that were written.
    """
    if not rows:
        return set()
    key = columns[0][0]
    conflict = f"ON CONFLICT ({key}) DO NOTHING"
    if connection.engine == "postgresql":
        sql = f"{_insert_json(table, columns, conflict)} RETURNING {key}"
        return {found for (found,) in connection.tuples(sql, (json.dumps(rows),))}
    # SQLite would return the keys one step each; since it has one writer, those of the few that are there tell as much.
    keys = {row[0] for row in rows}
    keys.difference_update(found for (found,) in select_in(connection, table, key, key, keys))
    write_rows(connection, table, columns, rows, conflict)
    return keys


def select_in(
    connection: Connection, table: str, names: str, key: str, values: Iterable[str], *, lock: bool = False
) -> list[tuple[Any, ...]]:
    """The rows whose ``key`` is one of ``values``, in its order.

    Args:
        names: the columns wanted, comma-separated.
        lock: keep others from changing them until the transaction ends.
    """
    wanted = list(values)
    if not wanted:
        return []
    sql = f"SELECT {names} FROM {table} WHERE {key} {_one_of(connection.engine)} ORDER BY {key}"  # noqa: S608 - names
    if lock and connection.engine == "postgresql":
        sql += " FOR UPDATE"
    return connection.tuples(sql, (_list(connection.engine, wanted),))


def delete_returning(connection: Connection, table: str, key: str, values: Sequence[str]) -> set[str]:
    """Delete the rows whose ``key`` is one of ``values``; which of them there were."""
    if not values:
        return set()
    sql = f"DELETE FROM {table} WHERE {key} {_one_of(connection.engine)} RETURNING {key}"  # noqa: S608 - names
    return {found for (found,) in connection.tuples(sql, (_list(connection.engine, list(values)),))}


def in_list(engine: str, values: Sequence[str]) -> tuple[str, Any]:
    """What stands behind a column that is to be one of some texts, with one parameter; and that parameter."""
    return _one_of(engine), _list(engine, list(values))


def _one_of(engine: str) -> str:
    return "= ANY(?)" if engine == "postgresql" else "IN (SELECT value FROM json_each(?))"


def _list(engine: str, values: list[str]) -> Any:
    return values if engine == "postgresql" else json.dumps(values)


@lru_cache(maxsize=256)
def _insert_values(table: str, columns: Columns, conflict: str, size: int) -> str:
    row = f"({', '.join('?' * len(columns))})"
    return f"{_into(table, columns)} VALUES {', '.join([row] * size)} {conflict}"


@lru_cache(maxsize=64)
def _insert_json(table: str, columns: Columns, conflict: str) -> str:
    values = ", ".join(f"(one->>{place})::{kind}" for place, (_, kind) in enumerate(columns))
    return f"{_into(table, columns)} SELECT {values} FROM jsonb_array_elements(?::jsonb) AS one {conflict}"  # noqa: S608


def _into(table: str, columns: Columns) -> str:
    return f"INSERT INTO {table} ({', '.join(name for name, _ in columns)})"
