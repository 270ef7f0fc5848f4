"""``router ledger``: proof that the money is all there, and the end of calls whose worker died."""

from __future__ import annotations

from typing import Any

import click

from router.cli.support.groups import Commands
from router.cli.support.output import pairs, table
from router.cli.support.session import CommandSession, remotely
from router.cli.support.times import PAST
from router.office.operations import ledger as operations

__all__ = ["ledger"]


@click.group(cls=Commands)
def ledger() -> None:
    """Transfers, holds and balances: whether they hold together."""


@ledger.command()
@click.option("--against", metavar="METHOD", help="Compare with what a payment method says instead; nothing is booked.")
@click.option("--since", type=PAST, metavar="TIME", help="With --against: from when on.  [default: 30d]")
@remotely
def verify(session: CommandSession, against: str | None, since: float | None) -> int:
    """Check the whole ledger as of one moment, while it is in use; exit status 1 if a check fails."""
    value = session.run(operations.verify_books, against=against, since=since)
    if against is not None:
        return _against(session, value)
    failed = value["failed"]
    columns = {"name": "CHECK", "ok": "OK", "took_s": "SECONDS", "detail": "DETAIL"}
    session.show(value, table(value["checks"], columns, empty=""))
    if failed:
        session.note(
            f"failed: {', '.join(failed)}. Restore what is wrong from a backup, or ask for help; keep the file."
        )
    return 1 if failed else 0


@ledger.command()
@click.option(
    "--all", "everything", is_flag=True, help="Also end every call whose worker is dead, and name the others."
)
@remotely
def sweep(session: CommandSession, everything: bool) -> None:
    """End calls whose hold has expired: [billing] expired says whether they are charged.

    A running gateway does so by itself. With --all, also those of dead workers that would expire later.
    """
    value = session.run(operations.sweep_ledger, everything=everything)
    columns = {"request_id": "REQUEST", "account": "ACCOUNT", "model": "MODEL", "charge": "CHARGE"}
    session.show(value, table(value["ended"], columns, empty="No call was to be ended."))
    if value["refused"]:
        session.note(f"{len(value['refused'])} call(s) under way were left alone: their workers live.")


def _against(session: CommandSession, value: dict[str, Any]) -> int:
    """The books of a payment method against what it says itself."""
    lines = "\n".join(value["differences"]) or "Everything that it tells is booked as it tells it."
    session.show(value, f"{pairs({name: value[name] for name in ('method', 'told', 'booked', 'clearing')})}\n\n{lines}")
    return 0 if value["ok"] else 1
