"""One application behind three doors, and what each of them answers."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from router.testing import Gateway

__all__ = ["Doors"]

_OF_THE_SERVER = {"date", "server", "connection", "transfer-encoding", "x-request-id", "content-length"}
_TIMES = re.compile(r"\d+ms")


class Doors:
    """A process that serves one application behind three doors."""

    def __init__(self, gateway: Gateway) -> None:
        self.key = gateway.api_key
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("serve_doors.py")), str(gateway.config_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.own, self.other = map(int, self._process.stdout.readline().split())

    def answers(self, path: str, body: str, headers: Mapping[str, str]) -> list[tuple[int, dict[str, str], str]]:
        """What each door answers: status, headers but those of the server, body."""
        ours = _asked(self.own, path, body.encode(), headers)
        return [ours, _asked(self.other, path, body.encode(), headers), self._of_flask(path, body, headers)]

    def _of_flask(self, path: str, body: str, headers: Mapping[str, str]) -> tuple[int, dict[str, str], str]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"path": path, "headers": dict(headers), "body": body}) + "\n")
        self._process.stdin.flush()
        told = json.loads(self._process.stdout.readline())
        return told["status"], _shown(told["headers"]), told["body"]

    def close(self) -> list[dict[str, Any]]:
        """End, and give the lines of the log."""
        _, errors = self._process.communicate(timeout=30)
        assert "Traceback" not in errors, errors
        assert self._process.returncode == 0
        return [json.loads(line) for line in errors.splitlines() if line.startswith("{")]


def _asked(port: int, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, dict[str, str], str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("POST", path, body, dict(headers))
        response = connection.getresponse()
        return response.status, _shown(response.getheaders()), response.read().decode()
    finally:
        connection.close()


def _shown(headers: Any) -> dict[str, str]:
    names = [name.lower() for name, _ in headers]
    assert "x-request-id" in names and len(set(names)) == len(names)
    kept = {name.lower(): _TIMES.sub("ms", value) for name, value in headers}
    return {name: value for name, value in kept.items() if name not in _OF_THE_SERVER}
