"""What a journal's batches remember of one another, and what makes them read again: SQLite's rows, and PostgreSQL's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from router.db.access_version import bump_access
from router.db.connection import Connection
from router.ledger.batch import LedgerBatch
from router.ledger.operations import Authorize, Hold, Refused, StaleKey
from router.store.accounts import create_account
from router.store.migrating import migrate
from router.store.opening import open_database
from router.types.claims import BALANCE, Claim

_numbers = count()


class Worker:
    """A worker's database and its batches; ``room`` is what a bucket without a window lets in."""

    def __init__(self, url: str, account: str = "") -> None:
        self.database = open_database(url, Path("/"), create=True)
        self.account = account
        self.batch = LedgerBatch(lambda: 900_000.0)
        self.statements: list[str] = []

    def take(self, amount: int, *, room: int = 1000) -> Exception | None:
        """Claim from the balance and from a bucket; why it was refused."""
        operation = self.operation(amount, room)
        self.write(lambda connection: self.batch(connection, [operation]))
        return operation.error

    def operation(self, amount: int, room: int = 1000) -> Authorize:
        hold = Hold(f"req_{next(_numbers)}", self.account, "key", "worker", "m", "chat", False, 0.0, 1.0)
        return Authorize(hold, [(BALANCE, Claim(BALANCE, amount)), ("p:b", Claim("b", amount, room))], 1)

    def write(self, change: Callable[[Connection], object]) -> None:
        """As a journal does."""
        self.database.write(change, behind=True)

    def set(self, sql: str) -> None:
        """As anybody else."""
        self.database.write(lambda connection: connection.execute(sql))

    def money(self) -> tuple[int, int]:
        return self.database.read(lambda connection: connection.tuples("SELECT credits, held FROM balances"))[0]


@pytest.fixture
def workers(database_url: str) -> Iterator[tuple[Worker, Worker]]:
    first = Worker(database_url)
    migrate(first.database, {})
    first.account = create_account(first.database, "a").id
    first.set("UPDATE balances SET credits = 100")
    second = Worker(database_url, first.account)
    yield first, second
    for worker in (first, second):
        worker.database.close()


def test_two_workers_see_what_the_other_has_taken(workers: tuple[Worker, Worker]) -> None:
    first, second = workers
    for worker in (first, second, second, first, first, first, second, first, second, second):
        assert worker.take(10) is None
    for worker in workers:
        assert isinstance(worker.take(1), Refused)
    assert first.money() == (100, 100)


def test_a_grant_of_the_same_process_is_seen(workers: tuple[Worker, Worker]) -> None:
    first, _ = workers
    assert first.take(100) is None
    assert isinstance(first.take(1), Refused)
    first.set("UPDATE balances SET credits = credits + 5")
    assert first.take(5) is None
    assert first.money() == (105, 105)


def test_a_bucket_that_was_emptied_is_seen(workers: tuple[Worker, Worker]) -> None:
    first, second = workers
    assert first.take(1, room=1) is None
    assert isinstance(first.take(1, room=1), Refused)
    second.set("UPDATE buckets SET held = 0")
    assert first.take(1, room=1) is None


def test_what_was_rolled_back_is_forgotten(workers: tuple[Worker, Worker]) -> None:
    first, _ = workers
    assert first.take(10) is None

    def fail(connection: Connection) -> None:
        first.batch(connection, [first.operation(50)])
        raise RuntimeError

    with pytest.raises(RuntimeError):
        first.write(fail)
    assert first.money() == (100, 10)
    assert first.take(90) is None
    assert first.money() == (100, 100)


def test_after_a_rollback_a_transaction_that_changes_nothing_vouches_for_nothing(
    workers: tuple[Worker, Worker],
) -> None:
    first, _ = workers
    first.write(lambda connection: None)

    def fail(connection: Connection) -> None:
        first.batch(connection, [first.operation(50)])
        raise RuntimeError

    with pytest.raises(RuntimeError):
        first.write(fail)
    first.write(lambda connection: None)
    assert first.take(100) is None


@pytest.mark.parametrize("more", [False, True], ids=["last", "not last"])
def test_a_savepoint_that_was_undone_is_forgotten(workers: tuple[Worker, Worker], more: bool) -> None:
    first, _ = workers

    def partly(connection: Connection) -> None:
        first.batch(connection, [first.operation(10)])
        with pytest.raises(RuntimeError), connection.savepoint():
            first.batch(connection, [first.operation(20)])
            raise RuntimeError
        if more:
            first.batch(connection, [first.operation(30)])

    first.write(partly)
    held = 40 if more else 10
    assert first.money() == (100, held)
    assert first.take(100 - held) is None
    assert first.money() == (100, 100)


@pytest.mark.parametrize("elsewhere", [False, True], ids=["here", "elsewhere"])
def test_a_changed_key_is_stale_for_the_next_call(workers: tuple[Worker, Worker], elsewhere: bool) -> None:
    first, second = workers
    assert first.take(1) is None
    (second if elsewhere else first).database.write(bump_access)
    assert isinstance(first.take(1), StaleKey)


def test_a_worker_alone_reads_a_row_once(tmp_path: Path) -> None:
    worker = Worker(f"sqlite:///{tmp_path / 'router.db'}")
    migrate(worker.database, {})
    worker.account = create_account(worker.database, "a").id
    worker.set("UPDATE balances SET credits = 100")

    def watched(connection: Connection) -> None:
        connection.peewee.connection().set_trace_callback(worker.statements.append)

    worker.write(watched)
    assert worker.take(1) is None
    assert sum("FROM buckets" in sql for sql in worker.statements) == 1
    worker.statements.clear()
    assert worker.take(1) is None
    assert not [sql for sql in worker.statements if sql.startswith("SELECT")]
    worker.database.close()
