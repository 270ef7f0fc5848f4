"""Holds whose workers died or froze: ended by whoever looks first, once, and never while their worker lives."""

from __future__ import annotations

import contextlib
import http.client
import threading
from collections.abc import Iterator

import psutil
import pytest
from crash_wire import clear_holds
from money_plans import good
from money_wire import TOKEN, House
from waiting import until

from router.metering.counters import read_counters
from router.testing import Stream, chunks, token_usage

pytestmark = pytest.mark.slow

CAP = 10
AT_ONCE = 6
SWEPT_S = 40.0
"""Twenty seconds for a new owner of the job, ten for its period, and a third as much again for a busy machine."""


class Waiting:
    """Calls that wait for their upstream, plain ones and streams, some at each of two workers.

    Attributes:
        owners: hold -> its worker's process.
        victim: one of these processes.
    """

    def __init__(self, house: House) -> None:
        self.key = house.key()
        self._house = house
        self._marker = house.plan(good(1, CAP))
        self._gate = house.gate(self._marker)
        self._connections: list[http.client.HTTPConnection] = []
        while len(set(self.owners.values())) < 2:
            self._send_some()
        self.victim = psutil.Process(next(iter(self.owners.values())))
        self.doomed = {hold for hold, process in self.owners.items() if process == self.victim.pid}

    @property
    def owners(self) -> dict[str, int]:
        sql = "SELECT h.id, w.process FROM holds h JOIN workers w ON w.id = h.owner WHERE h.account_id = ?"
        return {row["id"]: row["process"] for row in self._house.rows(sql, self.key.account)}

    def rows(self) -> dict[str, tuple[str, int]]:
        """Request -> its ending and charge."""
        found = self._house.usage(self.key.account)
        return {row["request_id"]: (row["ending"], row["charge_nano"]) for row in found}

    def finish(self) -> set[str]:
        """Let the upstream answer; the requests that got their whole answer."""
        self._gate.set()
        answered = set()
        for connection in self._connections:
            with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
                response = connection.getresponse()
                response.read()
                assert response.status == 200
                answered.add(response.headers["x-request-id"])
        return answered

    def _send_some(self) -> None:
        for number in range(AT_ONCE):
            body = {"tag": self._marker, "max_tokens": CAP, "stream": number % 2 == 0}
            self._connections.append(self._house.send(self.key, self._house.gateways[0], **body))
        until(lambda: len(self._house.reached(self._marker)) == len(self._connections))


@pytest.fixture
def waiting(house: House) -> Iterator[Waiting]:
    calls = Waiting(house)
    yield calls
    calls.finish()


def test_sweep_all_ends_the_calls_of_the_dead_and_leaves_those_of_the_living(house: House, waiting: Waiting) -> None:
    living = waiting.owners.keys() - waiting.doomed
    waiting.victim.kill()
    until(lambda: not waiting.victim.is_running() or waiting.victim.status() == psutil.STATUS_ZOMBIE)
    told = house.gateways[0].router("ledger", "sweep", "--all")
    assert {one["request_id"] for one in told["refused"]} == living
    assert waiting.rows() == dict.fromkeys(waiting.doomed, ("expired", 0))
    assert waiting.finish() == living
    assert waiting.rows() == dict.fromkeys(waiting.doomed, ("expired", 0)) | dict.fromkeys(living, ("ok", CAP * TOKEN))
    assert house.holds(waiting.key.account) == []


def test_a_worker_that_thaws_after_its_hold_was_swept_charges_once(house: House, waiting: Waiting) -> None:
    owners, before = waiting.owners, read_counters(house.database)["late_settlements"]
    waiting.victim.suspend()
    try:
        expire(house, waiting.doomed)
        house.gateways[0].router("ledger", "sweep")
        assert waiting.rows() == dict.fromkeys(waiting.doomed, ("expired", 0))
    finally:
        waiting.victim.resume()
    assert waiting.finish() == owners.keys()
    assert waiting.rows() == dict.fromkeys(owners, ("ok", CAP * TOKEN))
    assert house.balance(waiting.key.account).debits == len(owners) * CAP * TOKEN
    assert read_counters(house.database)["late_settlements"] == before + len(waiting.doomed)
    assert clear_holds(house, waiting.key.account) == []


def expire(house: House, holds: set[str]) -> None:
    """Let time pass for some holds: they end an hour after they were taken, and no test has that."""
    marks = ", ".join("?" * len(holds))
    house.database.write(
        lambda connection: connection.execute(f"UPDATE holds SET expires_at = 1 WHERE id IN ({marks})", sorted(holds))
    )


def test_running_gateways_sweep_by_themselves(sqlite_house: House, postgresql_house: House) -> None:
    houses = (sqlite_house, postgresql_house)
    struck = [Waiting(house) for house in houses]
    for calls in struck:
        calls.victim.kill()
    for house, calls in zip(houses, struck, strict=True):
        until(lambda calls=calls: calls.rows().keys() == calls.doomed, limit_s=SWEPT_S)
        calls.finish()
        assert house.holds(calls.key.account) == []
        house.verify()


def test_what_a_dead_worker_delivered_is_charged_by_the_last_progress(house: House) -> None:
    never, key = threading.Event(), house.key()
    words = chunks(*["word"] * 40, usage=token_usage(1, 40), include_usage=True)
    try:
        connection = house.send(
            key, tag=house.plan(Stream([*words[:31], never, *words[31:]])), stream=True, max_tokens=99
        )
        until(lambda: any(held["progress"] for held in house.holds(key.account)))
        sql = "SELECT w.process FROM holds h JOIN workers w ON w.id = h.owner WHERE h.account_id = ?"
        (owner,) = house.rows(sql, key.account)
        psutil.Process(owner["process"]).kill()
        until(lambda: not psutil.pid_exists(owner["process"]))
        house.gateways[0].router("ledger", "sweep", "--all")
        (row,) = house.usage(key.account)
    finally:
        never.set()
        connection.close()
    assert (row["ending"], row["completion_tokens"], bool(row["estimated"])) == ("expired", 30, True)
    assert row["prompt_tokens"] > 0 and (row["provider"], row["upstream_model"]) == ("acme", "plain")
    assert row["charge_nano"] == 30 * TOKEN == house.balance(key.account).debits
    assert house.holds(key.account) == []
    house.verify()
