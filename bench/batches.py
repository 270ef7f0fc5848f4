"""What a batch of the ledger costs: statements sent to the database, and Python functions run, on either engine.

A call has the claims of a prepaid account with ten limits and a budget. What the tables' own rows cost every few
batches is shared out among them.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any
from unittest.mock import patch

from bench.machine import BenchError
from bench.postgres import postgresql
from router.db.connection import Connection
from router.db.database import Database
from router.db.journal import Operation
from router.db.session import ConnectionSession
from router.ledger.batch import LedgerBatch
from router.ledger.operations import Authorize, Capture, Hold
from router.ledger.transfers import grant
from router.store.accounts import create_account
from router.store.migrating import migrate
from router.store.opening import open_database
from router.types.claims import BALANCE, Claim, Window
from router.types.records import CallRecord

__all__ = ["call_batches", "count_batches"]

_SIZE = 16
_WARM_UP, _ROUNDS = 8, 32
_AT = 1_800_000_000.0
_MINUTE, _DAY = Window(60.0), Window(86_400.0, 1_799_971_200.0)
_numbers = count()


def count_batches() -> tuple[dict[str, float], dict[str, float]]:
    """(Statements, function calls) of a batch: ``ENGINE_takes`` of 16 and ``ENGINE_settles`` of 16.

    PostgreSQL is left out where it is not installed; function calls are of SQLite alone.
    """
    statements: dict[str, float] = {}
    calls: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="guard-") as folder, ExitStack() as stack:
        urls = {"sqlite": f"sqlite:///{folder}/router.db"}
        with suppress(BenchError):
            urls["postgresql"] = stack.enter_context(postgresql(Path(folder) / "server"))
        for engine, url in urls.items():
            for name, (sent, run) in _measured(open_database(url, Path(folder), create=True)).items():
                statements[f"{engine}_{name}"] = round(sent / _ROUNDS, 2)
                if engine == "sqlite":  # how often PostgreSQL's driver has to wait is not ours
                    calls[f"{engine}_{name}"] = round(run / _ROUNDS, 1)
    return statements, calls


@contextmanager
def call_batches(database: Database) -> Iterator[Callable[[int], None]]:
    """What writes a batch of the holds of so many calls, and then one of their ends."""
    migrate(database)
    account = create_account(database, "a").id
    grant(database, account, 10**15, reason="r")
    session = ConnectionSession(database.backend, writer=True)
    batch, claims = LedgerBatch(lambda: _AT), _claims()

    def write(size: int) -> None:
        takes = [_take(account, claims) for _ in range(size)]
        session.write(lambda connection: batch(connection, [*takes]))
        ends: list[Operation] = [_settle(take.result) for take in takes]
        session.write(lambda connection: batch(connection, ends))

    yield write
    session.close()


def _measured(database: Database) -> dict[str, list[int]]:
    """Name -> statements and function calls of all rounds."""
    migrate(database)
    account = create_account(database, "a").id
    grant(database, account, 10**15, reason="r")
    session = ConnectionSession(database.backend, writer=True)
    batch = LedgerBatch(lambda: _AT)
    claims = _claims()
    found = {"takes": [0, 0], "settles": [0, 0]}

    def write(name: str, operations: list[Operation]) -> None:
        with _counting(found[name]):
            session.write(lambda connection: batch(connection, operations))

    for number in range(_WARM_UP + _ROUNDS):
        if number == _WARM_UP:
            found = {"takes": [0, 0], "settles": [0, 0]}
        takes = [_take(account, claims) for _ in range(_SIZE)]
        write("takes", [*takes])
        write("settles", [_settle(take.result) for take in takes])
    session.close()
    database.close()
    return found


@contextmanager
def _counting(found: list[int]) -> Iterator[None]:
    cursor: Callable[..., Any] = Connection._cursor

    def counted(*arguments: Any) -> Any:
        found[0] += 1
        return cursor(*arguments)

    def profile(_: FrameType, event: str, __: object) -> None:
        found[1] += event == "call"

    with patch.object(Connection, "_cursor", counted):
        before = sys.getprofile()
        sys.setprofile(profile)
        try:
            yield
        finally:
            sys.setprofile(before)


def _claims() -> tuple[tuple[str, Claim], ...]:
    windows = [(f"windows:{n}:key", Claim(f"{n}:key", 10, 10**9, _MINUTE if n % 2 else _DAY)) for n in range(10)]
    return (
        (BALANCE, Claim(BALANCE, 100)),
        ("host:budget:key", Claim("budget:key", 100, 10**12, of="key")),
        *windows,
    )


def _take(account: str, claims: tuple[tuple[str, Claim], ...]) -> Authorize:
    return Authorize(
        Hold(f"req_{next(_numbers):09}", account, "key", "wrk", "m", "chat", False, _AT, _AT + 60), claims, 1
    )


def _settle(held: Hold) -> Capture:
    row: dict[str, Any] = dict.fromkeys(("prompt_tokens", "completion_tokens", "latency_ms"), 9)
    row |= dict.fromkeys(("cached_tokens", "reasoning_tokens"), 0)
    row |= {"request_id": held.id, "account": held.account, "key": held.key, "created_at": _AT, "route": "chat"}
    row |= {"model": "m", "provider": "p", "upstream_model": "m", "status": 200, "ending": "ok", "error_code": ""}
    record = CallRecord(**row, streamed=False, estimated=False, first_token_ms=None, charge_nano=90)
    return Capture(held, [90, *[9] * 10], record)
