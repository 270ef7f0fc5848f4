"""Grants that expire: what is left of one is taken back, and never of what was paid."""

from __future__ import annotations

from router.db.connection import Connection
from router.db.transaction import Transaction
from router.ledger.balances import read_balance
from router.ledger.paid.lots import GRANTED, read_lots
from router.ledger.paid.postings import post_expiry
from router.money.amounts import format_nano
from router.office.actor import Actor
from router.office.audit import Change, write
from router.office.office import Office
from router.office.people.notices import notify_members

__all__ = ["expire_credit"]

_AT_ONCE = 500
_DUE = """
SELECT reference, account_id FROM credit_lots
WHERE expires_at IS NOT NULL AND expires_at <= ? AND left_nano > 0 ORDER BY expires_at LIMIT ?
"""


def expire_credit(office: Office, actor: Actor) -> int:
    """Take back what is left of grants that are over; of how many something was taken.

    What calls under way hold is left to them: the next run takes what they did not use.
    """
    now = office.clock()
    due = office.database.read(lambda connection: connection.tuples(_DUE, (now, _AT_ONCE)))
    return sum(_expire(office, actor, reference, account) for reference, account in due)


def _expire(office: Office, actor: Actor, reference: str, account_id: str) -> bool:
    def expire(transaction: Transaction) -> Change[bool]:
        connection = transaction.connection
        lots = read_lots(connection, account_id, lock=True)
        lot = next((one for one in lots if one.reference == reference and one.kind == GRANTED), None)
        available = read_balance(connection, account_id).available
        amount = min(lot.left_nano, available) if lot is not None else 0
        if amount <= 0:
            return Change(False, account_id, {}, made=False)
        number = _taken_before(connection, reference)
        made = post_expiry(connection, account_id, amount, lot=reference, number=number, reason="credit expired")
        values = {"amount_nano": str(amount)}
        notify_members(transaction, office, account_id, "credit_expired", reference, "", values)
        return Change(True, account_id, {"amount": format_nano(amount, 2), "made": made.reference})

    return write(office, actor, "credits expire", expire)


def _taken_before(connection: Connection, reference: str) -> int:
    sql = "SELECT COUNT(*) FROM transfers WHERE about = ? AND kind = 'expiry'"
    return int(connection.tuples(sql, (reference,))[0][0])
