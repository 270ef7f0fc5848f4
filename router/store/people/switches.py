"""Rows of what an operator turned off, and of whom an operator blocked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from router.db.connection import Connection
from router.db.transaction import Runner

__all__ = [
    "BlockRow",
    "SwitchRow",
    "delete_block",
    "insert_block",
    "is_blocked",
    "is_off",
    "list_block_rows",
    "list_switch_rows",
    "lock_switch",
    "write_switch",
]

_LOCK = """
INSERT INTO switches (name, off, reason, changed_at) VALUES (?, FALSE, '', 0)
ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING off
"""
_WRITE = """
INSERT INTO switches (name, off, reason, changed_at) VALUES (?, ?, ?, ?)
ON CONFLICT (name) DO UPDATE SET off = excluded.off, reason = excluded.reason, changed_at = excluded.changed_at
"""
_BLOCK = """
INSERT INTO blocks (kind, value, reason, created_at) VALUES (?, ?, ?, ?)
ON CONFLICT (kind, value) DO UPDATE SET reason = excluded.reason
"""


@dataclass(frozen=True, slots=True)
class SwitchRow:
    """One switch; ``changed_at`` is 0 where it never was."""

    name: str
    off: bool
    reason: str
    changed_at: float


@dataclass(frozen=True, slots=True)
class BlockRow:
    """One block: of a ``domain``, an ``address`` or a ``network``."""

    kind: str
    value: str
    reason: str
    created_at: float


def lock_switch(connection: Connection, name: str) -> bool:
    """Whether something is off; nobody else decides by it until the transaction ends."""
    return bool(connection.rows(_LOCK, (name,))[0]["off"])


def is_off(database: Runner, name: str) -> bool:
    """Whether something is off."""
    sql = "SELECT off FROM switches WHERE name = ?"
    row = database.read(lambda connection: connection.row(sql, (name,)))
    return row is not None and bool(row["off"])


def list_switch_rows(database: Runner) -> Mapping[str, SwitchRow]:
    """Name -> switch, of those that were ever used."""
    sql = "SELECT name, off, reason, changed_at FROM switches"
    rows = database.read(lambda connection: connection.rows(sql))
    return {row["name"]: SwitchRow(**(row | {"off": bool(row["off"])})) for row in rows}


def write_switch(connection: Connection, row: SwitchRow) -> None:
    """Turn something off, or on again."""
    connection.execute(_WRITE, (row.name, row.off, row.reason, row.changed_at))


def insert_block(connection: Connection, row: BlockRow) -> None:
    """Keep a block; one that is there is given the reason."""
    connection.execute(_BLOCK, (row.kind, row.value, row.reason, row.created_at))


def delete_block(connection: Connection, kind: str, value: str) -> bool:
    """Lift a block; False where there is none."""
    return connection.execute("DELETE FROM blocks WHERE kind = ? AND value = ?", (kind, value)) == 1


def list_block_rows(database: Runner) -> list[BlockRow]:
    """All blocks, by kind and value."""
    sql = "SELECT kind, value, reason, created_at FROM blocks ORDER BY kind, value"
    return [BlockRow(**row) for row in database.read(lambda connection: connection.rows(sql))]


def is_blocked(database: Runner, kind: str, values: tuple[str, ...]) -> bool:
    """Whether one of some values is blocked."""
    places = ", ".join("?" * len(values))
    sql = f"SELECT 1 AS one FROM blocks WHERE kind = ? AND value IN ({places}) LIMIT 1"  # noqa: S608 - constant text
    return database.read(lambda connection: connection.row(sql, (kind, *values))) is not None
