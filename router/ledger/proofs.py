"""Rules of the ledger, each as a query for what breaks it. At most ``_FEW`` offences are looked for.

Sums over all accounts are taken in two parts, whole units and the rest: as one number they could exceed 64 bits, at
which SQLite fails.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from router.db.connection import Connection
from router.ledger.operations import Taken
from router.ledger.system import ADJUSTMENTS, DEBTS, FREE, GRANTS, REVENUE, SHORTFALL
from router.money.amounts import NANO, format_nano

__all__ = [
    "balances_equal_transfers",
    "debits_equal_credits",
    "held_equals_open_holds",
    "no_negative_balance",
    "references_unique",
    "refunds_within_charges",
    "running_balances",
    "shortfalls_match",
    "usage_equals_charges",
]

_FEW = 20
_SIDES = {
    "usage": ("", REVENUE),
    "shortfall": (SHORTFALL, REVENUE),
    "grant": (GRANTS, ""),
    "free": (FREE, ""),
    "refund": (REVENUE, ""),
    "return": (REVENUE, ""),
    "refund_cover": (SHORTFALL, ""),
    "expiry": ("", GRANTS),
    "debt": (DEBTS, ""),
    "debt_paid": ("", DEBTS),
}
_BY_SIDES = f"""
SELECT kind, CASE WHEN debit LIKE '@%' THEN debit ELSE '' END, CASE WHEN credit LIKE '@%' THEN credit ELSE '' END,
    MIN(reference), SUM(amount_nano / {NANO}), SUM(amount_nano % {NANO}) FROM transfers GROUP BY 1, 2, 3
"""  # noqa: S608 - constant text
_CUSTOMERS = f"SELECT SUM((credits - debits) / {NANO}), SUM((credits - debits) % {NANO}) FROM balances"  # noqa: S608
_RETURNED = "SELECT about, SUM(amount_nano) AS amount FROM transfers WHERE kind = 'return' GROUP BY about"
_PRUNED_GRACE_S = 86_400.0


def debits_equal_credits(connection: Connection) -> list[str]:
    """What customers have is what system accounts gave them, less what these took; and each kind has its sides."""
    found = []
    given = taken = 0
    for kind, debit, credit, example, units, rest in connection.tuples(_BY_SIDES):
        amount = int(units) * NANO + int(rest)
        given += amount if debit and not credit else 0
        taken += amount if credit and not debit else 0
        if not _may_be(kind, debit, credit):
            found.append(f"{example}: of kind {kind}, from {debit or 'a customer'} to {credit or 'a customer'}")
    more, more_rest = connection.tuples(_CUSTOMERS)[0]
    customers = int(more or 0) * NANO + int(more_rest or 0)
    if customers != given - taken:
        told = f"given {format_nano(given)} and charged {format_nano(taken)}"
        found.append(f"customers have {format_nano(customers)}, but were {told}")
    return found


def _may_be(kind: str, debit: str, credit: str) -> bool:
    """Whether a kind of transfer has such sides; empty is a customer. Kinds that plugins add move money in or out."""
    if kind == "adjustment":
        return {debit, credit} == {"", ADJUSTMENTS}
    return (debit, credit) == _SIDES[kind] if kind in _SIDES else bool(debit) is not bool(credit)


def balances_equal_transfers(connection: Connection) -> list[str]:
    """Each account's credits and debits are the sums of its transfers."""
    rows = connection.tuples(
        f"""
        SELECT account_id, SUM(credits), SUM(debits), SUM(credited), SUM(debited) FROM (
            SELECT account_id, credits, debits, 0 AS credited, 0 AS debited FROM balances
            UNION ALL
            SELECT debit, 0, 0, 0, SUM(amount_nano) FROM transfers WHERE debit NOT LIKE '@%' GROUP BY debit
            UNION ALL
            SELECT credit, 0, 0, SUM(amount_nano), 0 FROM transfers WHERE credit NOT LIKE '@%' GROUP BY credit
        ) AS sides GROUP BY account_id HAVING SUM(credits) <> SUM(credited) OR SUM(debits) <> SUM(debited) LIMIT {_FEW}
        """  # noqa: S608 - constant text
    )
    return [
        f"account {account}: {_money(credits)} in and {_money(debits)} out, by its transfers {_money(credited)} in and "
        f"{_money(debited)} out"
        for account, credits, debits, credited, debited in rows
    ]


def running_balances(connection: Connection) -> list[str]:
    """Each transfer's balance follows from that of the customer's transfer before it."""
    rows = connection.tuples(
        f"""
        SELECT reference, balance_nano, follows FROM (
            SELECT reference, balance_nano, SUM(change) OVER (PARTITION BY account ORDER BY seq) AS follows FROM (
                SELECT reference, balance_nano, debit AS account, -amount_nano AS change, seq FROM transfers
                WHERE debit NOT LIKE '@%'
                UNION ALL
                SELECT reference, balance_nano, credit, amount_nano, seq FROM transfers WHERE credit NOT LIKE '@%'
            ) AS moves
        ) AS run WHERE balance_nano <> follows LIMIT {_FEW}
        """  # noqa: S608 - constant text
    )
    return [f"{reference}: balance {_money(kept)}, should be {_money(follows)}" for reference, kept, follows in rows]


def no_negative_balance(connection: Connection) -> list[str]:
    """No account has less than nothing, nor holds more than it has."""
    where = "debits + held > credits OR credits < 0 OR debits < 0 OR held < 0"
    sql = f"SELECT account_id, credits, debits, held FROM balances WHERE {where} LIMIT {_FEW}"  # noqa: S608 - constants
    rows = connection.tuples(sql)
    return [
        f"account {account}: {_money(credits)} in, {_money(debits)} out, {_money(held)} held"
        for account, credits, debits, held in rows
    ]


