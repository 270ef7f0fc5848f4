"""Hundreds of clients at once, ``python mixed_crowd.py``: a process of its own, since they are greenlets.

It reads what to do from its standard input as one line of JSON (``port``, ``key``, ``poor``, ``calls``, ``clients``,
``seed``), and says what came of it as another: ``kind: status`` -> how many.
"""

# ruff: noqa: E402
from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import http.client
import json
import random
import sys
from collections import Counter

import gevent
from mixed_calls import BAD, GOOD, KINDS, Kind


def one_call(port: int, keys: dict[str, str], kind: Kind) -> int:
    """Make one call on a connection of its own; the status, 0 where its client left before there was one."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        body = kind.body if kind.body is None or isinstance(kind.body, bytes) else json.dumps(kind.body)
        headers = {"Authorization": f"Bearer {keys.get(kind.key, kind.key)}", "Content-Type": kind.type}
        connection.request("GET" if body is None else "POST", kind.path, body, headers)
        if kind.leaves == "early":
            return 0
        response = connection.getresponse()
        if kind.leaves:
            response.read(1)
            return response.status
        try:
            response.read()
        except http.client.IncompleteRead:
            return response.status if "cut" in str(kind.body) else -1
        return response.status
    finally:
        connection.close()


def run(port: int, key: str, poor: str, calls: int, clients: int, seed: int) -> Counter[str]:
    """Half of the calls are good; what came of them all."""
    seen: Counter[str] = Counter()
    left = iter(range(calls))

    def client(number: int) -> None:
        dice = random.Random(seed * 10_000 + number)
        for _ in left:
            name = dice.choice(list(GOOD if dice.random() < 0.5 else BAD))
            try:
                status: int | str = one_call(port, {"": key, "poor": poor}, KINDS[name])
            except OSError as error:
                status = type(error).__name__
            seen[f"{name}: {status}"] += 1

    gevent.joinall([gevent.spawn(client, number) for number in range(clients)], raise_error=True)
    return seen


if __name__ == "__main__":
    print(json.dumps(run(**json.loads(sys.stdin.readline()))))
