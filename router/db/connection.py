"""What a query works with: one database connection, the same on both engines.

SQL is written once, with ``?`` for a parameter and standard ``ON CONFLICT``; rows come back as dicts that are complete
before the connection does anything else, so nothing that belongs to a database thread ever leaves it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from router.db.ids import clean_text
from router.errors import BadRequest

if TYPE_CHECKING:
    import peewee

__all__ = ["Connection", "quoted"]

_PAGE = 5_000
_HAS_TABLE = {
    "sqlite": "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?",
    "postgresql": """
SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') AND c.relname = ?
""",
}


class Connection:
    """One open connection. Use it only inside the function given to ``Database.read`` or ``Database.write``.

    Errors of the driver arrive as peewee's (``peewee.IntegrityError``, ``peewee.DataError``, ...).

    Attributes:
        peewee: the peewee database underneath, for queries that are easier to build than to write.
        engine: ``sqlite`` or ``postgresql``.
        transaction: the number of the writing transaction that is open, or was last; they are counted up, and so is
            one of which a part was undone.
        committed: the number of the last one that was committed.
        has_log: whether the database was seen to have the ledger's log.
        has_totals: the same of the table of all accounts' totals.
        limit_s: how long the server lets a statement run or wait; 0 where that was not set.
    """

    def __init__(self, database: peewee.Database, engine: str) -> None:
        from peewee import __exception_wrapper__  # type: ignore[attr-defined]

        self.peewee: Any = database
        self._errors: Any = __exception_wrapper__  # turns the driver's errors into peewee's
        self.engine = engine
        self.transaction = self.committed = 0
        self.has_log = self.has_totals = False
        self.limit_s = 0.0
        self._dialect = _for_psycopg if engine == "postgresql" else _as_it_is

    def execute(self, sql: str, params: Sequence[Any] = ()) -> int:
        """Run one statement; the number of rows that it changed."""
        return int(self._cursor(sql, params).rowcount)

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Run one query; its rows as dicts by column name."""
        cursor = self._cursor(sql, params)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def tuples(self, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one query; its rows as tuples, for those who read many."""
        return list(self._cursor(sql, params).fetchall())

    def row(self, sql: str, params: Sequence[Any] = ()) -> dict[str, Any] | None:
        """Run one query; its first row, or None."""
        return next(iter(self.rows(sql, params)), None)

    def load(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
        """Insert many rows in the fastest way, under the numbers that they have; how many there were.

        Args:
            table: its name; quoted here, as are the columns'.
            rows: may be more than memory holds.
        """
        names = ", ".join(map(quoted, columns))
        counted = _Counted(rows)
        with self._errors:
            cursor = self.peewee.cursor()
            if self.engine == "postgresql":
                with cursor.copy(f"COPY {quoted(table)} ({names}) FROM STDIN") as copy:
                    for row in counted:
                        copy.write_row(row)
            else:
                places = ", ".join("?" * len(columns))
                cursor.executemany(f"INSERT INTO {quoted(table)} ({names}) VALUES ({places})", counted)  # noqa: S608
        return counted.count

    def stream(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """The rows of a query that are more than memory holds, within ``snapshot``; one query at a time."""
        if self.engine == "postgresql":
            self.execute(f"DECLARE streamed NO SCROLL CURSOR FOR {sql}")
            while rows := self.tuples(f"FETCH {_PAGE} FROM streamed"):
                yield from rows
            self.execute("CLOSE streamed")
            return
        cursor = self._cursor(sql, ())
        while rows := cursor.fetchmany(_PAGE):
            yield from rows

    def script(self, sql: str) -> None:
        """Run several statements without parameters, inside the transaction that is open."""
        if self.engine == "postgresql":
            self.execute(sql)
            return
        for statement in _statements(sql):
            self.execute(statement)

    def has_table(self, name: str) -> bool:
        """Whether there is such a table in the schema that this works in: peewee 4.0 looks into ``public``."""
        return bool(self.tuples(_HAS_TABLE[self.engine], (name,)))

    def begin(self, sql: str) -> None:
        """Begin a writing transaction."""
        self.execute(sql)
        self.transaction += 1

    def commit(self) -> None:
        """Commit.

        PostgreSQL answers the COMMIT of a transaction in which a statement failed with a quiet ROLLBACK: that is an
        error here, or work would be lost without a word.
        """
        cursor = self._cursor("COMMIT", ())
        if self.engine == "postgresql" and cursor.statusmessage != "COMMIT":
            from peewee import InternalError

            raise InternalError("the transaction was rolled back because a statement in it had failed")
        self.committed = self.transaction

    @contextmanager
    def snapshot(self, *, temporary: bool = False) -> Iterator[None]:
        """Let all queries of the block, in a function given to ``Database.read``, see the database as of one moment.

        Args:
            temporary: whether temporary tables and views may be made, which are gone afterwards.
        """
        if self.engine == "postgresql":
            self.execute("BEGIN ISOLATION LEVEL REPEATABLE READ" + ("" if temporary else " READ ONLY"))
        elif temporary:
            self.execute("PRAGMA query_only = 0")
        if self.engine == "sqlite":
            self.execute("BEGIN")
        try:
            yield
        finally:
            self.execute("ROLLBACK")
            if self.engine == "sqlite" and temporary:
                self.execute("PRAGMA query_only = 1")

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo only what the block did, should it raise."""
        self.execute("SAVEPOINT step")
        try:
            yield
        except BaseException:
            self.transaction += 1
            self.execute("ROLLBACK TO SAVEPOINT step")
            self.execute("RELEASE SAVEPOINT step")
            raise
        self.execute("RELEASE SAVEPOINT step")

    def close(self) -> None:
        self.peewee.close()

    def _cursor(self, sql: str, params: Sequence[Any]) -> Any:
        try:
            with self._errors:  # all that peewee's execute_sql does, at half its time: a batch has ten statements
                cursor = self.peewee.cursor()
                cursor.execute(self._dialect(sql), tuple(params))
        except Exception as error:
            if _is_for_text(error, params):  # an ID or a name from outside that no row can have
                raise BadRequest("A text holds a NUL or half a character, which no text here can hold.") from error
            raise
        return cursor


def _is_for_text(error: Exception, params: Sequence[Any]) -> bool:
    from peewee import DataError

    refused = isinstance(error, UnicodeEncodeError | DataError)
    return refused and any(isinstance(one, str) and clean_text(one) != one for one in params)


class _Counted:
    """Rows, and how many of them were taken."""

    def __init__(self, rows: Iterable[Sequence[Any]]) -> None:
        self._rows = rows
        self.count = 0

    def __iter__(self) -> Iterator[Sequence[Any]]:
        for row in self._rows:
            self.count += 1
            yield row


def quoted(name: str) -> str:
    """A name of a table or column as both engines take it, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def _as_it_is(sql: str) -> str:
    return sql


@lru_cache(maxsize=256)
def _for_psycopg(sql: str) -> str:
    return sql.replace("%", "%%").replace("?", "%s")


def _statements(sql: str) -> Iterator[str]:
    """Split a script where SQLite itself sees the end of a statement (strings, comments and triggers included)."""
    import sqlite3  # slow to import, and a module of types for many who open no database

    pending = ""
    for part in sql.split(";")[:-1]:
        pending += part + ";"
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""
    rest = pending + sql.rpartition(";")[2]
    if rest.strip():
        yield rest
