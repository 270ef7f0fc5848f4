"""Many small amounts: what they come to is exact, to the last nano-unit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from router.db.access_version import access_version
from router.db.connection import Connection
from router.db.database import Database
from router.db.journal import Operation
from router.ledger.balances import balance
from router.ledger.batch import LedgerBatch
from router.ledger.operations import Authorize, Capture, Hold
from router.ledger.transfers import grant
from router.ledger.verify import verify
from router.money.amounts import format_nano, parse_nano
from router.store.accounts import create_account
from router.store.migrating import migrate
from router.store.opening import open_database
from router.types.claims import BALANCE, Claim
from router.types.records import CallRecord

pytestmark = pytest.mark.slow

BATCH = 500
AT = 1_800_000_000.0


@pytest.fixture
def database(database_url: str, tmp_path: Path) -> Iterator[Database]:
    database = open_database(database_url, tmp_path, create=True)
    migrate(database)
    yield database
    database.close()


@pytest.mark.parametrize(
    ("calls", "amount", "granted", "left"),
    [(10_000, "0.1", "1000.000000001", "0.000000001"), (1_000, "0.0000004", "1", "0.9996")],
)
def test_the_sum_of_many_calls_is_exact(database: Database, calls: int, amount: str, granted: str, left: str) -> None:
    account = create_account(database, "Ours").id
    grant(database, account, parse_nano(granted), reason="test")
    charge = parse_nano(amount)
    for start in range(0, calls, BATCH):
        takes = [_take(database, account, f"req_{start + number}", charge) for number in range(BATCH)]
        _apply(database, takes)
        _apply(database, [Capture(take.result, [], _record(take.result, charge)) for take in takes])
    found = balance(database, account)
    assert (format_nano(found.balance), found.held) == (left, 0)
    assert found.debits == calls * charge
    sums = "SELECT COUNT(*) AS calls, SUM(charge_nano) AS nano FROM usage"
    assert database.read(lambda connection: connection.row(sums)) == {"calls": calls, "nano": calls * charge}
    assert [check for check in verify(database) if not check.ok] == []


def _take(database: Database, account: str, request_id: str, amount_nano: int) -> Authorize:
    hold = Hold(request_id, account, "key_1", "wrk_1", "acme/plain", "chat", False, AT, AT + 100)
    return Authorize(hold, [(BALANCE, Claim(BALANCE, amount_nano, refusal="balance"))], database.read(access_version))


def _apply(database: Database, operations: list[Operation]) -> None:
    def write(connection: Connection) -> None:
        LedgerBatch(lambda: AT)(connection, operations)

    database.write(write, timeout_s=20)
    assert [one.error for one in operations if one.error is not None] == []


def _record(held: Hold, charge_nano: int) -> CallRecord:
    return CallRecord(
        request_id=held.id,
        created_at=AT,
        route=held.route,
        account=held.account,
        key=held.key,
        model=held.model,
        provider="acme",
        upstream_model="plain",
        status=200,
        ending="ok",
        error_code="",
        streamed=False,
        prompt_tokens=1,
        completion_tokens=1,
        cached_tokens=0,
        reasoning_tokens=0,
        estimated=False,
        latency_ms=1,
        first_token_ms=None,
        charge_nano=charge_nano,
    )
