"""``router credits``: money that operators give, correct and give back."""

from __future__ import annotations

from typing import Any

import click

from router.cli.support.groups import Commands
from router.cli.support.output import pairs, table
from router.cli.support.references import ACCOUNT
from router.cli.support.session import CommandSession, remotely
from router.cli.support.times import FUTURE
from router.cli.support.values import AMOUNT_ARGUMENTS, amount_nano, signed_amount_nano
from router.office.operations import credits as operations

__all__ = ["credits"]

_REASON = click.option("--reason", required=True, metavar="TEXT", help="Why; kept in the ledger and the audit log.")
_REFERENCE = click.option(
    "--reference", metavar="TEXT", help="Makes it happen once: a second one with the same text is refused."
)
_CURRENCY = click.option(
    "--currency", metavar="CODE", help="Refused unless it is that of [gateway] currency: a safeguard for scripts."
)


@click.group(cls=Commands)
def credits() -> None:
    """Money that accounts are given, and their statements."""


@credits.command(context_settings=AMOUNT_ARGUMENTS)
@click.argument("account", type=ACCOUNT)
@click.argument("amount")
@_REASON
@_REFERENCE
@_CURRENCY
@click.option("--expires", type=FUTURE, metavar="TIME", help="What is left then is taken back: 30d, or 2027-01-31.")
@remotely
def grant(
    session: CommandSession,
    account: str,
    amount: str,
    reason: str,
    reference: str | None,
    currency: str | None,
    expires: float | None,
) -> None:
    """Give ACCOUNT credit of AMOUNT, such as 2.50, that nobody paid for.

    What was paid for is recorded with `router topups record`.
    """
    nano = amount_nano(amount)
    terms = {"reason": reason, "reference": reference, "currency": currency, "expires_at": expires}
    _show(session, session.run(operations.grant_credit, account=account, amount=nano, **terms))


@credits.command(context_settings=AMOUNT_ARGUMENTS)
@click.argument("account", type=ACCOUNT)
@click.argument("amount")
@_REASON
@_REFERENCE
@_CURRENCY
@remotely
def adjust(
    session: CommandSession, account: str, amount: str, reason: str, reference: str | None, currency: str | None
) -> None:
    """Correct the balance of ACCOUNT by AMOUNT, such as 2.50 or -2.50. Never below what it has available."""
    nano = signed_amount_nano(amount)
    terms = {"reason": reason, "reference": reference, "currency": currency}
    _show(session, session.run(operations.adjust_credit, account=account, amount=nano, **terms))


@credits.command(context_settings=AMOUNT_ARGUMENTS)
@click.argument("request_id")
@click.argument("amount", required=False)
@_REASON
@_CURRENCY
@remotely
def refund(session: CommandSession, request_id: str, amount: str | None, reason: str, currency: str | None) -> None:
    """Give back what the call REQUEST_ID was charged: AMOUNT of it, or all that was not refunded before.

    Budgets and spending limits are not given back: they count what was spent.
    """
    part = None if amount is None else amount_nano(amount)
    terms = {"reason": reason, "currency": currency}
    _show(session, session.run(operations.refund_call, request_id=request_id, amount=part, **terms))


@credits.command()
@click.argument("account", type=ACCOUNT)
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many transfers.")
@click.option("--before", type=click.IntRange(1), metavar="SEQ", help="Only older ones than this: the next page.")
@remotely
def statement(session: CommandSession, account: str, limit: int, before: int | None) -> None:
    """The transfers of ACCOUNT, newest first, each with the balance that it led to."""
    rows = session.run(operations.read_transfers, account=account, limit=limit, before=before)
    columns = {
        "seq": "SEQ",
        "created_at": "TIME",
        "kind": "KIND",
        "amount": "AMOUNT",
        "balance": "BALANCE",
        "reference": "REFERENCE",
        "reason": "REASON",
    }
    session.show(rows, table(rows, columns, empty="No transfer: give credit with `router credits grant`."))
    if len(rows) == limit:
        session.note(f"Older ones: --before {rows[-1]['seq']}")


def _show(session: CommandSession, posted: dict[str, Any]) -> None:
    session.show(posted, pairs(posted))
