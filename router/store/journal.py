"""The journal: whatever greenlets write while a commit is running goes into the next transaction together."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from dataclasses import dataclass, field

import peewee

from router.errors import StoreError
from router.store.connection import Connection
from router.store.database import Database
from router.store.usage import insert_usage
from router.types import CallRecord

__all__ = ["Journal"]

_log = logging.getLogger("router.store")

_BATCH_MAX = 1000
_BACKLOG_MAX = 10_000
_AGE_MAX_S = 3.0
_HARD_MAX = 50_000
_LINGER_S = 0.01
_PAUSE_MIN_S = 0.05
_PAUSE_MAX_S = 1.0


@dataclass(slots=True)
class _Operation:
    """One thing to write; ``done`` is set once it is durable or refused. Without a record it is a mark in the queue."""

    record: CallRecord | None
    done: threading.Event | None = None
    error: Exception | None = None
    since: float = field(default_factory=time.monotonic)


class Journal:
    """Group commit of usage rows.

    One flusher (a greenlet in a patched process, a thread elsewhere) takes all that waits and writes it in one
    transaction; while the database is away it keeps trying. Writing a row again is harmless, so a commit of unknown
    outcome is simply repeated.

    Args:
        database: where to write.
        backlog_max: rows that may wait before ``healthy`` is False.
        age_max_s: how long the oldest row may wait before ``healthy`` is False.
        hard_max: rows that may wait before further ones are dropped, and counted.

    Attributes:
        lost: rows dropped because too many waited, or because the database refused them for good.
    """

    def __init__(
        self,
        database: Database,
        *,
        backlog_max: int = _BACKLOG_MAX,
        age_max_s: float = _AGE_MAX_S,
        hard_max: int = _HARD_MAX,
    ) -> None:
        self.lost = 0
        self._database = database
        self._backlog_max = backlog_max
        self._age_max_s = age_max_s
        self._hard_max = hard_max
        self._waiting: deque[_Operation] = deque()
        self._batch: list[_Operation] = []
        self._wake = threading.Event()
        self._hurry = threading.Event()
        self._closed = threading.Event()
        self._flusher = threading.Thread(target=self._run, name="journal", daemon=True)
        self._flusher.start()

    def post(self, record: CallRecord) -> None:
        """Hand a row over and return at once; it becomes durable soon after."""
        if self._closed.is_set() or self._backlog() >= self._hard_max:
            self._lose(record, "too many rows wait for the database")
        else:
            self._put(_Operation(record))

    def submit(self, record: CallRecord, *, timeout_s: float = 10.0) -> None:
        """Write a row and return when it is durable.

        Raises:
            StoreError: it is not durable yet after ``timeout_s``; it stays in the journal and may still become so.
            Exception: the database's reason for refusing this row (``peewee.IntegrityError``, ...).
        """
        if self._closed.is_set() or self._backlog() >= self._hard_max:
            raise StoreError(f"The {self._database.place} does not keep up: too many rows wait for it.")
        operation = _Operation(record, threading.Event())
        if not self._wait_for(operation, timeout_s):
            raise StoreError(f"The {self._database.place} did not make a row durable within {timeout_s:g} s.")
        if operation.error is not None:
            raise operation.error

    def healthy(self) -> bool:
        """Whether new calls may be served: few rows wait, and none for long."""
        oldest = self._oldest()
        return self._backlog() <= self._backlog_max and (
            oldest is None or time.monotonic() - oldest.since <= self._age_max_s
        )

    def flush(self, timeout_s: float) -> bool:
        """Wait until all rows handed over so far are durable; False when the time was up first."""
        return self._wait_for(_Operation(None, threading.Event()), timeout_s)

    def close(self, timeout_s: float = 5.0) -> int:
        """Flush and stop; the number of rows that could not be written. Harmless when called again."""
        if not self._closed.is_set():
            self.flush(timeout_s)
            self._closed.set()
            self._hurry.set()
            self._wake.set()
            self._flusher.join(timeout_s)
        return sum(operation.record is not None for operation in (*self._batch, *self._waiting))

    def _backlog(self) -> int:
        return len(self._waiting) + len(self._batch)

    def _oldest(self) -> _Operation | None:
        try:
            return self._batch[0] if self._batch else self._waiting[0]
        except IndexError:
            return None

    def _put(self, operation: _Operation) -> None:
        self._waiting.append(operation)
        if operation.done is not None:
            self._hurry.set()
        self._wake.set()

    def _wait_for(self, operation: _Operation, timeout_s: float) -> bool:
        self._put(operation)
        assert operation.done is not None
        return operation.done.wait(timeout_s)

    def _run(self) -> None:
        pause_s = _PAUSE_MIN_S
        while not self._closed.is_set():
            if not self._batch:
                self._batch = self._take()
            if self._write_batch():
                pause_s = _PAUSE_MIN_S
            else:
                self._closed.wait(pause_s)
                pause_s = min(2 * pause_s, _PAUSE_MAX_S)

    def _take(self) -> list[_Operation]:
        """Wait for operations. Where nobody waits for them, they wait a moment for company: a commit has its price."""
        self._wake.wait()
        self._hurry.wait(_LINGER_S)
        self._hurry.clear()
        self._wake.clear()
        batch = [self._waiting.popleft() for _ in range(min(_BATCH_MAX, len(self._waiting)))]
        if self._waiting:
            self._hurry.set()
            self._wake.set()
        return batch

    def _write_batch(self) -> bool:
        """Make the batch durable and tell those who wait; False when the database is away."""
        batch = [operation for operation in self._batch if operation.record is not None]
        try:
            if batch:
                self._commit(batch)
        except StoreError as error:
            _log.warning("The journal waits: %s", error)
            return False
        except Exception:  # whatever it is, the flusher must live on: rows wait and healthy() tells
            _log.exception("The journal waits.")
            return False
        finished, self._batch = self._batch, []
        for operation in finished:
            self._finish(operation)
        return True

    def _commit(self, batch: list[_Operation]) -> None:
        """Write a batch; where it is refused as a whole, one by one, so that a bad row takes no other with it."""
        try:
            self._database.write(lambda connection: insert_usage(connection, _records(batch)))
        except StoreError:
            raise
        except Exception:
            self._database.write(lambda connection: _write_one_by_one(connection, batch))

    def _finish(self, operation: _Operation) -> None:
        if operation.error is not None and operation.record is not None:
            self._lose(operation.record, str(operation.error))
        if operation.done is not None:
            operation.done.set()

    def _lose(self, record: CallRecord, reason: str) -> None:
        self.lost += 1
        _log.error("The usage row of %s is lost: %s", record.request_id, " ".join(reason.split()))


def _write_one_by_one(connection: Connection, batch: list[_Operation]) -> None:
    for operation in batch:
        operation.error = None
        try:
            with connection.savepoint():
                insert_usage(connection, _records([operation]))
        except (peewee.OperationalError, peewee.InterfaceError, peewee.InternalError):
            raise  # the database's fault, not the row's
        except Exception as error:
            operation.error = error


def _records(batch: list[_Operation]) -> list[CallRecord]:
    return [operation.record for operation in batch if operation.record is not None]
