"""Clients that never stop calling, whatever happens to the gateway, and the accounts of what became of their calls."""

from __future__ import annotations

import http.client
import itertools
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import psutil
from money_wire import TOKEN, House, TestKey
from waiting import until

from router.testing import Answer, Gateway, ReceivedRequest, Script, Stream, chunks, completion, token_usage

__all__ = ["Call", "Crowd", "check_books", "clear_holds", "served", "workers"]

_BROKEN = (OSError, http.client.HTTPException)
_WORDS = 20
_PAUSE_S = 0.02


@dataclass
class Call:
    """One call, and what its client got.

    Attributes:
        number: its cap, which is also what the upstream says it used: no two calls of a crowd have the same.
        status: 0 where no head of an answer came.
        whole: the client has the answer to its last byte.
        took_s: until the answer, or the connection, ended.
    """

    number: int
    key: TestKey
    stream: bool
    status: int = 0
    whole: bool = False
    body: bytes = field(default=b"", repr=False)
    took_s: float = 0.0


def served(request: ReceivedRequest) -> Script:
    """An upstream's answer of as many tokens as the call's cap, after a moment that the cap decides."""
    body = request.json()
    usage = token_usage(1, body["max_tokens"])
    chance = random.Random(body["max_tokens"])
    if not body.get("stream"):
        return Answer(completion("ok", usage=usage), delay_s=chance.random() * 0.03)
    words = ["word "] * chance.randrange(1, _WORDS)
    return Stream(chunks(*words, usage=usage, include_usage=True), gap_s=chance.random() * 0.004)


class Crowd:
    """Calls in a row by many clients, each with a key of its own, plain and streaming mixed, until the ``with`` ends.

    Args:
        number: of the first call.
        calls_max: how many each client makes at most.
    """

    def __init__(self, house: House, *, clients: int = 8, number: int = 1, pause_s: float = 0.0) -> None:
        self.calls: list[Call] = []
        self.marker = house.plan(served)
        self.account = house.account("1000")
        self._house = house
        self._pause_s = pause_s
        self._numbers = itertools.count(number)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        keys = [house.key(self.account) for _ in range(clients)]
        self._threads = [threading.Thread(target=self._run, args=(key,), daemon=True) for key in keys]

    def wait_for(self, count: int, limit_s: float = 60.0) -> None:
        """Until so many more calls have been answered well."""
        wanted = self.answered() + count
        until(lambda: self.answered() >= wanted, f"{count} more answers", limit_s)

    def answered(self) -> int:
        """How many calls have had their whole answer."""
        return sum(call.whole for call in self.calls)

    def statuses(self) -> Counter[int]:
        """How many calls ended with each status."""
        return Counter(call.status for call in self.calls)

    def __enter__(self) -> Crowd:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, key: TestKey) -> None:
        while not self._stop.is_set():
            with self._lock:
                number = next(self._numbers)
                call = Call(number, key, stream=number % 2 == 0)
                self.calls.append(call)
            began = time.monotonic()
            try:
                self._make(call)
            except _BROKEN:
                self._stop.wait(_PAUSE_S)
            call.took_s = time.monotonic() - began
            self._stop.wait(self._pause_s)

    def _make(self, call: Call) -> None:
        body = {"max_tokens": call.number, "stream": call.stream, "tag": self.marker}
        connection = self._house.send(call.key, **body)
        try:
            response = connection.getresponse()
            call.status = response.status
            call.body = response.read()
            call.whole = call.status == 200 and (not call.stream or call.body.endswith(b"data: [DONE]\n\n"))
        finally:
            connection.close()


def clear_holds(house: House, account: str, gateway: Gateway | None = None) -> list[dict[str, Any]]:
    """`router ledger sweep --all`, which has to end every hold of the account; what it ended."""
    told = (gateway or house.gateways[0]).router("ledger", "sweep", "--all")
    assert house.holds(account) == [], told
    return list(told["ended"])


def check_books(house: House, crowd: Crowd) -> dict[int, dict[str, Any]]:
    """Hold the usage rows of a crowd against what the upstream was asked, and what the clients got.

    Returns:
        the rows of the calls that were charged, by the calls' numbers.
    """
    reached = {body["max_tokens"] for body in house.reached(crowd.marker)}
    assert len(reached) == len(house.reached(crowd.marker)), "a call reached the upstream twice"
    rows = house.usage(crowd.account)
    charged = {row["completion_tokens"]: row for row in rows if row["charge_nano"]}
    others = Counter(row["key_id"] for row in rows if not row["charge_nano"])
    assert len(charged) + others.total() == len(rows), "a call was charged twice"
    assert charged.keys() <= reached, "a call was charged that nobody served"
    unpaid: Counter[str] = Counter()
    for call in crowd.calls:
        row = charged.get(call.number)
        if row is None:
            assert not call.whole, f"a call was given away: {call}"
            unpaid[call.key.id] += call.number in reached
        else:
            assert row["key_id"] == call.key.id
            assert (row["charge_nano"], row["estimated"]) == (call.number * TOKEN, False), row
    assert unpaid <= others, "a call left no row"
    ended = {(row["ending"], row["status"]) for row in rows if not row["charge_nano"]}
    assert ended <= {("expired", 500), ("error", 503)}, ended  # or its client was told that nothing was written
    assert house.balance(crowd.account).balance == 1000 * 10**9 - sum(number * TOKEN for number in charged)
    return charged


def workers(gateway: Gateway) -> list[psutil.Process]:
    """The worker processes of a gateway."""
    return psutil.Process(gateway.pid).children()
