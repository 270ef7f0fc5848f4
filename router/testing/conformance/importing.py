"""Imports one plugin and reports what it did: reads ``{"plugin"}``, writes ``{"deeds", "cpu_s"}``."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from importlib import metadata, util
from pathlib import Path
from typing import Any

import router.http_client.pool
import router.testing
import router.upstream.cards
import router.upstream.compatible

__all__ = ["AuditWatch", "main"]

_SOCKET_EVENTS = ("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.sendto")
_PROCESS_EVENTS = ("subprocess.Popen", "os.system", "os.fork", "os.posix_spawn", "os.exec")
_SYSTEM = ("/dev", "/etc", "/proc", "/sys", "/usr", "/lib", "/opt")
"""Where libraries look up time zones, MIME types and certificates."""
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class AuditWatch:
    """Notes what an audit hook is told while ``on``.

    Attributes:
        deeds: in words.
        read: files that were opened for reading.
    """

    def __init__(self) -> None:
        self.on = False
        self.deeds: list[str] = []
        self.read: list[str] = []

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """The audit hook."""
        if not self.on:
            return
        if event in _SOCKET_EVENTS:
            self.deeds.append(f"{event} {arguments[1:2] or arguments}")
        elif event in _PROCESS_EVENTS:
            self.deeds.append(f"a process was started ({event})")
        elif event == "open" and isinstance(arguments[0], str | bytes):
            self._opened(os.fsdecode(arguments[0]), arguments[1], arguments[2])

    def _opened(self, path: str, mode: Any, flags: int) -> None:
        if flags & _WRITING or (isinstance(mode, str) and set(mode) & set("wax+")):
            self.deeds.append(f"{path} was opened for writing")
        else:
            self.read.append(path)


def main(name: str) -> dict[str, Any]:
    """Import the plugin's entry point; what it did, and the seconds of processor time that it took."""
    point = next(iter(metadata.entry_points(group="router", name=name)))
    watch = AuditWatch()
    sys.addaudithook(watch)
    threads, started_s = threading.active_count(), time.process_time()
    watch.on = True
    point.load()
    watch.on = False
    cpu_s = time.process_time() - started_s
    if threading.active_count() > threads:
        watch.deeds.append("a thread was started")
    places = _allowed(point.module)
    strange = [path for path in watch.read if not _inside(path, places)]
    watch.deeds += [f"{path} was read" for path in dict.fromkeys(strange)]
    return {"deeds": watch.deeds, "cpu_s": cpu_s}


def _allowed(module: str) -> list[Path]:
    """Folders whose files an import may read: the interpreter's, the path's, the package's own."""
    spec = util.find_spec(module.partition(".")[0])
    own = [Path(place) for place in (spec.submodule_search_locations or []) if place] if spec is not None else []
    found = util.find_spec(module)
    if found is not None and found.origin:
        own.append(Path(found.origin).parent)
    folders = [*map(Path, (sys.prefix, sys.base_prefix, *_SYSTEM)), *(Path(entry) for entry in sys.path if entry), *own]
    return [folder.resolve() for folder in folders]


def _inside(path: str, folders: list[Path]) -> bool:
    there = Path(path).resolve()
    return any(there.is_relative_to(folder) for folder in folders)


if __name__ == "__main__":
    assert router.testing and router.upstream  # already imported, so that their time and files do not count
    print(json.dumps(main(json.load(sys.stdin)["plugin"])))
