"""A gateway with a portal beside it, as real processes; and what stands in their memory."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
from waiting import until

from router.testing.gateway import Gateway

__all__ = ["HERE", "Beside", "ask", "memory_of", "until"]

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


class Beside:
    """A gateway whose configuration has a portal.

    Attributes:
        gateway: serves as soon as this is there.
        port: the portal's.
    """

    def __init__(
        self, folder: Path, *, config: str = "", portal: str = "", env: Mapping[str, str] | None = None, **options: Any
    ) -> None:
        path = os.pathsep.join(filter(None, [str(HERE), str(ROOT), os.environ.get("PYTHONPATH", "")]))
        section = f'[portal]\nenabled = true\nname = "one"\n{portal}\n'
        self.gateway = Gateway(
            folder,
            config=f"{section}{config}",
            portal=True,
            env={"PYTHONPATH": path, **(env or {})},
            command=(sys.executable, str(HERE / "router_with_small_portal.py")),
            **options,
        )
        self.port = self.gateway.portal_port

    def portal(self) -> dict[str, Any]:
        """What the portal says, once it does."""
        return until(lambda: ask(self.port), "the portal answers")

    def is_called(self, name: str) -> dict[str, Any]:
        """The same once it serves by the configuration that calls it so."""

        def called() -> dict[str, Any] | None:
            said = ask(self.port)
            return said if said and said["name"] == name else None

        return until(called, f"the portal is called {name}")

    def rename(self, name: str) -> None:
        """Write another name into the configuration, and have it read."""
        self.gateway.configure({"portal": {"name": name}})
        os.kill(self.gateway.pid, signal.SIGHUP)

    def family(self) -> set[int]:
        """All processes below the gateway's master, and itself."""
        master = psutil.Process(self.gateway.pid)
        return {master.pid, *(child.pid for child in master.children(recursive=True))}

    def log(self) -> str:
        """What the gateway and its portal have said."""
        return self.gateway.log_path.read_text(encoding="utf-8", errors="replace")


def ask(port: int) -> dict[str, Any] | None:
    """What the small portal says; None where nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/app/", headers={"Connection": "close"})
        said: dict[str, Any] = json.loads(connection.getresponse().read())
        return said
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def memory_of(pid: int) -> bytes:
    """All that a process has written to, as its kernel shows it."""
    return b"\n".join(_regions(pid))


def _regions(pid: int) -> Iterator[bytes]:
    with Path(f"/proc/{pid}/maps").open(encoding="ascii") as maps, Path(f"/proc/{pid}/mem").open("rb", 0) as memory:
        for line in maps:
            start, end, rights = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+)", line).groups()  # type: ignore[union-attr]
            if not rights.startswith("rw") or "[v" in line:
                continue
            try:
                memory.seek(int(start, 16))
                yield memory.read(int(end, 16) - int(start, 16))
            except OSError:  # a page that is not there
                continue
