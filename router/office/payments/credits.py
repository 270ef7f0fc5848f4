"""Facts by which money comes in: top-ups that were paid, and deposits to an account's address."""

from __future__ import annotations

import json
from dataclasses import replace

from router.db.ids import new_id
from router.errors import Unavailable
from router.ledger.balances import balance
from router.ledger.paid.postings import post_granted, post_topup
from router.ledger.transfers import AMOUNT_MAX_NANO
from router.money.amounts import NANO, format_nano, parse_nano
from router.office.payments.booked import Booking, FactOutcome
from router.office.payments.frozen import leave_new_tier
from router.office.payments.means import note_rise, stop_automatic
from router.office.payments.rates import credit_for, minor_text, rate_nano
from router.office.payments.reversals import book_waiting
from router.office.people.notices import notify_members
from router.store.payments.topups import OPEN, TopUpRow, insert_topup
from router.store.payments.watches import find_address
from router.types.payments import (
    DepositDropped,
    DepositPaid,
    DepositSeen,
    PaymentFact,
    TopUpClosed,
    TopUpPaid,
    TopUpPending,
)

__all__ = [
    "book_closed",
    "book_deposit",
    "book_dropped",
    "book_paid",
    "book_pending",
    "book_seen",
    "end_deposit",
    "tell_failed",
]


def book_paid(booking: Booking, fact: TopUpPaid) -> FactOutcome:
    """A top-up was paid: it is credited what it was to credit, where that was paid and nothing else."""
    known = booking.known("paid", fact.reference)
    if known is not None and known.state == "booked":
        return FactOutcome("repeated", "paid", fact.reference, known.topup_id)
    row = booking.topup(fact.topup)
    if row is None:
        return booking.refuse(fact, f"there is no top-up {fact.topup[:40]!r} of this method")
    if row.is_paid:
        return booking.refuse(fact, f"{row.id} was paid before, by {row.reference}: this is a second payment", row)
    if (fact.amount, fact.currency) != (row.amount, row.currency):
        paid = minor_text(fact.amount, fact.currency, row.decimals)
        asked = minor_text(row.amount, row.currency, row.decimals)
        return booking.refuse(fact, f"{paid} was paid where {row.id} asks for {asked}", row)
    if row.reference not in ("", fact.reference):
        return booking.refuse(fact, f"{row.id} is {row.reference} with this method, not {fact.reference[:80]}", row)
    row = booking.change(row, reference=fact.reference, payment=fact.payment or row.payment)
    return _credit(booking, fact, row)


def book_pending(booking: Booking, fact: TopUpPending) -> FactOutcome:
    """A top-up is being paid."""
    row = booking.topup(fact.topup)
    if row is None:
        return booking.refuse(fact, f"there is no top-up {fact.topup[:40]!r} of this method")
    if row.state in OPEN:
        booking.change(row, state="pending", note=fact.note[:200], payment=fact.payment or row.payment)
    return FactOutcome("noted", "pending", row.reference, row.id, row.account_id)


def book_closed(booking: Booking, fact: TopUpClosed) -> FactOutcome:
    """A top-up will not be paid."""
    row = booking.topup(fact.topup)
    if row is None:
        return booking.refuse(fact, f"there is no top-up {fact.topup[:40]!r} of this method")
    if row.state in OPEN:
        booking.change(row, state=fact.state, note=fact.note[:200])
        if fact.state == "failed" or row.means_id:
            tell_failed(booking, row)
        if row.means_id:
            stop_automatic(booking, row, fact.note)
    return FactOutcome("noted", fact.state, row.reference, row.id, row.account_id)


def book_seen(booking: Booking, fact: DepositSeen) -> FactOutcome:
    """Money is on its way: a top-up that is pending, with how far it is."""
    row = booking.topup("", fact.reference)
    if row is None:
        account = _account_of(booking, fact.address)
        if account is None:
            return booking.refuse(fact, f"the address {fact.address[:100]} was given to nobody")
        row = _new_deposit(booking, fact, account)
        insert_topup(booking.connection, row)
    elif not row.is_paid:
        changes = {"confirmations": fact.confirmations, "wanted": fact.wanted, "detail": json.dumps(fact.detail)}
        booking.change(row, state="pending", note="", **changes)
    return FactOutcome("noted", "seen", fact.reference, row.id, row.account_id)


def book_dropped(booking: Booking, fact: DepositDropped) -> FactOutcome:
    """What was seen is gone."""
    row = booking.topup("", fact.reference)
    if row is not None and row.state in OPEN:
        booking.change(row, state="failed", note=fact.note[:200] or "it did not stay on the chain")
    return FactOutcome("noted", "dropped", fact.reference, row.id if row else "", row.account_id if row else "")


