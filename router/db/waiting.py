"""Waiting for operations of the journal, by greenlets of one hub or by threads.

The native thread that writes wakes all whom a batch has served at once, and each waits with a single switch: there is
one timer for all of them, which looks again when it strikes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from math import inf
from typing import Any, Protocol

import gevent
from gevent.monkey import get_original, is_module_patched
from greenlet import getcurrent

from router.db.threads import new_waiter

__all__ = ["Awaited", "Bell", "Greenlets", "Threads", "Waiting", "new_waiting"]

_allocate_lock: Callable[[], Any] = get_original("_thread", "allocate_lock")
_SLACK_S = 0.0005


class Awaited:
    """An operation that somebody may wait for.

    Attributes:
        awaited: somebody waits for it, or did.
        done: it has happened.
        until: when whoever waits will wait no longer, on the monotonic clock.
        waiter: whom to wake; None where nobody waits.
    """

    awaited = done = False
    until = inf
    waiter: Any = None


class Waiting(Protocol):
    """The interface of both kinds of waiting."""

    def wait(self, one: Awaited, timeout_s: float, put: Callable[[Any], None]) -> bool:
        """Hand an operation over with ``put`` and wait for it; False when the time is up first."""
        ...

    def wake(self, done: Sequence[Awaited]) -> None:
        """Wake those who wait for these operations. Called by the thread that writes."""
        ...

    def tell(self, function: Callable[..., object], *arguments: object) -> None:
        """Call a function where it may log. Called by the thread that writes."""
        ...

    def watch(self) -> None:
        """Note that an operation was handed over for which nobody waits."""
        ...


class Threads:
    """Threads that wait, each with a lock of its own."""

    def wait(self, one: Awaited, timeout_s: float, put: Callable[[Any], None]) -> bool:
        waiter = one.waiter = new_waiter()
        one.awaited = True
        put(one)
        return waiter.wait(timeout_s)

    def wake(self, done: Sequence[Awaited]) -> None:
        for one in done:
            one.done = True
            if one.waiter is not None:
                one.waiter.notify()

    def tell(self, function: Callable[..., object], *arguments: object) -> None:
        function(*arguments)

    def watch(self) -> None:
        """Does nothing: the thread pool bounds how much is written."""


class Greenlets:
    """Greenlets of the hub in whose thread this is made.

    Args:
        look: called on the hub when the timer strikes, with the monotonic time; in how many seconds to look again at
            the latest, ``inf`` where nothing is under way.
        watch_s: when to look first.
    """

    def __init__(self, look: Callable[[float], float], watch_s: float) -> None:
        self._look = look
        self._watch_s = watch_s
        self._hub = gevent.get_hub()
        self._waiting: set[Awaited] = set()
        self._timer: Any = None
        self._strikes_at = inf

    def wait(self, one: Awaited, timeout_s: float, put: Callable[[Any], None]) -> bool:
        one.awaited = True
        one.until = until = time.monotonic() + timeout_s
        one.waiter = getcurrent()
        self._waiting.add(one)
        put(one)
        if until < self._strikes_at:
            self._arm(timeout_s)
        try:
            self._hub.switch()
        finally:
            one.waiter = None
            self._waiting.discard(one)
        return one.done

    def wake(self, done: Sequence[Awaited]) -> None:
        for one in done:
            one.done = True
        self._on_hub(self._resume, done)

    def tell(self, function: Callable[..., object], *arguments: object) -> None:
        self._on_hub(gevent.spawn, function, *arguments)

    def watch(self) -> None:
        if self._strikes_at == inf:
            self._arm(self._watch_s)

    def _on_hub(self, function: Callable[..., object], *arguments: object) -> None:
        with suppress(ValueError, AttributeError):  # the hub is destroyed
            self._hub.loop.run_callback_threadsafe(function, *arguments)

    def _resume(self, done: Sequence[Awaited]) -> None:
        for one in done:
            waiter = one.waiter
            if waiter is not None:
                one.waiter = None
                waiter.switch()

    def _arm(self, after_s: float) -> None:
        self._disarm()
        self._strikes_at = time.monotonic() + after_s
        self._timer = self._hub.loop.timer(max(0.0, after_s))
        self._timer.start(self._strike)

    def _disarm(self) -> None:
        timer, self._timer, self._strikes_at = self._timer, None, inf
        if timer is not None:
            timer.close()

    def _strike(self) -> None:
        self._disarm()
        now = time.monotonic()
        again_s = self._look(now)
        late = [one for one in self._waiting if one.until <= now + _SLACK_S]
        again_s = min([again_s, *(one.until - now for one in self._waiting if one.until > now + _SLACK_S)])
        if again_s < inf:
            self._arm(again_s)
        self._resume(late)


def new_waiting(look: Callable[[float], float], watch_s: float) -> Waiting:
    """The kind of waiting that suits the process; the arguments are those of ``Greenlets``."""
    return Greenlets(look, watch_s) if is_module_patched("threading") else Threads()


class Bell:
    """A bell that any thread rings and one native thread waits for. Two rings before it is heard count as one."""

    __slots__ = ("_lock", "_rung")

    def __init__(self) -> None:
        self._lock = _allocate_lock()
        self._lock.acquire()
        self._rung = False

    def ring(self) -> None:
        if not self._rung:
            self._rung = True
            try:  # noqa: SIM105  # with each call: contextlib costs three functions more
                self._lock.release()
            except RuntimeError:
                pass  # two threads at the same moment

    def wait(self, timeout_s: float = -1) -> None:
        """Wait until it is rung; for ever without a timeout. Whatever was done before a ring is visible afterwards."""
        if self._lock.acquire(timeout=timeout_s):
            self._rung = False
