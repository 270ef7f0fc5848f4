"""Saved means, and what is charged by itself when a balance falls below a threshold."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from router.db.ids import new_id
from router.db.transaction import Transaction
from router.errors import BadRequest, ConfigError, NotFound, RouterError, Unavailable
from router.ledger.balances import read_balance
from router.money.amounts import format_nano
from router.office.actor import Actor
from router.office.audit import Change, write
from router.office.office import Office
from router.office.payments.booked import Booking, FactOutcome
from router.office.payments.methods import PaymentMethods
from router.store.payments import means as rows
from router.store.payments.means import AutomaticRow, MeansRow, SharedMeansRow
from router.store.payments.topups import TopUpRow
from router.store.sealing import MASTER_KEY, seal, unseal
from router.types.payments import MeansForgotten, MeansSaved

__all__ = [
    "SavedMeans",
    "SharedMeans",
    "book_forgotten",
    "book_means",
    "detach_means",
    "end_automatic",
    "forget_means",
    "list_means",
    "list_shared_means",
    "note_rise",
    "set_automatic",
    "show_automatic",
    "stop_automatic",
    "token_of",
    "waiting_means",
]

_PURPOSE = "payment means"
_PER_DAY_MAX = 20
_AT_ONCE = 100
_DETACH_S = 3 * 86_400.0
_log = logging.getLogger("router.payments")


@dataclass(frozen=True, slots=True)
class SavedMeans:
    """Means that can be charged, as their owner sees them."""

    id: str
    method: str
    label: str
    created_at: float


@dataclass(frozen=True, slots=True)
class SharedMeans:
    """Means that several accounts left, such as one card.

    Attributes:
        last_at: when the last of them did.
        accounts: (ID, name) of each, the first that left them first.
    """

    method: str
    label: str
    last_at: float
    accounts: Sequence[tuple[str, str]]


def book_means(booking: Booking, fact: MeansSaved) -> FactOutcome:
    """Who paid left means: sealed with the master key, or not kept where there is none."""
    row = booking.topup(fact.topup)
    if row is None:
        return booking.refuse(fact, f"there is no top-up {fact.topup[:40]!r} of this method")
    try:
        sealed = seal(fact.token, booking.office.settings.secret(f"env:{MASTER_KEY}"), _PURPOSE)
    except ConfigError as error:
        return FactOutcome("refused", "means", fact.label, row.id, row.account_id, error.message)
    made = MeansRow(
        new_id("mean"),
        booking.method,
        row.account_id,
        sealed,
        _digest(fact.token),
        fact.label[:80],
        fact.fingerprint[:100],
        booking.now,
    )
    if rows.insert_means(booking.connection, made, row.created_at):
        booking.tell("payments means_saved", row.account_id, topup=row.id, label=made.label)
    return FactOutcome("noted", "means", made.label, row.id, row.account_id)


def note_rise(booking: Booking, account_id: str) -> None:
    """What was just credited may lift a balance to its threshold: the next fall is another one, however soon it is."""
    kept = rows.find_automatic(booking.connection, account_id)
    if kept is None or not kept.below:
        return
    if read_balance(booking.connection, account_id).available >= kept.threshold_nano:
        rows.put_automatic(booking.connection, replace(kept, below=False))


def stop_automatic(booking: Booking, row: TopUpRow, problem: str) -> None:
    """An automatic top-up was refused: its means are not charged again until their owner has looked at it."""
    kept = rows.find_automatic(booking.connection, row.account_id)
    if kept is None or kept.problem or kept.means_id != row.means_id:
        return
    problem = problem[:200] or "The payment was refused."
    rows.put_automatic(booking.connection, replace(kept, problem=problem, changed_at=booking.now))
    booking.tell("payments automatic_stopped", row.account_id, topup=row.id, problem=problem)


def book_forgotten(booking: Booking, fact: MeansForgotten) -> FactOutcome:
    """Means that can no longer be charged."""
    accounts = rows.drop_means(booking.connection, booking.now, _digest(fact.token))
    for account in accounts:
        booking.tell("payments means_forgotten", account)
    return FactOutcome("noted", "means", "forgotten", account=accounts[0] if accounts else "")


def list_means(office: Office, account_id: str) -> list[SavedMeans]:
    """What an account left, the newest first."""
    found: Sequence[MeansRow] = rows.list_means(office.database, account_id)
    return [SavedMeans(row.id, row.method, row.label, row.created_at) for row in found]


def list_shared_means(office: Office, limit: int) -> list[SharedMeans]:
    """Means that several accounts left, by the fingerprint that their method gave, those that were left last first.
    Accounts that took them back since are among these.
    """
    found: Sequence[SharedMeansRow] = rows.shared_means(office.database, limit)
    shared = []
    for (method, _), group in groupby(found, key=lambda row: (row.method, row.fingerprint)):
        each = list(group)
        accounts = [(row.account_id, row.account_name) for row in each]
        shared.append(SharedMeans(method, each[0].label, each[0].last_at, accounts))
    return shared


def forget_means(office: Office, actor: Actor, account_id: str, means_id: str) -> None:
    """Never charge them again; what was charged by itself with them ends. Their method is told by ``detach_means``.

    Raises:
        NotFound: the account has none such.
    """

    def forget(transaction: Transaction) -> Change[None]:
        row = _own(transaction, account_id, means_id)
        rows.forget_means(transaction.connection, office.clock(), means_id=row.id)
        automatic = rows.find_automatic(transaction.connection, account_id)
        if automatic is not None and automatic.means_id == row.id:
            rows.delete_automatic(transaction.connection, account_id)
        return Change(None, account_id, {"means": row.id, "label": row.label})

    write(office, actor, "payments forget_means", forget)


def detach_means(office: Office, actor: Actor, methods: PaymentMethods) -> int:
    """Have methods forget the means that were taken back; how many were. What a method refuses, or cannot be asked for
    days, is left for the operator to do by hand, which the audit log tells.
    """
    done = 0
    for row in rows.forgotten_means(office.database, "", _AT_ONCE):
        try:
            if methods.has(row.method, "payment_forget"):
                methods.ask(row.method, "payment_forget", token=token_of(office, row))
            elif row.method not in methods.names:
                raise Unavailable(f"The payment method {row.method} is off.", code="method_off")
        except RouterError as error:
            over = office.clock() - (row.forgotten_at or 0.0) > _DETACH_S
            _log.warning("%s has not forgotten the means %s: %s", row.method, row.id, error.in_full)
            if isinstance(error, BadRequest) or over:
                _let_go(office, actor, row, "payments means_left", error.message)
        else:
            done += 1
            _let_go(office, actor, row, "payments means_detached")
    return done


def _let_go(office: Office, actor: Actor, row: MeansRow, action: str, problem: str = "") -> None:
    told = {"means": row.id, "method": row.method, "label": row.label}
    if problem:
        told |= {"problem": problem[:200], "remedy": f"remove it by hand at {row.method}"}

    def let_go(transaction: Transaction) -> Change[None]:
        cleared = rows.clear_token(transaction.connection, row.id)
        return Change(None, row.account_id, told, made=cleared)

    write(office, actor, action, let_go)


def waiting_means(office: Office, method: str) -> Sequence[MeansRow]:
    """Those that were taken back and that a method has not forgotten yet."""
    return rows.forgotten_means(office.database, method, _AT_ONCE)


def show_automatic(office: Office, account_id: str) -> AutomaticRow | None:
    """What an account has charged by itself; None for nothing."""
    return office.database.read(lambda connection: rows.find_automatic(connection, account_id))


def set_automatic(
    office: Office, actor: Actor, account_id: str, means_id: str, *, threshold_nano: int, amount_nano: int, per_day: int
) -> AutomaticRow:
    """Charge saved means whenever the balance falls below a threshold: once for each fall, and so often a day at most.

    Raises:
        NotFound: the account has no such means.
        BadRequest: a number is out of its bounds.
    """
    payments = office.settings.payments
    if threshold_nano <= 0:
        raise BadRequest("The threshold must be above zero.", param="threshold")
    bound = payments.most_at_once_nano
    if amount_nano < payments.least_nano or (bound is not None and amount_nano > bound):
        most = f" to {format_nano(bound, 2)}" if bound is not None else ""
        raise BadRequest(f"The amount must be from {payments.least}{most} {office.currency}.", param="amount")
    if not 1 <= per_day <= _PER_DAY_MAX:
        raise BadRequest(f"So often a day must be from 1 to {_PER_DAY_MAX}.", param="per_day")

    def set_it(transaction: Transaction) -> Change[AutomaticRow]:
        row = _own(transaction, account_id, means_id)
        made = AutomaticRow(account_id, row.id, threshold_nano, amount_nano, per_day, changed_at=office.clock())
        rows.put_automatic(transaction.connection, made)
        detail = {"means": row.id, "threshold": format_nano(threshold_nano), "amount": format_nano(amount_nano)}
        return Change(made, account_id, {**detail, "per_day": per_day})

    return write(office, actor, "payments automatic", set_it)


def end_automatic(office: Office, actor: Actor, account_id: str) -> bool:
    """Charge nothing by itself any more; False where nothing was."""

    def end(transaction: Transaction) -> Change[bool]:
        ended = rows.delete_automatic(transaction.connection, account_id)
        return Change(ended, account_id, {}, made=ended)

    return write(office, actor, "payments automatic_end", end)


def token_of(office: Office, row: MeansRow) -> str:
    """What a method charges.

    Raises:
        ConfigError: the master key is missing, or another than the one that sealed it.
    """
    return unseal(row.token, office.settings.secret(f"env:{MASTER_KEY}"), _PURPOSE)


def _own(transaction: Transaction, account_id: str, means_id: str) -> MeansRow:
    row = rows.find_means(transaction.connection, means_id)
    if row is None or row.account_id != account_id or row.forgotten_at is not None:
        raise NotFound("There are no such saved means here.", code="means_not_found", param="means")
    return row


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
