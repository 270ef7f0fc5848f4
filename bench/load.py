"""``wrk`` against a target: one request, again and again, from so many connections."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.machine import LOAD_CORE, BenchError, pinned
from bench.tools import HERE

__all__ = ["Load", "Target", "chat_body", "load"]


@dataclass(frozen=True)
class Target:
    """Where requests go.

    Attributes:
        port: on loopback.
        headers: the key, and whatever else chooses the upstream.
        model: the model ID there.
        base: what the paths of the API begin with.
        api_keys: keys that take turns under ``load``; empty for the one of ``headers``.
    """

    port: int
    headers: Mapping[str, str]
    model: str
    base: str = "/v1"
    api_keys: Sequence[str] = ()

    def request(self, path: str, body: bytes) -> bytes:
        """One HTTP/1.1 POST as it goes over the wire."""
        fields = {"Host": f"127.0.0.1:{self.port}", "Content-Type": "application/json", **self.headers}
        fields["Content-Length"] = str(len(body))
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return f"POST {self.base}{path} HTTP/1.1\r\n{head}\r\n".encode("ascii") + body


@dataclass(frozen=True)
class Load:
    """What ``wrk`` measured.

    Attributes:
        answers: how many came.
        rate: answers per second.
        p50_ms, p99_ms: latency; where no answer came in time, the whole time of the load.
        failed: answers with a status of 400 and more, and broken connections.
    """

    answers: int
    rate: float
    p50_ms: float
    p99_ms: float
    failed: int


def chat_body(model: str, *, stream: bool = False, include_usage: bool = False, text_bytes: int = 0) -> bytes:
    """A small chat request as a real client sends it, or one with so many bytes of text."""
    question = "x" * text_bytes if text_bytes else "Explain quantum computing in one sentence."
    body: dict[str, Any] = {
        "model": model,
        "messages": [
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": question},
        ],
        "temperature": 0.7,
        "max_tokens": 100,
    }
    if stream:
        body["stream"] = True
    if include_usage:
        body["stream_options"] = {"include_usage": True}
    return json.dumps(body, separators=(",", ":")).encode("ascii")


def load(target: Target, path: str, body: bytes | None, *, connections: int, seconds: float) -> Load:
    """Run ``wrk`` with one thread; ``body`` None is a GET.

    Raises:
        BenchError: it did not run.
    """
    with tempfile.TemporaryDirectory() as folder:
        env = _environment(target, body, Path(folder))
        url = f"http://127.0.0.1:{target.port}{target.base}{path}"
        options = ["-t1", f"-c{connections}", f"-d{max(1, round(seconds))}", "--timeout", "30s"]
        command = pinned(LOAD_CORE, "wrk", *options, "-s", str(HERE / "wrk.lua"), url)
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=seconds + 60, check=False)
    found = next((line for line in done.stdout.splitlines() if line.startswith("BENCH ")), None)
    if found is None:
        raise BenchError(f"wrk failed against {url}:\n{done.stdout}{done.stderr}")
    told = json.loads(found.removeprefix("BENCH "))
    at_least_us = 0 if told["requests"] else told["duration_us"]
    return Load(
        answers=told["requests"],
        rate=told["requests"] / (told["duration_us"] / 1e6),
        p50_ms=(told["p50_us"] or at_least_us) / 1000,
        p99_ms=(told["p99_us"] or at_least_us) / 1000,
        failed=told["refused"] + told["broken"],
    )


def _environment(target: Target, body: bytes | None, folder: Path) -> dict[str, str]:
    headers = {"Content-Type": "application/json", **target.headers}
    env = {
        "PATH": os.environ["PATH"],
        "BENCH_METHOD": "GET" if body is None else "POST",
        "BENCH_HEADERS": "\n".join(f"{name}: {value}" for name, value in headers.items()),
    }
    if body is not None:
        (folder / "body").write_bytes(body)
        env["BENCH_BODY"] = str(folder / "body")
    if target.api_keys:
        (folder / "keys").write_text("".join(f"{key}\n" for key in target.api_keys), encoding="ascii")
        env["BENCH_KEYS"] = str(folder / "keys")
    return env
