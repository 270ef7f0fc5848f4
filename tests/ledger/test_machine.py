"""The ledger as a state machine: any interleaving of operations keeps its invariants, and is as the model has it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import pytest
from books import NOW, record
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from ledger_model import Call, Model

from router.db.connection import Connection
from router.db.database import Database
from router.db.journal import Operation
from router.errors import BadRequest, Conflict
from router.ledger.batch import LedgerBatch
from router.ledger.operations import Authorize, Capture, Hold, Void
from router.ledger.sweep import sweep
from router.ledger.transfers import adjust, grant, refund
from router.ledger.verify import check_all
from router.store.accounts import create_account
from router.store.ledger_fold import fold
from router.store.migrating import migrate
from router.store.opening import open_database
from router.types.claims import BALANCE, Claim, Window

pytestmark = pytest.mark.slow

AMOUNTS = st.integers(0, 20)
COMMITTED = st.sampled_from(["at once", "rolled back first", "in doubt"])
DAY_S = 86_400.0
EXPIRES_S = 100.0
_numbers = count()


class _RolledBackError(Exception):
    """A commit that did not happen."""


class LedgerMachine(RuleBasedStateMachine):
    """Two workers' batches, and everybody else's transfers and sweeps, between two accounts with a key each.

    What must hold is looked at with the log folded in, which leaves it as it is: so batches follow one another.
    """

    open: ClassVar[Callable[[], list[Database]]]

    def __init__(self) -> None:
        super().__init__()
        self.databases = self.open()
        self.database = self.databases[0]

    @initialize()
    def begin(self) -> None:
        self.model = Model(NOW)
        self.batches = [LedgerBatch(lambda: self.model.now) for _ in self.databases]
        self.worker = 0
        self.accounts = [create_account(self.database, "a").id for _ in range(2)]
        self.model.money.update(dict.fromkeys(self.accounts, 0))
        self.in_doubt: list[Operation] = []
        self._grant(self.accounts[0], 30)
        self._grant(self.accounts[1], 3)

    # Everybody else.

    @rule(seconds=st.sampled_from([0.5, 30, 59.5, 60, 60, EXPIRES_S, DAY_S]))
    def time_passes(self, seconds: float) -> None:
        self.model.now += seconds

    @rule(which=st.integers(0, 1), amount=st.integers(1, 20))
    def top_up(self, which: int, amount: int) -> None:
        """Once with one reference, whoever tries again."""
        made = self._grant(self.accounts[which], amount)
        for account in self.accounts:
            with pytest.raises(Conflict):
                grant(self.database, account, amount, reason="r", reference=made.removeprefix("grant:"))

    @rule(which=st.integers(0, 1), amount=st.integers(-20, 20).filter(bool))
    def correct(self, which: int, amount: int) -> None:
        account = self.accounts[which]
        if self.model.available(account) + amount < 0:
            with pytest.raises(BadRequest, match="available"):
                adjust(self.database, account, amount, reason="r")
        else:
            made = adjust(self.database, account, amount, reason="r")
            self.model.move(made.reference, account, amount)

    @precondition(lambda self: any(call.charge for call in self.model.calls.values()))
    @rule(data=st.data(), amount=st.none() | st.integers(1, 10))
    def give_money_back(self, data: st.DataObject, amount: int | None) -> None:
        call = data.draw(st.sampled_from([call for call in self.model.calls.values() if call.charge]))
        left = call.charge - call.refunded
        if not left or (amount or 0) > left:
            with pytest.raises(BadRequest, match="refund"):
                refund(self.database, call.held.id, amount, reason="r")
        else:
            made = refund(self.database, call.held.id, amount, reason="r")
            assert made.amount_nano == (amount or left)
            call.refunded += made.amount_nano
            self.model.move(made.reference, call.held.account, made.amount_nano)

    @rule(how=st.sampled_from(["void", "capture"]))
    def sweep(self, how: str) -> None:
        ended = sweep(self.database, self.model.now, how).ended
        wanted = self.model.sweep(how)
        assert sorted(one.request_id for one in ended) == sorted(wanted)
        if any(isinstance(one, Authorize) for one in self.in_doubt):
            self.in_doubt = []  # nobody doubts a claim for as long as it takes to expire

    # The workers.

    @rule(which=st.integers(0, 1))
    def another_writes(self, which: int) -> None:
        self.worker, self.in_doubt = which, self.in_doubt if which == self.worker else []

    @rule()
    def nothing_to_do(self) -> None:
        self._commit(self.batches[self.worker].rest)
        assert self.database.read(lambda connection: connection.tuples("SELECT * FROM ledger_log"), whole=False) == []

    @rule()
    def the_worker_dies(self) -> None:
        """What it knew is gone, what it wrote is not."""
        self.batches[self.worker] = LedgerBatch(lambda: self.model.now)

    @rule(data=st.data(), size=st.integers(1, 4), committed=COMMITTED)
    def begin_calls(self, data: st.DataObject, size: int, committed: str) -> None:
        self._write([self._take(data) for _ in range(size)], committed)

    @precondition(lambda self: self.calls("open", "swept"))
    @rule(data=st.data(), size=st.integers(1, 3), committed=COMMITTED)
    def end_calls(self, data: st.DataObject, size: int, committed: str) -> None:
        self._write(self._ends(data, size), committed)

    @rule(data=st.data(), size=st.integers(1, 3), committed=COMMITTED)
    def begin_and_end_calls(self, data: st.DataObject, size: int, committed: str) -> None:
        begins = [self._take(data) for _ in range(size)]
        ends = self._ends(data, size)
        self._write([*begins, *ends] if data.draw(st.booleans()) else [*ends, *begins], committed)

    @precondition(lambda self: self.in_doubt)
    @rule()
    def retry(self) -> None:
        """The last batch was committed, but nobody said so; meanwhile others may have written."""
        batch = self.in_doubt
        refused = [one for one in batch if one.error is not None]  # may fit by now
        written = [_money(one) for one in batch if isinstance(one, Capture)]
        self._commit(lambda connection: self.batches[self.worker](connection, batch, again=True))
        assert written == [_money(one) for one in batch if isinstance(one, Capture)]
        self._follow(refused)

    # What must hold after every step.

    @invariant()
    def the_ledger_verifies(self) -> None:
        checks = self.database.read(check_all, whole=False)
        assert [check for check in checks if not check.ok] == []

    @invariant()
    def the_tables_are_the_models(self) -> None:
        accounts, buckets = self._look(self._tables)
        assert (accounts, buckets) == self.model.tables()
        assert all(balance >= held >= 0 for balance, held in accounts.values())

    @invariant()
    def every_call_and_transfer_is_there_once(self) -> None:
        rows = self._look(self._rows)
        model = self.model
        ended = {name: call for name, call in model.calls.items() if call.state not in ("open", "given_back")}
        assert rows["holds"] == {(call.held.id, call.held.amount_nano) for call in model.open_calls()}
        assert rows["usage"] == {(name, call.charge, call.shortfall) for name, call in ended.items()}
        assert rows["transfers"] == set(model.transfers.items())

    def teardown(self) -> None:
        """Leave no call open: a sweep of the next example would end it."""
        sweep(self.database, NOW + 1000 * DAY_S, "void")
        for database in self.databases:
            database.close()

    def calls(self, *states: str) -> list[Call]:
        return [call for call in self.model.calls.values() if call.state in states]

    def _grant(self, account: str, amount: int) -> str:
        made = grant(self.database, account, amount, reason="r", reference=f"g{next(_numbers)}")
        self.model.move(made.reference, account, amount)
        return made.reference

    def _take(self, data: st.DataObject) -> Authorize:
        account = data.draw(st.sampled_from(self.accounts))
        amount = data.draw(AMOUNTS)
        key = f"key_of_{account}"
        today = self.model.now // DAY_S * DAY_S
        day = Window(DAY_S, today - data.draw(st.sampled_from([0, 0, 0, DAY_S])))  # by a clock that is behind
        claims = [
            (BALANCE, Claim(BALANCE, amount, at_least=data.draw(st.integers(0, 1)))),
            (f"windows:requests:{key}", Claim("requests", 1, 4, Window(60.0), at_once=True)),
            (f"windows:tokens:{key}", Claim("tokens", amount, 60, Window(60.0))),
            (f"windows:day:{key}", Claim("day", amount, 30, day, at_least=data.draw(st.integers(0, 1)))),
            (f"host:budget:{key}", Claim("budget", amount, 120)),
            (f"windows:concurrent:{key}", Claim("concurrent", 1, 3)),
        ]
        order = data.draw(st.permutations(claims))
        now = self.model.now
        hold = Hold(f"req_{next(_numbers):06}", account, key, "wrk_1", "m", "chat", False, now, now + EXPIRES_S)
        return Authorize(hold, order, self._version())

    def _ends(self, data: st.DataObject, most: int) -> list[Operation]:
        calls = self.calls("open", "swept")[:most]
        return [operation for call in calls for operation in self._end(data, call)]

    def _end(self, data: st.DataObject, call: Call) -> list[Operation]:
        """How a call ends, and perhaps that its caller gave up, which then means nothing."""
        held = call.held
        given_back = Authorize(held, [], 0)
        given_back.result = held
        what = data.draw(st.sampled_from(["settle", "settle", "void", "give back"]))
        if what == "give back":
            return [Void(given_back)]
        charge = 0
        if what == "settle":
            above = data.draw(st.integers(1, 20))
            charge = data.draw(st.sampled_from([held.amount_nano, held.amount_nano // 2, held.amount_nano + above]))
        amounts = [_final(taken.bucket, charge) for taken in held.taken]
        settle = Capture(held, amounts, record(held.id, held.account, charge))
        return [settle, Void(given_back)] if data.draw(st.booleans()) else [settle]

    def _write(self, batch: list[Operation], committed: str) -> None:
        rolled_back = committed == "rolled back first"
        if rolled_back:

            def fail(connection: Connection) -> None:
                self.batches[self.worker](connection, batch, again=False)
                raise _RolledBackError

            with pytest.raises(_RolledBackError):
                self._commit(fail)
        self._commit(lambda connection: self.batches[self.worker](connection, batch, again=rolled_back))
        self._follow(batch)
        self.in_doubt = batch
        if committed == "in doubt":
            self.retry()

    def _commit(self, function: Callable[[Connection], None]) -> None:
        self.databases[self.worker].write(function, behind=True)

    def _look(self, function: Callable[[Connection], Any]) -> Any:
        """Read the tables as they will be, and leave the log."""

        def look(connection: Connection) -> Any:
            with connection.snapshot(temporary=True):
                fold(connection)
                return function(connection)

        return self.database.read(look, whole=False)

    def _follow(self, batch: Sequence[Operation]) -> None:
        """The model does what the batch did, and both must agree on what came of it."""
        for operation in batch:
            if isinstance(operation, Authorize):
                call = self.model.take(operation.result or operation.hold, operation.claims)
                assert (call is None) is (operation.error is not None), operation.error
            elif isinstance(operation, Void):
                self.model.give_back(self.model.calls[operation.held.id])
            elif isinstance(operation, Capture):
                call = self.model.calls[operation.held.id]
                self.model.settle(call, operation.record.charge_nano, operation.amounts)
                assert _money(operation) == (call.charge, call.shortfall)

    def _version(self) -> int:
        row = self.database.read(lambda c: c.row("SELECT value FROM meta WHERE name = 'access_version'"), whole=False)
        return int(row["value"])

    def _tables(self, connection: Connection) -> tuple[dict[str, Any], dict[str, Any]]:
        ours = tuple(self.accounts)
        balances = connection.tuples(
            "SELECT account_id, credits - debits, held FROM balances WHERE account_id IN (?, ?)", ours
        )
        buckets = connection.tuples(
            "SELECT id, window_start, used, held FROM buckets WHERE id LIKE ? OR id LIKE ?", [f"%{one}" for one in ours]
        )
        return {row[0]: row[1:] for row in balances}, {row[0]: row[1:] for row in buckets if any(row[1:])}

    def _rows(self, connection: Connection) -> dict[str, set[tuple[Any, ...]]]:
        ours = tuple(self.accounts)
        return {
            "holds": set(connection.tuples("SELECT id, amount_nano FROM holds WHERE account_id IN (?, ?)", ours)),
            "usage": set(
                connection.tuples(
                    "SELECT request_id, charge_nano, shortfall_nano FROM usage WHERE account_id IN (?, ?)", ours
                )
            ),
            "transfers": set(
                connection.tuples(
                    "SELECT reference, amount_nano FROM transfers WHERE debit IN (?, ?) OR credit IN (?, ?)"
                    " OR reference IN (SELECT 'short:' || request_id FROM usage WHERE account_id IN (?, ?))",
                    ours * 3,
                )
            ),
        }


def _final(bucket: str, charge: int) -> int:
    """What a claim comes to in the end."""
    return {"requests": 1, "tokens": charge, "day": charge, "budget": charge, "concurrent": 0}[bucket.split(":")[1]]


def _money(operation: Capture) -> tuple[int, int] | None:
    written = operation.result
    return written and (written.charge_nano, written.shortfall_nano)


def run_machine(url: str, folder: Path, examples: int) -> None:
    """On PostgreSQL all examples share the database; of SQLite each has a copy of the migrated file."""
    migrated = open_database(url, folder, create=True)
    migrate(migrated)
    migrated.close()
    file = folder / "router.db"

    def open_next() -> list[Database]:
        if not file.exists():
            return [open_database(url, folder) for _ in range(2)]
        copy = file.with_name(f"{next(_numbers)}.db")
        copy.write_bytes(file.read_bytes())
        return [open_database(f"sqlite:///{copy}", folder) for _ in range(2)]

    LedgerMachine.open = staticmethod(open_next)
    run_state_machine_as_test(LedgerMachine, settings=settings(max_examples=examples, stateful_step_count=25))


@pytest.mark.parametrize(("engine", "examples"), [("sqlite", 100), ("postgresql", 8)])
def test_any_interleaving_keeps_the_ledgers_invariants(
    request: pytest.FixtureRequest, tmp_path: Path, engine: str, examples: int
) -> None:
    run_machine(request.getfixturevalue(f"{engine}_url"), tmp_path, examples)
