"""``router topups``: what customers paid in, and what an operator does about it."""

from __future__ import annotations

from typing import Any

import click

from router.cli.support.groups import Commands
from router.cli.support.output import pairs, table
from router.cli.support.references import ACCOUNT
from router.cli.support.session import CommandSession, remotely
from router.cli.support.values import AMOUNT_ARGUMENTS, amount_nano
from router.office.operations import topups as operations

__all__ = ["topups"]

_WHY = click.option("--reason", required=True, metavar="TEXT", help="Why; kept in the ledger and the audit log.")
_REFERENCE = click.option("--reference", required=True, metavar="TEXT", help="Of the payment: it is credited once.")
_STATE = click.Choice(operations.STATES)


@click.group(cls=Commands)
def topups() -> None:
    """What customers paid in, by which method, and what became of it."""


@topups.command("list")
@click.option("--account", type=ACCOUNT, help="Only this account's.")
@click.option("--method", metavar="NAME", help="Only those by this method.")
@click.option("--state", "states", type=_STATE, multiple=True, help="Only these; several times for more.")
@click.option("--open", "is_open", is_flag=True, help="Only those that may still be paid.")
@click.option("--limit", type=click.IntRange(1, 1_000), default=50, show_default=True, help="How many.")
@click.option("--before", metavar="ID", help="Only older ones than this: the next page.")
@remotely
def list_(session: CommandSession, limit: int, **chosen: Any) -> None:
    """Top-ups, newest first."""
    rows = session.run(operations.list_topups, limit=limit, **chosen)
    columns = {
        "id": "ID",
        "created_at": "TIME",
        "account": "ACCOUNT",
        "method": "METHOD",
        "state": "STATE",
        "charged": "CHARGED",
        "credit": "CREDIT",
        "refunded": "REFUNDED",
    }
    session.show(rows, table(rows, columns, empty="No top-up."))
    if len(rows) == limit:
        session.note(f"Older ones: --before {rows[-1]['id']}")


@topups.command()
@click.argument("topup")
@remotely
def show(session: CommandSession, topup: str) -> None:
    """One top-up, the facts that its method told, and its refunds."""
    value = session.run(operations.show_topup, topup=topup)
    shown = {name: part for name, part in value.items() if name not in ("facts", "refunds")}
    columns = {"kind": "FACT", "reference": "REFERENCE", "state": "STATE", "why": "WHY", "transfer": "TRANSFER"}
    text = f"{pairs(shown)}\n\n{table(value['facts'], columns, empty='The method has told nothing of it.')}"
    if value["refunds"]:
        head = {"id": "REFUND", "amount": "AMOUNT", "state": "STATE", "reference": "REFERENCE", "problem": "PROBLEM"}
        text += f"\n\n{table(value['refunds'], head, empty='')}"
    session.show(value, text)


@topups.command(context_settings=AMOUNT_ARGUMENTS)
@click.argument("topup")
@click.argument("amount", required=False)
@_WHY
@remotely
def refund(session: CommandSession, topup: str, amount: str | None, reason: str) -> None:
    """Give back TOPUP: AMOUNT of what was charged, in the currency that it was charged in, or all that is left.

    The credit is taken first: what the account has spent cannot be refunded.
    """
    part = None if amount is None else amount_nano(amount)
    _show(session, session.run(operations.refund_topup, topup=topup, amount=part, reason=reason))


@topups.command()
@click.argument("topup")
@_REFERENCE
@_WHY
@remotely
def settle(session: CommandSession, topup: str, reference: str, reason: str) -> None:
    """Credit TOPUP, whose payment came and was not told of: you have seen the money."""
    _show(session, session.run(operations.settle_topup, topup=topup, reference=reference, reason=reason))


@topups.command()
@click.argument("topup")
@remotely
def close(session: CommandSession, topup: str) -> None:
    """Close TOPUP, which was not paid. A payment that comes all the same is credited."""
    _show(session, session.run(operations.close_topup, topup=topup))


@topups.command(context_settings=AMOUNT_ARGUMENTS)
@click.argument("account", type=ACCOUNT)
@click.argument("amount")
@_REFERENCE
@_WHY
@remotely
def record(session: CommandSession, account: str, amount: str, reference: str, reason: str) -> None:
    """Credit ACCOUNT a payment of AMOUNT that you took in some other way, such as a bank transfer.

    It is paid credit, as that of any other method: `router credits grant` gives credit that nobody paid for.
    """
    nano, told = amount_nano(amount), {"reference": reference, "reason": reason}
    _show(session, session.run(operations.record_payment, account=account, amount=nano, **told))


def _show(session: CommandSession, value: dict[str, Any]) -> None:
    session.show(value, pairs(value))
