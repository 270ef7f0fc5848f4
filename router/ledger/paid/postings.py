"""Transfers of payments: what came in by a method, went back by it, was disputed, or has expired.

Each is posted within the caller's transaction, under a reference that names the fact: it happens once. Only a dispute
may leave an account with less than nothing: the ledger lends it what is missing (``@debts``), and the next credit pays
it back.
"""

from __future__ import annotations

from router.db.connection import Connection
from router.ledger.balances import read_balance
from router.ledger.paid.lots import debt
from router.ledger.system import DEBTS, GRANTS, SHORTFALL, clearing
from router.ledger.transfers import Transfer, post

__all__ = [
    "post_dispute",
    "post_dispute_return",
    "post_expiry",
    "post_granted",
    "post_refund_undone",
    "post_topup",
    "post_topup_refund",
    "topup_reference",
]


def topup_reference(method: str, reference: str) -> str:
    """The reference of the transfer by which a payment was credited.

    Args:
        reference: the payment's, with its method.
    """
    return f"topup:{method}:{reference}"


def post_topup(
    connection: Connection, method: str, account_id: str, amount_nano: int, *, reference: str, reason: str
) -> Transfer:
    """Credit a payment; what the account owes is paid from it.

    Args:
        reference: the payment's, with its method.

    Raises:
        NotFound, BadRequest, Conflict: as ``post``.
    """
    text = topup_reference(method, reference)
    made = post(connection, Transfer(text, "topup", clearing(method), account_id, amount_nano, reason))
    _pay_debt(connection, account_id, made)
    return made


def post_granted(
    connection: Connection,
    method: str,
    account_id: str,
    amount_nano: int,
    *,
    reference: str,
    reason: str,
    expires_at: float | None,
) -> Transfer:
    """Give credit that a method grants and nobody has paid for, such as a gift's.

    Args:
        reference: the gift's, with its method.
        expires_at: when what is left of it is taken back, Unix seconds; None for never.

    Raises:
        NotFound, BadRequest, Conflict: as ``post``.
    """
    made = Transfer(topup_reference(method, reference), "grant", GRANTS, account_id, amount_nano, reason)
    return post(connection, made, expires_at=expires_at)


def post_topup_refund(
    connection: Connection,
    method: str,
    account_id: str,
    amount_nano: int,
    *,
    reference: str,
    topup: str,
    reason: str,
    cover: bool,
) -> Transfer:
    """Take back what was refunded of a payment.

    Args:
        reference: the refund's, with its method.
        topup: the transfer by which the payment was credited.
        cover: the money is gone already: what the account does not have available, the operator bears. Else it is
            refused.

    Raises:
        NotFound, BadRequest, Conflict: as ``post``.
    """
    about = f"topup_refund:{method}:{reference}"
    missing = amount_nano - read_balance(connection, account_id, lock=True).available
    if cover and missing > 0:
        covered = Transfer(f"{about}:covered", "refund_cover", SHORTFALL, account_id, missing, reason, topup)
        post(connection, covered)
    made = Transfer(about, "topup_refund", account_id, clearing(method), amount_nano, reason, topup)
    return post(connection, made, from_lot=topup)


def post_refund_undone(
    connection: Connection, method: str, account_id: str, amount_nano: int, *, reference: str, reason: str
) -> Transfer:
    """Give back what was taken for a refund that did not work out.

    Args:
        reference: the refund's, with its method.

    Raises:
        NotFound, BadRequest, Conflict: as ``post``.
    """
    about = f"topup_refund:{method}:{reference}"
    made = Transfer(f"{about}:undone", "topup", clearing(method), account_id, amount_nano, reason, about)
    return post(connection, made)


def post_dispute(
    connection: Connection, method: str, account_id: str, amount_nano: int, *, reference: str, topup: str, reason: str
) -> Transfer:
    """Take what a dispute took away, below zero where it must.

    Args:
        reference: the dispute's, with its method.
        topup: the transfer by which the payment was credited.

    Raises:
        NotFound, BadRequest, Conflict: as ``post``.
    """
    about = f"dispute:{method}:{reference}"
    missing = amount_nano - read_balance(connection, account_id, lock=True).available
    if missing > 0:
        post(connection, Transfer(f"debt:{method}:{reference}", "debt", DEBTS, account_id, missing, reason, about))
    made = Transfer(about, "dispute", account_id, clearing(method), amount_nano, reason, topup)
    return post(connection, made, from_lot=topup)


def post_dispute_return(
    connection: Connection, method: str, account_id: str, amount_nano: int, *, reference: str, reason: str
) -> Transfer:
    """Give back what a dispute took; what the account owes is paid from it.

    Args:
        reference: the dispute's, with its method.

    Raises:
        NotFound, BadRequest, Conflict: as ``post``.
    """
    about = f"dispute:{method}:{reference}"
    returned = Transfer(f"{about}:returned", "dispute_return", clearing(method), account_id, amount_nano, reason, about)
    made = post(connection, returned)
    _pay_debt(connection, account_id, made)
    return made


def post_expiry(
    connection: Connection, account_id: str, amount_nano: int, *, lot: str, number: int, reason: str
) -> Transfer:
    """Take back what is left of a grant that is over.

    Args:
        lot: the grant's reference.
        number: how often something was taken of it before: what calls held then may be left.

    Raises:
        NotFound, BadRequest, Conflict: as ``post``.
    """
    reference = f"expiry:{lot}" + (f":{number}" if number else "")
    made = Transfer(reference, "expiry", account_id, GRANTS, amount_nano, reason, lot)
    return post(connection, made, from_lot=lot)


def _pay_debt(connection: Connection, account_id: str, credit: Transfer) -> None:
    """From a credit just posted."""
    amount = min(debt(connection, account_id), credit.amount_nano)
    amount = min(amount, read_balance(connection, account_id, lock=True).available)
    if amount > 0:
        made = Transfer(
            f"debt_paid:{credit.reference}", "debt_paid", account_id, DEBTS, amount, credit.reason, credit.reference
        )
        post(connection, made, from_lot=credit.reference)
