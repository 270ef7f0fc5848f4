"""What is told of the database and of the processes on it."""

from __future__ import annotations

from dataclasses import dataclass

from router.db.connection import Connection
from router.db.transaction import Runner

__all__ = ["AppliedStep", "DatabaseState", "LeaseRow", "WorkerRow", "read_database_state"]

_STEPS = "SELECT owner, number, title, applied_at FROM schema_migrations ORDER BY owner, number"
_LEASES = "SELECT name, owner, expires_at FROM leases ORDER BY name"
_WORKERS = "SELECT id, host, process, providers, expires_at FROM workers ORDER BY expires_at DESC, id LIMIT 200"
_SIZES = {
    "sqlite": "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
    "postgresql": "SELECT pg_database_size(current_database())",
}
_VERSIONS = {"sqlite": "SELECT sqlite_version()", "postgresql": "SELECT current_setting('server_version')"}


@dataclass(frozen=True, slots=True)
class AppliedStep:
    """A migration that was made, and when; ``owner`` is ``router`` or a plugin."""

    owner: str
    number: int
    title: str
    applied_at: float


@dataclass(frozen=True, slots=True)
class LeaseRow:
    """A job, the worker that has it, and until when."""

    name: str
    owner: str
    expires_at: float


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """A worker.

    Attributes:
        host: the name of its machine.
        providers: JSON list of those that it has active; empty for a worker that serves no calls.
        expires_at: until when it counts as alive.
    """

    id: str
    host: str
    process: int
    providers: str
    expires_at: float


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """The database.

    Attributes:
        engine, version: ``sqlite`` or ``postgresql``, and which.
        size_bytes: of all of it; its log beside it left out.
        behind: rows of the ledger's log that its tables do not have yet.
    """

    engine: str
    version: str
    size_bytes: int
    behind: int
    steps: tuple[AppliedStep, ...]
    leases: tuple[LeaseRow, ...]
    workers: tuple[WorkerRow, ...]


def read_database_state(database: Runner) -> DatabaseState:
    """All of it, at one moment."""

    def load(connection: Connection) -> DatabaseState:
        engine = connection.engine
        return DatabaseState(
            engine,
            str(connection.tuples(_VERSIONS[engine])[0][0]),
            int(connection.tuples(_SIZES[engine])[0][0]),
            int(connection.tuples("SELECT COUNT(*) FROM ledger_log")[0][0]),
            tuple(AppliedStep(*row) for row in connection.tuples(_STEPS)),
            tuple(LeaseRow(*row) for row in connection.tuples(_LEASES)),
            tuple(_worker(*row) for row in connection.tuples(_WORKERS)),
        )

    return database.read(load, whole=False)


def _worker(id: str, host: str, process: int, providers: str, expires_at: float) -> WorkerRow:
    return WorkerRow(id, host.partition("/")[0], int(process), providers, expires_at)
