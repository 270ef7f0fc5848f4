"""Raw HTTP over sockets: what a client sends byte for byte, and what came back."""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TIMEOUT_S = 30.0


@dataclass
class Answer:
    """One response; ``whole`` is False when it was cut."""

    status: int
    headers: dict[str, str]
    body: bytes
    whole: bool = True

    def error(self) -> dict[str, Any]:
        """The error in our JSON shape, checked."""
        assert self.headers["content-type"] == "application/json"
        assert self.headers["connection"] == "close"
        assert self.headers["x-request-id"].startswith("req_")
        detail = json.loads(self.body)["error"]
        assert set(detail) == {"message", "type", "param", "code"}
        assert "Traceback" not in detail["message"]
        return detail


class Client:
    """A connection that sends and receives bytes as told."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self.sock = socket.create_connection((host, port), timeout=TIMEOUT_S)
        self.file = self.sock.makefile("rb")

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        self.file.close()
        self.sock.close()

    def reset(self) -> None:
        """Close so that the server sees a reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def send(self, data: bytes) -> Client:
        self.sock.sendall(data)
        return self

    def get(self, target: str, *fields: str) -> Answer:
        """One GET on this connection, and its answer."""
        self.send(request("GET", target, *fields))
        return self.answer()

    def answer(self, head_only: bool = False) -> Answer:
        """The next response."""
        status_line = self.file.readline()
        assert status_line.startswith(b"HTTP/1.1 "), status_line
        headers: dict[str, str] = {}
        while (line := self.file.readline().rstrip(b"\r\n")) != b"":
            name, _, value = line.decode("latin-1").partition(": ")
            assert name.lower() not in headers
            headers[name.lower()] = value
        answer = Answer(int(status_line.split()[1]), headers, b"")
        if not head_only and answer.status >= 200:
            self._read_body(answer)
        return answer

    def _read_body(self, answer: Answer) -> None:
        if answer.status in (204, 304):
            return
        if "content-length" in answer.headers:
            answer.body = self.file.read(int(answer.headers["content-length"]))
            answer.whole = len(answer.body) == int(answer.headers["content-length"])
        elif answer.headers.get("transfer-encoding") == "chunked":
            while (size := int(self.file.readline() or b"-1", 16)) > 0:
                answer.body += self.file.read(size)
                assert self.file.readline() in (b"\r\n", b"")
            answer.whole = size == 0 and self.file.readline() == b"\r\n"
        else:
            answer.body = self.file.read()

    def at_end(self) -> bool:
        """Whether the server has closed; waits for it."""
        try:
            return self.file.read(1) == b""
        except ConnectionResetError:
            return True


class Server:
    """``serve_app.py`` in a process of its own."""

    def __init__(self, log: Path, **limits: Any) -> None:
        command = [sys.executable, str(HERE / "serve_app.py"), json.dumps(limits)]
        with log.open("wb") as stderr:
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, env=environment())
        assert self._process.stdout is not None
        self.log = log
        self.pid = self._process.pid
        self.port = int(self._process.stdout.readline())

    def client(self) -> Client:
        return Client(self.port)

    def ask(self, raw: bytes) -> Answer:
        """The answer to ``raw`` on a connection of its own."""
        with self.client() as client:
            return client.send(raw).answer()

    def state(self) -> dict[str, int]:
        """What the application has counted."""
        with self.client() as client:
            counts: dict[str, int] = json.loads(client.get("/state").body)
            return counts

    def stop(self) -> None:
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process.kill()
        self._process.wait()


@contextmanager
def serving(log: Path, **limits: float) -> Iterator[Server]:
    """A server with these limits for the length of a block."""
    server = Server(log, **limits)
    try:
        yield server
    finally:
        server.stop()


def environment() -> dict[str, str]:
    """The environment of a subprocess that must find the package and these helpers."""

    paths = [str(ROOT), str(HERE), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in paths if path)}


def request(method: str, target: str, *fields: str, body: bytes = b"", version: str = "1.1") -> bytes:
    """A request with a Host; a Content-Length when there is a body."""
    lines = [f"{method} {target} HTTP/{version}", "Host: test", *fields]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body
