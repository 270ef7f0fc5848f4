"""A backup put in the place of the database, which nobody may use meanwhile."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from itertools import count
from pathlib import Path

from router.db.generation import forget_generation
from router.db.sqlite import SqliteEngine
from router.errors import BadRequest, StoreError
from router.store.host_migrations import MIGRATIONS, OWNER
from router.store.migrating import migrate
from router.store.opening import open_database
from router.types.records import Migration

__all__ = ["checked_copy", "restore", "stamp"]

_BESIDE = ("-wal", "-shm", "-journal")
"""What SQLite would read beside a file, whichever file it was written for."""


def restore(
    engine: SqliteEngine,
    file: Path,
    extra: Mapping[str, Sequence[Migration]],
    *,
    replace: bool = False,
    bring_up: bool = False,
) -> Path | None:
    """Replace the SQLite database by a copy of ``file``, log and all. The old one is kept beside it.

    It is the old one or the new one at every moment, whatever ends this process.

    Args:
        extra: the plugins' migrations by plugin name.
        replace: whether there may be a database already.
        bring_up: apply the migrations that the backup lacks, before it is put there.

    Returns:
        where the old database is now; None where there was none.

    Raises:
        BadRequest: the database is there or in use, ``file`` is damaged, no database of ours or a newer version's, or
            it cannot be written; nothing is changed then.
    """
    if file.resolve() == engine.path.resolve():
        raise BadRequest(f"{file} is the database itself: name the backup.")
    there = engine.path.exists() and engine.path.stat().st_size > 0
    if there and not replace:
        raise BadRequest(f"The {engine.place} is there already: --replace puts the backup there and keeps it beside.")
    partial = engine.path.with_name(engine.path.name + ".restoring")
    try:
        if there:
            with _sole(engine):
                pass
        checked_copy(file, partial, extra, bring_up=bring_up)
        _make_durable(partial)
        with _sole(engine):
            kept = _keep(engine.path) if there else None
            forget_generation(engine)
            partial.replace(engine.path)
        _make_durable(engine.path.parent)
    except OSError as error:
        raise BadRequest(f"{file} cannot be restored: {error.strerror} ({error.filename}).") from error
    finally:
        _remove(partial)
    return kept


def checked_copy(file: Path, target: Path, extra: Mapping[str, Sequence[Migration]], *, bring_up: bool) -> None:
    """Copy a backup to a file that only its owner reads, and look whether it is whole and this version's.

    Raises:
        BadRequest: it is damaged, no database of ours, or a newer version's.
        ConfigError: a migration that it lacks failed.
        OSError: the target cannot be written.
    """
    _remove(target)
    target.touch(mode=0o600)
    try:
        with closing(_opened(file)) as source, closing(sqlite3.connect(target)) as copy:
            source.backup(copy)
            if copy.execute("PRAGMA quick_check").fetchone() != ("ok",):
                raise BadRequest(f"{file} is damaged: take another backup.")
            found = dict(copy.execute("SELECT owner, max(number) FROM schema_migrations GROUP BY owner").fetchall())
            copy.execute("PRAGMA journal_mode = delete")
    except sqlite3.Error as error:
        raise BadRequest(f"{file} is no backup of a gateway's database: {error}.") from None
    for owner, migrations in {OWNER: MIGRATIONS, **extra}.items():
        if found.get(owner, 0) > len(migrations):
            raise BadRequest(
                f"{file} is of a newer version (migration {found[owner]} of {owner}, this one knows "
                f"{len(migrations)}): install that."
            )
    if bring_up:
        with closing(open_database(f"sqlite:///{target.absolute()}", target.parent)) as database:
            migrate(database, extra)
        with closing(sqlite3.connect(target)) as copy:
            copy.execute("PRAGMA journal_mode = delete")


def stamp() -> str:
    """The second that it is, as names of files and schemas have it."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())


def _opened(file: Path) -> sqlite3.Connection:
    """The backup, which is only read. Without a log it is read as it lies there: its folder may take no files."""
    log = file.with_name(file.name + "-wal")
    mode = "mode=ro" if log.exists() else "mode=ro&immutable=1"
    return sqlite3.connect(f"{file.absolute().as_uri()}?{mode}", uri=True)


@contextmanager
def _sole(engine: SqliteEngine) -> Iterator[None]:
    """Nobody else has the database open, nor gets to write in it, until the block ends. A damaged one keeps nobody out.

    Only a sole connection may leave the mode with a log, which brings the log into the file.
    """
    if not engine.path.exists():
        yield
        return
    with engine.exclusive(), closing(_old(engine)) as connection:
        try:
            connection.execute("PRAGMA journal_mode = delete")
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise BadRequest(f"The {engine.place} is in use: end the gateway before (`router stop`).") from None
        except sqlite3.DatabaseError:
            pass
        yield


def _old(engine: SqliteEngine) -> sqlite3.Connection:
    try:
        return sqlite3.connect(f"{engine.path.as_uri()}?mode=rw", uri=True, timeout=1, isolation_level=None)
    except sqlite3.Error as error:
        raise StoreError(f"The {engine.place} cannot be opened: {error}.") from error


def _keep(path: Path) -> Path:
    """Give the old file a second name, under which it stays, and its log, where one is left, that name alone."""
    name = f"{path.name}.replaced-{stamp()}"
    places = (path.with_name(name if n == 1 else f"{name}-{n}") for n in count(1))
    kept = next(place for place in places if not place.exists())
    for suffix in _BESIDE:
        old = path.with_name(path.name + suffix)
        if suffix == "-shm":
            old.unlink(missing_ok=True)
        elif old.exists():
            old.rename(kept.with_name(kept.name + suffix))
    os.link(path, kept)
    return kept


def _remove(path: Path) -> None:
    for suffix in ("", *_BESIDE, "-lock"):
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).unlink()


def _make_durable(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
