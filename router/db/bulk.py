"""Statements that take many rows at once: a few steps in the database, whatever their number.

Each step of a statement gives Python's interpreter lock away and has to win it back from a busy event loop; a hundred
steps would cost a hundred such turns. PostgreSQL takes a list of rows fastest as one ``jsonb`` parameter, SQLite as the
rows of one VALUES (per row of 26 columns 10 and 6 microseconds; with ``json`` it is 30 and 16).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from router.db.connection import Connection

__all__ = ["Columns", "delete_in", "in_list", "select_in", "write_new", "write_rows"]

_CHUNKS = (64, 32, 16)
"""Rows of one VALUES, where there are more than sixteen: few texts for a connection to keep prepared, and few
parameters for the smallest of limits."""

_encode = msgspec.json.Encoder().encode
Columns = tuple[tuple[str, str], ...]
"""(name, type) of each column, the type as PostgreSQL calls it: ``text``, ``bigint``, ``boolean``, ``float8``."""


def write_rows(
    connection: Connection,
    table: str,
    columns: Columns,
    rows: Sequence[Sequence[Any]],
    conflict: str = "",
    *,
    beside: tuple[str, Sequence[Any]] = ("", ()),
) -> None:
    """Insert rows in their order, none being no statement at all.

    Args:
        rows: values in the order of ``columns``: text, numbers, booleans, None.
        conflict: an ``ON CONFLICT ...`` clause.
        beside: a ``WITH ...`` clause whose statements PostgreSQL is to run in the same turn, and its parameters.
    """
    if not rows:
        return
    if connection.engine == "postgresql":
        clause, params = beside
        sql = clause + _insert_json(table, columns, conflict)
        connection.execute(sql, (*params, _encode(rows).decode()))
        return
    for some in _chunks(rows):
        _insert(connection, table, columns, some, conflict)


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
        return {found for (found,) in connection.tuples(sql, (_encode(rows).decode(),))}
    written: set[str] = set()
    for some in _chunks(rows):
        keys = {row[0] for row in some}
        try:  # as a rule none is there; where one is, the statement has done nothing
            _insert(connection, table, columns, some, "")
        except Exception as error:
            from peewee import IntegrityError

            if not isinstance(error, IntegrityError):
                raise
            # SQLite would return the keys one step each; since it has one writer, those that are there tell as much.
            keys.difference_update(found for (found,) in select_in(connection, table, key, key, keys))
            _insert(connection, table, columns, some, conflict)
        written |= keys
    return written


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


def delete_in(connection: Connection, table: str, key: str, values: Sequence[str]) -> None:
    """Delete the rows whose ``key`` is one of ``values``."""
    if values:
        sql = f"DELETE FROM {table} WHERE {key} {_one_of(connection.engine)}"  # noqa: S608 - names
        connection.execute(sql, (_list(connection.engine, list(values)),))


def in_list(engine: str, values: Sequence[str]) -> tuple[str, Any]:
    """The SQL that tests a column for being one of some texts, to stand behind its name, and its one parameter."""
    return _one_of(engine), _list(engine, list(values))


def _one_of(engine: str) -> str:
    return "= ANY(?)" if engine == "postgresql" else "IN (SELECT value FROM json_each(?))"


def _list(engine: str, values: list[str]) -> Any:
    return values if engine == "postgresql" else json.dumps(values)


def _chunks(rows: Sequence[Sequence[Any]]) -> Iterator[Sequence[Sequence[Any]]]:
    place = 0
    while place < len(rows):
        left = len(rows) - place
        size = next((size for size in _CHUNKS if size <= left), left)
        yield rows[place : place + size]
        place += size


def _insert(connection: Connection, table: str, columns: Columns, rows: Sequence[Sequence[Any]], conflict: str) -> None:
    values = [value for row in rows for value in row]
    connection.execute(_insert_values(table, columns, conflict, len(rows)), values)


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
