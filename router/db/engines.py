"""The two engines behind one protocol: all in which they differ (connecting, locking, what a lost connection is)."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from router.db.connection import Connection
from router.db.postgresql import PostgresqlEngine
from router.db.sqlite import SqliteEngine
from router.errors import ConfigError

__all__ = ["Engine", "engine_of"]


class Engine(Protocol):
    """What a session needs to know of a database.

    Attributes:
        name: ``sqlite`` or ``postgresql``.
        place: how messages call this database; never holds a password.
        begin: the statement that starts a writing transaction.
    """

    name: str
    place: str
    begin: str

    def connect(self, *, writer: bool) -> Connection:
        """Open a connection; on SQLite, one that is not the writer's refuses to write."""
        ...

    def exclusive(self) -> AbstractContextManager[None]:
        """A lock that is held around a writing transaction."""
        ...

    def bound(self, connection: Connection, limit_s: float) -> None:
        """Have the server itself end what takes longer: should this process freeze, its locks must not stay."""
        ...

    def holder(self) -> str:
        """Who keeps others from writing, as a sentence with what to do; empty where that cannot be told."""
        ...

    def is_stale(self, connection: Connection) -> bool:
        """Whether the connection leads to another database than the one that a new connection would reach."""
        ...

    def let_go(self, connection: Connection, *, writer: bool) -> None:
        """Save what a stale connection alone can reach, before it is closed; ``StoreError`` where there was some."""
        ...

    def is_lost(self, connection: Connection) -> bool:
        """Whether the other end is gone, so that only a new connection can serve."""
        ...

    def interrupt(self, connection: Connection) -> None:
        """Make the statement that is running fail soon. Called from another thread."""
        ...

    def redact(self, text: str) -> str:
        """The driver's message without secrets."""
        ...


def engine_of(url: str, base_dir: Path, *, timeout_s: float) -> SqliteEngine | PostgresqlEngine:
    """The engine for a database URL.

    Raises:
        ConfigError: an unknown scheme, a URL that cannot be read, or a driver that is not installed.
    """
    if not url:
        raise ConfigError(
            '[database] url is empty: set the environment variable that it names ("env:NAME"), or write '
            "sqlite:///router.db."
        )
    scheme = url.partition("://")[0]
    if scheme == "sqlite":
        return SqliteEngine(_sqlite_path(url, base_dir), timeout_s=timeout_s)
    if scheme in ("postgresql", "postgres"):
        return PostgresqlEngine(url, timeout_s=timeout_s)
    raise ConfigError(
        "[database] url must begin with sqlite:/// or postgresql://, as in sqlite:///router.db or "
        "postgresql://user:password@host/name."
    )


def _sqlite_path(url: str, base_dir: Path) -> Path:
    name = url.removeprefix("sqlite:///")
    if name == url or not name or name.startswith(":") or "\0" in name:
        raise ConfigError(
            "[database] url must name a file: sqlite:///router.db (beside the configuration) or sqlite:////absolute/path."
        )
    return (base_dir / name).absolute()
