"""SQLite: a file, its fair lock, and what to do when the file is moved."""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import peewee

from router.db.connection import Connection
from router.errors import ConfigError, StoreError

__all__ = ["LogRemoved", "SqliteEngine"]

_WRITER = [("journal_mode", "wal"), ("synchronous", "full"), ("wal_autocheckpoint", 4000)]
"""Pages of the log that are copied into the database together: a busy gateway writes the same ones again and again."""
_STATEMENTS = 512  # that a connection keeps prepared
_REST_S = 5.0
"""For how long calls are refused after a log was removed: whoever moves files about has then moved them all, and every
other process has let go of the removed one."""

_log = logging.getLogger("router.db")
_File = tuple[int, int]
"""Device and inode."""
_Files = tuple[_File, _File | None, _File | None]
"""The database, its log and the log's index, as far as there are such."""


class LogRemoved(StoreError):
    """Somebody has removed or replaced the log (or its index) of a database that is in use."""


class SqliteEngine:
    """A SQLite file. ``path`` is absolute."""

    name = "sqlite"
    begin = "BEGIN IMMEDIATE"

    def __init__(self, path: Path, *, timeout_s: float) -> None:
        self.path = path
        self.place = f"SQLite database {path}"
        self._timeout_s = timeout_s
        self._lock_path = path.with_name(path.name + "-lock")
        self._lock_handles: list[int] = []  # those that nobody uses
        self._wal_path = path.with_name(path.name + "-wal")
        self._path, self._log, self._index = str(path), f"{path}-wal", f"{path}-shm"
        self._rest_until = 0.0
        self._used: _File | None = None
        self._files: WeakKeyDictionary[Connection, _Files] = WeakKeyDictionary()

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
        if self._rests():
            raise LogRemoved(self._removed())
        pragmas: list[tuple[str, Any]] = [("foreign_keys", 1)]
        pragmas += _WRITER if writer else [("query_only", 1)]
        database = peewee.SqliteDatabase(
            f"{self.path.as_uri()}?mode=rw",  # never makes a new, empty file where the old one went missing
            uri=True,
            pragmas=pragmas,
            timeout=self._timeout_s,
            cached_statements=_STATEMENTS,
            check_same_thread=False,  # for interrupt()
            thread_safe=False,
            autoconnect=False,
        )
        database.connect()
        connection = Connection(database, self.name)
        try:
            connection.tuples("PRAGMA schema_version")  # opens the log, so that it is known which one that is
        except peewee.PeeweeException:
            connection.close()
            raise
        self._used = identity
        self._files[connection] = (identity, _file(self._log), _file(self._index))
        return connection

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """An flock on a side file: SQLite's own waiting for its write lock is unfair, the kernel's queue is not."""
        self._identity()
        handle = self._lock_handle()
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            with suppress(OSError):
                fcntl.flock(handle, fcntl.LOCK_UN)
            self._lock_handles.append(handle)

    def _lock_handle(self) -> int:
        """The lock file, open. Kept from one use to the next: when descriptors run out, books must still be kept."""
        with suppress(IndexError):
            handle = self._lock_handles.pop()
            if self._is_lock_file(handle):
                return handle
            os.close(handle)  # the file was put away, or restored over
        try:
            return os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(f"The lock file {self._lock_path} cannot be opened: {error.strerror}.") from error

    def _is_lock_file(self, handle: int) -> bool:
        try:
            there, ours = self._lock_path.stat(), os.fstat(handle)
        except OSError:
            return False
        return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)

    def bound(self, connection: Connection, limit_s: float) -> None:
        """Does nothing: there is no server. ``holder`` names who holds the lock file."""

    def holder(self) -> str:
        """The process that holds the lock file, where the kernel tells (Linux)."""
        try:
            lock = self._lock_path.stat().st_ino
            lines = Path("/proc/locks").read_text("ascii").splitlines()
        except (OSError, UnicodeDecodeError):
            return ""
        nobody = ("0", "-1", str(os.getpid()))  # in another process namespace; ourselves
        for line in lines:  # "1: FLOCK  ADVISORY  WRITE 4711 08:01:131 0 EOF"; those that wait have "->" behind "1:"
            words = line.split()
            if words[1:2] == ["FLOCK"] and words[5].endswith(f":{lock}") and words[4] not in nobody:
                return f"Process {words[4]} is writing: if it is stopped or hangs, let it go on (kill -CONT) or end it."
        return ""

    def is_stale(self, connection: Connection) -> bool:
        known = self._files.get(connection)
        there = (self._identity(), _file(self._log), _file(self._index))
        if known == there:
            return False
        if known is None or known[0] != there[0] or known[1] is not None:
            return True
        self._files[connection] = there  # no log was needed so far
        return self._rests()

    def let_go(self, connection: Connection, *, writer: bool) -> None:
        """Before a stale connection is closed: as long as one is open, SQLite itself removes neither log nor index.

        If somebody else did, all that was committed since the last checkpoint is reached through open connections
        alone: the writer's copies it into the database. Then calls are refused for a while.

        Raises:
            LogRemoved: that is what happened.
        """
        if self._files[connection][0] != self._identity():
            return
        if not self._rests():
            self._rest_until = time.monotonic() + _REST_S
        if writer:
            if self._save(connection):
                _log.error("%s What it held was saved: nothing is lost.", self._removed())
            else:
                _log.error("%s What it held could not all be saved: run `router ledger verify`.", self._removed())
        raise LogRemoved(self._removed())

    def is_lost(self, connection: Connection) -> bool:
        return False

    def interrupt(self, connection: Connection) -> None:
        with suppress(sqlite3.Error):
            connection.peewee.connection().interrupt()

    def redact(self, text: str) -> str:
        return text

    def _rests(self) -> bool:
        return time.monotonic() < self._rest_until

    def _save(self, connection: Connection) -> bool:
        """Copy all of the removed log into the database, and have whoever writes next begin another."""
        _, known_log, known_index = self._files[connection]
        log, index = _file(self._log), _file(self._index)
        if index not in (None, known_index):
            return False
        if log not in (None, known_log) and self._wal_path.stat().st_size:
            return False  # another process has written into a new one, which the index now tells of
        try:
            busy = connection.tuples("PRAGMA wal_checkpoint(TRUNCATE)")[0][0]
        except peewee.PeeweeException:
            return False
        return not busy

    def _removed(self) -> str:
        return (
            f"The {self.place} lost its log: {self._wal_path.name} or {self.path.name}-shm was removed or replaced in "
            "use. Leave these files alone until every process that uses them has stopped; calls wait or are refused "
            f"for {_REST_S:g} s."
        )

    def _refuse_foreign_wal(self, identity: _File) -> None:
        """SQLite would replay the replaced file's log over the new one, and ruin it."""
        if self._used in (None, identity) or not self._wal_path.exists():
            return
        raise StoreError(
            f"The {self.place} was replaced while in use, and {self._wal_path.name} belongs to the old file. Stop "
            f"every process that uses it, move {self._wal_path.name} and {self.path.name}-shm away, and start again."
        )

    def _identity(self) -> _File:
        try:
            status = os.stat(self._path)  # noqa: PTH116
        except OSError as error:
            raise StoreError(
                f"The {self.place} is not there: {error.strerror}. Put the file back, or make a new database with "
                "`router init` or `router db migrate`."
            ) from error
        return status.st_dev, status.st_ino


def _file(path: str) -> _File | None:
    """The file's device and inode; None where there is no file."""
    try:
        status = os.stat(path)  # noqa: PTH116  # asked at each use, and a Path takes twice as long
    except OSError:
        return None
    return status.st_dev, status.st_ino
