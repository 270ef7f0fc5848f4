"""Runs migrations, the host's (``store/host_migrations``) and the plugins', each once, in a transaction of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from router.db.connection import Connection
from router.db.transaction import Runner
from router.errors import BadRequest, ConfigError, StoreError
from router.store.host_migrations import BACK, MIGRATIONS, OWNER
from router.types.records import Migration

__all__ = [
    "Step",
    "check_fits",
    "check_writable",
    "in_order",
    "is_new",
    "make_tables",
    "migrate",
    "owners",
    "pending",
    "step_back",
]

_STEP_S = 600.0
_LOCK_ID = 7_215_403_118  # any number that no other program locks in the same PostgreSQL database
_TABLE = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    owner       TEXT NOT NULL,
    number      INTEGER NOT NULL,
    title       TEXT NOT NULL,
    applied_at  DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (owner, number)
)
"""


@dataclass(frozen=True, slots=True)
class Step:
    """One migration of one owner (``router`` or a plugin's name)."""

    owner: str
    number: int
    title: str


def pending(database: Runner, extra: Mapping[str, Sequence[Migration]] | None = None) -> list[Step]:
    """The steps that ``migrate`` would take, in order.

    Args:
        extra: the plugins' migrations by plugin name.

    Raises:
        ConfigError: the database is newer than this code, or a plugin's numbers are wrong.
        StoreError: the database cannot be reached.
    """
    known = _all(extra or {})
    done = database.read(_applied, whole=False)
    _refuse_newer(database.place, known, done)
    return [
        Step(owner, migration.number, migration.title)
        for owner, migrations in known.items()
        for migration in migrations
        if (owner, migration.number) not in done
    ]


def migrate(
    database: Runner,
    extra: Mapping[str, Sequence[Migration]] | None = None,
    failed: Callable[[str, ConfigError], None] | None = None,
) -> list[Step]:
    """Apply what is pending, the host's steps first; the steps that this call applied.

    Safe to run in several processes at once: one works, the others wait and find nothing left to do.

    Args:
        extra: the plugins' migrations by plugin name.
        failed: is told the plugin and the reason when a step of a plugin's fails, and the others' steps go on.

    Raises:
        ConfigError: as for ``pending``, or a step failed; it was rolled back, those before it stay.
        StoreError: the database cannot be reached.
    """
    known = _all(extra or {})
    wanted = {(step.owner, step.number) for step in pending(database, extra)}
    done: list[Step] = []
    for owner, migrations in known.items():
        try:
            for migration in migrations:
                if (owner, migration.number) in wanted and _apply(database, owner, migration):
                    done.append(Step(owner, migration.number, migration.title))
        except ConfigError as error:
            if owner == OWNER or failed is None:
                raise
            failed(owner, error)
    return done


def step_back(database: Runner, *, lossy: bool = False) -> Step:
    """Undo the newest of the host's steps that the database has, for the release before it; which it was.

    Args:
        lossy: whether what only the newer tables can hold may be lost.

    Raises:
        BadRequest: it cannot be undone, or not without a loss.
        ConfigError: the database is newer than this code, or lacks its steps.
        StoreError: the database cannot be reached.
    """

    def undo(connection: Connection) -> Step:
        _wait_for_others(connection)
        done = _applied(connection)
        _refuse_newer(database.place, {OWNER: MIGRATIONS}, done)
        newest = max((number for owner, number in done if owner == OWNER), default=0)
        if not newest:
            raise BadRequest(f"The {database.place} has no tables: there is nothing to undo.")
        if newest not in BACK:
            raise BadRequest(f"Migration {newest} cannot be undone: restore the backup that was made before it.")
        BACK[newest].check(connection, lossy=lossy)
        connection.script(BACK[newest].sql)
        after = BACK[newest].after
        if after is not None:
            after(connection)
        connection.execute("DELETE FROM schema_migrations WHERE owner = ? AND number = ?", (OWNER, newest))
        connection.has_log = connection.has_totals = False
        return Step(OWNER, newest, MIGRATIONS[newest - 1].title)

    return database.write(undo, timeout_s=_STEP_S)


def make_tables(connection: Connection, extra: Mapping[str, Sequence[Migration]], check: Callable[[], None]) -> None:
    """Take every step in the writing transaction that is open.

    Args:
        check: called before the first step, when no other process can migrate; refuses by raising.

    Raises:
        ConfigError: as for ``migrate``.
    """
    _wait_for_others(connection)
    check()
    for owner, migrations in _all(extra).items():
        for migration in migrations:
            _take(connection, owner, migration)


def owners(connection: Connection) -> set[str]:
    """Whose migrations a database has."""
    return {owner for owner, _ in _applied(connection)}


