"""A backup put into a PostgreSQL database in one transaction; what was there is kept in a schema of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import peewee

from router.db.columns import table_names
from router.db.connection import Connection, quoted
from router.db.database import Database
from router.errors import BadRequest
from router.store.migrating import pending
from router.store.moving.copying import Copied, copy
from router.store.moving.restoring import checked_copy, stamp
from router.store.opening import open_database
from router.types.records import Migration

__all__ = ["restore_postgresql"]

_PARTS = """
SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = ANY(?::regclass[])
"""
_FUNCTIONS = """
SELECT DISTINCT p.oid::regprocedure::text FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
WHERE t.tgrelid = ANY(?::regclass[]) AND NOT t.tgisinternal AND p.pronamespace = current_schema()::regnamespace
"""


def restore_postgresql(
    target: Database,
    file: Path,
    extra: Mapping[str, Sequence[Migration]],
    progress: Callable[[str], None] = lambda _: None,
    also: Callable[[Connection, Copied], None] = lambda *_: None,
    *,
    replace: bool = False,
    bring_up: bool = False,
) -> str | None:
    """Fill a PostgreSQL database from the backup ``file``.

    Args:
        extra: the plugins' migrations by plugin name.
        progress, also: as for ``copying.copy``.
        replace: whether the gateway's tables may be there already: they are put into another schema.
        bring_up: apply the migrations that the backup lacks; needed where it lacks some.

    Returns:
        the schema in which the tables are that were there; None where there were none.

    Raises:
        BadRequest: the tables are there already, or the backup is damaged, no database of ours, a newer version's or
            an older one's; nothing is changed then.
        ConfigError, StoreError: as for ``copying.copy``.
    """
    schema = f"replaced_{stamp()}".lower()
    moved: list[str] = []

    def make_room(connection: Connection) -> None:
        moved.extend(_ours(connection, names))
        if moved and not replace:
            raise BadRequest(f"The {target.place} has tables already: --replace puts them into another schema.")
        if moved:
            _put_aside(connection, moved, schema)

    with tempfile.TemporaryDirectory(prefix="router-restore-") as folder:
        whole = Path(folder) / "backup.db"
        checked_copy(file, whole, extra, bring_up=bring_up)
        with closing(open_database(f"sqlite:///{whole}", Path(folder))) as source:
            missing = len(pending(source, extra))
            if missing:
                raise BadRequest(f"{file} lacks {missing} migration(s) of this version: --migrate applies them.")
            names = source.read(table_names)
            copy(source, target, extra, progress, also, make_room)
    return schema if moved else None


def _ours(connection: Connection, names: Sequence[str]) -> list[str]:
    """The tables that the backup has as well; a stranger's stay where they are."""
    return sorted(set(table_names(connection)) & set(names))


def _parts_of(connection: Connection, tables: Sequence[str]) -> list[str]:
    return [name for (name,) in connection.tuples(_PARTS, ([quoted(table) for table in tables],))]


def _put_aside(connection: Connection, tables: Sequence[str], schema: str) -> None:
    functions = [name for (name,) in connection.tuples(_FUNCTIONS, ([quoted(table) for table in tables],))]
    try:
        connection.execute(f"CREATE SCHEMA {quoted(schema)}")
        for table in (*tables, *_parts_of(connection, tables)):
            connection.execute(f"ALTER TABLE {quoted(table)} SET SCHEMA {quoted(schema)}")
        for name in functions:
            connection.execute(f"ALTER FUNCTION {name} SET SCHEMA {quoted(schema)}")
    except peewee.ProgrammingError as error:
        raise BadRequest(
            f"The tables that are there cannot be put into a schema {schema}: {' '.join(str(error).split())}. The "
            "role needs CREATE on the database (GRANT CREATE ON DATABASE ... TO ...), and must own the tables."
        ) from error
