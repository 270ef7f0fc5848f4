"""The sweep: ends calls whose worker died, or lost them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from router.db.bulk import select_in
from router.db.connection import Connection
from router.db.transaction import Runner
from router.jobs.workers import dead_owners
from router.ledger.batch import SWEPT, LedgerBatch
from router.ledger.operations import HOLD_COLUMNS, Capture, Hold
from router.ledger.progress import Told
from router.metering.tallies import add_counters
from router.types.records import CallRecord

__all__ = ["CODE", "Swept", "sweep"]

CODE = "call_expired"
"""The ``error_code`` of a swept call's usage row."""

_BATCH = 200
_BUDGET = "host:budget:"
_SELECT = f"SELECT {HOLD_COLUMNS} FROM holds"  # noqa: S608 - constant text


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep did.

    Attributes:
        ended: the usage rows of the calls that it ended.
        refused: calls under way that it left alone, because their workers live; looked for only with ``everything``.
    """

    ended: list[CallRecord] = field(default_factory=list)
    refused: list[Hold] = field(default_factory=list)


def sweep(database: Runner, now: float, rule: str, *, everything: bool = False) -> Swept:
    """End every call whose hold has expired, each exactly once, whoever else sweeps or settles at the same time.

    Args:
        now: Unix seconds.
        rule: ``void`` charges what a call is known to have used, by its last progress, and gives back the rest of what
            it held; ``capture`` charges all of it ([billing] expired).
        everything: also end every call whose worker is dead, whenever its hold would expire.

    Raises:
        ValueError: there is no such rule.
        StoreError: the database failed; what was ended before stays so.
    """
    if rule not in ("void", "capture"):
        raise ValueError(f"there is no rule {rule!r} for expired calls")
    dead = dead_owners(database, now) if everything else set()
    swept = Swept()
    after = ""
    while True:
        batch = _next_batch(database, after)
        if not batch:
            return swept
        after = batch[-1].id
        due = [held for held in batch if _expired(held, now) or held.owner in dead]
        if due:
            swept.ended.extend(_end(database, due, now, rule))
        if everything:
            swept.refused.extend(held for held in batch if held not in due)


def _expired(held: Hold, now: float) -> bool:
    """Whether a hold has expired, or was taken by a clock that was further ahead than the hold lasts."""
    return held.expires_at <= now or 0 < held.expires_at - held.created_at < held.created_at - now


def _next_batch(database: Runner, after: str) -> list[Hold]:
    sql = f"{_SELECT} WHERE id > ? ORDER BY id LIMIT ?"
    return [Hold.of(row) for row in database.read(lambda connection: connection.tuples(sql, (after, _BATCH)))]


def _end(database: Runner, due: Sequence[Hold], now: float, rule: str) -> list[CallRecord]:
    """End calls; those that somebody else ended meanwhile are left out."""

    def write(connection: Connection) -> list[CallRecord]:
        noted = dict(select_in(connection, "holds", "id, progress", "id", [held.id for held in due]))
        operations = [_settle(held, now, rule, noted.get(held.id, "")) for held in due]
        LedgerBatch(lambda: now)(connection, operations)
        ended = [operation.result for operation in operations if operation.result is not None]
        if ended:
            add_counters(connection, {"sweeps": len(ended)})
        return ended

    return database.write(write)


def _settle(held: Hold, now: float, rule: str, noted: str) -> Capture:
    """The end of a call. What is known to be used is charged, whatever the rule says of the rest of a hold.

    Args:
        noted: its last progress; empty where there is none.
    """
    told = Told.of(noted)
    if rule == "void" and told is not None and len(told.amounts) == len(held.taken):
        record = told.over(_record(held, now, told.charge_nano))
        return Capture(held, told.amounts, replace(record, reported={SWEPT: list(told.amounts)}), late=False)
    capture = rule == "capture"
    amounts = [taken.amount if capture and _lasts(taken.bucket, taken.window_start) else 0 for taken in held.taken]
    record = _record(held, now, held.amount_nano if capture else 0)
    return Capture(held, amounts, replace(record, reported={SWEPT: amounts}), late=False)


def _lasts(bucket: str, window_start: int) -> bool:
    """Whether a bucket keeps what was used. One without a window counts calls in flight only, unless it is a budget."""
    return bool(window_start) or bucket.startswith(_BUDGET)


def _record(held: Hold, now: float, charge_nano: int) -> CallRecord:
    return CallRecord(
        request_id=held.id,
        created_at=held.created_at,
        route=held.route,
        account=held.account,
        key=held.key,
        model=held.model,
        provider="",
        upstream_model="",
        status=500,
        ending="expired",
        error_code=CODE,
        streamed=held.streamed,
        prompt_tokens=0,
        completion_tokens=0,
        cached_tokens=0,
        reasoning_tokens=0,
        estimated=charge_nano > 0,
        latency_ms=max(0, round((now - held.created_at) * 1000)),
        first_token_ms=None,
        charge_nano=charge_nano,
    )
