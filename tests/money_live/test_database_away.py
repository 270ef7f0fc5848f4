"""A database that freezes, or restarts, under load: refusals in bounded time, nothing lost, nothing served for nothing.

Each test has a gateway of its own, and PostgreSQL a server of its own, since others share theirs.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from crash_wire import Crowd, check_books, clear_holds
from money_wire import TOKEN, House, open_house
from own_postgres import OwnServer, own_postgres
from waiting import until

from router.metering.counters import read_counters
from router.testing import Answer, Stream, chunks, completion, token_usage

pytestmark = pytest.mark.slow

CAP = 10
CLIENTS = 6
REFUSED_S = 14.0
"""A lookup and a claim have 5 s each; the rest is for a busy machine."""

SETTLED_S = 25.0
"""The same with 15 s for a settlement."""

Freezer = Callable[[], AbstractContextManager[None]]


@pytest.fixture
def sqlite_away(tmp_path: Path) -> Iterator[tuple[House, Freezer]]:
    """Another process holds the write lock."""
    path = tmp_path / "router.db"

    @contextmanager
    def locked() -> Iterator[None]:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=10)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("ROLLBACK")

    with open_house(tmp_path, f"sqlite:///{path}") as house:
        yield house, locked


@pytest.fixture(scope="module")
def own_server() -> Iterator[OwnServer]:
    with own_postgres() as server:
        yield server


@pytest.fixture(scope="module")
def postgresql_away(own_server: OwnServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, Freezer]]:
    with open_house(tmp_path_factory.mktemp("away"), own_server.url) as house:
        yield house, own_server.frozen


@pytest.fixture(params=["sqlite", "postgresql"])
def away(request: pytest.FixtureRequest) -> tuple[House, Freezer]:
    found: tuple[House, Freezer] = request.getfixturevalue(f"{request.param}_away")
    return found


class Unsettled:
    """A plain call and a stream that their upstream serves while the database is away."""

    def __init__(self, house: House) -> None:
        self.key = house.key()
        self._given = house.balance(self.key.account).credits
        self._house = house
        self._gate = threading.Event()
        usage = token_usage(1, CAP)
        words = chunks("one ", "two ", usage=usage, include_usage=True)
        plain = house.plan(Answer(completion("one two", usage=usage), hold=self._gate))
        stream = house.plan(Stream([*words[:2], self._gate, *words[2:]]))
        self._plain = house.send(self.key, tag=plain, max_tokens=CAP)
        self._stream = house.send(self.key, tag=stream, max_tokens=CAP, stream=True)
        self._begun = self._stream.getresponse()
        until(lambda: house.reached(plain))

    def serve(self) -> None:
        """Let the upstream end both."""
        self._gate.set()

    def check(self) -> None:
        """Neither client got what looks like a whole answer."""
        with contextlib.closing(self._stream), self._begun:
            told = self._begun.read()
        assert b"one " in told and b"[DONE]" not in told, told
        said = json.loads(told.split(b"data: ")[-1])["error"]["message"]
        assert "charged as soon as" in said, told
        assert not [word for word in ("SQLite", "PostgreSQL", "/", "postgres") if word in said], said
        with contextlib.closing(self._plain), self._plain.getresponse() as response:
            assert response.status == 503
            told = response.read()
            assert b"one" not in told and b"not charged" in told

    def check_charges(self) -> None:
        """When the database is back: as the clients were told. What was read is paid; what failed costs nothing."""
        rows = {bool(row["streamed"]): row for row in self._house.usage(self.key.account)}
        booked = {streamed: (row["status"], row["ending"], row["charge_nano"]) for streamed, row in rows.items()}
        assert booked == {True: (200, "cut", CAP * TOKEN), False: (503, "error", 0)}
        balance = self._house.balance(self.key.account)
        assert balance.debits - (balance.credits - self._given) == CAP * TOKEN


def test_a_database_that_freezes(away: tuple[House, Freezer]) -> None:
    house, freeze = away
    with Crowd(house, clients=CLIENTS, pause_s=0.05) as crowd:
        crowd.wait_for(20)
        served = Unsettled(house)
        with freeze():
            served.serve()
            before = crowd.answered()
            served.check()  # which is as long as a settlement is waited for
            assert crowd.answered() <= before + CLIENTS, "a call was served without a word in the books"
        crowd.wait_for(20)
    assert crowd.statuses().keys() == {200, 503}
    reached = {body["max_tokens"] for body in house.reached(crowd.marker)}
    assert max(call.took_s for call in crowd.calls if call.number not in reached) < REFUSED_S
    assert max(call.took_s for call in crowd.calls) < SETTLED_S
    served.check_charges()
    assert not read_counters(house.database).get("sweeps"), "a worker was taken for dead because the database was away"
    assert clear_holds(house, crowd.account) == []
    check_books(house, crowd)
    house.verify()


def test_a_postgresql_that_crashes_and_comes_back(
    own_server: OwnServer, postgresql_away: tuple[House, Freezer]
) -> None:
    house, _ = postgresql_away
    with Crowd(house, clients=CLIENTS) as crowd:
        for _ in range(2):
            crowd.wait_for(20)
            own_server.crash()
        crowd.wait_for(20)
    assert crowd.statuses().keys() <= {200, 503}
    assert clear_holds(house, crowd.account) == []
    check_books(house, crowd)
    house.verify()
