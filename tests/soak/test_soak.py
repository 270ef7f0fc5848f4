"""A long mixed load: nothing grows, nothing is lost. ``make soak``; SOAK_S says for how many seconds (60)."""

from __future__ import annotations

import http.client
import json
import os
import random
import threading
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest

from router.testing import Gateway, ScriptedUpstream

SOAK_S = float(os.environ.get("SOAK_S", "60"))
CLIENTS = 16
MESSAGES = [{"role": "user", "content": "one two three four five six seven eight"}]
CHAT = {"model": "openai/gpt-4o", "messages": MESSAGES}
CALLS = {
    "plain": ("/v1/chat/completions", CHAT),
    "stream": ("/v1/chat/completions", {**CHAT, "stream": True}),
    "left": ("/v1/chat/completions", {**CHAT, "stream": True}),
    "embeddings": ("/v1/embeddings", {"model": "openai/text-embedding-3-small", "input": ["a", "b"]}),
}


def one_call(gateway: Gateway, kind: str) -> int:
    """Make one call on a connection of its own, and leave early where the kind says so; the status."""
    path, body = CALLS[kind]
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
    try:
        headers = {"Authorization": f"Bearer {gateway.api_key}", "Content-Type": "application/json"}
        connection.request("POST", path, json.dumps(body), headers)
        response = connection.getresponse()
        if kind != "left":
            response.read()
        return response.status
    finally:
        connection.close()


def load(gateway: Gateway, seconds: float) -> Counter[int]:
    """Statuses of the calls that many clients made in that time."""
    until = time.monotonic() + seconds
    seen: Counter[int] = Counter()
    lock = threading.Lock()

    def client(seed: int) -> None:
        choice = random.Random(seed)
        while time.monotonic() < until:
            status = one_call(gateway, choice.choice(list(CALLS)))
            with lock:
                seen[status] += 1

    threads = [threading.Thread(target=client, args=(seed,)) for seed in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seen


def held(gateway: Gateway) -> tuple[int, int]:
    """Descriptors and resident bytes of all workers."""
    workers = psutil.Process(gateway.pid).children()
    return sum(worker.num_fds() for worker in workers), sum(worker.memory_info().rss for worker in workers)


def rows(gateway: Gateway) -> int:
    return sum(line.get("event") == "call" for line in gateway.log)


@pytest.mark.soak
@pytest.mark.timeout(SOAK_S * 2 + 120)
def test_nothing_grows_and_nothing_is_lost(tmp_path: Path) -> None:
    with ScriptedUpstream(gap_s=0.002) as upstream, Gateway(tmp_path, upstream=upstream.url, workers=2) as gateway:
        warm = load(gateway, SOAK_S / 4)
        upstream.wait_for(lambda: rows(gateway) == warm.total(), timeout_s=60)
        descriptors, resident = held(gateway)
        seen = load(gateway, SOAK_S)
        upstream.wait_for(lambda: rows(gateway) == warm.total() + seen.total(), timeout_s=60)
        after_descriptors, after_resident = held(gateway)
    assert set(warm + seen) == {200}, (warm, seen)
    assert after_descriptors <= descriptors + CLIENTS, (descriptors, after_descriptors)
    assert after_resident <= resident * 1.25 + 16 * 2**20, (resident, after_resident)
