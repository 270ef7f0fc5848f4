"""The journal: whatever greenlets write while a commit is running goes into the next transaction together."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from math import inf
from typing import Any, Protocol

import peewee
from gevent.monkey import get_original, is_module_patched

from router.db.connection import Connection
from router.db.database import Database
from router.db.threads import new_waiter
from router.db.waiting import Awaited, Bell, new_waiting
from router.errors import StoreError

__all__ = ["Apply", "Journal", "Operation"]

_log = logging.getLogger("router.db")

_BATCH_MAX = 1000
_BACKLOG_MAX = 10_000
_AGE_MAX_S = 3.0
_HARD_MAX = 50_000
_LINGER_S = 0.01
_REST_S = 0.2
_PAUSE_MIN_S = 0.05
_PAUSE_MAX_S = 1.0
_start_thread: Callable[..., int] = get_original("_thread", "start_new_thread")


class Operation(Awaited):
    """One thing to write. Whoever applies it sets ``result`` or ``error``; both are final once it is durable.

    Attributes:
        label: what log lines call it (a request's ID).
        abandoned: nobody waits for it any more.
    """

    label = ""
    result: Any = None
    error: Exception | None = None
    abandoned = False
    since = 0.0

    def abandon(self) -> Operation | None:
        """Called when its caller's time is up: what undoes it; None where it is to become durable all the same."""
        return None


class Apply(Protocol):
    """Writes a batch in the open transaction. Called again, from the start, when that could not be committed."""

    def __call__(self, connection: Connection, operations: Sequence[Operation], *, again: bool) -> None:
        """Decide and write all operations.

        An operation that is refused gets its ``error`` and writes nothing; an exception here is no single operation's.

        Args:
            again: a commit of these operations failed in a way that leaves open whether it happened.
        """
        ...


class Journal:
    """Group commit.

    One flusher takes all that waits and writes it in one transaction; while the database is away it keeps trying. Where
    a batch is refused as a whole, its operations are written one by one, so that a bad one takes no other with it.

    The flusher is a native thread. In a process that gevent has patched it has a connection of its own, and the hub
    leaves a transaction that hangs; elsewhere it writes as everybody does.

    Args:
        database: where to write.
        apply: what the operations mean.
        backlog_max: operations that may wait before ``healthy`` is False.
        age_max_s: how long the oldest may wait before ``healthy`` is False.
        hard_max: operations that may wait before further ones are dropped, and counted.
        rest: run in a transaction of its own when nothing has come for a moment after a batch, and at the end.
        told: is told of each batch that has become durable: how many operations, in how many seconds. Runs in the
            flusher's thread, and must not raise.

    Attributes:
        lost: operations dropped because too many waited, or because the database refused them for good.
    """

    def __init__(
        self,
        database: Database,
        apply: Apply,
        *,
        backlog_max: int = _BACKLOG_MAX,
        age_max_s: float = _AGE_MAX_S,
        hard_max: int = _HARD_MAX,
        rest: Callable[[Connection], None] | None = None,
        told: Callable[[int, float], None] | None = None,
    ) -> None:
        self.lost = 0
        self._database = database
        self._apply = apply
        self._backlog_max = backlog_max
        self._age_max_s = age_max_s
        self._hard_max = hard_max
        self._rest = rest
        self._told = told
        self._restless = False
        self._waiting: deque[Operation] = deque()
        self._batch: list[Operation] = []
        self._again = False
        self._closed = False
        self._wake, self._hurry, self._end = Bell(), Bell(), Bell()
        self._ended = new_waiter()
        self._own = database.thread_writer() if is_module_patched("threading") else None
        self._write = partial(database.write, behind=True) if self._own is None else self._own.write
        self._those = new_waiting(self._look, 0.0 if self._own is None else self._own.limit_s)
        _start_thread(self._run, ())

    def post(self, operation: Operation) -> None:
        """Hand an operation over and return at once; it becomes durable soon after."""
        if self._full():
            self._lose(operation, "too many operations wait for the database")
        else:
            self._put(operation)
            self._those.watch()

    def submit(self, operation: Operation, *, timeout_s: float = 10.0) -> Any:
        """Write an operation, and return its result when it is durable.

        Raises:
            StoreError: it is not durable after ``timeout_s``: it is undone if it can be, else it may still become so.
            Exception: why it was refused.
        """
        if self._full():
            raise StoreError(f"The {self._database.place} does not keep up: too many operations wait for it.")
        if not self._those.wait(operation, timeout_s, self._put):
            undoing = operation.abandon()
            if undoing is not None:
                self._put(undoing)
            raise StoreError(f"The {self._database.place} did not make an operation durable within {timeout_s:g} s.")
        if operation.error is not None:
            raise operation.error
        return operation.result

    def healthy(self) -> bool:
        """Whether new calls may be served: few operations wait, and none for long."""
        if not self._batch and not self._waiting:
            return True
        oldest = self._oldest()
        return oldest is None or (
            self._backlog() <= self._backlog_max and time.monotonic() - oldest.since <= self._age_max_s
        )

    def flush(self, timeout_s: float) -> bool:
        """Wait until all operations handed over so far are durable; False when the time was up first."""
        return self._those.wait(_Mark(), timeout_s, self._put)

    def close(self, timeout_s: float = 5.0) -> int:
        """Flush and stop; the number of operations that could not be written. Harmless when called again."""
        if not self._closed:
            self.flush(timeout_s)
            self._closed = True
            self._end.ring()
            self._hurry.ring()
            self._wake.ring()
            self._ended.wait(timeout_s)
        return sum(not isinstance(operation, _Mark) for operation in (*self._batch, *self._waiting))

    @property
    def backlog(self) -> int:
        """Operations that are not durable yet."""
        return self._backlog()

    @property
    def oldest_s(self) -> float:
        """For how long the oldest of them waits."""
        oldest = self._oldest()
        return 0.0 if oldest is None else max(0.0, time.monotonic() - oldest.since)

    def _full(self) -> bool:
        return self._closed or len(self._waiting) + len(self._batch) >= self._hard_max

    def _backlog(self) -> int:
        return len(self._waiting) + len(self._batch)

    def _oldest(self) -> Operation | None:
        try:
            return self._batch[0] if self._batch else self._waiting[0]
        except IndexError:
            return None

    def _put(self, operation: Operation) -> None:
        operation.since = time.monotonic()
        self._waiting.append(operation)
        if operation.awaited:
            self._hurry.ring()
        self._wake.ring()

    def _look(self, now: float) -> float:
        """Leave what hangs. Runs on the hub from time to time; returns in how many seconds to look again."""
        if self._own is None or not (self._batch or self._waiting):
            return inf
        overdue = self._own.overdue(now)
        if overdue is not None:
            self._those.tell(_log.warning, "The journal waits: %s", overdue)
        return self._own.limit_s

    # In the flusher's thread, which logs nothing itself: the locks of a patched process are those of its hub.

    def _run(self) -> None:
        pause_s = _PAUSE_MIN_S
        while not self._closed:
            if not self._batch:
                self._take()
            if not self._batch or self._write_batch():
                pause_s = _PAUSE_MIN_S
            else:
                self._end.wait(pause_s)
                pause_s = min(2 * pause_s, _PAUSE_MAX_S)
        self._settle_down()
        if self._own is not None:
            self._own.close()
        self._ended.notify()

    def _take(self) -> None:
        """Wait for operations. Those that nobody waits for are held back for a moment, to share a commit."""
        waiting = self._waiting
        if not waiting and self._restless:
            self._wake.wait(_REST_S)
            if not waiting:
                self._settle_down()
        if not waiting and not self._closed:
            self._wake.wait()
        self._hurry.wait(_LINGER_S)
        for _ in range(min(_BATCH_MAX, len(waiting))):
            self._batch.append(waiting.popleft())
        if waiting:
            self._hurry.ring()

    def _settle_down(self) -> None:
        """Have the batches' writer tidy up while nothing comes. Where that fails, the next batch or worker does it."""
        if self._restless and self._rest is not None:
            self._restless = False
            try:
                self._write(self._rest)
            except Exception as error:
                self._those.tell(_log.warning, "The journal could not rest: %s", " ".join(str(error).split()))

    def _write_batch(self) -> bool:
        """Make the batch durable and tell those who wait; False when the database is away."""
        batch = [operation for operation in self._batch if type(operation) is not _Mark]
        begun = 0.0 if self._told is None else time.monotonic()
        try:
            if batch:
                self._commit(batch)
        except StoreError as error:
            self._again = True
            self._those.tell(_log.warning, "The journal waits: %s", error)
            return False
        except Exception as error:  # whatever it is, the flusher must live on: operations wait and healthy() tells
            self._again = True
            self._those.tell(_complain, error)
            return False
        self._again = False
        if batch and self._told is not None:
            self._told(len(batch), time.monotonic() - begun)
        self._restless = self._rest is not None
        finished, self._batch = self._batch, []
        for operation in batch:
            if operation.error is not None and not operation.awaited:
                self._those.tell(self._lose, operation, str(operation.error))
        self._those.wake(finished)
        return True

    def _commit(self, batch: list[Operation]) -> None:
        again = self._again
        try:
            self._write(lambda connection: self._apply(connection, batch, again=again))
        except StoreError:
            raise
        except Exception as error:
            reason = " ".join(str(error).split())
            self._those.tell(_log.warning, "A batch is written one by one: %s", reason)
            self._write(lambda connection: _one_by_one(connection, self._apply, batch, again))

    def _lose(self, operation: Operation, reason: str) -> None:
        self.lost += 1
        _log.error("What was to be kept of %s is lost: %s", operation.label, " ".join(reason.split()))


class _Mark(Operation):
    """A mark in the queue: once it is reached, everything handed over before it is durable."""


def _complain(error: Exception) -> None:
    _log.error("The journal waits.", exc_info=error)


def _one_by_one(connection: Connection, apply: Apply, batch: list[Operation], again: bool) -> None:
    for operation in batch:
        try:
            with connection.savepoint():
                apply(connection, [operation], again=again)
        except (peewee.OperationalError, peewee.InterfaceError, peewee.InternalError):
            raise  # the database's fault, not the operation's
        except Exception as error:
            operation.result, operation.error = None, error