def held_equals_open_holds(connection: Connection) -> list[str]:
    """What accounts and buckets hold is the sum of the calls under way."""
    by_account: Counter[str] = Counter()
    by_bucket: Counter[str] = Counter()
    for account, amount_nano, claims in connection.tuples("SELECT account_id, amount_nano, claims FROM holds"):
        by_account[account] += amount_nano
        for taken in (Taken(*claim) for claim in json.loads(claims)):
            by_bucket[taken.bucket] += 0 if taken.at_once else taken.amount
    held = dict(connection.tuples("SELECT account_id, held FROM balances WHERE held <> 0"))
    found = [
        f"account {account}: {_money(held.get(account, 0))} held, its calls hold {_money(by_account[account])}"
        for account in sorted(held.keys() | +by_account)
        if held.get(account, 0) != by_account[account]
    ]
    return found + _wrong_buckets(connection, by_bucket)


def _wrong_buckets(connection: Connection, wanted: Counter[str]) -> list[str]:
    held: dict[str, int] = dict(connection.tuples("SELECT id, held FROM buckets WHERE held <> 0"))
    return [
        f"bucket {bucket}: {held.get(bucket, 0)} held, its calls hold {wanted[bucket]}"
        for bucket in sorted(held.keys() | +wanted)
        if held.get(bucket, 0) != wanted[bucket]
    ]


def references_unique(connection: Connection) -> list[str]:
    """No reference stands at two transfers."""
    rows = connection.tuples(
        f"SELECT reference, COUNT(*) FROM transfers GROUP BY reference HAVING COUNT(*) > 1 LIMIT {_FEW}"  # noqa: S608
    )
    return [f"{reference}: {count} transfers" for reference, count in rows]


def usage_equals_charges(connection: Connection) -> list[str]:
    """Each usage row's charge is a transfer of the same amount and account, and the other way round."""
    return _compare(connection, "usage", "req:", "charge_nano", "t.debit = u.account_id")


def shortfalls_match(connection: Connection) -> list[str]:
    """Each usage row's shortfall is a transfer of the same amount, and the other way round."""
    return _compare(connection, "shortfall", "short:", "shortfall_nano", f"t.debit = '{SHORTFALL}'")


def _compare(connection: Connection, kind: str, prefix: str, column: str, same: str) -> list[str]:
    # Materialized: with the limit in sight, PostgreSQL would look every row up in an index, and take ten times as long.
    rows = connection.tuples(
        f"""
        WITH found AS MATERIALIZED (
            SELECT u.request_id, u.{column}, t.amount_nano - COALESCE(r.amount, 0) FROM usage u
            LEFT JOIN transfers t ON t.reference = '{prefix}' || u.request_id
            LEFT JOIN ({_RETURNED}) r ON r.about = t.reference
            WHERE u.{column} > 0 AND (t.seq IS NULL OR t.amount_nano - COALESCE(r.amount, 0) <> u.{column}
                OR t.kind <> '{kind}' OR NOT ({same}))
        ) SELECT * FROM found LIMIT {_FEW}
        """  # noqa: S608 - constant texts
    )
    transfers = connection.tuples(
        f"""
        WITH found AS MATERIALIZED (
            SELECT t.reference, t.amount_nano - COALESCE(r.amount, 0), u.{column} FROM transfers t
            LEFT JOIN usage u ON u.request_id = substr(t.reference, {len(prefix) + 1})
            LEFT JOIN ({_RETURNED}) r ON r.about = t.reference
            WHERE t.kind = '{kind}' AND ((u.request_id IS NULL AND t.created_at >= ?)
                OR (u.{column} = 0 AND t.amount_nano > COALESCE(r.amount, 0)))
        ) SELECT * FROM found LIMIT {_FEW}
        """,  # noqa: S608 - constant texts
        (_kept_since(connection),),
    )
    found = [
        f"call {request}: its row says {_money(says)}, its transfer {_money(moved)}" for request, says, moved in rows
    ]
    return found + [
        f"{reference}: {_money(moved)}, its row says {_money(says)}" for reference, moved, says in transfers
    ]


def refunds_within_charges(connection: Connection) -> list[str]:
    """What was given back of a charge is no more than the charge, and went to whom it was taken from."""
    rows = connection.tuples(
        f"""
        SELECT r.about, r.given, c.amount_nano FROM (
            SELECT about, SUM(amount_nano) AS given, MIN(credit) AS lowest, MAX(credit) AS highest
            FROM transfers WHERE about IS NOT NULL AND kind IN ('refund', 'return') GROUP BY about
        ) AS r LEFT JOIN transfers c ON c.reference = r.about AND c.kind = 'usage'
        WHERE c.seq IS NULL OR r.given > c.amount_nano OR r.lowest <> c.debit OR r.highest <> c.debit LIMIT {_FEW}
        """  # noqa: S608 - constant text
    )
    return [f"{about}: {_money(charged)} charged, {_money(given)} refunded" for about, given, charged in rows]


def _kept_since(connection: Connection) -> float:
    """Usage rows of calls that arrived before may have been pruned; a call may have lasted for some time."""
    row = connection.row("SELECT value FROM meta WHERE name = 'usage_pruned_before'")
    return float(row["value"]) + _PRUNED_GRACE_S if row else 0.0


def _money(amount: Any) -> str:
    return "nothing" if amount is None else format_nano(int(amount))
