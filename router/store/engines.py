"""The two databases, and all in which they differ: connecting, locking, what a lost connection looks like."""

from __future__ import annotations

import fcntl
import os
import shlex
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import peewee
from gevent.monkey import get_original

from router.errors import ConfigError, StoreError
from router.store.connection import Connection

__all__ = ["Engine", "PostgresqlEngine", "SqliteEngine", "engine_of"]

_native_socket: type[socket.socket] = get_original("socket", "socket")


class Engine(Protocol):
    """What a session needs to know of a database.

    Attributes:
        name: ``sqlite`` or ``postgresql``.
        place: how messages call this database; never holds a password.
        begin: the statement that starts a writing transaction.
    """

    name: str
    place: str
    begin: str

    def connect(self, *, writer: bool) -> Connection:
        """Open a connection; one that is not the writer's refuses to write."""
        ...

    def exclusive(self) -> AbstractContextManager[None]:
        """Held round a writing transaction."""
        ...

    def is_stale(self, connection: Connection) -> bool:
        """Whether the connection leads to another database than the one that a new connection would reach."""
        ...

    def is_lost(self, connection: Connection) -> bool:
        """Whether the other end is gone, so that only a new connection can serve."""
        ...

    def interrupt(self, connection: Connection) -> None:
        """Make the statement that is running fail soon. Called from another thread."""
        ...

    def redact(self, text: str) -> str:
        """The driver's message without secrets."""
        ...


def engine_of(url: str, base_dir: Path, *, timeout_s: float) -> SqliteEngine | PostgresqlEngine:
    """The engine for a database URL.

    Raises:
        ConfigError: an unknown scheme, a URL that cannot be read, or a driver that is not installed.
    """
    scheme = url.partition("://")[0]
    if scheme == "sqlite":
        return SqliteEngine(_sqlite_path(url, base_dir), timeout_s=timeout_s)
    if scheme in ("postgresql", "postgres"):
        return PostgresqlEngine(url, timeout_s=timeout_s)
    raise ConfigError(
        "[database] url must begin with sqlite:/// or postgresql://, as in sqlite:///router.db or "
        "postgresql://user:password@host/name."
    )


def _sqlite_path(url: str, base_dir: Path) -> Path:
    name = url.removeprefix("sqlite:///")
    if name == url or not name or name.startswith(":") or "\0" in name:
        raise ConfigError(
            "[database] url must name a file: sqlite:///router.db (beside the configuration) or sqlite:////absolute/path."
        )
    return (base_dir / name).absolute()


class SqliteEngine:
    """A SQLite file. ``path`` is absolute."""

    name = "sqlite"
    begin = "BEGIN IMMEDIATE"

    def __init__(self, path: Path, *, timeout_s: float) -> None:
        self.path = path
        self.place = f"SQLite database {path}"
        self._timeout_s = timeout_s
        self._lock_path = path.with_name(path.name + "-lock")
        self._wal_path = path.with_name(path.name + "-wal")
        self._used: tuple[int, int] | None = None
        self._identities: WeakKeyDictionary[Connection, tuple[int, int]] = WeakKeyDictionary()

    def create(self) -> None:
        """Make the file if there is none; only its owner may read it."""
        try:
            self.path.touch(mode=0o600)
        except OSError as error:
            raise ConfigError(
                f"The {self.place} cannot be created: {error.strerror}. Check [database] url and the directory."
            ) from error

    def connect(self, *, writer: bool) -> Connection:
        identity = self._identity()
        self._refuse_foreign_wal(identity)
        pragmas: list[tuple[str, Any]] = [("foreign_keys", 1)]
        pragmas += [("journal_mode", "wal"), ("synchronous", "full")] if writer else [("query_only", 1)]
        database = peewee.SqliteDatabase(
            f"{self.path.as_uri()}?mode=rw",  # never makes a new, empty file where the old one went missing
            uri=True,
            pragmas=pragmas,
            timeout=self._timeout_s,
            check_same_thread=False,  # for interrupt()
            thread_safe=False,
            autoconnect=False,
        )
        database.connect()
        connection = Connection(database, self.name)
        self._identities[connection] = self._used = identity
        return connection

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """An flock on a side file: SQLite's own waiting for its write lock is unfair, the kernel's queue is not."""
        self._identity()
        try:
            handle = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(f"The lock file {self._lock_path} cannot be opened: {error.strerror}.") from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def is_stale(self, connection: Connection) -> bool:
        return self._identities.get(connection) != self._identity()

    def is_lost(self, connection: Connection) -> bool:
        return False

    def interrupt(self, connection: Connection) -> None:
        with suppress(sqlite3.Error):
            connection.peewee.connection().interrupt()

    def redact(self, text: str) -> str:
        return text

    def _refuse_foreign_wal(self, identity: tuple[int, int]) -> None:
        """SQLite would replay the replaced file's log over the new one, and ruin it."""
        if self._used in (None, identity) or not self._wal_path.exists():
            return
        raise StoreError(
            f"The {self.place} was replaced while in use, and {self._wal_path.name} belongs to the old file. Stop every "
            f"process that uses it, move {self._wal_path.name} and {self.path.name}-shm away, and start again."
        )

    def _identity(self) -> tuple[int, int]:
        try:
            status = self.path.stat()
        except OSError as error:
            raise StoreError(
                f"The {self.place} is not there: {error.strerror}. Put the file back, or make a new database with "
                "`router init` or `router db migrate`."
            ) from error
        return status.st_dev, status.st_ino


