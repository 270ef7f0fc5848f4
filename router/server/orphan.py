"""A worker must not outlive its master: it would keep the port from the next one."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys

from gevent import monkey

__all__ = ["die_with_master", "exit_after_master"]

_PR_SET_PDEATHSIG = 1
_EXIT = 1


def die_with_master(wanted: bool) -> None:
    """Have the kernel end this process with the one that started it: for the time before it watches for that itself.

    Does nothing where there is no such thing.

    Args:
        wanted: false takes it back.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM if wanted else 0)


def exit_after_master(control_fd: int, limit_s: float) -> None:
    """End this process ``limit_s`` after the other end of the pair was closed, even if its event loop stands still.

    Args:
        control_fd: the worker's end.
    """
    poller = monkey.get_original("select", "poll")()
    poller.register(control_fd, 0)
    sleep = monkey.get_original("time", "sleep")

    def watch() -> None:
        poller.poll()
        sleep(limit_s)
        os._exit(_EXIT)

    monkey.get_original("_thread", "start_new_thread")(watch, ())
