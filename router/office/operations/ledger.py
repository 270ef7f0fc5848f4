"""The ledger as a whole, as operators look at it: its proof, and the calls that nobody ended."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from router.money.amounts import format_nano
from router.office.actor import Actor
from router.office.ledger import Hold, sweep_calls, verify_ledger
from router.office.office import Office
from router.office.operations.operation import OperationAnswer, Progress, operation
from router.types.periods import iso_time
from router.types.records import CallRecord

__all__ = ["sweep_ledger", "verify_books"]


@operation("ledger verify", "form:NothingForm", long=True)
def verify_books(office: Office, *, progress: Progress) -> OperationAnswer:
    """Check the whole ledger as of one moment, while it is in use."""
    checks = verify_ledger(office, progress=lambda name: progress(f"checking {name}"))
    rows = [{**asdict(check), "took_s": round(check.took_s, 3)} for check in checks]
    failed = [check.name for check in checks if not check.ok]
    return OperationAnswer({"ok": not failed, "checks": rows, "failed": failed})


@operation("ledger sweep", "record:SweepForm", writes=True)
def sweep_ledger(office: Office, actor: Actor, *, everything: bool | None = None) -> OperationAnswer:
    """End calls whose hold has expired; with everything, also those of dead workers that would expire later."""
    swept = sweep_calls(office, actor, everything=bool(everything))
    refused = [_refused(held) for held in swept.refused]
    return OperationAnswer({"ended": [_ended(record) for record in swept.ended], "refused": refused})


def _ended(record: CallRecord) -> dict[str, Any]:
    return {
        "request_id": record.request_id,
        "account": record.account,
        "key": record.key,
        "model": record.model,
        "created_at": iso_time(record.created_at),
        "charge": format_nano(record.charge_nano),
    }


def _refused(held: Hold) -> dict[str, Any]:
    return {
        "request_id": held.id,
        "account": held.account,
        "key": held.key,
        "model": held.model,
        "created_at": iso_time(held.created_at),
        "expires_at": iso_time(held.expires_at),
        "worker": held.owner,
        "held": format_nano(held.amount_nano),
    }
