"""Database work in native threads, so that a slow disk or server never stops the hub.

In a process that gevent has patched, the calling greenlet waits while the hub goes on serving others; elsewhere the
calling thread waits. The pieces shared with the native threads (queue, locks) are the unpatched originals.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Generic, Protocol, TypeVar

import gevent
from gevent.monkey import get_original, is_module_patched
from greenlet import getcurrent, greenlet

from router.db.session import ConnectionSession
from router.errors import StoreError

__all__ = ["ThreadJob", "ThreadPool", "Waiter", "new_waiter"]

T = TypeVar("T")

_allocate_lock: Callable[[], Any] = get_original("_thread", "allocate_lock")
_start_thread: Callable[..., int] = get_original("_thread", "start_new_thread")
_NativeQueue: Callable[[], Any] = get_original("queue", "SimpleQueue")

_QUEUE_MAX = 512
_CLOSE_S = 2.0


class Waiter(Protocol):
    """One side waits, another wakes it."""

    def notify(self) -> None:
        """Wake the waiting side; called once, from any thread."""
        ...

    def wake(self) -> None:
        """Wake the waiting side from a greenlet of its own hub, or from another thread where there is no hub."""
        ...

    def wait(self, timeout_s: float) -> bool:
        """Wait to be notified; False when the time is up first."""
        ...


class _ThreadWaiter:
    def __init__(self) -> None:
        self._lock = _allocate_lock()
        self._lock.acquire()

    def notify(self) -> None:
        self._lock.release()

    wake = notify

    def wait(self, timeout_s: float) -> bool:
        return bool(self._lock.acquire(timeout=timeout_s))


class _GreenletWaiter:
    """A greenlet's waiter. An ``Event`` with a timeout takes three times as long, and each call waits twice."""

    __slots__ = ("_hub", "_notified", "_waiting")

    def __init__(self) -> None:
        self._hub = gevent.get_hub()
        self._notified = False
        self._waiting: greenlet | None = None

    def notify(self) -> None:
        with suppress(ValueError):  # the hub that waited is destroyed
            self._hub.loop.run_callback_threadsafe(self.wake)

    def wake(self) -> None:
        self._notified = True
        if self._waiting is not None:
            self._hub.loop.run_callback(self._resume)

    def wait(self, timeout_s: float) -> bool:
        if self._notified:
            return True
        self._waiting = getcurrent()
        timer = self._hub.loop.timer(timeout_s)
        timer.start(self._resume)
        try:
            self._hub.switch()
        finally:
            self._waiting = None
            timer.close()
        return self._notified

    def _resume(self) -> None:
        """Resume the waiting greenlet. Runs on the hub."""
        if self._waiting is not None:
            self._waiting.switch()


def new_waiter() -> Waiter:
    """A waiter that suits the process: a greenlet's in a patched one, else a thread's."""
    return _GreenletWaiter() if is_module_patched("threading") else _ThreadWaiter()


class ThreadJob(Generic[T]):
    """One function that a thread is to run. Once ``abandoned``, it must not change anything any more."""

    def __init__(self, function: Callable[[ConnectionSession, ThreadJob[T]], T]) -> None:
        self.abandoned = False
        self._function = function
        self._waiter = new_waiter()
        self._lock = _allocate_lock()
        self._session: ConnectionSession | None = None
        self._result: T | None = None
        self._error: BaseException | None = None

    def run(self, session: ConnectionSession) -> None:
        """Do the work, keep its outcome and wake the caller. Runs in the pool's thread."""
        with self._lock:
            if self.abandoned:
                return
            self._session = session
        try:
            self._result = self._function(session, self)
        except BaseException as error:
            self._error = error
        with self._lock:
            self._session = None
        self._waiter.notify()

    def outcome(self, timeout_s: float, place: str, holder: Callable[[], str]) -> T:
        """Wait for the function, then return or raise what it did. Runs in the caller.

        Args:
            place: how messages call the database.
            holder: asked for who holds it, when the time is up.

        Raises:
            StoreError: the time was up. A write was then not committed, unless the commit itself was under way.
        """
        try:
            answered = self._waiter.wait(timeout_s)
        except BaseException:  # the greenlet was killed, or its own timeout struck
            self._abandon(interrupt=False)
            raise
        if not answered:
            who = holder()
            self._abandon(interrupt=True)
            raise StoreError(f"The {place} did not answer within {timeout_s:g} s.{who and ' '}{who}")
        error, self._error = self._error, None
        if error is not None:
            raise error
        return self._result  # type: ignore[return-value]

    def _abandon(self, *, interrupt: bool) -> None:
        with self._lock:
            self.abandoned = True
            if interrupt and self._session is not None:
                self._session.interrupt()


class ThreadPool:
    """Native threads that serve one bounded queue of jobs, each thread with a session of its own.

    Args:
        new_session: makes the session of one thread.
        width: how many threads.
        place: how messages call the database.
        holder: says in a sentence who holds the database, when a call was not answered in time.
    """

    def __init__(
        self, new_session: Callable[[], ConnectionSession], *, width: int, place: str, holder: Callable[[], str] = str
    ) -> None:
        self._new_session = new_session
        self._width = width
        self._place = place
        self._holder = holder
        self._queue = _NativeQueue()
        self._start_lock = _allocate_lock()
        self._started = self._closed = False
        self._process = os.getpid()

    def call(self, function: Callable[[ConnectionSession, ThreadJob[T]], T], timeout_s: float) -> T:
        """Run a function in one of the threads and wait for its outcome.

        Raises:
            StoreError: too many calls wait already, the time was up, or the lane is closed.
        """
        self._start()
        if self._queue.qsize() >= _QUEUE_MAX:
            raise StoreError(f"The {self._place} does not keep up: {_QUEUE_MAX} calls wait for it already.")
        job = ThreadJob(function)
        self._queue.put(job)
        return job.outcome(timeout_s, self._place, self._holder)

    def close(self) -> None:
        """Let the waiting jobs finish, then end the threads; one that hangs is left behind after two seconds."""
        with self._start_lock:
            running = self._started and not self._closed
            self._closed = True
        ends = [new_waiter() for _ in range(self._width if running else 0)]
        for end in ends:
            self._queue.put(end)
        for end in ends:
            end.wait(_CLOSE_S)

    def _start(self) -> None:
        with self._start_lock:
            if self._closed or self._process != os.getpid():
                raise StoreError(
                    f"The {self._place} is closed." if self._closed else f"The {self._place} was opened before a fork."
                )
            if not self._started:
                for _ in range(self._width):
                    _start_thread(self._serve, ())
                self._started = True

    def _serve(self) -> None:
        session = self._new_session()
        while isinstance(item := self._queue.get(), ThreadJob):
            item.run(session)
            del item  # or an idle thread would keep the last result alive
        session.close()
        if is_module_patched("threading"):
            gevent.get_hub().destroy(destroy_loop=True)  # PostgreSQL's driver waits on a hub of this thread's own
        item.notify()
