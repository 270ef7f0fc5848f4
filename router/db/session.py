"""One thread's connection: opened when needed, replaced when lost, and its errors told apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import peewee

from router.db.connection import Connection
from router.db.engines import Engine
from router.errors import StoreError

__all__ = ["ConnectionSession"]

T = TypeVar("T")

_LOST = (peewee.OperationalError, peewee.InterfaceError, peewee.InternalError)


class ConnectionSession:
    """Runs functions on one connection, in one thread.

    Errors that are the database's (gone, frozen, locked, full, without tables) become ``StoreError`` and cost the
    connection; those that are the statement's (a constraint, a value out of range) pass through as peewee's.
    """

    def __init__(self, engine: Engine, *, writer: bool) -> None:
        self._engine = engine
        self._writer = writer
        self._connection: Connection | None = None

    def read(self, function: Callable[[Connection], T], limit_s: float = 0.0) -> T:
        """Run a function that only reads; once more on a new connection where the old one turns out to be dead.

        Args:
            limit_s: how long a statement may take, where that is longer than the engine's own limit.
        """
        with self._translated():
            connection, fresh = self._ready(limit_s)
            try:
                return function(connection)
            except _LOST:
                if fresh or not self._engine.is_lost(connection):
                    raise
                self.close()
                return function(self._ready(limit_s)[0])

    def write(self, function: Callable[[Connection], T], limit_s: float = 0.0) -> T:
        """Run a function inside one transaction: committed when it returns, rolled back when it raises."""
        with self._translated(), self._engine.exclusive():
            connection = self._begin(limit_s)
            try:
                result = function(connection)
                connection.commit()
            except BaseException:
                self._roll_back(connection)
                raise
            return result

    def look(self) -> None:
        """Notice that the open connection leads nowhere any more, although nobody uses it."""
        with self._translated():
            if self._connection is not None and self._engine.is_stale(self._connection):
                with self._engine.exclusive():
                    self._ready(0.0)

    def interrupt(self) -> None:
        """Make what is running fail soon. Called from another thread."""
        connection = self._connection
        if connection is not None:
            self._engine.interrupt(connection)

    def close(self) -> None:
        """Close the connection, if one is open; the next use opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.close()
            except peewee.PeeweeException:
                connection.peewee.dispose()

    def _ready(self, limit_s: float) -> tuple[Connection, bool]:
        """The connection, and whether it is new."""
        if self._connection is not None and self._engine.is_stale(self._connection):
            self._engine.let_go(self._connection, writer=self._writer)
            self.close()
        fresh = self._connection is None
        if self._connection is None:
            self._connection = self._engine.connect(writer=self._writer)
        try:
            self._engine.bound(self._connection, limit_s)
        except _LOST:
            if fresh or not self._engine.is_lost(self._connection):
                raise
            self.close()
            return self._ready(limit_s)
        return self._connection, fresh

    def _begin(self, limit_s: float) -> Connection:
        connection, fresh = self._ready(limit_s)
        try:
            connection.begin(self._engine.begin)
        except _LOST:
            if fresh or not self._engine.is_lost(connection):
                raise
            self.close()
            connection = self._ready(limit_s)[0]
            connection.begin(self._engine.begin)
        return connection

    def _roll_back(self, connection: Connection) -> None:
        try:
            connection.execute("ROLLBACK")
        except peewee.PeeweeException:
            self.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except StoreError:
            self.close()
            raise
        except peewee.PeeweeException as error:
            if not _is_databases_fault(error):
                raise
            self.close()
            text = self._engine.redact(" ".join(str(error).split())) or type(error).__name__
            raise StoreError(f"The {self._engine.place} failed: {text}.{_remedy(text)}") from error


def _is_databases_fault(error: peewee.PeeweeException) -> bool:
    return isinstance(error, _LOST) or type(error) is peewee.DatabaseError or _lacks_table(str(error))


def _lacks_table(text: str) -> bool:
    return "no such table" in text or ("relation" in text and "does not exist" in text)


def _remedy(text: str) -> str:
    if "is read-only" in text or "in a read-only transaction" in text:
        return " It takes no writes, as after a switch-over: give the server that does, or all of them (host=a,b)."
    if "readonly database" in text or "unable to open database file" in text:
        return " It must be a file that this user may read and write, in a folder that this user may write."
    return " Run `router db migrate`." if _lacks_table(text) else ""
