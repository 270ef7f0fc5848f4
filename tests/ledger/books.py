"""A ledger with something of everything in it: credit, charged calls, a shortfall, a refund, calls under way."""

from __future__ import annotations

from typing import Any

from router.db.database import Database
from router.ledger.batch import LedgerBatch
from router.ledger.operations import Authorize, Capture, Hold
from router.ledger.transfers import adjust, grant, refund
from router.types.claims import BALANCE, Claim, Window
from router.types.records import CallRecord

NOW = 1_800_000_000.0
MINUTE = Window(60.0)


def record(request_id: str, account: str, charge_nano: int = 0, **changes: Any) -> CallRecord:
    """The usage row of a call that went well."""
    values: dict[str, Any] = {
        "request_id": request_id,
        "created_at": NOW,
        "route": "chat",
        "account": account,
        "key": "key_1",
        "model": "echo/echo",
        "provider": "echo",
        "upstream_model": "echo",
        "status": 200,
        "ending": "ok",
        "error_code": "",
        "streamed": False,
        "prompt_tokens": 1,
        "completion_tokens": 1,
        "cached_tokens": 0,
        "reasoning_tokens": 0,
        "estimated": False,
        "latency_ms": 1,
        "first_token_ms": None,
        "charge_nano": charge_nano,
    }
    return CallRecord(**(values | changes))


def take(
    database: Database,
    account: str,
    request_id: str,
    amount_nano: int,
    *,
    now: float = NOW,
    owner: str = "wrk_1",
    expires_at: float = NOW + 100,
) -> Hold:
    """A call begins: it holds money, a request of a minute, tokens of a minute, a budget, a place."""
    hold = Hold(request_id, account, "key_1", owner, "echo/echo", "chat", False, now, expires_at)
    claims = [
        (BALANCE, Claim(BALANCE, amount_nano)),
        ("windows:requests:key_1", Claim("requests:key_1", 1, 10**6, MINUTE)),
        ("windows:tokens:key_1", Claim("tokens:key_1", 50, 10**6, MINUTE)),
        ("host:budget:key_1", Claim("budget:key_1", amount_nano, 10**9)),
        ("windows:concurrent:key_1", Claim("concurrent:key_1", 1, 100)),
    ]
    version = database.read(lambda c: c.row("SELECT value FROM meta WHERE name = 'access_version'")) or {}
    operation = Authorize(hold, claims, version["value"])
    database.write(lambda connection: LedgerBatch(lambda: now)(connection, [operation]))
    assert operation.error is None, operation.error
    held: Hold = operation.result
    return held


def settle(database: Database, held: Hold, charge_nano: int, *, now: float = NOW) -> CallRecord:
    """The call ends, and costs this much."""
    operation = Capture(held, [1, 40, charge_nano, 0], record(held.id, held.account, charge_nano))
    database.write(lambda connection: LedgerBatch(lambda: now)(connection, [operation]))
    assert operation.error is None
    written: CallRecord = operation.result
    return written


def fill(database: Database, account: str) -> None:
    """1000 in, 150 charged, 20 refunded, a call under way that holds 30, one of a minute long over that holds 40."""
    grant(database, account, 1100, reason="credit", reference="credit")
    adjust(database, account, -100, reason="too much")
    settle(database, take(database, account, "req_1", 100), 70)
    settle(database, take(database, account, "req_2", 100), 80)
    settle(database, take(database, account, "req_free", 0), 0)
    refund(database, "req_1", 20, reason="slow")
    take(database, account, "req_old", 40, now=NOW - 300)
    take(database, account, "req_3", 30)
