"""What a crash at each line of a batch leaves: the whole batch or nothing of it, and never anything half."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from books import NOW, record

from router.db.connection import Connection
from router.db.database import Database
from router.db.journal import Operation
from router.ledger import ledger_cache
from router.ledger.batch import LedgerBatch
from router.ledger.operations import Authorize, Capture, Hold, Record, Void
from router.ledger.transfers import grant
from router.ledger.verify import check_all, verify
from router.store.accounts import create_account
from router.store.ledger_fold import fold
from router.store.opening import open_database
from router.types.claims import BALANCE, Claim, Window

pytestmark = pytest.mark.slow

_numbers = count()


class _CrashError(BaseException):
    """Nothing runs after it."""


@contextmanager
def _dies_at(line: int, *, behind: bool) -> Iterator[list[str]]:
    """Crash before the statement of this number, or right behind it; the statements that were run."""
    run: list[str] = []
    cursor: Callable[..., Any] = Connection._cursor

    def counted(connection: Connection, sql: str, params: Any) -> Any:
        if sql == "ROLLBACK":
            return cursor(connection, sql, params)
        last = len(run) == line
        if last and not behind:
            run.append(sql)
            raise _CrashError
        run.append(sql)
        found = cursor(connection, sql, params)
        if last:
            raise _CrashError
        return found

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Connection, "_cursor", counted)
        yield run


class Worker:
    """One that has three calls under way, in the log alone."""

    def __init__(self, url: str, folder: Path) -> None:
        self.database = open_database(url, folder)
        self.account = create_account(self.database, "a").id
        grant(self.database, self.account, 100, reason="r", reference=f"crash{next(_numbers)}")
        self.key = f"key_{self.account}"
        self.batch = LedgerBatch(lambda: NOW)
        self.calls = [self.take(30) for _ in range(3)]
        self.apply(*self.calls)
        assert self.tables()["held"] == [(90,)]

    def take(self, amount: int) -> Authorize:
        hold = Hold(f"req_c{next(_numbers):06}", self.account, self.key, "wrk", "m", "chat", False, NOW, NOW + 60)
        claims = [(BALANCE, Claim(BALANCE, amount)), (f"w:{self.key}", Claim(self.key, amount, 1000, Window(60.0)))]
        return Authorize(hold, claims, self.version())

    def version(self) -> int:
        sql = "SELECT value FROM meta WHERE name = 'access_version'"
        return int(self.database.read(lambda connection: connection.tuples(sql), whole=False)[0][0])

    def apply(self, *operations: Operation, again: bool = False) -> None:
        self.database.write(lambda connection: self.batch(connection, operations, again=again), behind=True)

    def operations(self) -> list[Operation]:
        """Something of everything: an end, one with a shortfall, one given back, a beginning, a call without claims."""
        first, second, _ = (take.result for take in self.calls)
        return [
            Capture(first, [20], record(first.id, self.account, 20)),
            Capture(second, [90], record(second.id, self.account, 90)),
            Void(self.calls[2]),
            self.take(5),
            Record(record(f"req_c{next(_numbers):06}", self.account)),
        ]

    def tables(self) -> dict[str, list[Any]]:
        """What there is, with the log folded in."""
        asked = {
            "held": ("SELECT held FROM balances WHERE account_id = ?", self.account),
            "spent": ("SELECT debits FROM balances WHERE account_id = ?", self.account),
            "bucket": ("SELECT used, held FROM buckets WHERE id = ?", f"w:{self.key}"),
            "holds": ("SELECT COUNT(*) FROM holds WHERE account_id = ?", self.account),
            "rows": ("SELECT charge_nano, shortfall_nano FROM usage WHERE account_id = ? ORDER BY 1", self.account),
            "moved": ("SELECT amount_nano FROM transfers WHERE debit = ? ORDER BY seq", self.account),
            "hours": ("SELECT SUM(calls) FROM usage_hours WHERE account_id = ?", self.account),
        }

        def look(connection: Connection) -> dict[str, list[Any]]:
            with connection.snapshot(temporary=True):
                fold(connection)
                return {name: connection.tuples(sql, (whose,)) for name, (sql, whose) in asked.items()}

        return self.database.read(look, whole=False)


BEFORE = {
    "held": [(90,)],
    "spent": [(0,)],
    "bucket": [(0, 90)],
    "holds": [(3,)],
    "rows": [],
    "moved": [],
    "hours": [(None,)],
}
AFTER = {
    "held": [(5,)],
    "spent": [(70,)],
    "bucket": [(110, 5)],
    "holds": [(1,)],
    "rows": [(0, 0), (20, 0), (50, 40)],
    "moved": [(20,), (50,)],
    "hours": [(3,)],
}


@pytest.mark.parametrize("in_tables", [False, True], ids=["to the log", "to the tables"])
def test_a_crash_at_any_line_leaves_the_whole_batch_or_nothing(
    database: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_tables: bool
) -> None:
    for line in count():
        for behind in (False, True):
            monkeypatch.setattr(ledger_cache, "_BEHIND_MAX", 1 if in_tables else 100)
            worker = Worker(database_url, tmp_path)
            operations = worker.operations()
            with _dies_at(line, behind=behind) as run:
                try:
                    worker.apply(*operations)
                    died = False
                except _CrashError:
                    died = True
            worker.database.close()  # with all that it knew
            worker.database, worker.batch = open_database(database_url, tmp_path), LedgerBatch(lambda: NOW)
            committed = "COMMIT" in run[: len(run) if behind else -1] or not died
            assert worker.tables() == (AFTER if committed else BEFORE), (line, behind, run)
            checks = worker.database.read(check_all, whole=False)
            assert [check for check in checks if not check.ok] == []
            worker.apply(*operations, again=True)
            assert worker.tables() == AFTER, (line, behind, run)
            assert [check for check in verify(worker.database) if not check.ok] == []
            worker.database.close()
        if not died:
            break
    assert line >= 4
    assert any("INTO ledger_log" in sql for sql in run) is not in_tables
