"""Backups of the database while it is in use: a SQLite file, whichever engine it comes from."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from router.db.connection import Connection
from router.db.database import Database
from router.db.postgresql import PostgresqlEngine
from router.errors import BadRequest, StoreError
from router.store.moving.copying import copy
from router.store.opening import open_database
from router.types.records import Migration

__all__ = ["backup"]

_BACKUP_S = 3600.0


def backup(
    database: Database,
    path: Path,
    extra: Mapping[str, Sequence[Migration]],
    progress: Callable[[str], None] = lambda _: None,
) -> None:
    """Copy a database to a new SQLite file, as of one moment; writers go on meanwhile.

    Args:
        extra: the plugins' migrations by plugin name.
        progress: is told how far the copying is.

    Raises:
        BadRequest: the file exists or cannot be written; of PostgreSQL, as for ``copying.copy``, too.
        StoreError: the database cannot be read.
    """
    partial = path.with_name(path.name + ".partial")
    if path.exists() or partial.exists():
        there = path if path.exists() else partial
        raise BadRequest(f"The file {there} exists already: choose another, or move it away.")
    try:
        partial.touch(mode=0o600, exist_ok=False)
        if isinstance(database.backend, PostgresqlEngine):
            _translate(database, partial, extra, progress)
        else:
            database.read(lambda connection: _copy(connection, partial), timeout_s=_BACKUP_S)
        _check(partial)
        partial.rename(path)
    except (OSError, sqlite3.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise BadRequest(f"The backup {path} cannot be written: {reason}.") from error
    finally:
        for suffix in ("", "-wal", "-shm", "-lock"):
            partial.with_name(partial.name + suffix).unlink(missing_ok=True)


def _copy(connection: Connection, path: Path) -> None:
    with closing(sqlite3.connect(path)) as target:
        connection.peewee.connection().backup(target)


def _translate(
    database: Database, path: Path, extra: Mapping[str, Sequence[Migration]], progress: Callable[[str], None]
) -> None:
    with closing(open_database(f"sqlite:///{path.absolute()}", path.parent)) as target:
        copy(database, target, extra, progress)
    with closing(sqlite3.connect(path)) as target:
        target.execute("PRAGMA journal_mode = delete")  # one file, whole by itself


def _check(path: Path) -> None:
    with closing(sqlite3.connect(path)) as target:
        if target.execute("PRAGMA quick_check").fetchone() != ("ok",):
            raise StoreError(f"The copy {path} is damaged: check the disk.")
