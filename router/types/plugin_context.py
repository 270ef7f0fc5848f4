"""What the host gives a plugin that is no single call's: its settings, its log, its tables, its jobs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from router.types.masking import remember

__all__ = ["Job", "PluginConnection", "PluginContext", "PluginDatabase", "StartupContext", "table_prefix"]

T = TypeVar("T")


class PluginConnection(Protocol):
    """One connection, within the function given to ``read`` or ``write``. SQL has ``?`` for a parameter.

    A statement that names a table of somebody else's is refused with ``ValueError``: a check against slips, no wall.

    Attributes:
        engine: ``sqlite`` or ``postgresql``.
    """

    @property
    def engine(self) -> str: ...

    def execute(self, sql: str, params: Sequence[Any] = ()) -> int:
        """Run one statement; the number of rows that it changed."""
        ...

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Run one query; its rows by column name."""
        ...

    def row(self, sql: str, params: Sequence[Any] = ()) -> dict[str, Any] | None:
        """Run one query; its first row, or None."""
        ...

    def audit(
        self,
        action: str,
        subject: str = "",
        detail: Mapping[str, Any] | None = None,
        *,
        actor: str = "",
        kind: str = "",
    ) -> None:
        """Write an entry of the audit log in this transaction, within ``write``: it stands there if that succeeds.

        Args:
            action: what was done, in small letters; the plugin's name stands before it (``acme refund``).
            subject: to what: an ID, or a name.
            detail: how: 20 texts, numbers, true or false, at most. Secrets are masked.
            actor: who did it; the plugin itself where empty.
            kind: of the actor: ``operator``, ``person``, ``key`` or ``system``, which it is where empty.

        Raises:
            ValueError: it is none that may be written, or more than 100 in one transaction.
        """
        ...


class PluginDatabase(Protocol):
    """The plugin's own tables. Functions run in a database thread: the caller waits, other calls go on.

    Both raise ``router.Unavailable`` where the database does not answer in bounded time. The
    function must do nothing but use its connection: no I/O of its own, and nothing that only greenlets may do.
    """

    def read(self, function: Callable[[PluginConnection], T]) -> T:
        """What the function returns, which only reads; it may be run twice when a connection was lost."""
        ...

    def write(self, function: Callable[[PluginConnection], T]) -> T:
        """What the function returns, run inside one transaction: durable then; an exception undoes it and passes."""
        ...


@dataclass(frozen=True, slots=True)
class StartupContext:
    """What a ``startup`` hook of version 0.1 knows of its context, which is a ``PluginContext`` now.

    Attributes:
        config_path: the configuration's file.
        providers: names of the active providers.
        settings: the plugin's own section ``[plugins.NAME]``, of the type that its ``settings()`` hook returned; None
            for a plugin without that hook, and for a provider, whose sections come with each call.
    """

    config_path: str
    providers: tuple[str, ...]
    settings: Any = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class PluginContext(StartupContext):
    """What a plugin's hooks may use. One for each plugin and process.

    Attributes:
        name: the plugin's.
        log: its logger, below ``router.plugins``.
        database: its own tables; opened at the first use.
        currency: of all balances: ``USD``.
    """

    name: str = ""
    log: logging.Logger = field(default=logging.getLogger("router.plugins"), repr=False)
    database: PluginDatabase = field(default=None, repr=False)  # type: ignore[assignment]
    currency: str = ""

    def mask(self, secret: str) -> None:
        """Keep ``secret`` out of every message, log line and row from now on. Less than eight characters are not."""
        remember(secret)


@dataclass(frozen=True, slots=True)
class Job:
    """Something that one of all workers does from time to time.

    Attributes:
        name: letters, digits, ``-`` and ``_``; the plugin's name stands before it.
        every_s: between the beginnings of two runs; a worker that takes the job over runs it at once. After a failure
            it is run again sooner, after growing pauses.
        run: does it, in a greenlet of its own. While this worker is frozen another may begin, so what it does must be
            right even then.
    """

    name: str
    every_s: float
    run: Callable[[], object]


def table_prefix(plugin: str) -> str:
    """What the names of a plugin's tables begin with: ``my_acme_`` for ``my-acme``."""
    return plugin.replace("-", "_") + "_"
