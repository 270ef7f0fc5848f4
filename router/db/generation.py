"""A SQLite file that was copied over while its log stayed is noticed at the start, before the log ruins it.

SQLite replays whatever log lies beside a file. So each start gives the file a new number (``user_version``, in its
header) and notes it in the lock file; a log beside a file with another number belongs to the file that was there.
"""

from __future__ import annotations

import secrets
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from router.db.sqlite import SqliteEngine
from router.errors import ConfigError, StoreError

__all__ = ["forget_generation", "renew_generation"]

_PLACE = slice(60, 64)  # of user_version in the header, big-endian
_KEPT = 8


def renew_generation(engine: SqliteEngine) -> None:
    """Give the file a new number, and refuse a log of another. Called at a gateway's start, before any connection.

    Raises:
        ConfigError: the file was copied over, and the log is the old one's.
        StoreError: the file cannot be read or written.
    """
    path, note = engine.path, _note(engine)
    wal = path.with_name(path.name + "-wal")
    try:
        with path.open("rb") as file:
            header = file.read(100)
        known = [int(one) for one in note.read_text("ascii").split()] if note.exists() else []
        has_log = wal.exists() and wal.stat().st_size > 0
    except (OSError, ValueError) as error:
        raise StoreError(f"The {engine.place} cannot be read: {error}") from error
    if len(header) < 100:
        return  # empty, or no database: whoever opens it says so
    if has_log and known and int.from_bytes(header[_PLACE], "big") not in known:
        raise ConfigError(
            f"The {engine.place} was copied over: {wal.name} belongs to the file that was there before, and would ruin "
            f"this one. Move {wal.name} and {path.name}-shm away and start again; `router db restore FILE` does it all."
        )
    new = secrets.randbelow(2**31 - 1) + 1
    try:
        note.write_text(" ".join(map(str, [*known, int.from_bytes(header[_PLACE], "big"), new][-_KEPT:])), "ascii")
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, timeout=5)) as connection:
            connection.execute(f"PRAGMA user_version = {new}")
            busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        if not busy:
            note.write_text(str(new), "ascii")
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"The {engine.place} cannot be written: {error}") from error


def forget_generation(engine: SqliteEngine) -> None:
    """Forget the number: the file is about to be replaced on purpose."""
    with suppress(FileNotFoundError):
        _note(engine).write_text("", "ascii")


def _note(engine: SqliteEngine) -> Path:
    return engine.path.with_name(engine.path.name + "-lock")
