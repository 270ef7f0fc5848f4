"""Calls over sockets of their own: sent without waiting, and what came back."""

from __future__ import annotations

import contextlib
import http.client
import json
import select
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["WAIT_S", "Answered", "TestKey", "Volley", "send_chat", "statuses", "whole"]

WAIT_S = 20.0


@dataclass(frozen=True)
class TestKey:
    """A key: its ID, its text, and whose it is."""

    __test__ = False

    id: str
    text: str = field(repr=False)
    account: str = ""


@dataclass(frozen=True)
class Answered:
    """A whole response. Header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def request_id(self) -> str:
        return self.headers["x-request-id"]

    @property
    def error(self) -> dict[str, Any]:
        """The error object of a refused call."""
        found = json.loads(self.body)["error"]
        assert isinstance(found, dict)
        return found


class Volley:
    """Calls under way: all sent, and the upstream held until ``finish``.

    Attributes:
        marker: what the upstream knows these calls by.
    """

    def __init__(
        self,
        marker: str,
        connections: Sequence[http.client.HTTPConnection],
        gate: threading.Event,
        reached: Callable[[str], list[dict[str, Any]]],
    ) -> None:
        self.marker = marker
        self._connections = connections
        self._gate = gate
        self._reached = reached

    @property
    def reached(self) -> list[dict[str, Any]]:
        """What the upstream was sent of these calls."""
        return self._reached(self.marker)

    def wait(self, *, answered: int, reached: int) -> Volley:
        """Until so many calls have been answered, and so many have reached the upstream."""
        wanted, deadline = (answered, reached), time.monotonic() + WAIT_S
        while (now := (self._answered(), len(self.reached))) != wanted:
            hopeless = now[0] > answered or now[1] > reached or time.monotonic() > deadline
            assert not hopeless, f"(answered, reached) is {now}, not {wanted}"
            time.sleep(0.005)
        return self

    def finish(self) -> list[Answered]:
        """Let the upstream answer; all answers, in the order of the calls."""
        self._gate.set()
        return [whole(connection) for connection in self._connections]

    def _answered(self) -> int:
        poll = select.poll()
        for connection in self._connections:
            poll.register(connection.sock, select.POLLIN)
        return len(poll.poll(0))


def statuses(answers: Sequence[Answered]) -> Counter[int]:
    """How many answers have each status."""
    return Counter(answer.status for answer in answers)


def send_chat(connection: http.client.HTTPConnection, key: TestKey, body: Mapping[str, Any]) -> None:
    """Send one chat call."""
    headers = {"Authorization": f"Bearer {key.text}", "Content-Type": "application/json"}
    connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)


def whole(connection: http.client.HTTPConnection) -> Answered:
    """The answer, read to its end."""
    with contextlib.closing(connection), connection.getresponse() as response:
        body = response.read()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answered(response.status, headers, body)
