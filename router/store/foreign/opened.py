"""Another program's database: opened, looked at, and read as of one moment."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TypeVar

from router.db.columns import columns_of, table_names
from router.db.connection import Connection
from router.db.engines import engine_of
from router.db.session import ConnectionSession
from router.db.sqlite import SqliteEngine
from router.errors import BadRequest, ConfigError, StoreError

__all__ = ["read_foreign"]

T = TypeVar("T")

_READ_S = 600.0


def read_foreign(
    url: str, base_dir: Path, needed: Mapping[str, Collection[str]], program: str, function: Callable[[Connection], T]
) -> T:
    """What a function reads in another program's database, which sees it as of one moment and cannot write.

    Args:
        url: ``postgresql://...`` or ``sqlite:///...``.
        base_dir: where a relative file is looked for.
        needed: the tables, with their columns, without which it is not that program's.
        program: how messages call it.

    Raises:
        BadRequest: the URL cannot be used, or the tables or columns are not there.
        StoreError: the database does not answer.
    """
    try:
        engine = engine_of(url, base_dir, timeout_s=10.0)
    except ConfigError as error:
        raise BadRequest(error.message.replace("[database] url", f"the URL of {program}'s database")) from None
    session = ConnectionSession(engine, writer=False)

    def read(connection: Connection) -> T:
        with connection.snapshot():
            missing = sorted(set(needed) - set(table_names(connection)))
            if missing:
                raise BadRequest(
                    f"The {engine.place} has no table {missing[0]}: it is not {program}'s, or its tables are in "
                    "another schema (options=-csearch_path=NAME)."
                )
            for table, columns in needed.items():
                lacking = sorted(set(columns) - columns_of(connection, table).keys())
                if lacking:
                    raise BadRequest(
                        f"The {engine.place} has no column {lacking[0]} in {table}: it is not {program}'s, "
                        "or of a version that is not known here."
                    )
            return function(connection)

    try:
        return session.read(read, _READ_S)
    except StoreError as error:
        if isinstance(engine, SqliteEngine) and not engine.path.exists():
            where = f"{engine.path} is not there: give the file that {program} works on, as sqlite:///FILE"
            raise BadRequest(f"{where} (beside the configuration) or sqlite:////absolute/path.") from None
        told = f"check the URL, that the server runs, and that this machine may reach {program}'s database"
        raise StoreError(f"{error.message.rstrip('.')}: {told}.") from None
    finally:
        session.close()
