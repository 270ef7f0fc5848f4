"""PostgreSQL's ``usage`` in parts of one calendar month (UTC) each, so that old months are dropped in one stroke.

Request IDs begin with the time, so the parts are ranges of IDs: the ID alone stays the table's key, and a batch that is
written again, or a call that a sweep had given up, meets its row as in one table. What fits no month (IDs of another
make, a clock that is far off) goes into ``usage_rest``: no call is refused for want of a part.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from router.db.connection import Connection, quoted
from router.errors import BadRequest

__all__ = ["Month", "drop_months", "has_months", "make_months", "old_months", "partition_usage"]

_AHEAD = 3
_BEFORE, _REST = "usage_before", "usage_rest"
_NAME = re.compile(r"usage_(\d{4})_(\d{2})")
_IS_PARTED = "SELECT 1 FROM pg_class WHERE oid = to_regclass('usage') AND relkind = 'p'"
_PARTS = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = to_regclass('usage') ORDER BY 1"
_INDEXES = """
SELECT c.relname, pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = to_regclass('usage') AND NOT i.indisprimary ORDER BY 1
"""
_KEY = "SELECT conname FROM pg_constraint WHERE conrelid = to_regclass('usage') AND contype = 'p'"


class Month(NamedTuple):
    """One part.

    Attributes:
        name: of its table.
        since, until: its request IDs; ``until`` is the first that is another's.
    """

    name: str
    since: str
    until: str


def has_months(connection: Connection) -> bool:
    """Whether ``usage`` is in parts."""
    return connection.engine == "postgresql" and bool(connection.tuples(_IS_PARTED))


def partition_usage(connection: Connection, now: float | None = None) -> int:
    """Put ``usage`` into parts, in the open transaction; how many months were made ready.

    All that is there becomes one part, to the end of the present month: no row is moved. The table is kept from others
    while PostgreSQL looks at each ID once.

    Raises:
        BadRequest: it is in parts already, or the database is SQLite.
    """
    if connection.engine != "postgresql":
        raise BadRequest("SQLite has no parts of a table: `router db copy` moves to PostgreSQL.")
    if has_months(connection):
        raise BadRequest("The table usage is in months already.")
    connection.execute("LOCK TABLE usage IN ACCESS EXCLUSIVE MODE")
    indexes = connection.tuples(_INDEXES)
    (key,) = connection.tuples(_KEY)[0]
    for name, _ in [*indexes, (key, "")]:
        connection.execute(f"ALTER INDEX {quoted(name)} RENAME TO {quoted(f'{_BEFORE}_{name}')}")
    connection.execute(f"ALTER TABLE usage RENAME TO {_BEFORE}")
    connection.execute(
        f"CREATE TABLE usage (LIKE {_BEFORE} INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY RANGE (request_id)"
    )
    connection.execute(f"ALTER TABLE usage ADD CONSTRAINT {quoted(key)} PRIMARY KEY (request_id)")
    for _, statement in indexes:
        connection.execute(statement)
    first = next(_months(time.time() if now is None else now))
    connection.execute(f"ALTER TABLE usage ATTACH PARTITION {_BEFORE} FOR VALUES FROM (MINVALUE) TO ('{first.until}')")
    connection.execute(f"CREATE TABLE {_REST} PARTITION OF usage DEFAULT")
    return make_months(connection, now)


def make_months(connection: Connection, now: float | None = None) -> int:
    """Make the parts of the coming months that are not there yet, in the open transaction; how many were made.

    What has come into ``usage_rest`` of such a month is moved there.
    """
    there = {name for (name,) in connection.tuples(_PARTS)}
    made = 0
    months = _months(time.time() if now is None else now)
    present = next(months)
    wanted = [present] if _BEFORE not in there else []
    wanted += [next(months) for _ in range(_AHEAD)]
    for month in wanted:
        if month.name in there:
            continue
        between = f"request_id >= '{month.since}' AND request_id < '{month.until}'"
        connection.execute(f"CREATE TABLE {month.name} (LIKE usage INCLUDING ALL)")
        connection.execute(
            f"WITH moved AS (DELETE FROM {_REST} WHERE {between} RETURNING *) "  # noqa: S608 - names and IDs of ours
            f"INSERT INTO {month.name} SELECT * FROM moved"
        )
        bounds = f"FOR VALUES FROM ('{month.since}') TO ('{month.until}')"
        connection.execute(f"ALTER TABLE usage ATTACH PARTITION {month.name} {bounds}")
        made += 1
    return made


def old_months(connection: Connection, before: float) -> dict[str, int]:
    """The parts of months that ended before a time, and how many rows each has: they are counted before anybody waits.

    ``usage_before`` and months that reach beyond are none.
    """
    found = {}
    for (name,) in connection.tuples(_PARTS):
        match = _NAME.fullmatch(name)
        if match is not None and _month_at(int(match[1]), int(match[2]) + 1) <= before:
            found[name] = int(connection.tuples(f"SELECT count(*) FROM {name}")[0][0])  # noqa: S608 - matched
    return found


def drop_months(connection: Connection, before: float, names: Iterable[str]) -> list[str]:
    """Drop those parts of ``old_months`` of which every call arrived before a time, in the open transaction; which."""
    there = {name for (name,) in connection.tuples(_PARTS)}
    dropped = []
    connection.execute("LOCK TABLE usage IN ACCESS EXCLUSIVE MODE")
    for name in there.intersection(names):
        newest = connection.tuples(f"SELECT max(created_at) FROM {name}")[0][0]  # noqa: S608 - one of ours
        if newest is None or newest < before:
            connection.execute(f"DROP TABLE {name}")
            dropped.append(name)
    return dropped


def _months(now: float) -> Iterator[Month]:
    """The month of a time, and those after it."""
    day = datetime.fromtimestamp(now, UTC)
    year, month = day.year, day.month
    while True:
        since, until = (_id_at(_month_at(year, number)) for number in (month, month + 1))
        yield Month(f"usage_{year:04}_{month:02}", since, until)
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)


def _month_at(year: int, month: int) -> float:
    """When a month begins, the thirteenth being the next year's first."""
    year, month = (year, month) if month <= 12 else (year + 1, month - 12)
    return datetime(year, month, 1, tzinfo=UTC).timestamp()


def _id_at(at: float) -> str:
    """What request IDs of a time and later are not below (``router.db.ids.new_request_id``)."""
    return f"req_{int(at * 1000):011x}"
