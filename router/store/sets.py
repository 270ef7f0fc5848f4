"""Statements that take a whole list of rows as one JSON parameter: one step in the database, whatever their number.

Each step of a statement gives Python's interpreter lock away and has to win it back from a busy event loop; a hundred
steps would cost a hundred such turns.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from router.store.connection import Connection

__all__ = ["Columns", "delete_returning", "select_in", "write_rows"]

Columns = tuple[tuple[str, str], ...]
"""(name, type) of each column, the type as PostgreSQL calls it: ``text``, ``bigint``, ``boolean``, ``float8``."""


def write_rows(
    connection: Connection, table: str, columns: Columns, rows: Sequence[Sequence[Any]], conflict: str = ""
) -> None:
    """Insert rows, none being no statement at all.

    Args:
        rows: values in the order of ``columns``; anything that JSON holds.
        conflict: an ``ON CONFLICT ...`` clause.
    """
    if rows:
        connection.execute(_insert(connection.engine, table, columns, conflict), (json.dumps(rows),))


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


def _one_of(engine: str) -> str:
    return "= ANY(?)" if engine == "postgresql" else "IN (SELECT value FROM json_each(?))"


def _list(engine: str, values: list[str]) -> Any:
    return values if engine == "postgresql" else json.dumps(values)


@lru_cache(maxsize=64)
def _insert(engine: str, table: str, columns: Columns, conflict: str) -> str:
    names = ", ".join(name for name, _ in columns)
    if engine == "postgresql":
        values = ", ".join(f"(one->>{place})::{kind}" for place, (_, kind) in enumerate(columns))
        source = "json_array_elements(?::json) AS one"
    else:
        values = ", ".join(f"json_extract(value, '$[{place}]')" for place in range(len(columns)))
        source = "json_each(?)"
    # SQLite needs the WHERE: without it, it takes ON for a join's.
    return f"INSERT INTO {table} ({names}) SELECT {values} FROM {source} WHERE true {conflict}"  # noqa: S608 - names
