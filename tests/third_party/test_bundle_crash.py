"""Workers that die between the claims of a call and its settlement, where a claim has an alternative: two calls are
free, the others are paid from the balance. Whatever was taken is given back or settled, once, and as what it was.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from router.db.database import Database
from router.ledger.balances import balance
from router.ledger.transfers import grant
from router.money.amounts import NANO
from router.store.accounts import create_account
from router.store.keys import create_key
from router.store.opening import open_database
from router.testing import (
    Answer,
    Gateway,
    ReceivedRequest,
    Script,
    ScriptedUpstream,
    Stream,
    chunks,
    completion,
    token_usage,
)

pytestmark = pytest.mark.slow

FREE, TOKENS, PRICE = 2, 10, 2_000
"""Calls that are free; tokens that each of them makes; nano-USD a token of output. Input costs nothing."""
CREDIT = 5
_WAIT_S = 30.0


class Booth:
    """A gateway whose calls are free first, and paid then, and an upstream that waits for a word.

    Attributes:
        go_on: what the upstream waits for.
        slow: how many chunks of a stream come before that.
    """

    def __init__(self, gateway: Gateway, upstream: ScriptedUpstream, database: Database) -> None:
        self.gateway, self.upstream, self.database = gateway, upstream, database
        self.go_on = threading.Event()
        self.account = create_account(database, "buyer").id
        grant(database, self.account, CREDIT * NANO, reason="test")
        self.key = create_key(database, self.account, "test", idempotent=True)[1]
        upstream.on("/v1/chat/completions", self._answer)

    def send(self, *, stream: bool, once: str = "") -> http.client.HTTPConnection:
        """A call that is not waited for."""
        body = {"model": "open/x", "messages": [{"role": "user", "content": "Hi"}], "stream": stream, "max_tokens": 50}
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        headers |= {"Idempotency-Key": once} if once else {}
        connection = http.client.HTTPConnection("127.0.0.1", self.gateway.port, timeout=_WAIT_S)
        connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
        return connection

    def call(self, *, stream: bool = False, once: str = "") -> int:
        """A whole call's status."""
        with contextlib.closing(self.send(stream=stream, once=once)) as connection:
            response = connection.getresponse()
            response.read()
            return response.status

    def rows(self, sql: str, *params: object) -> list[dict[str, Any]]:
        return self.database.read(lambda connection: connection.rows(sql, params))

    @property
    def usage(self) -> list[dict[str, Any]]:
        return self.rows("SELECT * FROM usage WHERE account_id = ? ORDER BY created_at", self.account)

    @property
    def holds(self) -> list[dict[str, Any]]:
        return self.rows("SELECT * FROM holds WHERE account_id = ?", self.account)

    @property
    def free(self) -> tuple[int, int]:
        """Free calls: used, held."""
        found = self.rows("SELECT used, held FROM buckets WHERE id LIKE ?", f"%free:{self.account}")
        return (found[0]["used"], found[0]["held"]) if found else (0, 0)

    @property
    def spent(self) -> int:
        """Nano-USD that have left the account."""
        found = balance(self.database, self.account)
        return CREDIT * NANO - found.balance

    @property
    def held(self) -> int:
        return balance(self.database, self.account).held

    def verify(self) -> None:
        told = self.gateway.router("ledger", "verify")
        assert told["ok"], told

    def wait(self, true: Callable[[], object]) -> None:
        self.upstream.wait_for(true, _WAIT_S)

    def _answer(self, request: ReceivedRequest) -> Script:
        usage = token_usage(1, TOKENS)
        if not request.json().get("stream"):
            return Answer(completion("ok", usage=usage), hold=self.go_on)
        made = chunks(*["word "] * 8, usage=usage, include_usage=True)
        return Stream([*made[:5], self.go_on, *made[5:]])


def config(**billing: Any) -> dict[str, Any]:
    return {
        "server": {"workers": 2},
        "gateway": {"billing": ["bundle"]},
        "billing": billing,
        "plugins": {"strict": True},
        "prices": {"open/x": {"input": "0", "output": "2"}},
    }


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'router.db'}"
    found: str = request.getfixturevalue("postgresql_url")
    return found


@contextlib.contextmanager
def opened(folder: Path, url: str, env: dict[str, str], **billing: Any) -> Iterator[Booth]:
    with ScriptedUpstream() as upstream:
        sections = {"open": {"kind": "compatible", "base_url": upstream.url, "api_key": "k", "unlisted": True}}
        env = {**env, "ROUTER__DATABASE__URL": url}
        with Gateway(folder, providers=sections, config=config(**billing), env=env, workers=2) as gateway:
            database = open_database(url, folder)
            booth = Booth(gateway, upstream, database)
            try:
                yield booth
            finally:
                booth.go_on.set()
                database.close()


