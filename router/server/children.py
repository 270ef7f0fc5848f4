"""One worker as the master sees it: started, ready, told to stop, ended."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from router.server.protocol import READY, RETIRE

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
        text: the configuration to serve by, whatever the file holds by now; None has the worker read the file.
        well: names of the plugins that must load.

    Attributes:
        pid: process ID.
        ready: it accepts connections.
        started_at: monotonic seconds.
        heard_at: monotonic seconds at which it last gave a sign of life.
        kill_at: monotonic seconds at which it is killed if it has not ended; None for no such time.
        stop_s: how long it may take to end, as it said itself; None before it is ready.
        plugins: names of those that it has loaded.
        text: see above.
        status: exit status, negative for a signal; None while it lives.
    """

    def __init__(
        self,
        listen_fd: int,
        config_path: str,
        app: str,
        text: bytes | None = None,
        well: Sequence[str] = (),
    ) -> None:
        self.control, theirs = socket.socketpair()
        self.control.setblocking(False)
        os.set_inheritable(theirs.fileno(), True)
        command = [sys.executable, "-P", "-m", "router.server.worker"]
        command += ["--listen-fd", str(listen_fd), "--control-fd", str(theirs.fileno())]
        command += ["--config", config_path, "--app", app, *(f"--well={name}" for name in well)]
        with theirs, tempfile.TemporaryFile() as handed:
            if text is not None:
                handed.write(text)
                handed.flush()
                os.set_inheritable(handed.fileno(), True)
                command += ["--text-fd", str(handed.fileno())]
            self.pid = os.posix_spawn(sys.executable, command, _environment())
        self.text = text
        self.ready = False
        self.stop_s: float | None = None
        self.plugins: tuple[str, ...] = ()
        self.started_at = self.heard_at = time.monotonic()
        self._words = b""
        self.kill_at: float | None = None
        self.status: int | None = None

    def listen(self) -> bool:
        """Take what the worker wrote, which sets ``ready``; False when it has closed its end."""
        try:
            data = self.control.recv(4096)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self.heard_at = time.monotonic()
        *lines, self._words = (self._words + data).split(b"\n")
        for line in lines:
            if line.startswith(READY):
                said = json.loads(line.removeprefix(READY))
                self.stop_s, self.plugins = said["stop_s"], tuple(said["plugins"])
                self.ready = True
        return bool(data)

    def retire(self) -> None:
        """Ask it to take no further connections and to end with its last call, however long that may still take."""
        with contextlib.suppress(OSError):
            self.control.send(RETIRE)

    def stop(self, kill_after_s: float) -> None:
        """Ask it to drain and end within its grace.

        Args:
            kill_after_s: it is killed so long after, or after what it said itself that it may take.
        """
        self.kill_at = time.monotonic() + max(kill_after_s, self.stop_s or 0)
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
