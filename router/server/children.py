"""One process of ours as its master sees it: started, ready, told to stop, ended."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from router.metrics.masters import HandedSheet
from router.server.protocol import EXIT_REFUSED, EXIT_WAITING, READY, RELOAD, RETIRE

__all__ = ["Child", "worker"]

_DESCRIPTORS_MAX = 16  # that come at a time
_ROOT = str(Path(__file__).resolve().parents[2])


class Child:
    """A process of ours and its master's end of the socket pair that they share.

    Started with ``posix_spawn`` and ended without SIGCHLD: both work alike whether or not the command line has
    monkey-patched ``subprocess`` and ``signal``.

    Args:
        module: the module of ours that it runs.
        arguments: of that, besides the descriptors that it is given.
        text: the configuration to serve by, whatever the file holds by now; None has it read the file.
        environ: its environment; None is ours.
        closed: descriptors of ours that are not for it although they can be inherited.
        sheet: what it is to count on; None for nothing.
        heard: takes lines that it writes and that are not for the master, and descriptors that came with them.

    Attributes:
        pid: process ID.
        ready: it accepts connections.
        started_at: monotonic seconds.
        heard_at: monotonic seconds at which it last gave a sign of life.
        kill_at: monotonic seconds at which it is killed if it has not ended; None for no such time.
        stop_s: how long it may take to end, as it said itself; None before it is ready.
        plugins: names of those that it has loaded.
        url: where it serves, if it listens itself.
        text, sheet: see above.
        status: exit status, negative for a signal; None while it lives.
    """

    def __init__(
        self,
        module: str,
        arguments: Sequence[str],
        text: bytes | None = None,
        environ: Mapping[str, str] | None = None,
        closed: Sequence[int] = (),
        *,
        sheet: HandedSheet | None = None,
        heard: Callable[[bytes, list[int]], None] | None = None,
    ) -> None:
        self.control, theirs = socket.socketpair()
        self.control.setblocking(False)
        os.set_inheritable(theirs.fileno(), True)
        command = [sys.executable, "-P", "-m", module, *arguments, "--control-fd", str(theirs.fileno())]
        actions = [(os.POSIX_SPAWN_CLOSE, descriptor) for descriptor in closed]
        with theirs, tempfile.TemporaryFile() as handed:
            if text is not None:
                _write(handed.fileno(), text)
                os.set_inheritable(handed.fileno(), True)
                command += ["--text-fd", str(handed.fileno())]
            with _inherited(sheet) as told:
                command += told
                self.pid = os.posix_spawn(sys.executable, command, _environment(environ), file_actions=actions)
        self.text, self.sheet = text, sheet
        self._heard, self._descriptors = heard, list[int]()
        self.ready = False
        self.stop_s: float | None = None
        self.plugins: tuple[str, ...] = ()
        self.url = ""
        self.started_at = self.heard_at = time.monotonic()
        self._words = b""
        self.kill_at: float | None = None
        self.status: int | None = None

    def listen(self) -> bool:
        """Take what it wrote, which sets ``ready``; False when it has closed its end."""
        try:
            data = self._received()
        except BlockingIOError:
            return True
        except OSError:
            return False
        self.heard_at = time.monotonic()
        *lines, self._words = (self._words + data).split(b"\n")
        for line in lines:
            if line.startswith(READY):
                said = json.loads(line.removeprefix(READY))
                self.stop_s, self.plugins, self.url = said["stop_s"], tuple(said["plugins"]), said.get("url", "")
                self.ready = True
            elif self._heard is not None:
                self._heard(line, self._descriptors)
        return bool(data)

    def _received(self) -> bytes:
        if self._heard is None:
            return self.control.recv(4096)
        data, descriptors, _, _ = socket.recv_fds(self.control, 4096, _DESCRIPTORS_MAX)
        self._descriptors += descriptors
        return data

    def retire(self) -> None:
        """Ask a worker to take no further connections and to end with its last call, however long that may still
        take.
        """
        with contextlib.suppress(OSError):
            self.control.send(RETIRE)

    def reload(self, text: bytes) -> None:
        """Hand another master a new configuration, which its workers shall prove as they do at a reload."""
        self.text = text
        with tempfile.TemporaryFile() as handed, contextlib.suppress(OSError):
            _write(handed.fileno(), text)
            socket.send_fds(self.control, [RELOAD], [handed.fileno()])

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
        """Collect the exit status of a process that was killed."""
        while not self.reap():
            time.sleep(0.005)

    def ending(self) -> str:
        """How it ended, in words."""
        status = self.status or 0
        if status == EXIT_REFUSED:
            return "refused the configuration (its message is above)"
        if status == EXIT_WAITING:
            return "could not use the database (its message is above)"
        if status < 0:
            return f"was ended by {signal.Signals(-status).name}"
        return f"ended with status {status}"

    def _signal(self, number: signal.Signals) -> None:
        if self.status is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


def worker(
    listen_fd: int,
    config_path: str,
    app: str,
    text: bytes | None = None,
    well: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
    *,
    again: bool = False,
    sheet: HandedSheet | None = None,
) -> Child:
    """Start a worker.

    Args:
        listen_fd: the listening socket, which must be inheritable.
        config_path: handed to the application's factory.
        app: ``MODULE:FUNCTION`` of the factory.
        text, environ, sheet: see ``Child``.
        well: names of the plugins that must load.
        again: others have proved the configuration before.
    """
    arguments = ["--listen-fd", str(listen_fd), "--config", config_path, "--app", app]
    arguments += ["--again"] if again else []
    given = [*arguments, *(f"--well={name}" for name in well)]
    return Child("router.server.worker", given, text, environ, sheet=sheet)


@contextlib.contextmanager
def _inherited(sheet: HandedSheet | None) -> Iterator[list[str]]:
    """What says where the sheet is, which can be inherited meanwhile."""
    if sheet is None:
        yield []
        return
    os.set_inheritable(sheet.fd, True)
    try:
        yield ["--metrics-fd", str(sheet.fd)]
    finally:
        os.set_inheritable(sheet.fd, False)


def _write(descriptor: int, text: bytes) -> None:
    while text:
        text = text[os.write(descriptor, text) :]


def _environment(environ: Mapping[str, str] | None) -> dict[str, str]:
    """Ours, or what is given, with this copy of the package first: the current directory and how we were found must
    not matter.
    """
    environment = dict(os.environ if environ is None else environ)
    paths = [_ROOT, environment.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    return environment
