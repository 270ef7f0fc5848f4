"""The stand-in provider in C (``upstream.c``) as a process on the load's core."""

from __future__ import annotations

import http.client
import json
import subprocess
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from bench.machine import LOAD_CORE, pinned, until
from router.testing import free_port

__all__ = ["FastUpstream"]


class FastUpstream:
    """Answers at once. A stream has ``chunks`` events, all at once or ``interval_ms`` apart; ``port`` 0 is any."""

    def __init__(self, program: Path, *, chunks: int = 50, interval_ms: int = 0, port: int = 0) -> None:
        self.port = port or free_port()
        command = pinned(LOAD_CORE, str(program), str(self.port), "0", str(chunks), str(interval_ms))
        self._asked = 0
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL)

    @property
    def url(self) -> str:
        """The base URL that a gateway is given."""
        return f"http://127.0.0.1:{self.port}/v1"

    def calls(self) -> int:
        """How many requests came so far, those of this method left out."""
        requests = int(self._stats()["requests"])
        self._asked += 1
        return requests - self._asked

    def _stats(self) -> dict[str, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/stats")
            found: dict[str, Any] = json.loads(connection.getresponse().read())
            return found
        finally:
            connection.close()

    def __enter__(self) -> FastUpstream:
        until(self._answers, 5)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()

    def _answers(self) -> bool:
        with suppress(OSError):
            return self.calls() >= 0
        return False
