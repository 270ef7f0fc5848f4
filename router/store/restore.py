"""A backup put in the place of the database, which nobody may use meanwhile."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from router.db.generation import forget_generation
from router.db.postgresql import PostgresqlEngine
from router.db.sqlite import SqliteEngine
from router.errors import BadRequest
from router.store.host_migrations import MIGRATIONS, OWNER

__all__ = ["restore"]


def restore(engine: SqliteEngine | PostgresqlEngine, file: Path) -> Path | None:
    """Replace the SQLite database by a copy of ``file``, log and all. The old one is kept beside it.

    Returns:
        where the old database is now; None where there was none.

    Raises:
        BadRequest: the database is in use, ``file`` is damaged, no database of ours or a newer version's, or it cannot
            be written; nothing is changed then. PostgreSQL has its own tool, which the message names.
    """
    if isinstance(engine, PostgresqlEngine):
        raise BadRequest(f"PostgreSQL has its own tool for this. Run: {engine.restore_command(file)}")
    if file.absolute() == engine.path:
        raise BadRequest(f"{file} is the database itself: name the backup.")
    partial = engine.path.with_name(engine.path.name + ".restoring")
    try:
        if engine.path.exists():
            _refuse_in_use(engine)
        partial.unlink(missing_ok=True)
        partial.touch(mode=0o600)
        _copy(file, partial)
        kept = _put_away(engine.path)
        forget_generation(engine)
        partial.rename(engine.path)
        _make_durable(engine.path)
    except OSError as error:
        raise BadRequest(f"{file} cannot be restored: {error.strerror} ({error.filename}).") from error
    finally:
        partial.unlink(missing_ok=True)
    return kept


def _refuse_in_use(engine: SqliteEngine) -> None:
    """Only a sole connection may leave the mode with a log; a damaged database keeps nobody from restoring."""
    try:
        with closing(sqlite3.connect(f"{engine.path.as_uri()}?mode=rw", uri=True, timeout=1)) as connection:
            connection.execute("PRAGMA journal_mode = delete")
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise BadRequest(f"The {engine.place} is in use: end the gateway before (`router stop`).") from None
    except sqlite3.DatabaseError:
        pass


def _copy(file: Path, target: Path) -> None:
    newest = MIGRATIONS[-1].number
    try:
        with (
            closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(target)) as copy,
        ):
            source.backup(copy)
            if copy.execute("PRAGMA quick_check").fetchone() != ("ok",):
                raise BadRequest(f"{file} is damaged: take another backup.")
            found = copy.execute("SELECT max(number) FROM schema_migrations WHERE owner = ?", (OWNER,)).fetchone()[0]
    except sqlite3.Error as error:
        raise BadRequest(f"{file} is no backup of a gateway's database: {error}.") from None
    if (found or 0) > newest:
        raise BadRequest(f"{file} is of a newer version (migration {found}, this one knows {newest}): install that.")


def _put_away(path: Path) -> Path | None:
    """The old file and its log under another name."""
    if not path.exists():
        kept = None
    else:
        kept = path.with_name(f"{path.name}.replaced-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}")
    for suffix in ("-shm", "-wal", ""):
        old = path.with_name(path.name + suffix)
        if old.exists():
            old.unlink() if kept is None or suffix == "-shm" else old.rename(kept.with_name(kept.name + suffix))
    return kept


def _make_durable(path: Path) -> None:
    for place, flags in ((path, os.O_RDONLY), (path.parent, os.O_RDONLY | os.O_DIRECTORY)):
        handle = os.open(place, flags)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
