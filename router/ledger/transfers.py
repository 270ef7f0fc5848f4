"""Transfers: what was moved from one account to another, once and for good. A mistake is corrected by another.

A grant, free credit, adjustment or refund has its entry in the audit log, in the same transaction: that of a program is
written here, that of a person by ``router.office``.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import partial
from uuid import uuid4

from router.db.connection import Connection
from router.db.ids import check_name
from router.db.transaction import Runner
from router.errors import BadRequest, Conflict, NotFound
from router.ledger.balances import Balance, read_balance
from router.ledger.chain import link
from router.ledger.paid.lots import Lot, move_lots
from router.ledger.system import ADJUSTMENTS, FREE, GRANTS, REVENUE, is_system
from router.money.amounts import INT64_MAX, NANO, format_nano
from router.store.audit import AuditEntry, insert_audit

__all__ = [
    "AMOUNT_MAX_NANO",
    "TRANSFER_COLUMNS",
    "Transfer",
    "adjust",
    "grant",
    "post",
    "post_adjustment",
    "post_free",
    "post_grant",
    "post_refund",
    "refund",
]

AMOUNT_MAX_NANO = 10**9 * NANO
"""The largest single transfer: a billion units. What an account was ever given may come to nine times that (int64)."""

TRANSFER_COLUMNS = "reference, kind, debit, credit, amount_nano, reason, about, created_at, balance_nano, seq"
"""The columns of ``transfers`` in the order of ``Transfer``'s fields."""

_INSERT = """
INSERT INTO transfers (reference, kind, debit, credit, amount_nano, balance_nano, about, reason, created_at, hash)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (reference) DO NOTHING RETURNING seq
"""
_REASON_MAX = 500


@dataclass(frozen=True, slots=True)
class Transfer:
    """One transfer, as the table has it.

    Attributes:
        reference: unique: it makes the transfer happen once.
        kind: ``usage``, ``shortfall``, ``grant``, ``free``, ``adjustment``, ``refund``, ...
        debit, credit: from whom to whom: an account's ID, or one of ``router.ledger.system``.
        amount_nano: above zero.
        reason: in an operator's words; the model where it is a call's.
        about: the reference of the transfer that it corrects.
        created_at: Unix seconds; 0 before it is posted.
        balance_nano: what the customer had afterwards, holds included.
        seq: its place among all; 0 before it is posted.
    """

    reference: str
    kind: str
    debit: str
    credit: str
    amount_nano: int
    reason: str
    about: str | None = None
    created_at: float = 0.0
    balance_nano: int = 0
    seq: int = 0

    def change_nano(self, account_id: str) -> int:
        """The change of one account's balance: below zero where the transfer took from it."""
        return self.amount_nano * ((self.credit == account_id) - (self.debit == account_id))


def post(
    connection: Connection, transfer: Transfer, *, expires_at: float | None = None, from_lot: str = ""
) -> Transfer:
    """Post a transfer between a customer and a system account; as it stands in the table.

    The customer's balance is kept from others until the transaction ends.

    Args:
        expires_at: when what is left of it is taken back, Unix seconds; None for never.
        from_lot: of what it takes: the reference of the transfer whose credit is taken first.

    Raises:
        NotFound: there is no such account.
        BadRequest: the amount is not above zero, above ``AMOUNT_MAX_NANO``, or more than the account has available.
        Conflict: there is a transfer with this reference already. Nothing is written.
        ValueError: not exactly one side is a customer.
    """
    if is_system(transfer.debit) == is_system(transfer.credit):
        raise ValueError("a transfer is posted between a customer and a system account")
    _check_amount(transfer.amount_nano)
    account_id = transfer.credit if is_system(transfer.debit) else transfer.debit
    before = read_balance(connection, account_id, lock=True)
    after = _after(before, transfer.change_nano(account_id), account_id)
    posted = replace(transfer, created_at=float(transfer.created_at or time.time()), balance_nano=after.balance)
    values = _values(posted)
    head = link(connection.tuples("SELECT head FROM balances WHERE account_id = ?", (account_id,))[0][0], *values)
    used = connection.row("SELECT 1 AS one FROM transfers WHERE reference = ?", (posted.reference,))
    row = None if used else connection.row(_INSERT, (*values, head))  # SQLite's trigger refuses what PostgreSQL ignores
    if row is None:
        raise Conflict(
            f"There is a transfer with the reference {transfer.reference!r} already: it was not made again. "
            "`router credits statement` shows it.",
            code="reference_used",
        )
    connection.execute(
        "UPDATE balances SET credits = ?, debits = ?, head = ? WHERE account_id = ?",
        (after.credits, after.debits, head, account_id),
    )
    seq, amount = row["seq"], posted.amount_nano
    moved = Lot(posted.reference, posted.kind, amount, amount, expires_at, posted.created_at, seq)
    move_lots(connection, account_id, before, after, moved, from_lot=from_lot)
    return replace(posted, seq=seq)


