"""PostgreSQL: its connections, and how to leave one that hangs."""

from __future__ import annotations

import os
import socket
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any

import peewee
from gevent.monkey import get_original

from router.db.connection import Connection
from router.errors import ConfigError

__all__ = ["PostgresqlEngine"]

_LIMITS = """
SELECT set_config('statement_timeout', ?, false), set_config('lock_timeout', ?, false),
    set_config('idle_in_transaction_session_timeout', ?, false)
"""
_SESSION = """
SELECT set_config('tcp_keepalives_idle', '10', false), set_config('tcp_keepalives_interval', '3', false),
    set_config('tcp_keepalives_count', '3', false), set_config('tcp_user_timeout', '20000', false),
    set_config('max_parallel_workers_per_gather', '0', false)
"""
"""How soon the server notices that our machine is gone: by its system's own defaults, after two hours. And no statement
takes several of its processors: a page's sums would take them from the calls, and more of them than it takes alone."""
_native_socket: type[socket.socket] = get_original("socket", "socket")


class PostgresqlEngine:
    """A PostgreSQL database, reached through psycopg 3."""

    name = "postgresql"
    begin = "BEGIN"

    def __init__(self, url: str, *, timeout_s: float) -> None:
        try:
            import psycopg
        except ImportError as error:
            raise ConfigError(
                "[database] url names PostgreSQL, whose driver is missing: pip install 'psycopg[binary]'."
            ) from error
        try:
            self._parameters = psycopg.conninfo.conninfo_to_dict(url)
        except psycopg.Error:
            raise ConfigError(
                "[database] url cannot be read: expected postgresql://user:password@host:port/name, with every special "
                "character of the password percent-encoded."
            ) from None  # the driver's message quotes the URL, and so the password
        if not self._parameters.get("dbname"):
            raise ConfigError("[database] url names no database: expected postgresql://user:password@host:port/name.")
        self.place = "PostgreSQL database " + " on ".join(
            str(self._parameters[part]) for part in ("dbname", "host") if self._parameters.get(part)
        )
        self._timeout_s = timeout_s

    def connect(self, *, writer: bool) -> Connection:
        settings: dict[str, Any] = {
            "connect_timeout": max(2, round(self._timeout_s)),  # two seconds are the driver's least
            "keepalives_idle": 10,
            "keepalives_interval": 3,
            "keepalives_count": 3,
            "tcp_user_timeout": 20_000,
            "application_name": "router",
        }
        if writer or "," in str(self._parameters.get("host", "")):
            settings["target_session_attrs"] = "read-write"  # of several servers, the one that takes writes
        settings |= self._parameters
        database = peewee.PostgresqlDatabase(
            settings.pop("dbname"), prefer_psycopg3=True, thread_safe=False, autoconnect=False, **settings
        )
        database.connect()
        connection = Connection(database, self.name)
        connection.rows(_SESSION)
        return connection

    def exclusive(self) -> AbstractContextManager[None]:
        return nullcontext()

    def bound(self, connection: Connection, limit_s: float) -> None:
        """Limits of the session, set by statements: a pooler in between lets no start-up options through.

        A process that freezes in the middle of a transaction, or a machine that is lost, holds its row locks for no
        longer than this: the others wait so long and go on.
        """
        limit_s = max(limit_s, self._timeout_s)
        if connection.limit_s != limit_s:
            connection.rows(_LIMITS, [f"{limit_s * 1000:.0f}"] * 3)
            connection.limit_s = limit_s

    def holder(self) -> str:
        """Return an empty text: no single holder can be named."""
        return ""

    def is_stale(self, connection: Connection) -> bool:
        return False

    def let_go(self, connection: Connection, *, writer: bool) -> None:
        """Does nothing: what was committed is the server's."""

    def is_lost(self, connection: Connection) -> bool:
        return connection.peewee.is_closed() or bool(connection.peewee.connection().closed)

    def interrupt(self, connection: Connection) -> None:
        """Cut the connection: a server that is frozen would not hear a request to cancel."""
        with suppress(Exception):  # the thread that owns it may be closing it at this moment, which serves as well
            descriptor = os.dup(connection.peewee.connection().fileno())
            with _native_socket(fileno=descriptor) as handle:
                handle.shutdown(socket.SHUT_RDWR)

    def redact(self, text: str) -> str:
        password = self._parameters.get("password")
        return text.replace(str(password), "***") if password else text
