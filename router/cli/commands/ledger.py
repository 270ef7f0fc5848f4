"""``router ledger``: proof that the money is all there, and the end of calls whose worker died."""

from __future__ import annotations

import click

from router.cli.support.groups import Commands
from router.cli.support.output import pairs, table
from router.cli.support.session import CommandSession, remotely
from router.cli.support.times import PAST
from router.money.amounts import format_nano
from router.office.operations import ledger as operations
from router.office.payments.books import verify_against

__all__ = ["ledger"]


@click.group(cls=Commands)
def ledger() -> None:
    """Transfers, holds and balances: whether they hold together."""


@ledger.command()
@click.option("--against", metavar="METHOD", help="Compare with what a payment method says instead; nothing is booked.")
@click.option("--since", type=PAST, default="30d", show_default=True, help="With --against: from when on.")
@remotely
def verify(session: CommandSession, against: str | None, since: float) -> int:
    """Check the whole ledger as of one moment, while it is in use; exit status 1 if a check fails."""
    if against is not None:
        return _against(session, against, since)
    value = session.run(operations.verify_books)
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


def _against(session: CommandSession, method: str, since: float) -> int:
    """The books of a payment method against what it says itself."""
    if session.remote_url:
        raise click.UsageError("--against asks the method from this machine alone: leave --remote out")
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
