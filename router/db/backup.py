"""Backups of the database while it is in use."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from router.db.connection import Connection
from router.db.database import Database
from router.db.postgresql import PostgresqlEngine
from router.errors import BadRequest, StoreError

__all__ = ["backup"]

_BACKUP_S = 3600.0


def backup(database: Database, path: Path) -> None:
    """Copy a SQLite database to a new file, as of one moment; writers go on meanwhile.

    Raises:
        BadRequest: the file exists or cannot be written, or the database is PostgreSQL (the message gives the command).
        StoreError: the database cannot be read.
    """
    if isinstance(database.backend, PostgresqlEngine):
        raise BadRequest(f"PostgreSQL has its own tool for backups. Run: {database.backend.dump_command(path)}")
    partial = path.with_name(path.name + ".partial")
    if path.exists() or partial.exists():
        there = path if path.exists() else partial
        raise BadRequest(f"The file {there} exists already: choose another, or move it away.")
    try:
        partial.touch(mode=0o600, exist_ok=False)
        database.read(lambda connection: _copy(connection, partial), timeout_s=_BACKUP_S)
        partial.rename(path)
    except (OSError, sqlite3.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise BadRequest(f"The backup {path} cannot be written: {reason}.") from error
    finally:
        partial.unlink(missing_ok=True)


def _copy(connection: Connection, path: Path) -> None:
    with closing(sqlite3.connect(path)) as target:
        connection.peewee.connection().backup(target)
        if target.execute("PRAGMA quick_check").fetchone() != ("ok",):
            raise StoreError(f"The copy {path} is damaged: check the disk.")
