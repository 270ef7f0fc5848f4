"""Facts by which money goes back: refunds and disputes. What is told before its payment waits for that."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from router.ledger.paid.postings import (
    post_dispute,
    post_dispute_return,
    post_refund_undone,
    post_topup_refund,
    topup_reference,
)
from router.money.amounts import format_nano
from router.office.payments.booked import Booking, FactOutcome, kind_of
from router.office.payments.frozen import freeze_account, thaw_account
from router.office.payments.rates import minor_text
from router.office.people.notices import notify_members
from router.store.payments.facts import facts_of, waiting_facts
from router.store.payments.refunds import RefundRow, find_refund, refunds_of, update_refund
from router.store.payments.topups import TopUpRow
from router.types.payments import Dispute, Refund

__all__ = [
    "book_dispute",
    "book_refund",
    "book_waiting",
    "give_refund_back",
    "refused_ask",
    "state_of",
    "take_refund",
]


def book_refund(booking: Booking, fact: Refund) -> FactOutcome:
    """Money went back to who paid, or did not after all."""
    kind = kind_of(fact)
    known = booking.known(kind, fact.reference)
    if known is not None and known.state == "booked":
        return FactOutcome("repeated", kind, fact.reference, known.topup_id)
    asked = find_refund(booking.connection, fact.asked) if fact.asked else None
    row = booking.topup(asked.topup_id if asked else fact.topup, fact.payment)
    if row is None or not row.is_paid:
        return booking.keep(fact, "waiting", topup=row, why="its payment was not told yet")
    if fact.currency and fact.currency != row.currency:
        return booking.refuse(fact, f"it is in {fact.currency}, {row.id} in {row.currency}", row)
    if asked is not None:
        return _asked(booking, fact, row, asked)
    if fact.failed:
        return _undone(booking, fact, row)
    return _refunded(booking, fact, row)


def book_dispute(booking: Booking, fact: Dispute) -> FactOutcome:
    """A step of a dispute: freezing, taking, giving back, ending."""
    kind = kind_of(fact)
    known = booking.known(kind, fact.reference)
    if known is not None and known.state == "booked":
        return FactOutcome("repeated", kind, fact.reference, known.topup_id)
    row = booking.topup(fact.topup, fact.payment)
    if row is None or not row.is_paid:
        return booking.keep(fact, "waiting", topup=row, why="its payment was not told yet")
    if fact.currency and fact.currency != row.currency:
        return booking.refuse(fact, f"it is in {fact.currency}, {row.id} in {row.currency}", row)
    withdrawn = booking.known("dispute_withdrawn", fact.reference)
    if fact.stage == "reinstated" and (withdrawn is None or withdrawn.state != "booked"):
        return booking.keep(fact, "waiting", topup=row, why="the money was not told to be withdrawn yet")
    made = _STAGES[fact.stage](booking, fact, row)
    outcome = booking.keep(fact, "booked", topup=row, made=made)
    returned = booking.known("dispute_reinstated", fact.reference)
    if fact.stage == "withdrawn" and returned is not None and returned.state == "waiting":
        book_dispute(booking, Dispute(**returned.body))
    return outcome


def book_waiting(booking: Booking, row: TopUpRow) -> None:
    """What was told of a payment before the payment itself."""
    references = (row.reference, row.payment)
    for waiting in waiting_facts(booking.connection, booking.method, row.id, references):
        if waiting.kind.startswith("dispute_"):
            book_dispute(booking, Dispute(**waiting.body))
        else:
            book_refund(booking, Refund(**waiting.body))


def take_refund(
    booking: Booking, row: TopUpRow, amount: int, *, reference: str, reason: str, cover: bool
) -> tuple[TopUpRow, str]:
    """Take a part of a top-up from its account, and give the top-up as it is then, and the transfer.

    Args:
        amount: in minor units.
        reference: names the refund.
        cover: as in ``post_topup_refund``.

    Raises:
        BadRequest: the account does not have it.
    """
    refunded = min(row.refunded + amount, row.amount)
    taken = _share(row, refunded) - row.refunded_nano
    changes: dict[str, Any] = {"refunded": refunded, "refunded_nano": row.refunded_nano + taken}
    if not taken:
        return booking.change(row, **changes), ""
    made = post_topup_refund(
        booking.connection,
        booking.method,
        row.account_id,
        taken,
        reference=reference,
        topup=topup_reference(booking.method, row.reference),
        reason=reason,
        cover=cover,
    )
    row = booking.change(row, **changes)
    row = booking.change(row, state=state_of(row))
    amount_text = format_nano(taken, 2)
    booking.tell("payments refund", row.account_id, topup=row.id, amount=amount_text, made=made.reference)
    values = {"amount_nano": str(taken)}
    notify_members(booking.transaction, booking.office, row.account_id, "refund", made.reference, "", values)
    return row, made.reference


def give_refund_back(booking: Booking, row: TopUpRow, amount: int, *, reference: str) -> tuple[TopUpRow, str]:
    """Give an account back what was taken for a refund that did not work out; as ``take_refund``."""
    refunded = max(0, row.refunded - amount)
    back = row.refunded_nano - _share(row, refunded)
    made = post_refund_undone(
        booking.connection,
        booking.method,
        row.account_id,
        back,
        reference=reference,
        reason=f"{row.id}: the refund did not work out",
    )
    row = booking.change(row, refunded=refunded, refunded_nano=row.refunded_nano - back)
    row = booking.change(row, state=state_of(row), told_total=min(row.told_total, refunded))
    told = {"topup": row.id, "amount": format_nano(back, 2), "made": made.reference}
    booking.tell("payments refund_undone", row.account_id, **told)
    return row, made.reference


def refused_ask(refund_id: str) -> str:
    """The reference under which it is booked that a method would not make a refund that it was asked for."""
    return f"refused:{refund_id}"


def state_of(row: TopUpRow) -> str:
    """The state of a top-up that was paid, by what was taken of it since."""
    if row.disputed_nano:
        return "disputed"
    if row.refunded >= row.amount:
        return "refunded"
    return "part_refunded" if row.refunded else "paid"


def _asked(booking: Booking, fact: Refund, row: TopUpRow, asked: RefundRow) -> FactOutcome:
    """What became of a refund that the operator asked for: what it takes was taken then. One that was taken for
    refused, and given back, is taken once more where the method tells that it was made after all.
    """
    if asked.state == "done" and fact.reference == refused_ask(asked.id):  # asked once more, of what was made by then
        return FactOutcome("noted", kind_of(fact), fact.reference, row.id, row.account_id)
    made, fact = "", replace(fact, amount=asked.amount)
    failed = fact.failed or booking.known("refund_failed", fact.reference) is not None
    if failed and asked.state != "failed":
        earlier = booking.known("refund", fact.reference)
        by = fact.reference if earlier is not None and earlier.made else asked.id
        row, made = give_refund_back(booking, row, asked.amount, reference=by)
    if not failed and asked.state == "failed":
        why = f"{row.id}: refunded, although it was said to be refused"
        row, made = take_refund(booking, row, asked.amount, reference=fact.reference, reason=why, cover=True)
    state = "failed" if failed else "done"
    problem = "the method says that it did not work out" if fact.failed else ""
    told = replace(asked, state=state, reference=fact.reference, problem=problem, changed_at=booking.now)
    update_refund(booking.connection, told)
    return booking.keep(fact, "booked", topup=row, made=made)


def _undone(booking: Booking, fact: Refund, row: TopUpRow) -> FactOutcome:
    """A refund that nobody asked for here did not work out."""
    earlier = booking.known("refund", fact.reference)
    if earlier is None or earlier.state != "booked":
        return booking.keep(fact, "booked", topup=row, why="it took nothing")
    row, made = give_refund_back(booking, row, earlier.amount, reference=fact.reference)
    return booking.keep(fact, "booked", topup=row, made=made)


def _refunded(booking: Booking, fact: Refund, row: TopUpRow) -> FactOutcome:
    """A refund that was made at the method. It may be told twice, by its amount and by what all of them came to: the
    larger of the two is what is taken.
    """
    if booking.known("refund_failed", fact.reference) is not None:
        return booking.keep(fact, "booked", topup=row, why="it did not work out, as was told before")
    named = _named(booking, row) + fact.amount
    total = max(row.told_total, fact.total)
    row = booking.change(row, told_total=total)
    more = min(max(named, total), row.amount) - row.refunded
    made = ""
    if more > 0:
        reason = f"{row.id}: {minor_text(more, row.currency, row.decimals)} refunded"
        row, made = take_refund(booking, row, more, reference=fact.reference, reason=reason, cover=True)
    return booking.keep(fact, "booked", topup=row, made=made)


def _named(booking: Booking, row: TopUpRow) -> int:
    """What the refunds of a top-up come to that were told by their amount, or asked for here, and did not fail."""
    told = facts_of(booking.connection, row.id, "refund")
    failed = {one.reference for one in facts_of(booking.connection, row.id, "refund_failed")}
    by_facts = sum(one.amount for one in told if one.state == "booked" and one.reference not in failed)
    known = {one.reference for one in told}
    asked = refunds_of(booking.connection, row.id)
    return by_facts + sum(one.amount for one in asked if one.state != "failed" and one.reference not in known)


def _share(row: TopUpRow, refunded: int) -> int:
    """What a refunded part was credited, in nano-units: all of it for all of it."""
    return row.credit_nano * refunded // row.amount if row.amount else 0


def _opened(booking: Booking, fact: Dispute, row: TopUpRow) -> str:
    if booking.known("dispute_won", fact.reference) is None:  # it may be told late
        freeze_account(booking, row, fact.reference)
    return ""


def _withdrawn(booking: Booking, fact: Dispute, row: TopUpRow) -> str:
    _opened(booking, fact, row)
    amount = min(fact.amount or row.amount, row.amount)
    nano = min(_share(row, amount), row.credit_nano - row.disputed_nano)
    if nano <= 0:
        return ""
    made = post_dispute(
        booking.connection,
        booking.method,
        row.account_id,
        nano,
        reference=fact.reference,
        topup=topup_reference(booking.method, row.reference),
        reason=f"{row.id}: disputed by who paid",
    )
    booking.change(row, state="disputed", disputed_nano=row.disputed_nano + nano)
    told = {"topup": row.id, "amount": format_nano(nano, 2), "made": made.reference}
    booking.tell("payments dispute", row.account_id, **told)
    return made.reference


def _reinstated(booking: Booking, fact: Dispute, row: TopUpRow) -> str:
    taken = booking.known("dispute_withdrawn", fact.reference)
    nano = min(_share(row, taken.amount or row.amount), row.disputed_nano) if taken is not None and taken.made else 0
    if not nano:
        return ""
    made = post_dispute_return(
        booking.connection,
        booking.method,
        row.account_id,
        nano,
        reference=fact.reference,
        reason=f"{row.id}: the dispute gave it back",
    )
    row = booking.change(row, disputed_nano=row.disputed_nano - nano)
    booking.change(row, state=state_of(row))
    told = {"topup": row.id, "amount": format_nano(nano, 2), "made": made.reference}
    booking.tell("payments dispute_return", row.account_id, **told)
    return made.reference


def _won(booking: Booking, fact: Dispute, row: TopUpRow) -> str:
    thaw_account(booking, row, fact.reference)
    return ""


def _lost(booking: Booking, fact: Dispute, row: TopUpRow) -> str:
    """The account stays frozen until an operator lets it go on."""
    booking.tell("payments dispute_lost", row.account_id, topup=row.id, dispute=fact.reference)
    return ""


_STAGES = {
    "opened": _opened,
    "withdrawn": _withdrawn,
    "reinstated": _reinstated,
    "won": _won,
    "lost": _lost,
}