def grant(
    database: Runner, account_id: str, amount_nano: int, *, reason: str, reference: str | None = None
) -> Transfer:
    """Give an account credit, in the name of a program: ``router.office.credits`` has what people do.

    Args:
        reference: makes it happen once; a random one where omitted.

    Raises:
        NotFound, BadRequest, Conflict: as ``post``; the latter two also for a reason or reference that is no text.
    """
    make = partial(post_grant, account_id=account_id, amount_nano=amount_nano, reason=reason, reference=reference)
    return database.write(lambda connection: _told(connection, make(connection)))


def adjust(
    database: Runner, account_id: str, amount_nano: int, *, reason: str, reference: str | None = None
) -> Transfer:
    """Correct an account's balance by an amount above or below zero. Otherwise as ``grant``."""
    make = partial(post_adjustment, account_id=account_id, amount_nano=amount_nano, reason=reason, reference=reference)
    return database.write(lambda connection: _told(connection, make(connection)))


def refund(database: Runner, request_id: str, amount_nano: int | None = None, *, reason: str) -> Transfer:
    """Give back what a call was charged. Raises as ``post_refund``, otherwise as ``grant``."""
    make = partial(post_refund, request_id=request_id, amount_nano=amount_nano, reason=reason)
    return database.write(lambda connection: _told(connection, make(connection)))


def post_grant(
    connection: Connection,
    account_id: str,
    amount_nano: int,
    *,
    reason: str,
    reference: str | None = None,
    expires_at: float | None = None,
) -> Transfer:
    """As ``grant``, within the transaction that writes the audit log's entry as well.

    Args:
        expires_at: when what is left of it is taken back, Unix seconds; None for never.
    """
    made = Transfer(_reference("grant", reference), "grant", GRANTS, account_id, amount_nano, _check_reason(reason))
    return post(connection, made, expires_at=expires_at)


def post_free(connection: Connection, account_id: str, amount_nano: int, *, reference: str) -> Transfer:
    """Give an account the free credit of a sign-up, within the transaction that writes the audit log's entry as well.

    Args:
        reference: the sign-up's address, hashed: it is given some once.

    Raises:
        NotFound, BadRequest, Conflict: as ``post``.
    """
    made = Transfer(_reference("free", reference), "free", FREE, account_id, amount_nano, "free credit")
    return post(connection, made)


def post_adjustment(
    connection: Connection, account_id: str, amount_nano: int, *, reason: str, reference: str | None = None
) -> Transfer:
    """As ``adjust``, within the transaction that writes the audit log's entry as well."""
    up = amount_nano > 0
    debit, credit = (ADJUSTMENTS, account_id) if up else (account_id, ADJUSTMENTS)
    checked = _check_reason(reason)
    made = Transfer(_reference("adjust", reference), "adjustment", debit, credit, abs(amount_nano), checked)
    return post(connection, made)


