"""One worker as the master sees it: started, ready, told to stop, ended."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import time
from pathlib import Path

from router.server.protocol import READY

__all__ = ["Child"]

_ROOT = str(Path(__file__).resolve().parents[2])


class Child:
    """A worker process and the master's end of the socket pair that they share.

    Started with ``posix_spawn`` and ended without SIGCHLD: both work alike whether or not the command line has
    monkey-patched ``subprocess`` and ``signal``.

    Args:
        listen_fd: the listening socket, which must be inheritable.
        config_path: handed to the application's factory.
        app: ``MODULE:FUNCTION`` of the factory.

    Attributes:
        pid: process ID.
        ready: it accepts connections.
        started_at: monotonic seconds.
        kill_at: monotonic seconds at which it is killed if it has not ended; None for no such time.
        status: exit status, negative for a signal; None while it lives.
    """

    def __init__(self, listen_fd: int, config_path: str, app: str) -> None:
        self.control, theirs = socket.socketpair()
        self.control.setblocking(False)
        os.set_inheritable(theirs.fileno(), True)
        command = [sys.executable, "-P", "-m", "router.server.worker"]
        command += ["--listen-fd", str(listen_fd), "--control-fd", str(theirs.fileno())]
        command += ["--config", config_path, "--app", app]
        try:
            self.pid = os.posix_spawn(sys.executable, command, _environment())
        finally:
            theirs.close()
        self.ready = False
        self.started_at = time.monotonic()
        self.kill_at: float | None = None
        self.status: int | None = None

    def listen(self) -> bool:
        """Take what the worker wrote, which sets ``ready``; False when it has closed its end."""
        try:
            data = self.control.recv(16)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self.ready = self.ready or data == READY
        return bool(data)

    def stop(self, kill_after_s: float) -> None:
        """Ask it to drain and end."""
        self.kill_at = time.monotonic() + kill_after_s
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it now."""
        self.kill_at = None
        self._signal(signal.SIGKILL)

    def reap(self) -> bool:
        """Collect its exit status if it has ended; whether it has."""
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
                self.control.close()
        return self.status is not None

    def wait(self) -> None:
        """Collect the exit status of a worker that was killed."""
        while not self.reap():
            time.sleep(0.005)

    def _signal(self, number: signal.Signals) -> None:
        if self.status is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


def _environment() -> dict[str, str]:
    """Ours, with this copy of the package first: the current directory and how we were found must not matter."""
    environment = dict(os.environ)
    paths = [_ROOT, environment.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    return environment
