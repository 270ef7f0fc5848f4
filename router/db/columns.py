"""The tables of a database, their columns, and the order that their foreign keys ask for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

from router.db.connection import Connection, quoted

__all__ = ["columns_of", "in_order_of_keys", "set_sequences", "table_names", "without_triggers"]

_TABLES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table' AND substr(name, 1, 7) <> 'sqlite_' ORDER BY 1",
    "postgresql": """
SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition
    AND relnamespace = current_schema()::regnamespace ORDER BY 1
""",
}
_COLUMNS = """
SELECT attname, format_type(atttypid, NULL) FROM pg_attribute
WHERE attrelid = ?::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum
"""
_KEYS = """
SELECT c.relname, t.relname FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class t ON t.oid = k.confrelid
WHERE k.contype = 'f' AND c.relnamespace = current_schema()::regnamespace
"""


def table_names(connection: Connection) -> list[str]:
    """The tables, without the engine's own; of one in parts, the whole alone."""
    return [name for (name,) in connection.tuples(_TABLES[connection.engine])]


def columns_of(connection: Connection, table: str) -> dict[str, str]:
    """Column -> its type in lower case, in the table's order; without those that the database works out."""
    if connection.engine == "postgresql":
        return {name: str(kind) for name, kind in connection.tuples(_COLUMNS, (quoted(table),))}
    return {row["name"]: str(row["type"]).lower() for row in connection.rows(f"PRAGMA table_info({quoted(table)})")}


def in_order_of_keys(connection: Connection, tables: Iterable[str]) -> list[str]:
    """Tables, each behind those that its foreign keys lead to.

    Tables that lead to each other in a circle are in no order: only a database that checks keys at the end takes them.
    """
    needs: dict[str, set[str]] = {table: set() for table in tables}
    for table, target in _foreign_keys(connection, needs):
        if table in needs and target in needs and table != target:
            needs[table].add(target)
    try:
        return list(TopologicalSorter(needs).static_order())
    except CycleError:
        return list(needs)


def without_triggers(connection: Connection, tables: Iterable[str]) -> list[str]:
    """Take the triggers away, in the open transaction: copied rows have what they did.

    Returns:
        the statements that put them back.
    """
    if connection.engine == "postgresql":
        for table in tables:
            connection.execute(f"ALTER TABLE {quoted(table)} DISABLE TRIGGER USER")
        return [f"ALTER TABLE {quoted(table)} ENABLE TRIGGER USER" for table in tables]
    triggers = connection.tuples("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    for name, _ in triggers:
        connection.execute(f"DROP TRIGGER {quoted(name)}")
    return [sql for _, sql in triggers]


def set_sequences(connection: Connection, table: str, columns: Mapping[str, str]) -> None:
    """Let the next row's number be the one behind the highest. SQLite sees to that by itself."""
    if connection.engine != "postgresql":
        return
    for column, kind in columns.items():
        if kind in ("bigint", "integer", "smallint"):
            connection.rows(
                f"SELECT setval(name, (SELECT max({quoted(column)}) FROM {quoted(table)})) "  # noqa: S608 - quoted
                "FROM (SELECT pg_get_serial_sequence(?, ?) AS name) found WHERE name IS NOT NULL",
                (quoted(table), column),
            )


def _foreign_keys(connection: Connection, tables: Iterable[str]) -> list[tuple[str, str]]:
    if connection.engine == "postgresql":
        return [(table, target) for table, target in connection.tuples(_KEYS)]
    return [
        (table, row["table"])
        for table in tables
        for row in connection.rows(f"PRAGMA foreign_key_list({quoted(table)})")
    ]
