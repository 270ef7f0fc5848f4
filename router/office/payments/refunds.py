"""Refunds that the operator asks for, and payments that the operator books by hand.

A refund is taken from the account first, in one transaction with its row; then the method is asked, under the refund's
ID, until it has said what became of it. What it refuses is given back.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from router.db.connection import Connection
from router.db.ids import check_name, new_id
from router.db.transaction import Transaction
from router.errors import BadRequest, Conflict, NotFound, RouterError
from router.ledger.transfers import AMOUNT_MAX_NANO
from router.money.amounts import NANO, format_nano
from router.office.actor import Actor
from router.office.audit import Change, write
from router.office.office import Office
from router.office.payments.booked import Booking, FactOutcome
from router.office.payments.booking import book_facts
from router.office.payments.credits import book_paid
from router.office.payments.methods import PaymentMethods
from router.office.payments.rates import minor_text
from router.office.payments.reversals import refused_ask, take_refund
from router.office.payments.topups import TopUpQuote, new_topup, show_topup, view_of
from router.store.accounts import get_account
from router.store.payments import refunds as rows
from router.store.payments.facts import find_fact
from router.store.payments.refunds import RefundRow
from router.store.payments.topups import TopUpRow, find_topup, insert_topup
from router.types.payments import DepositPaid, Refund, TopUpPaid

__all__ = [
    "MANUAL",
    "RefundRow",
    "ask_refund",
    "list_refunds",
    "push_refunds",
    "record_payment",
    "refundable",
    "settle_topup",
]

MANUAL = "manual"
"""The method of payments that the operator took in some other way."""

_AT_ONCE = 100
_ASKED_S = 20.0
_REASON_MAX = 300
_log = logging.getLogger("router.payments")


def refundable(row: TopUpRow) -> int:
    """What of a top-up can be refunded yet, in minor units."""
    return row.amount - row.refunded if row.is_paid and not row.disputed_nano else 0


def ask_refund(
    office: Office,
    actor: Actor,
    methods: PaymentMethods,
    topup_id: str,
    amount: int | None = None,
    *,
    reason: str,
    left: int | None = None,
) -> RefundRow:
    """Give back a part of a top-up, or all that is left of it.

    Args:
        amount: in minor units of what was charged; None for all.
        left: what could be refunded when it was decided, so that a form that is sent twice takes it once; None for
            whatever is left.

    Raises:
        NotFound: there is no such top-up.
        BadRequest: so much cannot be refunded, the account has spent it, or the method refuses it.
        Conflict: the method gives nothing back, or ``left`` is no longer what can be refunded.
    """
    row = show_topup(office, "", topup_id)
    if row.method != MANUAL and not methods.has(row.method, "payment_refund"):
        raise Conflict(
            f"{row.method} gives nothing back by itself: send it in some other way, and take the credit with "
            "`router credits adjust`.",
            code="method_cannot",
        )
    reason = check_name(reason, "a reason", longest=_REASON_MAX)
    asked = _take(office, actor, row.id, amount, reason, left)
    if row.method == MANUAL:
        book_facts(office, MANUAL, [Refund(f"manual:{asked.id}", topup=row.id, amount=asked.amount, asked=asked.id)])
    else:
        _push(office, methods, asked)
    found = office.database.read(lambda connection: rows.find_refund(connection, asked.id)) or asked
    if found.state == "failed":
        raise BadRequest(f"{row.method} refuses the refund: {found.problem}", code="refund_refused")
    return found


def push_refunds(office: Office, methods: PaymentMethods) -> int:
    """Ask methods for the refunds that they have not told of yet; how many there were. One that was asked for a moment
    ago is being asked for by whoever took it.
    """
    asked = rows.asked_refunds(office.database, office.clock() - _ASKED_S, _AT_ONCE)
    for refund in asked:
        _push(office, methods, refund)
    return len(asked)


def list_refunds(office: Office, topup_id: str) -> list[RefundRow]:
    """The refunds of a top-up that were asked for here, oldest first."""
    return office.database.read(lambda connection: rows.refunds_of(connection, topup_id))


def settle_topup(office: Office, actor: Actor, topup_id: str, *, reference: str, reason: str) -> FactOutcome:
    """Credit a top-up whose payment came without the method telling of it: the operator has seen the money.

    A deposit that its method told of and that was not credited is credited as it was told: what was granted stays
    granted, and expires when it would have.

    Raises:
        NotFound: there is no such top-up.
        Conflict: it was paid before, or another one has the reference.
        BadRequest: a text is none.
    """
    row = show_topup(office, "", topup_id)
    reference = check_name(reference, "a reference", longest=100)
    note = check_name(reason, "a reason", longest=_REASON_MAX)
    if row.is_paid:
        raise Conflict(f"{row.id} was paid before ({row.reference}).", code="topup_paid")

    def tell(transaction: Transaction) -> Change[None]:
        return Change(None, row.account_id, {"topup": row.id, "reference": reference, "reason": note})

    write(office, actor, "topups settle", tell)
    told = office.database.read(lambda connection: _told_deposit(connection, row))
    paid = TopUpPaid(row.reference or f"settled:{reference}", row.id, row.amount, row.currency)
    [outcome] = book_facts(office, row.method, [told or paid])
    if outcome.state != "booked":
        raise Conflict(f"{row.id} was not credited: {outcome.why or outcome.state}.", code="topup_not_settled")
    return outcome


def _told_deposit(connection: Connection, row: TopUpRow) -> DepositPaid | None:
    """The deposit that a top-up stands for, as its method told it; None where it is none, or was not told of."""
    kept = find_fact(connection, row.method, "paid", row.reference) if row.reference else None
    if kept is None or kept.topup_id != row.id or "address" not in kept.body:
        return None
    return DepositPaid(**kept.body)


def record_payment(
    office: Office, actor: Actor, account_id: str, amount_nano: int, *, reference: str, reason: str
) -> TopUpRow:
    """Credit a payment that the operator took in some other way (a bank transfer, cash), as paid credit.

    Args:
        reference: of the payment: it is credited once.

    Raises:
        NotFound: there is no such account.
        BadRequest: the amount or a text is none.
        Conflict: a payment of this reference was credited before.
    """
    reference = check_name(reference, "a reference", longest=100)
    note = check_name(reason, "a reason", longest=_REASON_MAX)
    if not 0 < amount_nano <= AMOUNT_MAX_NANO:
        raise BadRequest(f"The amount must be from 0.000000001 to {format_nano(AMOUNT_MAX_NANO)}.", param="amount")
    currency = office.currency

    def record(transaction: Transaction) -> Change[TopUpRow]:
        connection = transaction.connection
        get_account(transaction, account_id)
        booking = Booking(office, transaction, MANUAL, office.clock())
        if booking.topup("", reference) is not None:
            raise Conflict(f"A payment {reference!r} was credited before.", code="reference_used")
        row = new_topup(office, account_id, MANUAL, TopUpQuote(amount_nano, amount_nano, currency, 9, 0, NANO))
        insert_topup(connection, row)
        book_paid(booking, TopUpPaid(reference, row.id, amount_nano, currency))
        booking.write_entries(actor)
        detail = {"topup": row.id, "amount": format_nano(amount_nano, 2), "reference": reference, "reason": note}
        return Change(find_topup(connection, row.id) or row, account_id, detail)

    return write(office, actor, "topups record", record)


def _take(
    office: Office, actor: Actor, topup_id: str, amount: int | None, reason: str, expected: int | None
) -> RefundRow:
    """Take the credit, and keep that it was taken."""

    def take(transaction: Transaction) -> Change[RefundRow]:
        connection, now = transaction.connection, office.clock()
        row = find_topup(connection, topup_id, lock=True)
        if row is None:
            raise NotFound(f"There is no top-up {topup_id[:40]!r}.", code="topup_not_found")
        left = refundable(row)
        if expected is not None and left != expected:
            raise Conflict("Something was refunded meanwhile: open this page anew, and look.", code="refund_stale")
        wanted = left if amount is None else amount
        if not 0 < wanted <= left:
            most = minor_text(left, row.currency, row.decimals)
            raise BadRequest(f"Of {row.id}, {most} can be refunded.", code="refund_above_payment", param="amount")
        refund = RefundRow(new_id("rfd"), row.id, wanted, "asked", "", reason, "", now, now)
        booking = Booking(office, transaction, row.method, now)
        why = f"{row.id}: {minor_text(wanted, row.currency, row.decimals)} refunded"
        take_refund(booking, row, wanted, reference=refund.id, reason=why, cover=False)
        rows.insert_refund(connection, refund)
        booking.write_entries(actor)
        return Change(refund, row.account_id, {"topup": row.id, "refund": refund.id, "reason": reason})

    return write(office, actor, "topups refund", take)


def _push(office: Office, methods: PaymentMethods, refund: RefundRow) -> None:
    row = show_topup(office, "", refund.topup_id)
    try:
        facts = list(
            methods.ask(row.method, "payment_refund", topup=view_of(office, row), amount=refund.amount, asked=refund.id)
        )
    except BadRequest as error:  # and nothing else: whoever was asked before may have given it back
        failed = Refund(refused_ask(refund.id), topup=row.id, amount=refund.amount, asked=refund.id, failed=True)
        book_facts(office, row.method, [failed])
        _note(office, refund.id, error.message)
        return
    except RouterError as error:
        _log.warning("The refund %s of %s could not be asked for: %s", refund.id, row.id, error.in_full)
        _note(office, refund.id, error.message)
        return
    book_facts(office, row.method, facts)


def _note(office: Office, refund_id: str, problem: str) -> None:
    def note(transaction: Transaction) -> None:
        row = rows.find_refund(transaction.connection, refund_id)
        if row is not None and row.state != "done":
            rows.update_refund(transaction.connection, replace(row, problem=problem[:300], changed_at=office.clock()))

    office.database.write(lambda connection: note(Transaction(connection, office.database.place)))
