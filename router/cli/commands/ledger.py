"""``router ledger``: proof that the money is all there, and the end of calls whose worker died."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from router.cli.support.groups import Commands
from router.cli.support.output import iso_time, pairs, table
from router.cli.support.session import CommandSession, common
from router.cli.support.times import PAST
from router.money.amounts import format_nano
from router.office.ledger import Hold, sweep_calls, verify_ledger
from router.office.payments.books import verify_against
from router.types.records import CallRecord

__all__ = ["ledger"]


@click.group(cls=Commands)
def ledger() -> None:
    """Transfers, holds and balances: whether they hold together."""


@ledger.command()
@click.option("--against", metavar="METHOD", help="Compare with what a payment method says instead; nothing is booked.")
@click.option("--since", type=PAST, default="30d", show_default=True, help="With --against: from when on.")
@common
def verify(session: CommandSession, against: str | None, since: float) -> int:
    """Check the whole ledger as of one moment, while it is in use; exit status 1 if a check fails."""
    if against is not None:
        return _against(session, against, since)
    checks = verify_ledger(session.office, progress=lambda name: session.progress(f"checking {name}"))
    rows = [{**asdict(check), "took_s": round(check.took_s, 3)} for check in checks]
    failed = [check.name for check in checks if not check.ok]
    columns = {"name": "CHECK", "ok": "OK", "took_s": "SECONDS", "detail": "DETAIL"}
    session.show({"ok": not failed, "checks": rows, "failed": failed}, table(rows, columns, empty=""))
    if failed:
        session.note(
            f"failed: {', '.join(failed)}. Restore what is wrong from a backup, or ask for help; keep the file."
        )
    return 1 if failed else 0


@ledger.command()
@click.option(
    "--all", "everything", is_flag=True, help="Also end every call whose worker is dead, and name the others."
)
@common
def sweep(session: CommandSession, everything: bool) -> None:
    """End calls whose hold has expired: [billing] expired says whether they are charged.

    A running gateway does so by itself. With --all, also those of dead workers that would expire later.
    """
    swept = sweep_calls(session.office, session.actor, everything=everything)
    ended = [_ended(record) for record in swept.ended]
    refused = [_refused(held) for held in swept.refused]
    columns = {"request_id": "REQUEST", "account": "ACCOUNT", "model": "MODEL", "charge": "CHARGE"}
    session.show({"ended": ended, "refused": refused}, table(ended, columns, empty="No call was to be ended."))
    if refused:
        session.note(f"{len(refused)} call(s) under way were left alone: their workers live.")


def _against(session: CommandSession, method: str, since: float) -> int:
    """The books of a payment method against what it says itself."""
    session.progress(f"asking {method} for all that it has booked")
    books = verify_against(session.office, session.assembly.payments, method, since)
    value = {
        "ok": not books.differences,
        "method": books.method,
        "told": books.told,
        "booked": books.booked,
        "clearing": format_nano(books.clearing_nano, 2),
        "differences": list(books.differences),
    }
    lines = "\n".join(books.differences) or "Everything that it tells is booked as it tells it."
    session.show(value, f"{pairs({name: value[name] for name in ('method', 'told', 'booked', 'clearing')})}\n\n{lines}")
    return 1 if books.differences else 0


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
