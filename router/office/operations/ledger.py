"""The ledger as a whole, as operators look at it: its proof, and the calls that nobody ended."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from router.errors import BadRequest
from router.money.amounts import format_nano
from router.office.actor import Actor
from router.office.ledger import Hold, sweep_calls, verify_ledger
from router.office.office import Office
from router.office.operations.operation import OperationAnswer, Progress, operation
from router.office.payments.books import verify_against
from router.types.periods import iso_time
from router.types.records import CallRecord

__all__ = ["sweep_ledger", "verify_books"]


_SINCE_S = 30 * 86_400.0


@operation("ledger verify", "payments:VerifyForm", long=True)
def verify_books(
    office: Office, *, against: str | None = None, since: float | None = None, progress: Progress
) -> OperationAnswer:
    """Check the whole ledger as of one moment, while it is in use; or compare it with what a payment method says."""
    if against is not None:
        progress(f"asking {against[:64]} for all that it has booked")
        return OperationAnswer(_against(office, against, office.clock() - _SINCE_S if since is None else since))
    if since is not None:
        raise BadRequest("'since' goes with 'against': the whole ledger is checked as of now.", param="since")
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


def _against(office: Office, method: str, since: float) -> dict[str, Any]:
    books = verify_against(office, office.payments, method, since)
    return {
        "ok": not books.differences,
        "method": books.method,
        "told": books.told,
        "booked": books.booked,
        "clearing": format_nano(books.clearing_nano, 2),
        "differences": list(books.differences),
    }


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
