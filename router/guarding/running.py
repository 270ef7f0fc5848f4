"""One guard at work: asked in bounded time, and its setting says what its failure means.

A guard runs in a greenlet of its own, or in a native thread of its own pool where it says ``threaded``: when its time
is over it is left, and the call goes on without it. What computes in a greenlet and never waits can be left by nobody,
and holds up its worker for so long; that is logged.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

import gevent
from gevent.threadpool import ThreadPool

from router.config.guards import GuardSettings
from router.errors import faults
from router.types.guards import Guard, GuardedCall, GuardFailed, GuardRefused

__all__ = ["GuardRunner"]

_log = logging.getLogger("router.guarding")
_THREADS = 4


class GuardRunner:
    """A worker's guard of one plugin.

    Args:
        name: the plugin's.
        settings: ``[guards.NAME]``.
    """

    def __init__(self, name: str, guard: Guard, settings: GuardSettings) -> None:
        self.name = name
        self.guard = guard
        self.settings = settings
        self.reads_requests = type(guard).request is not Guard.request
        self._pool = ThreadPool(_THREADS) if guard.threaded else None

    def run(self, function: Callable[..., Any], *arguments: Any, what: str = "request") -> Any:
        """What a function of the guard's gives; None where it failed and that is passed over.

        Args:
            what: that it looks at: ``request`` or ``reply``.

        Raises:
            GuardRefused: the guard's refusal, or for a failure that refuses.
        """
        began = time.monotonic()
        try:
            with gevent.Timeout(self.settings.timeout_s) as timer:
                good, given = self._outcome(function, arguments)
        except gevent.Timeout as raised:
            if raised is not timer:
                raise
            return self.failed(what, f"took longer than {self.settings.timeout_s:g} s and was left")
        if good:
            if time.monotonic() - began > self.settings.timeout_s:
                _log.warning("guard %s computed for longer than its timeout_s: it should be threaded", self.name)
            return given
        if isinstance(given, GuardRefused):
            raise given.named(self.name, what)
        return self.failed(what, f"raised {type(given).__name__}: {given}", given)

    def inline(self, function: Callable[[], Any]) -> Any:
        """As ``run``, of the steps of a filter, which only compute: in the call's own greenlet.

        Raises:
            GuardRefused: as ``run``.
        """
        try:
            with gevent.Timeout(self.settings.timeout_s):
                return function()
        except GuardRefused as refused:
            raise refused.named(self.name, "reply") from None
        except faults() as error:
            return self.failed("reply", f"raised {type(error).__name__}: {error}", error)

    def failed(self, what: str, how: str, error: BaseException | None = None) -> None:
        """Log a failure, and do what the setting says.

        Raises:
            GuardFailed: it refuses.
        """
        passes = self.settings.on_failure == "pass"
        told = "guard %s %s; the %s is %s ([guards.%s] on_failure)"
        _log.error(told, self.name, how, what, "passed" if passes else "refused", self.name, exc_info=error)
        if not passes:
            failed = GuardFailed("on_failure", f"The guard {self.name!r} failed, so this {what} is refused.")
            failed.guard, failed.detail = self.name, f"The guard {self.name!r} {how[:300]}."
            raise failed

    def noted(self, call: GuardedCall, what: str) -> None:
        """Log what the guard has noted of a call, and forget it."""
        for rule in dict.fromkeys(call.notes):
            _log.warning("guard %s notes in the %s of call %s: %s", self.name, what, call.request_id, rule)
        call.notes.clear()

    def _outcome(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """Whether it gave something, and that or what it raised."""
        if self._pool is not None:
            return self._pool.spawn(_tried, function, arguments).get()
        worker = gevent.spawn(_tried, function, arguments)
        try:
            return worker.get()
        finally:
            if not worker.ready():
                worker.kill(block=False)


def _tried(function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[bool, Any]:
    """As a value, since a greenlet and a thread print what is raised in them."""
    try:
        return True, function(*arguments)
    except faults() as error:
        return False, error
