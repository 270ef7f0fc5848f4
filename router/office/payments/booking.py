"""Facts that methods told, into top-ups and the ledger: each once, however often and in whatever order they come.

A fact's row, the transfer, the top-up's state, the entry in the audit log and the notice's ID are written in one
transaction. What does not fit (another amount, an unknown top-up) is kept as refused, with the reason, and credits
nothing; what comes before the payment that it is about waits for it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

from router.db.connection import Connection
from router.db.transaction import Transaction
from router.errors import BadRequest, Conflict, NotFound
from router.office.actor import Actor
from router.office.office import Office
from router.office.payments.booked import Booking, FactOutcome
from router.office.payments.credits import (
    book_closed,
    book_deposit,
    book_dropped,
    book_paid,
    book_pending,
    book_seen,
    end_deposit,
)
from router.office.payments.means import book_forgotten, book_means
from router.office.payments.reversals import book_dispute, book_refund
from router.store.migrating import check_fits
from router.store.payments.facts import NoticeRow, finish_event, insert_event
from router.store.payments.watches import put_watch
from router.types.payments import (
    DepositDropped,
    DepositPaid,
    DepositSeen,
    Dispute,
    MeansForgotten,
    MeansSaved,
    PaymentFact,
    Refund,
    TopUpClosed,
    TopUpPaid,
    TopUpPending,
    VerifiedNotice,
    Watched,
)

__all__ = ["book_facts"]

_log = logging.getLogger("router.payments")

_BOOKED = {
    TopUpPaid: book_paid,
    TopUpPending: book_pending,
    TopUpClosed: book_closed,
    DepositPaid: book_deposit,
    DepositSeen: book_seen,
    DepositDropped: book_dropped,
    Refund: book_refund,
    Dispute: book_dispute,
    MeansSaved: book_means,
    MeansForgotten: book_forgotten,
}
_MOVING: tuple[type, ...] = (TopUpPaid, DepositPaid, Refund, Dispute)


def book_facts(
    office: Office,
    method: str,
    facts: Sequence[PaymentFact],
    *,
    notice: VerifiedNotice | None = None,
    watched: Watched | None = None,
    moves: bool = True,
) -> list[FactOutcome]:
    """Book what a method told, and give what came of each fact, in one transaction.

    Args:
        notice: by which it was told: one of an ID that was looked at before changes nothing.
        watched: the step of a watcher that told it, whose cursor is kept with it.
        moves: whether money may move; a fact that would move some is then refused with ``ValueError``.

    Raises:
        StoreError: the database does not answer; nothing was booked.
        ConfigError: the balances are in another currency than the configuration's.
        ValueError: what was told is no fact, or none that may be told there.
    """
    for fact in facts:
        if type(fact) not in _BOOKED:
            raise ValueError(f"{method} told {type(fact).__name__}, which is no fact of a payment")
        if not moves and isinstance(fact, _MOVING):
            raise ValueError(f"{method} told {type(fact).__name__} where no money may move")
    _ = office.currency
    actor = Actor("system", f"payments:{method}")

    def within(connection: Connection) -> list[FactOutcome]:
        check_fits(connection)
        transaction = Transaction(connection, office.database.place)
        booking = Booking(office, transaction, method, office.clock())
        event = None
        if notice is not None:
            event = NoticeRow(method, notice.id[:200], notice.kind[:100], "", booking.now)
            if not insert_event(connection, event):
                return [FactOutcome("repeated", "notice", event.id)]
        outcomes = [_book(booking, fact) for fact in facts]
        if event is not None:
            told = "; ".join(map(str, outcomes)) or "nothing of interest"
            finish_event(connection, replace(event, outcome=told[:1000]))
        if watched is not None:
            put_watch(connection, method, watched.cursor, watched.delayed, booking.now)
        booking.write_entries(actor)
        return outcomes

    outcomes = office.database.write(within)
    for outcome in outcomes:
        if outcome.state == "refused":
            _log.warning("payments: %s told %s, which was refused: %s", method, outcome.reference, outcome.why)
    return outcomes


def _book(booking: Booking, fact: PaymentFact) -> FactOutcome:
    """One fact. What the ledger refuses is kept as refused: told again, it would be refused again."""
    book: Mapping[type, object] = _BOOKED
    try:
        outcome = book[type(fact)](booking, fact)  # type: ignore[operator]
    except (BadRequest, NotFound, Conflict) as error:
        return booking.refuse(fact, error.in_full, end_deposit(booking, fact))
    return outcome if isinstance(outcome, FactOutcome) else FactOutcome("noted", type(fact).__name__, "")