class PostgresqlEngine:
    """A PostgreSQL database, reached through psycopg 3."""

    name = "postgresql"
    begin = "BEGIN"

    def __init__(self, url: str, *, timeout_s: float) -> None:
        try:
            import psycopg
        except ImportError as error:
            raise ConfigError(
                "[database] url names PostgreSQL, whose driver is missing: pip install 'provider-router[postgresql]'."
            ) from error
        try:
            self._parameters = psycopg.conninfo.conninfo_to_dict(url)
        except psycopg.Error:
            raise ConfigError(
                "[database] url cannot be read: expected postgresql://user:password@host:port/name, with every special "
                "character of the password percent-encoded."
            ) from None  # the driver's message quotes the URL, and so the password
        if not self._parameters.get("dbname"):
            raise ConfigError("[database] url names no database: expected postgresql://user:password@host:port/name.")
        self.place = "PostgreSQL database " + " on ".join(
            str(self._parameters[part]) for part in ("dbname", "host") if self._parameters.get(part)
        )
        self._timeout_s = timeout_s

    def connect(self, *, writer: bool) -> Connection:
        settings: dict[str, Any] = {
            "connect_timeout": max(2, round(self._timeout_s)),  # two seconds are the driver's least
            "keepalives_idle": 10,
            "keepalives_interval": 3,
            "keepalives_count": 3,
            "application_name": "router",
        }
        settings |= self._parameters
        database = peewee.PostgresqlDatabase(
            settings.pop("dbname"), prefer_psycopg3=True, thread_safe=False, autoconnect=False, **settings
        )
        database.connect()
        connection = Connection(database, self.name)
        if not writer:
            connection.execute("SET default_transaction_read_only = on")
        return connection

    def exclusive(self) -> AbstractContextManager[None]:
        return nullcontext()

    def is_stale(self, connection: Connection) -> bool:
        return False

    def is_lost(self, connection: Connection) -> bool:
        return connection.peewee.is_closed() or bool(connection.peewee.connection().closed)

    def interrupt(self, connection: Connection) -> None:
        """Cut the connection: a server that is frozen would not hear a request to cancel."""
        with suppress(Exception):  # the thread that owns it may be closing it at this moment, which serves as well
            descriptor = os.dup(connection.peewee.connection().fileno())
            with _native_socket(fileno=descriptor) as handle:
                handle.shutdown(socket.SHUT_RDWR)

    def redact(self, text: str) -> str:
        password = self._parameters.get("password")
        return text.replace(str(password), "***") if password else text

    def dump_command(self, path: Path) -> str:
        """The ``pg_dump`` call that backs this database up, without the password."""
        target = " ".join(f"{name}={value}" for name, value in self._parameters.items() if name != "password")
        return f"pg_dump --format=custom --file={shlex.quote(str(path))} {shlex.quote(target)}"
