"""Repeats of a call: they wait for it within bounds, take over from the dead, and end with their client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gevent
import pytest

from router.calls.idempotency import Idempotency, Replay
from router.calls.kept_answer import AnswerRecorder
from router.db.database import Database
from router.db.journal import Journal
from router.errors import Conflict
from router.jobs.workers import Worker, leave, renew
from router.ledger.batch import LedgerBatch
from router.store.accounts import create_account
from router.store.idempotency import IdempotencySlot, finishing, look, reference_of
from router.store.keys import create_key
from router.store.migrating import migrate
from router.store.opening import open_database
from router.types.records import CallRecord, Key

pytestmark = pytest.mark.slow

NOW = 1_800_000_000.0
KEY = Key("key_2", "acct_1", idempotent=True, origin="key_1")
PLACE = IdempotencySlot("key_1", reference_of("value"))


@dataclass
class FakeClient:
    """A connection that leaves when it is told to."""

    gone: bool = False
    callbacks: list[Callable[[], None]] = field(default_factory=list)

    def watch(self, callback: Callable[[], None]) -> None:
        self.callbacks.append(callback)

    def unwatch(self) -> None:
        self.callbacks.clear()


@dataclass
class Bench:
    """Two workers on one database."""

    database: Database
    journal: Journal
    swept: list[str] = field(default_factory=list)

    def worker(self, id: str, *, wait_s: float = 5.0, **options: Any) -> Idempotency:
        self.database.write(lambda connection: renew(connection, Worker(id, "elsewhere", 1, ""), NOW))
        return Idempotency(
            self.database,
            self.journal,
            owner=id,
            max_bytes=100,
            end_dead_calls=lambda: self.swept.append(id),
            wait_s=wait_s,
            clock=lambda: NOW,
            **options,
        )

    def end(self, id: str) -> None:
        leave(self.database, Worker(id, "elsewhere", 1, ""))

    def write(self, keeping: AnswerRecorder, new: dict[str, object]) -> None:
        """Settle a call whose row has these fields."""
        for sql, params in keeping.statements(record(new)):
            self.database.write(lambda connection, sql=sql, params=params: connection.execute(sql, params))  # type: ignore[misc]

    def finish(self, request_id: str, body: bytes | None) -> None:
        statement = finishing(PLACE, request_id, 200, {"x-router-model": "m"}, body)
        self.database.write(lambda connection: connection.execute(*statement))


@pytest.fixture
def bench(database_url: str, tmp_path: Path) -> Iterator[Bench]:
    database = open_database(database_url, tmp_path, create=True)
    migrate(database)
    journal = Journal(database, LedgerBatch())
    yield Bench(database, journal)
    journal.close()
    database.close()


def enter(
    one: Idempotency, request_id: str, body: bytes = b"{}", client: FakeClient | None = None
) -> AnswerRecorder | Replay:
    return one.enter("value", KEY, "chat", body, request_id, client)


def refusal(one: Idempotency, request_id: str, body: bytes = b"{}") -> Conflict:
    with pytest.raises(Conflict) as raised:
        enter(one, request_id, body)
    return raised.value


def record(new: dict[str, object]) -> CallRecord:
    values: dict[str, object] = {
        "request_id": "req_1", "created_at": NOW, "route": "chat", "account": "acct_1", "key": "key_2", "model": "m",
        "provider": "p", "upstream_model": "m", "status": 200, "ending": "ok", "error_code": "", "streamed": False,
        "prompt_tokens": 1, "completion_tokens": 1, "cached_tokens": 0, "reasoning_tokens": 0, "estimated": False,
        "latency_ms": 1, "first_token_ms": None,
    }  # fmt: skip
    return CallRecord(**(values | new))  # type: ignore[arg-type]


def test_a_finished_call_is_answered_for_everybody(bench: Bench) -> None:
    first, second = bench.worker("wrk_1"), bench.worker("wrk_2")
    assert isinstance(enter(first, "req_1"), AnswerRecorder)
    bench.finish("req_1", b"answer")
    for worker in (first, second):
        found = enter(worker, "req_2")
        assert found == Replay(200, {"x-router-model": "m", "idempotent-replayed": "true"}, b"answer", "req_1")


def test_another_body_or_another_kind_of_call_is_refused(bench: Bench) -> None:
    worker = bench.worker("wrk_1")
    enter(worker, "req_1")
    for _ in range(2):  # while it is under way, and afterwards
        assert refusal(worker, "req_2", b"{ }").code == "idempotency_key_reused"
        with pytest.raises(Conflict, match="req_1"):
            worker.enter("value", KEY, "embeddings", b"{}", "req_2", None)
        bench.finish("req_1", b"answer")


def test_an_answer_that_was_not_kept_is_named_and_not_made_again(bench: Bench) -> None:
    worker = bench.worker("wrk_1")
    enter(worker, "req_1")
    bench.finish("req_1", None)
    error = refusal(worker, "req_2")
    assert (error.status, error.code) == (409, "idempotency_answer_not_kept")
    assert "req_1" in error.message


@pytest.mark.parametrize("owner", ["wrk_1", "wrk_2"])
def test_a_repeat_does_not_wait_for_ever(bench: Bench, owner: str) -> None:
    enter(bench.worker(owner), "req_1")
    error = refusal(bench.worker("wrk_1", wait_s=0.12), "req_2")
    assert (error.status, error.code, error.headers) == (409, "idempotency_in_progress", {"Retry-After": "5"})
    assert "req_1" in error.message
    assert not bench.swept


def test_a_repeat_is_woken_by_the_end_of_the_call_on_its_worker(bench: Bench) -> None:
    worker = bench.worker("wrk_1")
    keeping = enter(worker, "req_1")
    assert isinstance(keeping, AnswerRecorder)
    repeats = [gevent.spawn(enter, worker, f"req_{number}") for number in range(2, 5)]
    gevent.sleep(0.01)
    bench.finish("req_1", b"answer")
    keeping.over()
    assert [one.get(timeout=5).body for one in repeats] == [b"answer"] * 3


def test_when_the_call_is_refused_one_of_those_who_wait_makes_it(bench: Bench) -> None:
    worker = bench.worker("wrk_1")
    keeping = enter(worker, "req_1")
    assert isinstance(keeping, AnswerRecorder)
    repeats = [gevent.spawn(enter, worker, f"req_{number}") for number in range(2, 5)]
    gevent.sleep(0.01)
    worker.release(keeping)
    done = gevent.wait(repeats, timeout=5, count=1)
    made = [one.value for one in done if isinstance(one.value, AnswerRecorder)]
    assert len(made) == 1
    bench.finish(made[0].request_id, b"second")
    made[0].over()
    gevent.joinall(repeats, timeout=5, raise_error=True)
    assert sorted(one.value.body for one in repeats if isinstance(one.value, Replay)) == [b"second"] * 2


def test_a_dead_workers_call_is_made_again(bench: Bench) -> None:
    enter(bench.worker("wrk_1"), "req_1")
    bench.end("wrk_1")
    made = enter(bench.worker("wrk_2"), "req_2")
    assert isinstance(made, AnswerRecorder)
    found = look(bench.database, PLACE, NOW)
    assert found is not None
    assert (found.request_id, found.owner) == ("req_2", "wrk_2")


def test_what_a_dead_workers_call_holds_is_settled_first(bench: Bench) -> None:
    enter(bench.worker("wrk_1"), "req_1")
    sql = "INSERT INTO holds VALUES ('req_1', 'acct_1', 'key_1', 'wrk_1', 'm', 'chat', false, 5, '[]', 1, 2, '')"
    bench.database.write(lambda connection: connection.execute(sql))
    bench.end("wrk_1")
    assert refusal(bench.worker("wrk_2", wait_s=0.0), "req_2").code == "idempotency_in_progress"
    assert bench.swept == ["wrk_2"]


def test_who_waits_ends_with_the_client(bench: Bench) -> None:
    worker, client = bench.worker("wrk_1"), FakeClient()
    enter(worker, "req_1")
    repeat = gevent.spawn(enter, worker, "req_2", b"{}", client)
    while not client.callbacks:
        gevent.sleep(0.001)
    client.callbacks[0]()
    assert repeat.get(timeout=5).status == 499
    assert not client.callbacks


@pytest.mark.parametrize(
    ("parts", "whole", "charge_nano", "kept"),
    [
        ((b"one", b"two"), True, 5, b"onetwo"),
        ((b"one", b"two"), True, 0, b"onetwo"),
        ((b"one", b"error"), False, 5, b"oneerror"),
        ((b"x" * 101,), True, 5, None),
        ((b"x" * 60, b"y" * 60, b"z"), True, 0, None),
        ((), False, 5, None),
    ],
    ids=["whole", "free", "cut", "large", "large in parts", "charged without an answer"],
)
def test_what_is_kept(
    bench: Bench, parts: tuple[bytes, ...], whole: bool, charge_nano: int, kept: bytes | None
) -> None:
    keeping = enter(bench.worker("wrk_1"), "req_1")
    assert isinstance(keeping, AnswerRecorder)
    for part in parts:
        keeping.add(part)
    keeping.whole = whole
    keeping.headers = lambda: {"Content-Type": "t", "x-router-model": "m", "x-ratelimit-limit-requests": "1"}
    bench.write(keeping, {"charge_nano": charge_nano})
    found = look(bench.database, PLACE, NOW)
    assert found is not None
    assert (found.status, found.body) == (200, kept)
    charge = "0" if not charge_nano else "0.000000005"
    assert found.headers == {"Content-Type": "t", "x-router-model": "m", "x-router-charge": charge}


def test_a_call_that_broke_off_free_of_charge_is_forgotten(bench: Bench) -> None:
    keeping = enter(bench.worker("wrk_1"), "req_1")
    assert isinstance(keeping, AnswerRecorder)
    keeping.add(b"error")
    bench.write(keeping, {"ending": "cut"})
    assert look(bench.database, PLACE, NOW) is None


def test_no_more_is_kept_than_an_account_may_have(bench: Bench) -> None:
    """Its keys count together; above that a call is made and charged, and said to be over when it is repeated."""
    account, other = (create_account(bench.database, name).id for name in ("a", "b"))
    first, second, foreign = (create_key(bench.database, one, "k")[0].id for one in (account, account, other))

    def kept(number: int, key_id: str, account: str) -> int | None:
        """The status of a repeat, after an answer of ten bytes; each worker looks anew."""
        worker = bench.worker(f"wrk_{number}", account_bytes=20)
        key, request_id = Key(key_id, account, idempotent=True), f"req_{number}"
        keeping = worker.enter(f"value-{number}", key, "chat", b"{}", request_id, None)
        assert isinstance(keeping, AnswerRecorder)
        keeping.end(b"0123456789")
        bench.write(keeping, {"request_id": request_id, "charge_nano": 5})
        try:
            again = worker.enter(f"value-{number}", key, "chat", b"{}", "req_again", None)
        except Conflict as error:
            return None if error.code == "idempotency_answer_not_kept" else error.status
        assert isinstance(again, Replay)
        return again.status

    assert [kept(1, first, account), kept(2, second, account)] == [200, 200]
    assert [kept(3, first, account), kept(4, second, account)] == [None, None]
    assert kept(5, foreign, other) == 200


def test_where_calls_are_paid_no_free_answer_is_kept(bench: Bench) -> None:
    keeping = enter(bench.worker("wrk_1", keeps_free=False), "req_1")
    assert isinstance(keeping, AnswerRecorder)
    keeping.end(b"answer")
    bench.write(keeping, {"charge_nano": 0})
    assert look(bench.database, PLACE, NOW) is None
