"""Rules of payments and of kinds of credit, each as a query for what breaks it."""

from __future__ import annotations

from router.db.connection import Connection
from router.ledger.paid.postings import topup_reference
from router.money.amounts import format_nano

__all__ = ["debts_are_paid_once", "lots_equal_balances", "topups_equal_transfers"]

_FEW = 20
_LOTS = f"""
SELECT credit_marks.account_id, credit_marks.credits - credit_marks.debits,
    CAST(COALESCE(SUM(credit_lots.left_nano), 0) AS BIGINT)
FROM credit_marks LEFT JOIN credit_lots ON credit_lots.account_id = credit_marks.account_id
GROUP BY credit_marks.account_id, credit_marks.credits, credit_marks.debits
HAVING credit_marks.credits - credit_marks.debits <> COALESCE(SUM(credit_lots.left_nano), 0) LIMIT {_FEW}
"""  # noqa: S608 - constant text
_OVERFULL = f"SELECT reference FROM credit_lots WHERE left_nano > amount_nano LIMIT {_FEW}"  # noqa: S608
_AHEAD = f"""
SELECT credit_marks.account_id FROM credit_marks JOIN balances ON balances.account_id = credit_marks.account_id
WHERE credit_marks.debits > balances.debits OR credit_marks.credits > balances.credits LIMIT {_FEW}
"""  # noqa: S608 - constant text
_PAID = """
SELECT id, method, account_id, reference, credit_nano, refunded_nano FROM topups WHERE paid_at IS NOT NULL
"""
_MADE = """
SELECT reference, credit, amount_nano FROM transfers
WHERE (kind = 'topup' AND reference NOT LIKE '%:undone') OR (kind = 'grant' AND reference LIKE 'topup:%')
"""
_BACK = """
SELECT about, CAST(SUM(amount_nano) AS BIGINT) FROM transfers WHERE kind = 'topup_refund' GROUP BY about
"""
_UNDONE = """
SELECT earlier.about, CAST(SUM(undone.amount_nano) AS BIGINT) FROM transfers AS undone
JOIN transfers AS earlier ON earlier.reference = undone.about
WHERE undone.kind = 'topup' AND undone.reference LIKE '%:undone' GROUP BY earlier.about
"""
_DEBTS = """
SELECT account, CAST(SUM(amount) AS BIGINT) FROM (
    SELECT credit AS account, amount_nano AS amount FROM transfers WHERE kind = 'debt'
    UNION ALL SELECT debit, -amount_nano FROM transfers WHERE kind = 'debt_paid'
) AS moves GROUP BY account HAVING SUM(amount) < 0
"""


def lots_equal_balances(connection: Connection) -> list[str]:
    """What is left in an account's lots is what it had when they were looked at last, which is no later than now."""
    found = [
        f"account {account}: {format_nano(left)} left in its lots, {format_nano(had)} had it then"
        for account, had, left in connection.tuples(_LOTS)
    ]
    found += [f"{reference}: more is left than was given" for (reference,) in connection.tuples(_OVERFULL)]
    return found + [f"account {account}: lots from the future" for (account,) in connection.tuples(_AHEAD)]


def topups_equal_transfers(connection: Connection) -> list[str]:
    """Each paid top-up was credited once, what it says, and what was taken back of it is what its refunds say."""
    made = {reference: (account, int(amount)) for reference, account, amount in connection.tuples(_MADE)}
    back = {about: int(amount) for about, amount in connection.tuples(_BACK)}
    for about, amount in connection.tuples(_UNDONE):
        back[about] = back.get(about, 0) - int(amount)
    found = []
    for topup, method, account, reference, credit, refunded in connection.tuples(_PAID):
        name = topup_reference(method, reference)
        if made.pop(name, None) != (account, credit):
            found.append(f"{topup}: paid, and no transfer of {format_nano(credit)} to {account}")
        if back.pop(name, 0) != refunded:
            found.append(f"{topup}: {format_nano(refunded)} refunded is not what was taken for that")
    found += [f"{reference}: credited, and no top-up was paid by it" for reference in sorted(made)]
    return found[:_FEW]


def debts_are_paid_once(connection: Connection) -> list[str]:
    """Nobody has paid back more than disputes lent them."""
    return [
        f"account {account}: paid back {format_nano(-int(over))} more than it owed"
        for account, over in connection.tuples(_DEBTS)
    ]