@pytest.mark.parametrize("rule", ["void", "capture"])
@pytest.mark.parametrize("noted", [False, True], ids=["at once", "after a while"])
def test_killed_between_claim_and_settlement(
    tmp_path: Path, url: str, site: Callable[..., dict[str, str]], rule: str, noted: bool
) -> None:
    with opened(tmp_path, url, site("bundle"), expired=rule) as booth:
        sent = [booth.send(stream=number % 2 == 0) for number in range(5)]
        booth.wait(lambda: len(booth.upstream.requests) == 5 and booth.free == (0, FREE))
        assert len(booth.holds) == 5 and booth.held == 3 * 50 * PRICE
        if noted:  # what was said so far is known
            booth.wait(lambda: all(row["progress"] for row in booth.holds))
        told_of = {row["id"]: json.loads(row["progress"] or "[0, [0]]")[:2] for row in booth.holds}
        booth.gateway.kill()
        for connection in sent:
            connection.close()
        booth.go_on.set()
        booth.gateway.start()
        told = booth.gateway.router("ledger", "sweep", "--all")
        assert told["refused"] == [] and len({one["request_id"] for one in told["ended"]}) == len(told["ended"])
        booth.wait(lambda: not booth.holds)
        assert booth.held == 0 and booth.free[1] == 0
        rows = booth.usage
        assert len(rows) == 5 and {row["ending"] for row in rows} == {"expired"}
        assert booth.spent == sum(row["charge_nano"] for row in rows)
        if rule == "capture":
            assert sorted(row["charge_nano"] for row in rows) == [0] * FREE + [50 * PRICE] * 3
        else:
            assert {row["request_id"]: row["charge_nano"] for row in rows} == {
                id: told[0] for id, told in told_of.items()
            }
            assert booth.free[0] == sum(sum(told[1]) for told in told_of.values()) == (FREE if noted else 0)
            assert (booth.spent > 0) is noted
        booth.verify()
        before, free = booth.spent, booth.free[0]
        assert [booth.call() for _ in range(3)] == [200] * 3
        assert booth.free == (FREE, 0)
        assert booth.spent - before == (3 - (FREE - free)) * TOKENS * PRICE
        assert booth.gateway.router("ledger", "sweep", "--all")["ended"] == []
        booth.verify()


def test_a_worker_that_dies_leaves_the_calls_of_the_other(
    tmp_path: Path, url: str, site: Callable[..., dict[str, str]]
) -> None:
    with opened(tmp_path, url, site("bundle")) as booth:
        sent: list[http.client.HTTPConnection] = []
        sql = "SELECT h.id, w.process FROM holds h JOIN workers w ON w.id = h.owner"

        def all_reached() -> bool:
            return len(booth.upstream.requests) == len(sent) == len(booth.holds)

        while len({row["process"] for row in booth.rows(sql)}) < 2:
            sent += [booth.send(stream=number % 2 == 0) for number in range(4)]
            booth.wait(all_reached)
        owners = {row["id"]: row["process"] for row in booth.rows(sql)}
        victim = psutil.Process(owners[min(owners)])
        doomed = {id for id, process in owners.items() if process == victim.pid}
        victim.kill()
        booth.wait(lambda: not victim.is_running() or victim.status() == psutil.STATUS_ZOMBIE)
        told = booth.gateway.router("ledger", "sweep", "--all")
        assert {one["request_id"] for one in told["ended"]} == doomed
        booth.go_on.set()
        good = 0
        for connection in sent:
            with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
                response = connection.getresponse()
                response.read()
                good += response.status == 200
        booth.wait(lambda: len(booth.usage) == len(sent) and not booth.holds)
        rows = booth.usage
        endings = Counter(row["ending"] for row in rows)
        assert endings == {"ok": len(sent) - len(doomed), "expired": len(doomed)} and good == endings["ok"]
        free = [row for row in rows if row["ending"] == "ok" and not row["charge_nano"]]
        assert len(free) <= booth.free[0] <= FREE and booth.free[1] == 0
        assert booth.spent == sum(row["charge_nano"] for row in rows) >= (good - len(free)) * TOKENS * PRICE
        booth.verify()


def test_a_repeat_of_a_call_that_died_is_charged_once(
    tmp_path: Path, url: str, site: Callable[..., dict[str, str]]
) -> None:
    with opened(tmp_path, url, site("bundle")) as booth:
        sent = [booth.send(stream=False, once=f"order-{number}") for number in range(4)]
        booth.wait(lambda: len(booth.upstream.requests) == 4)
        booth.gateway.kill()
        for connection in sent:
            connection.close()
        booth.go_on.set()
        booth.gateway.start()
        for _ in range(2):
            assert [booth.call(once=f"order-{number}") for number in range(4)] == [200] * 4
        rows = booth.usage
        assert Counter(row["ending"] for row in rows) == {"expired": 4, "ok": 4}
        assert booth.free == (FREE, 0) and booth.holds == []
        assert booth.spent == 2 * TOKENS * PRICE == sum(row["charge_nano"] for row in rows)
        booth.verify()


@pytest.mark.parametrize("seed", range(3))
def test_blows_at_any_moment_lose_no_money(
    tmp_path: Path, url: str, site: Callable[..., dict[str, str]], seed: int
) -> None:
    """Clients call without a pause, and workers die."""
    chance = random.Random(seed)
    with opened(tmp_path, url, site("bundle")) as booth:
        booth.go_on.set()
        stop, good = threading.Event(), Counter[int]()

        def run(number: int) -> None:
            while not stop.is_set():
                with contextlib.suppress(OSError, http.client.HTTPException):
                    good[number] += booth.call(stream=number % 2 == 0) == 200

        threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(2):
            before = good.total()
            booth.wait(lambda before=before: good.total() > before + 5)
            time.sleep(chance.random() * 0.05)  # any moment is as good as any other
            chance.choice(psutil.Process(booth.gateway.pid).children()).kill()
        before = good.total()
        booth.wait(lambda: good.total() > before + 5)
        stop.set()
        for thread in threads:
            thread.join()
        booth.wait(lambda: booth.gateway.router("ledger", "sweep", "--all")["refused"] == [])
        rows = booth.usage
        assert booth.holds == [] and booth.held == 0
        assert len({row["request_id"] for row in rows}) == len(rows) >= len(booth.upstream.requests)
        free = [row for row in rows if row["ending"] in ("ok", "disconnect") and not row["charge_nano"]]
        assert booth.free == (len(free), 0) and len(free) <= FREE
        assert {row["charge_nano"] for row in rows} <= {0, TOKENS * PRICE}
        assert booth.spent == sum(row["charge_nano"] for row in rows) >= (good.total() - FREE) * TOKENS * PRICE
        booth.verify()
