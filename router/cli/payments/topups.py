"""``router topups``: what customers paid in, and what an operator does about it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import click

from router.cli.support.groups import Commands
from router.cli.support.output import iso_time, pairs, table
from router.cli.support.references import ACCOUNT
from router.cli.support.session import CommandSession, common
from router.cli.support.values import AMOUNT_ARGUMENTS, amount_nano
from router.errors import BadRequest
from router.money.amounts import format_nano
from router.office.payments import refunds as refunding
from router.office.payments import topups as office
from router.office.payments.rates import minor_text
from router.office.payments.told import facts_of_topup
from router.office.payments.topups import OPEN, TopUpRow

__all__ = ["topups"]

_STATES = ("started", "pending", "paid", "part_refunded", "refunded", "disputed", "expired", "failed")
_WHY = click.option("--reason", required=True, metavar="TEXT", help="Why; kept in the ledger and the audit log.")
_REFERENCE = click.option("--reference", required=True, metavar="TEXT", help="Of the payment: it is credited once.")


@click.group(cls=Commands)
def topups() -> None:
    """What customers paid in, by which method, and what became of it."""


@topups.command("list")
@click.option("--account", type=ACCOUNT, default="", help="Only this account's.")
@click.option("--method", default="", metavar="NAME", help="Only those by this method.")
@click.option(
    "--state", "states", type=click.Choice(_STATES), multiple=True, help="Only these; several times for more."
)
@click.option("--open", "is_open", is_flag=True, help="Only those that may still be paid.")
@click.option("--limit", type=click.IntRange(1, 1_000), default=50, show_default=True, help="How many.")
@click.option("--before", default="", metavar="ID", help="Only older ones than this: the next page.")
@common
def list_(
    session: CommandSession,
    account: str,
    method: str,
    states: tuple[str, ...],
    is_open: bool,
    limit: int,
    before: str,
) -> None:
    """Top-ups, newest first."""
    place = None
    if before:
        last = office.show_topup(session.office, "", before)
        place = (last.created_at, last.id)
    chosen = {*states, *(OPEN if is_open else ())}
    found = office.list_topups(
        session.office, account_id=account, method=method, states=chosen, before=place, limit=limit
    )
    rows = [_line(session, one) for one in found]
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
@common
def show(session: CommandSession, topup: str) -> None:
    """One top-up, the facts that its method told, and its refunds."""
    row = office.show_topup(session.office, "", topup)
    value = _whole(session, row)
    facts = [
        {
            "kind": one.kind,
            "reference": one.reference,
            "state": one.state,
            "why": one.why or None,
            "transfer": one.made or None,
            "created_at": iso_time(one.created_at),
        }
        for one in facts_of_topup(session.office, row.id)
    ]
    given_back = [_refund(row, one) for one in refunding.list_refunds(session.office, row.id)]
    columns = {"kind": "FACT", "reference": "REFERENCE", "state": "STATE", "why": "WHY", "transfer": "TRANSFER"}
    text = f"{pairs(value)}\n\n{table(facts, columns, empty='The method has told nothing of it.')}"
    if given_back:
        head = {"id": "REFUND", "amount": "AMOUNT", "state": "STATE", "reference": "REFERENCE", "problem": "PROBLEM"}
        text += f"\n\n{table(given_back, head, empty='')}"
    session.show({**value, "facts": facts, "refunds": given_back}, text)


@topups.command(context_settings=AMOUNT_ARGUMENTS)
@click.argument("topup")
@click.argument("amount", required=False)
@_WHY
@common
def refund(session: CommandSession, topup: str, amount: str | None, reason: str) -> None:
    """Give back TOPUP: AMOUNT of what was charged, in the currency that it was charged in, or all that is left.

    The credit is taken first: what the account has spent cannot be refunded.
    """
    row = office.show_topup(session.office, "", topup)
    part = None if amount is None else _minor(amount, row)
    made = refunding.ask_refund(session.office, session.actor, session.assembly.payments, row.id, part, reason=reason)
    session.show(_refund(row, made), pairs(_refund(row, made)))
    if made.state == "asked":
        session.note(
            f"{row.method} has not told of it yet: the gateway goes on asking ({made.problem or 'no answer'})."
        )


@topups.command()
@click.argument("topup")
@_REFERENCE
@_WHY
@common
def settle(session: CommandSession, topup: str, reference: str, reason: str) -> None:
    """Credit TOPUP, whose payment came and was not told of: you have seen the money."""
    refunding.settle_topup(session.office, session.actor, topup, reference=reference, reason=reason)
    value = _whole(session, office.show_topup(session.office, "", topup))
    session.show(value, pairs(value))


@topups.command()
@click.argument("topup")
@common
def close(session: CommandSession, topup: str) -> None:
    """Close TOPUP, which was not paid. A payment that comes all the same is credited."""
    value = _whole(session, office.cancel_topup(session.office, session.actor, topup))
    session.show(value, pairs(value))


@topups.command(context_settings=AMOUNT_ARGUMENTS)
@click.argument("account", type=ACCOUNT)
@click.argument("amount")
@_REFERENCE
@_WHY
@common
def record(session: CommandSession, account: str, amount: str, reference: str, reason: str) -> None:
    """Credit ACCOUNT a payment of AMOUNT that you took in some other way, such as a bank transfer.

    It is paid credit, as that of any other method: `router credits grant` gives credit that nobody paid for.
    """
    row = refunding.record_payment(
        session.office, session.actor, account, amount_nano(amount), reference=reference, reason=reason
    )
    session.show(_whole(session, row), pairs(_whole(session, row)))


def _line(session: CommandSession, row: TopUpRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "created_at": iso_time(row.created_at),
        "account": row.account_id,
        "method": row.method,
        "state": row.state,
        "charged": minor_text(row.amount, row.currency, row.decimals),
        "credit": format_nano(row.credit_nano, 2),
        "refunded": minor_text(row.refunded, row.currency, row.decimals) if row.refunded else None,
    }


def _whole(session: CommandSession, row: TopUpRow) -> dict[str, Any]:
    return {
        **_line(session, row),
        "currency": session.office.currency,
        "rate": format_nano(row.rate_nano),
        "person": row.person_id or None,
        "reference": row.reference or None,
        "payment": row.payment or None,
        "address": row.address or None,
        "confirmations": f"{row.confirmations} of {row.wanted}" if row.wanted else None,
        "automatic": bool(row.means_id),
        "disputed": format_nano(row.disputed_nano, 2) if row.disputed_nano else None,
        "note": row.note or None,
        "paid_at": iso_time(row.paid_at) if row.paid_at else None,
        "expires_at": iso_time(row.expires_at) if row.expires_at else None,
    }


def _refund(row: TopUpRow, one: refunding.RefundRow) -> dict[str, Any]:
    return {
        "id": one.id,
        "topup": one.topup_id,
        "amount": minor_text(one.amount, row.currency, row.decimals),
        "state": one.state,
        "reference": one.reference or None,
        "reason": one.reason,
        "problem": one.problem or None,
        "created_at": iso_time(one.created_at),
    }


def _minor(text: str, row: TopUpRow) -> int:
    """An amount in the currency of a top-up, in minor units.

    Raises:
        BadRequest: it is none, or has more decimals than the currency.
    """
    amount_nano(text)  # refuses what is no amount, in the words of all commands
    minor = Decimal(text.strip()) * 10**row.decimals
    if minor != int(minor):
        raise BadRequest(f"{row.currency} has {row.decimals} decimals: {text} has more.", param="amount")
    return int(minor)
