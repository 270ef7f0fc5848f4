"""A master and its workers as processes of their own, for tests."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
from server_wire import HERE, Client, environment
from waiting import until


class Gateway:
    """A master with its workers, in a directory where nothing can be imported from."""

    def __init__(
        self,
        folder: Path,
        workers: int = 1,
        grace_s: float = 10.0,
        mode: str = "",
        frozen_s: float = 20.0,
        **config: Any,
    ) -> None:
        self.folder = folder
        self.log = folder / "log"
        self.configure(**{"grace_s": grace_s, **config})
        command = [sys.executable, "-P", str(HERE / "serve_master.py"), str(folder / "config.json"), "0"]
        command += [str(workers), str(grace_s), str(frozen_s), mode]
        with self.log.open("wb") as stderr:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=stderr, env=environment(), cwd=folder
            )
        assert self.process.stdout is not None
        url = self.process.stdout.readline().decode().strip()
        self.process.stdout.close()
        self.port = int(url.rpartition(":")[2]) if url else 0
        self.workers_seen: set[int] = set()

    def configure(self, **config: Any) -> None:
        (self.folder / "config.json").write_text(json.dumps(config), encoding="utf-8")

    def children(self) -> set[int]:
        children = {child.pid for child in psutil.Process(self.process.pid).children()}
        self.workers_seen |= children
        return children

    def built(self) -> int:
        """How many workers have read the configuration so far."""
        return len(list(self.folder.glob("built-*")))

    def name(self) -> tuple[str, int]:
        """What the configuration calls the worker that answered, and its process ID."""
        with Client(self.port) as client:
            name, _, pid = client.get("/name").body.decode().partition(" ")
        return name, int(pid)

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> int:
        """Wait for the end; no worker may be left."""
        status = self.process.wait(20)
        until(lambda: not any(psutil.pid_exists(pid) for pid in self.workers_seen), "no worker is left")
        return status