def in_order(migrations: Iterable[Migration]) -> list[Migration]:
    """A plugin's migrations by number.

    Raises:
        TypeError: something else than a migration is among them.
        ValueError: their numbers are not 1, 2, 3, ...
    """
    found: list[Any] = list(migrations)
    for one in found:
        if not isinstance(one, Migration):
            raise TypeError(f"a router.Migration is wanted, not {type(one).__name__}")
    found.sort(key=lambda migration: migration.number)
    if [migration.number for migration in found] != list(range(1, len(found) + 1)):
        raise ValueError("migrations must be numbered 1, 2, 3, ... without a gap")
    return found


def is_new(database: Runner) -> bool:
    """Whether a database has no tables of ours at all. Raises ``StoreError``: it cannot be reached."""
    return not database.read(_applied, whole=False)


def check_writable(database: Runner) -> None:
    """Write nothing, in the way in which one writes. Raises ``StoreError``: the database takes no writes."""
    database.write(lambda connection: connection.execute("DELETE FROM schema_migrations WHERE owner = ''"))


def check_fits(connection: Connection) -> None:
    """Keep this version from writing where a newer one has brought the tables up to date, or nobody has, in the open
    transaction.

    Raises:
        ConfigError: the database is newer than this code, or lacks its steps.
    """
    done = _applied(connection)
    _refuse_newer("database", {OWNER: MIGRATIONS}, done)
    missing = len(MIGRATIONS) - sum(owner == OWNER for owner, _ in done)
    if missing:
        raise ConfigError(f"the database lacks {missing} migration(s): run `router db migrate`")


def _apply(database: Runner, owner: str, migration: Migration) -> bool:
    """Apply one step unless somebody else did meanwhile."""

    try:
        return database.write(lambda connection: _take(connection, owner, migration), timeout_s=_STEP_S)
    except StoreError as error:
        raise StoreError(_failure(owner, migration, error.message)) from error


def _take(connection: Connection, owner: str, migration: Migration) -> bool:
    _wait_for_others(connection)
    connection.execute(_TABLE)
    if (owner, migration.number) in _applied(connection):
        return False
    import peewee  # where a database is open it is loaded

    try:
        connection.script(_sql(migration, connection.engine))
    except (peewee.PeeweeException, ValueError) as error:
        raise ConfigError(_failure(owner, migration, str(error))) from error
    connection.execute(
        "INSERT INTO schema_migrations (owner, number, title, applied_at) VALUES (?, ?, ?, ?)",
        (owner, migration.number, migration.title, time.time()),
    )
    return True


def _wait_for_others(connection: Connection) -> None:
    """One at a time, until the transaction ends; on SQLite a writing transaction is that by itself."""
    if connection.engine == "postgresql":
        connection.rows("SELECT pg_advisory_xact_lock(?)", (_LOCK_ID,))


def _failure(owner: str, migration: Migration, cause: str) -> str:
    return (
        f"Migration {migration.number} of {owner} ({migration.title}) failed and was rolled back: "
        f"{' '.join(cause.split())}"
    )


def _sql(migration: Migration, engine: str) -> str:
    if isinstance(migration.sql, str):
        return migration.sql
    if engine not in migration.sql:
        raise ValueError(f"it has no statements for {engine}")
    return migration.sql[engine]


def _applied(connection: Connection) -> set[tuple[str, int]]:
    if not connection.has_table("schema_migrations"):
        return set()
    return {(row["owner"], row["number"]) for row in connection.rows("SELECT owner, number FROM schema_migrations")}


def _all(extra: Mapping[str, Sequence[Migration]]) -> dict[str, list[Migration]]:
    """Every owner's migrations in order, the host's first."""
    if OWNER in extra:
        raise ConfigError(f"A plugin may not be called {OWNER!r}: that is the host's own name for its migrations.")
    known = {OWNER: list(MIGRATIONS)}
    for owner in sorted(extra):
        known[owner] = sorted(extra[owner], key=lambda migration: migration.number)
        if [migration.number for migration in known[owner]] != list(range(1, len(known[owner]) + 1)):
            raise ConfigError(f"The migrations of plugin {owner} must be numbered 1, 2, 3, ... without a gap.")
    return known


def _refuse_newer(place: str, known: Mapping[str, Sequence[Migration]], done: set[tuple[str, int]]) -> None:
    for owner, migrations in known.items():
        newest = max((number for name, number in done if name == owner), default=0)
        if newest > len(migrations):
            raise ConfigError(
                f"The {place} has migration {newest} of {owner}, this version knows {len(migrations)}: it was used by "
                f"a newer {owner}. Install that version again, which may have a way back (`router db step-back`), or "
                "restore a backup from before."
            )
