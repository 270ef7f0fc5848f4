"""The database: where functions that read and write are run, in bounded time and off the hub."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from router.db.connection import Connection
from router.db.postgresql import PostgresqlEngine
from router.db.session import ConnectionSession
from router.db.sqlite import SqliteEngine
from router.db.thread_writer import ThreadWriter
from router.db.threads import ThreadJob, ThreadPool
from router.errors import StoreError

__all__ = ["Database", "TableLog"]

T = TypeVar("T")

_READERS = 2


class _BehindError(Exception):
    """Raised in a read when the log has what the tables lack."""


class TableLog(Protocol):
    """The contract of a log that may be ahead of its tables: they are brought up to date before a read or write."""

    def is_behind(self, connection: Connection) -> bool:
        """Whether the tables lack something that the log has."""
        ...

    def enter(self, connection: Connection) -> None:
        """Bring the tables up to the log's end. Called first in each writing transaction that is not the log's own."""
        ...


class Database:
    """One open database. Safe to use from any greenlet or thread; open it after a fork, not before.

    One native thread writes, two read, each on a connection of its own. Every call ends in bounded time: with its
    result, with its own error, or with ``StoreError`` when the database is gone, frozen or overloaded; it serves again
    by itself as soon as the database does.

    Args:
        log: of the tables that are written late; none where None.

    Attributes:
        engine: ``sqlite`` or ``postgresql``.
        place: how messages call it; holds no password.
    """

    def __init__(
        self, engine: SqliteEngine | PostgresqlEngine, *, timeout_s: float, log: TableLog | None = None
    ) -> None:
        self.engine = engine.name
        self.place = engine.place
        self.backend = engine
        self._log = log
        self._timeout_s = timeout_s
        self._readers = ThreadPool(lambda: ConnectionSession(engine, writer=False), width=_READERS, place=engine.place)
        self._writer = ThreadPool(
            lambda: ConnectionSession(engine, writer=True), width=1, place=engine.place, holder=engine.holder
        )

    def read(self, function: Callable[[Connection], T], *, timeout_s: float | None = None, whole: bool = True) -> T:
        """Run a function that only reads, outside a transaction. It may be run twice when a connection was lost.

        Args:
            whole: bring the ledger's tables up to date before; False for whoever reads none of them, and often.

        Raises:
            StoreError: no answer within ``timeout_s`` (the database's own limit where None), or the database failed.
        """
        limit_s = self._limit(timeout_s)
        if whole and self._log is not None:
            log = self._log

            def unless_behind(connection: Connection) -> T:
                if log.is_behind(connection):
                    raise _BehindError
                return function(connection)

            try:
                return self._readers.call(lambda session, _: session.read(unless_behind, limit_s), limit_s)
            except _BehindError:
                self._writer.call(lambda session, _: session.write(log.enter, self._timeout_s), self._timeout_s)
        return self._readers.call(lambda session, _: session.read(function, limit_s), limit_s)

    def write(self, function: Callable[[Connection], T], *, timeout_s: float | None = None, behind: bool = False) -> T:
        """Run a function inside one transaction, durable when this returns; an exception rolls it back and passes.

        A caller that gives up or is killed before the commit has changed nothing.

        Args:
            behind: leave the ledger's log as it is; for those who know it.

        Raises:
            StoreError: as for ``read``. Only if the failure struck during the commit may the change have been made.
        """

        limit_s = self._limit(timeout_s)

        def guarded(session: ConnectionSession, job: ThreadJob[T]) -> T:
            def unless_abandoned(connection: Connection) -> T:
                if not behind and self._log is not None:
                    self._log.enter(connection)
                result = function(connection)
                if job.abandoned:
                    raise StoreError("The caller has gone.")
                return result

            return session.write(unless_abandoned, limit_s)

        return self._writer.call(guarded, limit_s)

    def thread_writer(self) -> ThreadWriter:
        """A writer for a native thread of the caller's, on a connection of its own that is opened at the first use."""
        session = ConnectionSession(self.backend, writer=True)
        return ThreadWriter(session, place=self.place, holder=self.backend.holder, limit_s=self._timeout_s)

    def look(self) -> None:
        """Check, while nobody reads or writes, for files that were removed or replaced, and save what can be saved.

        Raises:
            StoreError: as for ``write``.
        """
        if isinstance(self.backend, SqliteEngine):
            self._writer.call(lambda session, _: session.look(), self._timeout_s)

    def close(self) -> None:
        """Close all connections. Harmless when called again."""
        self._readers.close()
        self._writer.close()

    def _limit(self, timeout_s: float | None) -> float:
        return self._timeout_s if timeout_s is None else timeout_s