def book_deposit(booking: Booking, fact: DepositPaid) -> FactOutcome:
    """Money has come to an account's address, or by a code: it is credited at the rate of when it was seen first."""
    known = booking.known("paid", fact.reference)
    if known is not None and known.state == "booked":
        return FactOutcome("repeated", "paid", fact.reference, known.topup_id)
    account = _account_of(booking, fact.address)
    if account is None:
        return booking.refuse(fact, f"the address {fact.address[:100]} was given to nobody")
    row = booking.topup("", fact.reference)
    if row is None:
        row = _new_deposit(booking, fact, account)
        insert_topup(booking.connection, row)
    if row.account_id != account:
        return booking.refuse(fact, f"{row.id} is another account's", row)
    try:
        row = _priced(booking, row, fact)
    except Unavailable as error:
        booking.change(row, state="pending", note="waits for an exchange rate")
        return booking.keep(fact, "waiting", topup=row, why=error.in_full)
    if not row.credit_nano:
        booking.change(row, state="failed", note="too little to be credited")
        return booking.refuse(fact, "it is worth less than the smallest amount", row)
    return _credit(booking, fact, row)


def end_deposit(booking: Booking, fact: PaymentFact) -> TopUpRow | None:
    """The top-up of a deposit that the ledger refuses: it is waited for no longer. None for other facts."""
    row = booking.topup("", fact.reference) if isinstance(fact, DepositPaid) else None
    if row is not None and row.state in OPEN:
        row = booking.change(row, state="failed", note="it cannot be credited: ask the operator")
    return row


def tell_failed(booking: Booking, row: TopUpRow) -> None:
    """Tell the owners that a payment failed."""
    values = {"amount_nano": str(row.credit_nano)}
    notify_members(booking.transaction, booking.office, row.account_id, "payment_failed", row.id, "", values)


def _credit(booking: Booking, fact: TopUpPaid | DepositPaid, row: TopUpRow) -> FactOutcome:
    granted = fact if isinstance(fact, DepositPaid) and fact.granted else None
    paid = minor_text(row.amount, row.currency, row.decimals)
    about = (booking.connection, booking.method, row.account_id, row.credit_nano)
    if granted is not None:
        until = granted.expires_at or None
        made = post_granted(*about, reference=row.reference, reason=f"{row.id}: granted", expires_at=until)
    else:
        made = post_topup(*about, reference=row.reference, reason=f"{row.id}: {paid}")
    confirmations = {"confirmations": row.wanted} if row.wanted else {}
    row = booking.change(row, state="paid", paid_at=booking.now, note="", **confirmations)
    amount = format_nano(row.credit_nano, 2)
    told = {"topup": row.id, "paid": paid, "amount": amount, "made": made.reference}
    booking.tell("payments paid" if granted is None else "payments granted", row.account_id, **told)
    if granted is None:
        leave_new_tier(booking, row.account_id)
    note_rise(booking, row.account_id)
    has = balance(booking.transaction, row.account_id).balance
    values = {"amount_nano": str(row.credit_nano), "balance_nano": str(has)}
    notify_members(booking.transaction, booking.office, row.account_id, "topup", row.id, "", values)
    outcome = booking.keep(fact, "booked", topup=row, made=made.reference)
    book_waiting(booking, row)
    return outcome


def _account_of(booking: Booking, address: str) -> str | None:
    """Whose an address is; of a code, the account itself is told."""
    given = find_address(booking.connection, booking.method, address=address)
    if given is not None:
        return given.account
    known = booking.connection.row("SELECT id FROM accounts WHERE id = ?", (address,))
    return None if known is None else str(known["id"])


def _new_deposit(booking: Booking, fact: DepositSeen | DepositPaid, account: str) -> TopUpRow:
    """A top-up that nobody began: its rate is that of now, where there is one."""
    rate = 0
    if not (isinstance(fact, DepositPaid) and fact.usd_rate):
        try:
            rate = rate_nano(booking.office, fact.currency)
        except Unavailable:
            rate = 0
    row = TopUpRow(
        new_id("top"),
        booking.method,
        account,
        "",
        "pending",
        fact.amount,
        fact.currency,
        fact.decimals,
        rate,
        min(credit_for(fact.amount, fact.decimals, rate), AMOUNT_MAX_NANO),
        booking.now,
        booking.now,
        reference=fact.reference,
        address=fact.address if fact.address != account else "",
        detail=json.dumps(dict(fact.detail)),
    )
    if isinstance(fact, DepositSeen):
        return replace(row, confirmations=fact.confirmations, wanted=fact.wanted)
    return row


def _priced(booking: Booking, row: TopUpRow, fact: DepositPaid) -> TopUpRow:
    """The top-up with what it credits: what came in the end counts, at the rate that was frozen.

    Raises:
        Unavailable: there is no rate.
    """
    rate = row.rate_nano
    if fact.usd_rate:
        rate = parse_nano(fact.usd_rate) * rate_nano(booking.office, "USD") // NANO
    rate = rate or rate_nano(booking.office, fact.currency)
    credit = min(credit_for(fact.amount, fact.decimals, rate), AMOUNT_MAX_NANO + 1)  # which the ledger refuses in words
    charged = 0 if fact.granted else fact.amount  # nobody has paid for it, and nobody is given it back
    return booking.change(row, amount=charged, rate_nano=rate, credit_nano=credit)
