"""Opening the gateway's database: its engine, and the ledger's log that its tables lag behind."""

from __future__ import annotations

from pathlib import Path

from router.db.database import Database
from router.db.engines import engine_of
from router.db.sqlite import SqliteEngine
from router.store import ledger_log

__all__ = ["open_database"]


def open_database(url: str, base_dir: Path, *, create: bool = False, timeout_s: float = 5.0) -> Database:
    """Open the database that a URL names; it is reached at the first call, not here.

    Args:
        url: ``sqlite:///router.db`` (relative to ``base_dir``), ``sqlite:////abs/path`` or
            ``postgresql://user:password@host/name``.
        base_dir: the configuration's directory.
        create: make a SQLite file that does not exist; for ``router init`` and ``router db migrate`` only.
        timeout_s: how long a call waits for its outcome.

    Raises:
        ConfigError: a URL that cannot be used; the message says what to do and shows no password.
    """
    engine = engine_of(url, base_dir, timeout_s=timeout_s)
    if create and isinstance(engine, SqliteEngine):
        engine.create()
    return Database(engine, timeout_s=timeout_s, log=ledger_log)
