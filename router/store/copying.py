"""A whole database copied into another, empty one: from SQLite to PostgreSQL, back, or within one engine."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

import peewee

from router.db.columns import columns_of, in_order_of_keys, set_sequences, table_names, without_triggers
from router.db.connection import Connection, quoted
from router.db.database import Database
from router.db.session import ConnectionSession
from router.errors import BadRequest, StoreError
from router.store.host_migrations import OWNER
from router.store.migrating import make_tables, owners, pending
from router.types.records import Migration

__all__ = ["Copied", "copy"]

_COPY_S = 86_400.0
_SHOWN = 5
_PLAIN = (str, int, float, bytes, type(None))  # what SQLite keeps as it is; booleans are numbers


@dataclass(frozen=True, slots=True)
class Copied:
    """What was copied.

    Attributes:
        id: the source, in the words of messages; for the audit log.
        rows: table -> how many rows it has, the same in both.
        left: the source's tables that belong neither to the gateway nor to a plugin, and were left there.
    """

    id: str
    rows: Mapping[str, int]
    left: Sequence[str]


def copy(
    source: Database,
    target: Database,
    extra: Mapping[str, Sequence[Migration]],
    progress: Callable[[str], None] = lambda _: None,
    also: Callable[[Connection, Copied], None] = lambda *_: None,
) -> Copied:
    """Make the tables in the target and fill them, all in one transaction, with the source as of one moment.

    Triggers do not run meanwhile. Rows keep their numbers. Should anything fail, the target is as empty as before.

    Args:
        extra: the plugins' migrations by plugin name.
        progress: is told each table that is begun.
        also: what else is written into the target, within the transaction, when all is there.

    Raises:
        BadRequest: the source lacks migrations or has some of a plugin that is not there, the target has tables, a
            value does not fit into the target, or what arrived is not what was sent.
        ConfigError: the target's tables cannot be made.
        StoreError: one of the two failed.
    """
    _check_source(source, extra)
    reading, writing = ConnectionSession(source.backend, writer=False), ConnectionSession(target.backend, writer=True)

    def take(connection: Connection, into: Connection) -> Copied:
        make_tables(into, extra, lambda: _check_empty(into, target.place))
        rows = _fill(connection, into, progress)
        found = Copied(source.place, rows, [name for name in table_names(connection) if name not in rows])
        also(into, found)
        return found

    def read(connection: Connection) -> Copied:
        with connection.snapshot():
            return writing.write(lambda into: take(connection, into), _COPY_S)

    try:
        return reading.read(read, _COPY_S)
    finally:
        reading.close()
        writing.close()


def _check_source(source: Database, extra: Mapping[str, Sequence[Migration]]) -> None:
    missing = pending(source, extra)
    if missing:
        raise BadRequest(f"The {source.place} lacks {len(missing)} migration(s): run `router db migrate` before.")
    strangers = source.read(owners) - {OWNER, *extra}
    if strangers:
        raise BadRequest(
            f"The {source.place} has tables of {', '.join(sorted(strangers))}, and no such plugin is loaded, to make "
            "them in the other database: install or enable it."
        )


def _check_empty(connection: Connection, place: str) -> None:
    there = table_names(connection)
    if there:
        more = ", ..." if len(there) > _SHOWN else ""
        raise BadRequest(f"The {place} is not empty ({', '.join(there[:_SHOWN])}{more}): name one without tables.")


def _fill(source: Connection, target: Connection, progress: Callable[[str], None]) -> dict[str, int]:
    tables = in_order_of_keys(target, table_names(target))
    triggers = without_triggers(target, tables)
    if target.engine == "sqlite":
        target.execute("PRAGMA defer_foreign_keys = on")  # a row may lead to a later one of its own table
    for table in reversed(tables):  # what the migrations have put there
        target.execute(f"DELETE FROM {quoted(table)}")  # noqa: S608 - quoted
    counts = {}
    for place, table in enumerate(tables, 1):
        progress(f"{table} ({place} of {len(tables)})")
        try:
            counts[table] = _copy_table(source, target, table)
        except (peewee.IntegrityError, peewee.DataError, peewee.ProgrammingError, OverflowError) as error:
            raise BadRequest(f"The table {table} cannot be copied: {' '.join(str(error).split())}") from error
    for statement in triggers:
        target.execute(statement)
    return counts


def _copy_table(source: Connection, target: Connection, table: str) -> int:
    columns = columns_of(target, table)
    there = columns_of(source, table)
    if set(columns) != set(there):
        names = ", ".join(sorted(set(columns) ^ set(there)))
        raise BadRequest(f"The table {table} has other columns in the two databases ({names}): its migrations differ.")
    names = ", ".join(map(quoted, columns))
    rows = source.stream(f"SELECT {names} FROM {quoted(table)}")  # noqa: S608 - quoted
    sent = target.load(table, list(columns), _converted(rows, target.engine, list(columns.values())))
    set_sequences(target, table, columns)
    counts = [one.tuples(f"SELECT count(*) FROM {quoted(table)}")[0][0] for one in (source, target)]  # noqa: S608
    if counts != [sent, sent]:
        raise StoreError(f"The table {table} has {counts[0]} rows, of which {sent} were sent and {counts[1]} arrived.")
    return sent


def _converted(rows: Iterable[Sequence[Any]], engine: str, kinds: Sequence[str]) -> Iterator[Sequence[Any]]:
    """Rows as the target's engine takes them, by the types of its columns."""
    if engine == "sqlite":
        for row in rows:
            yield [value if isinstance(value, _PLAIN) else _text(value) for value in row]
        return
    flags = [place for place, kind in enumerate(kinds) if kind == "boolean"]
    for row in rows:
        if flags:
            row = list(row)
            for place in flags:
                row[place] = None if row[place] is None else bool(row[place])
        yield row


def _text(value: Any) -> str:
    """A value of a type that SQLite lacks, which a plugin's table may have."""
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    return json.dumps(value) if isinstance(value, (dict, list)) else str(value)
