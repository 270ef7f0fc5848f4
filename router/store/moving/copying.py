"""A whole database copied into another, empty one: from SQLite to PostgreSQL, back, or within one engine."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import partial
from typing import Any

import peewee

from router.db.columns import columns_of, in_order_of_keys, set_sequences, table_names, without_triggers
from router.db.connection import Connection, quoted
from router.db.database import Database
from router.db.session import ConnectionSession
from router.errors import BadRequest, StoreError
from router.store.host_migrations import OWNER
from router.store.migrating import make_tables, owners, pending
from router.store.moving.digests import RowsDigest, comparable
from router.types.records import Migration

__all__ = ["Copied", "copy"]

_COPY_S = 86_400.0
_SHOWN = 5
_TOLD_EACH = 100_000  # rows
_Watch = Callable[[str, Iterable[Sequence[Any]]], Iterator[Any]]
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
    make_room: Callable[[Connection], None] | None = None,
) -> Copied:
    """Make the tables in the target and fill them, all in one transaction, with the source as of one moment.

    Triggers do not run meanwhile. Rows keep their numbers. What arrived is read again, and its digest compared with
    that of what was sent. Should anything fail, the target is as it was. No more than a page of rows is held.

    Args:
        extra: the plugins' migrations by plugin name.
        progress: is told each table that is begun, and how far a long one is.
        also: what else is written into the target, within the transaction, when all is there.
        make_room: puts away what the target has, within the transaction; where None, a target that has any is refused.

    Raises:
        BadRequest: the source lacks migrations or has some of a plugin that is not there, the target has tables, a
            value does not fit into the target, or what arrived is not what was sent.
        ConfigError: the target's tables cannot be made.
        StoreError: one of the two failed.
    """
    _check_source(source, extra)
    reading, writing = ConnectionSession(source.backend, writer=False), ConnectionSession(target.backend, writer=True)

    def take(connection: Connection, into: Connection) -> Copied:
        strangers: list[str] = []
        make_tables(into, extra, lambda: strangers.extend(_without_ours(into, target.place, make_room)))
        tables = [name for name in table_names(into) if name not in strangers]
        rows = _fill(connection, into, tables, progress)
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


def _without_ours(connection: Connection, place: str, make_room: Callable[[Connection], None] | None) -> Sequence[str]:
    """The tables that stay in a target that has none of ours any more."""
    if make_room is not None:
        make_room(connection)
    there = table_names(connection)
    if there and make_room is None:
        more = ", ..." if len(there) > _SHOWN else ""
        raise BadRequest(f"The {place} is not empty ({', '.join(there[:_SHOWN])}{more}): name one without tables.")
    return there


def _fill(
    source: Connection, target: Connection, names: Sequence[str], progress: Callable[[str], None]
) -> dict[str, int]:
    tables = in_order_of_keys(target, names)
    triggers = without_triggers(target, tables)
    if target.engine == "sqlite":
        target.execute("PRAGMA defer_foreign_keys = on")  # a row may lead to a later one of its own table
    for table in reversed(tables):  # what the migrations have put there
        target.execute(f"DELETE FROM {quoted(table)}")  # noqa: S608 - quoted
    counts = {}
    for place, table in enumerate(tables, 1):
        step = f"{table} ({place} of {len(tables)})"
        progress(step)
        try:
            counts[table] = _copy_table(source, target, table, partial(_tell, progress, step))
        except (peewee.IntegrityError, peewee.DataError, peewee.ProgrammingError, OverflowError) as error:
            raise BadRequest(f"The table {table} cannot be copied: {' '.join(str(error).split())}") from error
    for statement in triggers:
        target.execute(statement)
    return counts


def _copy_table(source: Connection, target: Connection, table: str, passed: _Watch) -> int:
    columns = columns_of(target, table)
    there = columns_of(source, table)
    if set(columns) != set(there):
        names = ", ".join(sorted(set(columns) ^ set(there)))
        raise BadRequest(f"The table {table} has other columns in the two databases ({names}): its migrations differ.")
    places = None
    if source.engine != target.engine:
        places = comparable(columns.values() if target.engine == "postgresql" else [there[name] for name in columns])
    select = f"SELECT {', '.join(map(quoted, columns))} FROM {quoted(table)}"  # noqa: S608 - quoted
    sent, arrived = RowsDigest(places), RowsDigest(places)
    rows = passed("sent", sent.of(source.stream(select)))
    target.load(table, list(columns), _converted(rows, target.engine, list(columns.values())))
    set_sequences(target, table, columns)
    for row in passed("compared", target.stream(select)):
        arrived.add(row)
    if arrived.count != sent.count:
        raise StoreError(f"Of {sent.count} rows of the table {table}, {arrived.count} arrived.")
    if arrived.value != sent.value:
        raise StoreError(f"The rows of the table {table} are not the same where they arrived.")
    return sent.count


def _tell(progress: Callable[[str], None], step: str, what: str, rows: Iterable[Sequence[Any]]) -> Iterator[Any]:
    for count, row in enumerate(rows, 1):
        if count % _TOLD_EACH == 0:
            progress(f"{step}: {count:,} rows {what}")
        yield row


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
