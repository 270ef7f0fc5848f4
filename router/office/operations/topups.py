"""What customers paid in, as operators look at it, and what they do about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from router.errors import BadRequest
from router.money.amounts import NANO, format_nano
from router.office.actor import Actor
from router.office.names import account_id
from router.office.office import Office
from router.office.operations.operation import OperationAnswer, operation
from router.office.payments import refunds as refunding
from router.office.payments import topups as office_topups
from router.office.payments.rates import minor_text
from router.office.payments.told import FactRow, facts_of_topup
from router.office.payments.topups import OPEN, TopUpRow
from router.store.accounts import get_account
from router.types.periods import iso_time

__all__ = [
    "STATES",
    "close_topup",
    "list_topups",
    "record_payment",
    "refund_topup",
    "settle_topup",
    "show_topup",
]

STATES = ("started", "pending", "paid", "part_refunded", "refunded", "disputed", "expired", "failed")
"""What a top-up may be."""

_LIMIT = 50


@operation("topups list", "payments:TopUpsForm")
def list_topups(
    office: Office,
    *,
    account: str | None = None,
    method: str | None = None,
    states: Sequence[str] | None = None,
    is_open: bool | None = None,
    limit: int | None = None,
    before: str | None = None,
) -> OperationAnswer:
    """Top-ups, newest first."""
    chosen = {*(states or ()), *(OPEN if is_open else ())}
    if unknown := sorted(chosen - set(STATES)):
        raise BadRequest(f"'state' must be of {', '.join(STATES)}, not {unknown[0][:40]!r}.", param="state")
    owner = account_id(office.database, account) if account else ""
    if owner:
        get_account(office.database, owner)
    last = office_topups.show_topup(office, "", before) if before else None
    found = office_topups.list_topups(
        office,
        account_id=owner,
        method=method or "",
        states=chosen,
        before=(last.created_at, last.id) if last is not None else None,
        limit=limit or _LIMIT,
    )
    return OperationAnswer([_line(one) for one in found])


@operation("topups show", "payments:TopUpForm")
def show_topup(office: Office, *, topup: str) -> OperationAnswer:
    """One top-up, the facts that its method told, and its refunds."""
    row = office_topups.show_topup(office, "", topup)
    facts = [_fact(one) for one in facts_of_topup(office, row.id)]
    refunds = [_refund(row, one) for one in refunding.list_refunds(office, row.id)]
    return OperationAnswer({**_whole(office, row), "facts": facts, "refunds": refunds})


@operation("topups refund", "payments:RefundTopUpForm", writes=True, once=True)
def refund_topup(
    office: Office, actor: Actor, *, topup: str, amount: int | None = None, reason: str
) -> OperationAnswer:
    """Give back a part of a top-up, in the currency that it was charged in, or all that is left of it."""
    row = office_topups.show_topup(office, "", topup)
    part = None if amount is None else _minor(amount, row)
    made = refunding.ask_refund(office, actor, office.payments, row.id, part, reason=reason)
    notes = []
    if made.state == "asked":
        why = made.problem or "no answer"
        notes = [f"{row.method} has not told of it yet: the gateway goes on asking ({why})."]
    return OperationAnswer(_refund(row, made), notes=notes)


@operation("topups settle", "payments:SettleForm", writes=True, once=True)
def settle_topup(office: Office, actor: Actor, *, topup: str, reference: str, reason: str) -> OperationAnswer:
    """Credit a top-up whose payment came and was not told of: the operator has seen the money."""
    refunding.settle_topup(office, actor, topup, reference=reference, reason=reason)
    return OperationAnswer(_whole(office, office_topups.show_topup(office, "", topup)))


@operation("topups close", "payments:TopUpForm", writes=True)
def close_topup(office: Office, actor: Actor, *, topup: str) -> OperationAnswer:
    """Close a top-up that was not paid; a payment that comes all the same is credited."""
    return OperationAnswer(_whole(office, office_topups.cancel_topup(office, actor, topup)))


@operation("topups record", "payments:RecordForm", writes=True, once=True)
def record_payment(
    office: Office, actor: Actor, *, account: str, amount: int, reference: str, reason: str
) -> OperationAnswer:
    """Credit an account a payment that the operator took in some other way, such as a bank transfer."""
    name = account_id(office.database, account)
    row = refunding.record_payment(office, actor, name, amount, reference=reference, reason=reason)
    return OperationAnswer(_whole(office, row))


def _line(row: TopUpRow) -> dict[str, Any]:
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


def _whole(office: Office, row: TopUpRow) -> dict[str, Any]:
    return {
        **_line(row),
        "currency": office.currency,
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


def _fact(one: FactRow) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "reference": one.reference,
        "state": one.state,
        "why": one.why or None,
        "transfer": one.made or None,
        "created_at": iso_time(one.created_at),
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


def _minor(amount_nano: int, row: TopUpRow) -> int:
    """An amount in the currency of a top-up, in minor units.

    Raises:
        BadRequest: it has more decimals than the currency.
    """
    scale: int = 10**row.decimals
    minor, rest = divmod(amount_nano * scale, NANO)
    if rest:
        shown = format_nano(amount_nano)
        raise BadRequest(f"{row.currency} has {row.decimals} decimals: {shown} has more.", param="amount")
    return minor