def post_refund(connection: Connection, request_id: str, amount_nano: int | None = None, *, reason: str) -> Transfer:
    """Give back what a call was charged, within the transaction that writes the audit log's entry as well.

    Args:
        amount_nano: a part of it; None for all that was not refunded before.

    Raises:
        NotFound: nothing was charged for such a call.
        BadRequest: the amount is not above zero, or above the charge less earlier refunds.
    """
    checked = _check_reason(reason)
    charge = _charge(connection, request_id)
    read_balance(connection, charge.debit, lock=True)  # of two refunds at once, the second sees the first
    earlier, number = _refunded(connection, charge.reference)
    amount = _refundable(charge, earlier, amount_nano)
    reference = f"refund:{request_id}:{number + 1}"
    made = Transfer(reference, "refund", REVENUE, charge.debit, amount, checked, charge.reference)
    return post(connection, made)


def _told(connection: Connection, made: Transfer) -> Transfer:
    """With its entry in the audit log: each transfer of these kinds has one."""
    action = {"adjustment": "credits adjust"}.get(made.kind, f"credits {made.kind}")
    subject = made.debit if is_system(made.credit) else made.credit
    insert_audit(connection, AuditEntry(made.created_at, "program", action, subject, {"made": made.reference}))
    return made


def _values(transfer: Transfer) -> tuple[object, ...]:
    return (
        transfer.reference,
        transfer.kind,
        transfer.debit,
        transfer.credit,
        transfer.amount_nano,
        transfer.balance_nano,
        transfer.about,
        transfer.reason,
        transfer.created_at,
    )


def _after(before: Balance, change_nano: int, account_id: str) -> Balance:
    if change_nano > 0:
        after = replace(before, credits=before.credits + change_nano)
    else:
        after = replace(before, debits=before.debits - change_nano)
    if max(after.credits, after.debits) > INT64_MAX:
        raise BadRequest(
            f"Account {account_id} would have been given more than {format_nano(INT64_MAX)} in all, which is the most "
            "that can be counted: use another account.",
            code="amount_too_large",
        )
    if after.available < 0:
        held = f" ({format_nano(before.balance)} less {format_nano(before.held)} held by calls)" if before.held else ""
        raise BadRequest(
            f"Account {account_id} has {format_nano(before.available)} available{held}: "
            f"{format_nano(-change_nano)} cannot be taken from it.",
            code="insufficient_balance",
        )
    return after


def _check_amount(amount_nano: int) -> None:
    if amount_nano <= 0:
        raise BadRequest(f"An amount must be above zero, not {format_nano(amount_nano)}.", code="invalid_amount")
    if amount_nano > AMOUNT_MAX_NANO:
        most = format_nano(AMOUNT_MAX_NANO)
        raise BadRequest(f"{format_nano(amount_nano)} is above the largest transfer, {most}.", code="invalid_amount")


def _check_reason(reason: str) -> str:
    return check_name(reason, "a reason", longest=_REASON_MAX)


def _reference(kind: str, given: str | None) -> str:
    return f"{kind}:{uuid4() if given is None else check_name(given, 'a reference')}"


def _charge(connection: Connection, request_id: str) -> Transfer:
    sql = f"SELECT {TRANSFER_COLUMNS} FROM transfers WHERE reference = ?"  # noqa: S608 - constant text
    row = connection.row(sql, (f"req:{request_id}",))
    if row is None:
        raise NotFound(
            f"Nothing was charged for a call {request_id[:80]!r}. `router usage show` lists calls and their charges.",
            code="charge_not_found",
        )
    return Transfer(**row)


def _refunded(connection: Connection, reference: str) -> tuple[int, int]:
    """What was given back of a charge so far, and how many refunds that took."""
    sql = "SELECT amount_nano FROM transfers WHERE about = ? AND kind IN ('refund', 'return')"
    found = connection.tuples(sql, (reference,))
    return sum(amount for (amount,) in found), len(found)


def _refundable(charge: Transfer, earlier: int, amount_nano: int | None) -> int:
    rest = charge.amount_nano - earlier
    what = f"Of the charge of {format_nano(charge.amount_nano)}, {format_nano(earlier)} was refunded before"
    if rest <= 0:
        raise BadRequest(f"{what}: there is nothing left to refund.", code="refunded_already")
    if amount_nano is not None and amount_nano > rest:
        raise BadRequest(
            f"{what}: at most {format_nano(rest)} can be refunded, not {format_nano(amount_nano)}.",
            code="refund_above_charge",
        )
    return rest if amount_nano is None else amount_nano
