"""What a gateway's listener tells, and what its database says of the same."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from router.testing import Gateway, free_port

__all__ = [
    "MODEL",
    "PORT",
    "TOKEN",
    "Figures",
    "call_many",
    "counted",
    "figures",
    "ledger",
    "load_children",
    "post",
    "serving",
    "wait",
]

MODEL = "openai/gpt-4o"
TOKEN = "test-metrics-token-0123456789"
PORT = free_port()
Figures = dict[tuple[str, frozenset[tuple[str, str]]], float]


def figures(port: int) -> Figures:
    """Every sample: name and labels -> value."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", "/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        answer = connection.getresponse()
        body = answer.read().decode()
    finally:
        connection.close()
    assert answer.status == 200, body
    found = text_string_to_metric_families(body)
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value for family in found for sample in family.samples
    }


def counted(seen: Figures, name: str, **labels: str) -> float:
    """The sum of all series of that name that have these labels."""
    return sum(value for (one, has), value in seen.items() if one == name and labels.items() <= dict(has).items())


def ledger(gateway: Gateway) -> dict[str, int]:
    """Calls, tokens and nano-units of all usage rows."""
    sql = (
        "SELECT COUNT(*), COALESCE(SUM(prompt_tokens), 0), COALESCE(SUM(completion_tokens), 0), "
        "COALESCE(SUM(charge_nano), 0), COALESCE(SUM(ending = 'ok'), 0) FROM usage"
    )
    with sqlite3.connect(gateway.folder / "router.db", timeout=20) as connection:
        row = connection.execute(sql).fetchone()
    return dict(zip(("calls", "prompt", "completion", "charge_nano", "good"), map(int, row), strict=True))


def post(gateway: Gateway, path: str, body: bytes, key: str = "") -> int:
    """The status of one request."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
    headers = {"Authorization": f"Bearer {key or gateway.api_key}", "Content-Type": "application/json"}
    try:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


def call_many(gateway: Gateway, count: int, **more: Any) -> list[int]:
    """The statuses of so many chats, eight at a time, each on a connection of its own."""
    body = json.dumps({"model": MODEL, "messages": [{"role": "user", "content": "hello"}], **more}).encode()
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda _: post(gateway, "/v1/chat/completions", body), range(count)))


def load_children(pid: int) -> list[int]:
    """The gateway's own workers: children that run ``router.server.worker``."""
    tasks = Path(f"/proc/{pid}/task")
    found: set[int] = set()
    for task in tasks.iterdir():
        with contextlib.suppress(FileNotFoundError):  # a thread that has ended meanwhile
            found |= {int(text) for text in (task / "children").read_text().split()}
    return sorted(one for one in found if _is_worker(one))


def serving() -> float:
    """How many of the gateway's workers serve."""
    return counted(figures(PORT), "router_workers", state="serving", process="gateway")


def wait(condition: Callable[[], object], timeout_s: float = 60.0) -> None:
    """Until that is true."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.05)


def _is_worker(pid: int) -> bool:
    try:
        return b"router.server.worker" in Path(f"/proc/{pid}/cmdline").read_bytes() and os.getpgid(pid) > 0
    except OSError:
        return False
