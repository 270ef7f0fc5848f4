"""Money that operators give, correct and give back, and accounts' statements."""

from __future__ import annotations

from typing import Any

from router.money.amounts import format_nano
from router.office import credits as office_credits
from router.office.actor import Actor
from router.office.credits import Posted
from router.office.names import account_id
from router.office.office import Office
from router.office.operations.operation import OperationAnswer, operation
from router.office.statements import Transfer, read_statement
from router.types.periods import iso_time

__all__ = ["adjust_credit", "grant_credit", "read_transfers", "refund_call"]

_LIMIT = 50


@operation("credits grant", "credits:GrantForm", writes=True, once=True)
def grant_credit(
    office: Office,
    actor: Actor,
    *,
    account: str,
    amount: int,
    reason: str,
    reference: str | None = None,
    currency: str | None = None,
    expires_at: float | None = None,
) -> OperationAnswer:
    """Give an account credit that nobody paid for."""
    office_credits.check_currency(office, currency)
    name = account_id(office.database, account)
    told = {"reason": reason, "reference": reference, "expires_at": expires_at}
    posted = office_credits.grant_credit(office, actor, name, amount, **told)  # type: ignore[arg-type]
    return OperationAnswer(_posted(posted))


@operation("credits adjust", "credits:AdjustForm", writes=True, once=True)
def adjust_credit(
    office: Office,
    actor: Actor,
    *,
    account: str,
    amount: int,
    reason: str,
    reference: str | None = None,
    currency: str | None = None,
) -> OperationAnswer:
    """Correct an account's balance by an amount above or below zero, never below what it has available."""
    office_credits.check_currency(office, currency)
    name = account_id(office.database, account)
    posted = office_credits.adjust_credit(office, actor, name, amount, reason=reason, reference=reference)
    return OperationAnswer(_posted(posted))


@operation("credits refund", "credits:RefundForm", writes=True, once=True)
def refund_call(
    office: Office,
    actor: Actor,
    *,
    request_id: str,
    amount: int | None = None,
    reason: str,
    currency: str | None = None,
) -> OperationAnswer:
    """Give back what a call was charged: a part of it, or all that was not refunded before."""
    office_credits.check_currency(office, currency)
    return OperationAnswer(_posted(office_credits.refund_call(office, actor, request_id, amount, reason=reason)))


@operation("credits statement", "credits:StatementForm")
def read_transfers(
    office: Office, *, account: str, limit: int | None = None, before: int | None = None
) -> OperationAnswer:
    """The transfers of an account, newest first, each with the balance that it led to."""
    name = account_id(office.database, account)
    found = read_statement(office, name, before=before, limit=limit or _LIMIT)
    return OperationAnswer([_line(one, name) for one in found])


def _posted(posted: Posted) -> dict[str, Any]:
    transfer = posted.transfer
    return {
        "transfer": transfer.reference,
        "account": posted.account,
        "kind": transfer.kind,
        "amount": format_nano(transfer.change_nano(posted.account)),
        "currency": posted.currency,
        "balance": format_nano(transfer.balance_nano),
        "available": format_nano(posted.balance.available),
        "reason": transfer.reason,
        "created_at": iso_time(transfer.created_at),
    }


def _line(transfer: Transfer, account: str) -> dict[str, Any]:
    return {
        "seq": transfer.seq,
        "created_at": iso_time(transfer.created_at),
        "kind": transfer.kind,
        "amount": format_nano(transfer.change_nano(account)),
        "balance": format_nano(transfer.balance_nano),
        "reference": transfer.reference,
        "about": transfer.about,
        "reason": transfer.reason,
    }
