"""The portal's master, kept running beside the gateway's: it may fail as it likes, and the gateway serves on.

A process of its own with an environment of its own (``router.server.companion_process``): what it must not know never
reaches it. It ends when the other end of its socket pair does, however the gateway's master went.
"""

from __future__ import annotations

import logging
import selectors
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from router.errors import ConfigError
from router.metrics.masters import PortalSheets
from router.server.children import Child

__all__ = ["Companion", "CompanionPlan"]

log = logging.getLogger("router.server")

_START_MAX_S = 120.0  # its own first worker has half of that, after which it gives up by itself
_STEADY_S = 10.0
_PAUSE_MIN_S = 1.0
_PAUSE_MAX_S = 60.0
_REAP_STEP_S = 0.02


@dataclass(frozen=True)
class CompanionPlan:
    """What the portal is to be.

    Attributes:
        arguments: of its process: where it listens, with how many workers, for which application.
        environ: its whole environment.
        text: the configuration that it serves by.
    """

    arguments: tuple[str, ...]
    environ: Mapping[str, str]
    text: bytes


class Companion:
    """Keeps the portal running once the gateway serves.

    Args:
        plan: what it is to be under a configuration (None: the file's); None for no portal.
        on_ready: called with its URL whenever it has come up. Must not raise.
        sheets: what its processes count on; None where nobody reads that.
    """

    def __init__(
        self,
        plan: Callable[[bytes | None], CompanionPlan | None],
        on_ready: Callable[[str], None] = lambda url: None,
        sheets: PortalSheets | None = None,
    ) -> None:
        self._plan = plan
        self._on_ready = on_ready
        self._sheets = sheets
        self._hidden: Sequence[int] = ()
        self._selector: selectors.BaseSelector | None = None
        self._wanted: CompanionPlan | None = None
        self._running: CompanionPlan | None = None
        self._child: Child | None = None
        self._listens = True  # to the child; False once that has closed its end
        self._leaving = False  # the child was told to stop
        self._start_at: float | None = None
        self._pause_s = 0.0

    @property
    def alive(self) -> bool:
        """Whether there is a process."""
        return self._child is not None

    def attend(self, selector: selectors.BaseSelector, hidden: Sequence[int]) -> None:
        """Be heard by whoever selects: the data of its keys is a function to call.

        Args:
            hidden: descriptors that its process must not inherit.
        """
        self._selector, self._hidden = selector, hidden

    def follow(self, text: bytes | None) -> None:
        """The gateway serves by this configuration now: start, stop or change the portal accordingly."""
        try:
            wanted = self._plan(text)
        except ConfigError as error:
            log.error("the portal is left as it is: %s", error)
            return
        except Exception:  # whatever it is, the gateway serves
            log.exception("the portal is left as it is")
            return
        self._wanted, self._pause_s = wanted, 0.0
        if self._child is None:
            self._start_at = None if wanted is None else time.monotonic()
        elif wanted is None or self._running is None or _place(wanted) != _place(self._running):
            self._dismiss(0.0)
        elif not self._leaving:
            self._running = wanted
            self._child.reload(wanted.text)

    def stop(self, kill_after_s: float) -> None:
        """End it, and start no other."""
        self._wanted = self._start_at = None
        self._dismiss(kill_after_s)

    def kill(self) -> None:
        """End it now."""
        if self._child is not None:
            self._child.kill()

    def bury(self) -> None:
        """Wait for the end of one that was killed."""
        if self._child is not None:
            self._child.wait()
            self._child = None

    def on_time(self, now: float) -> None:
        """Do what is due."""
        child = self._child
        if child is not None and not self._listens:
            self._reap(child)
        elif child is not None and child.kill_at is not None and now >= child.kill_at:
            log.error("the portal did not %s in time: killed", "end" if self._leaving else "start")
            child.kill()
        if self._child is None and self._start_at is not None and now >= self._start_at:
            self._start()

    def due_at(self, now: float) -> float:
        """When something will be due, at the latest."""
        child = self._child
        dues = [self._start_at, None if child is None else child.kill_at]
        dues.append(None if child is None or self._listens else now + _REAP_STEP_S)
        return min((due for due in dues if due is not None), default=float("inf"))

    def _start(self) -> None:
        assert self._selector is not None and self._wanted is not None
        self._start_at, self._running = None, self._wanted
        plan = self._wanted
        heard = None if self._sheets is None else self._sheets.heard
        module = "router.server.companion_process"
        child = Child(module, plan.arguments, plan.text, plan.environ, self._hidden, heard=heard)
        child.kill_at = child.started_at + _START_MAX_S
        self._child, self._listens, self._leaving = child, True, False
        self._selector.register(child.control, selectors.EVENT_READ, self._hear)

    def _hear(self) -> None:
        """It wrote, or closed its end."""
        assert self._child is not None and self._selector is not None
        child, was_ready = self._child, self._child.ready
        self._listens = child.listen()
        if child.ready and not was_ready and not self._leaving:
            child.kill_at = None
            self._on_ready(child.url)
        if not self._listens:
            self._selector.unregister(child.control)
            self._reap(child)

    def _dismiss(self, kill_after_s: float) -> None:
        if self._child is not None:
            self._leaving = True
            self._child.stop(max(kill_after_s, self._child.stop_s or _START_MAX_S))

    def _reap(self, child: Child) -> None:
        """Forget one that has ended, and have another if there should be one."""
        if not child.reap():
            return
        self._child = None
        if self._sheets is not None:
            self._sheets.ended()
        now = time.monotonic()
        if self._leaving:
            self._start_at = None if self._wanted is None else now
            return
        lived_s = now - child.started_at
        self._pause_s = (
            _PAUSE_MIN_S if lived_s >= _STEADY_S else min(max(_PAUSE_MIN_S, 2 * self._pause_s), _PAUSE_MAX_S)
        )
        log.error("the portal %s after %.1f s; starting another in %g s", child.ending(), lived_s, self._pause_s)
        self._start_at = now + self._pause_s


def _place(plan: CompanionPlan) -> tuple[object, object]:
    """What a reload does not change."""
    return plan.arguments, plan.environ
