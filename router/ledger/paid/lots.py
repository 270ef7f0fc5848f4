"""Kinds of credit: what an account was given lies in lots, and what its calls used is taken from these in an order.

Calls know nothing of lots: they move the account's balance alone. What they used since lots were looked at last is
taken from these when the next transfer that is no call's is posted, in its transaction; who only reads reckons it. The
order is: what expires, soonest first; then what was granted and what was paid, as the operator has it; what disputes
had to lend comes last.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from router.db.connection import Connection
from router.db.transaction import Runner
from router.ledger.balances import Balance, read_balance

__all__ = [
    "GRANTED",
    "LENT",
    "PAID",
    "CreditKinds",
    "Lot",
    "credit_kinds",
    "debt",
    "keep_spend_first",
    "move_lots",
    "read_lots",
]

PAID, GRANTED, LENT = "paid", "granted", "lent"

_PAID_FIRST = "spend_paid_first"
_KIND_OF = {"grant": GRANTED, "free": GRANTED, "debt": LENT}
_RETURNED = ("refund", "return")
_LOTS = (
    "SELECT reference, kind, amount_nano, left_nano, expires_at, created_at, place FROM credit_lots "
    "WHERE account_id = ? AND (left_nano > 0 OR reference = ?) ORDER BY place, reference"
)
_RETURN_TO = (
    "SELECT reference, kind, amount_nano, left_nano, expires_at, created_at, place FROM credit_lots "
    "WHERE account_id = ? AND left_nano < amount_nano AND (expires_at IS NULL OR expires_at > ?) "
    "ORDER BY place DESC, reference LIMIT 100"
)
_GIVEN = """
SELECT CAST(COALESCE(SUM(CASE WHEN kind IN ('grant', 'free') THEN amount_nano ELSE 0 END), 0) AS BIGINT)
FROM transfers WHERE credit = ? AND kind <> 'usage' AND seq < ?
"""
_PUT = """
INSERT INTO credit_lots (reference, account_id, kind, amount_nano, left_nano, expires_at, created_at, place)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (reference) DO UPDATE SET left_nano = excluded.left_nano, amount_nano = excluded.amount_nano
"""
_MARK = """
INSERT INTO credit_marks (account_id, credits, debits) VALUES (?, ?, ?)
ON CONFLICT (account_id) DO UPDATE SET credits = excluded.credits, debits = excluded.debits
"""
_SEQ_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Lot:
    """Credit that was given at once.

    Attributes:
        reference: of the transfer that gave it.
        kind: ``paid``, ``granted`` or ``lent``.
        amount_nano, left_nano: what it was, and what is left.
        expires_at: when what is left is taken back, Unix seconds; None for never.
        created_at: Unix seconds.
        place: the transfer's ``seq``.
    """

    reference: str
    kind: str
    amount_nano: int
    left_nano: int
    expires_at: float | None
    created_at: float
    place: int


@dataclass(frozen=True, slots=True)
class CreditKinds:
    """What an account has, by kind, in nano-units.

    Attributes:
        paid, granted: what is left of each.
        owed: what disputes took beyond what there was: it is paid from the next credit.
        expiring: the lots of ``granted`` that expire, soonest first.
    """

    paid: int
    granted: int
    owed: int
    expiring: Sequence[Lot]


def keep_spend_first(database: Runner, first: str) -> None:
    """Have calls use ``granted`` or ``paid`` credit first from now on; what they used before stays as it was taken.

    Raises:
        StoreError: the database does not answer.
    """
    value = int(first == PAID)

    def keep(connection: Connection) -> None:
        sql = "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
        connection.execute(sql, (_PAID_FIRST, value))

    if database.read(_is_paid_first) != bool(value):
        database.write(keep)


def credit_kinds(database: Runner, account_id: str) -> CreditKinds:
    """What an account has by kind now.

    Raises:
        NotFound: there is no such account.
    """

    def read(connection: Connection) -> CreditKinds:
        with connection.snapshot():
            lots = read_lots(connection, account_id)
            owed = debt(connection, account_id)
        by_kind = {kind: sum(lot.left_nano for lot in lots if lot.kind == kind) for kind in (PAID, GRANTED)}
        expiring = sorted(
            (lot for lot in lots if lot.expires_at and lot.left_nano), key=lambda lot: lot.expires_at or 0
        )
        return CreditKinds(by_kind[PAID], by_kind[GRANTED], owed, expiring)

    return database.read(read)


def read_lots(connection: Connection, account_id: str, *, lock: bool = False) -> list[Lot]:
    """The lots of an account with what is left of each now, in the order in which they were given.

    Args:
        lock: keep the account's balance from others until the transaction ends.
    """
    before = read_balance(connection, account_id, lock=lock)
    _, known = _used(connection, account_id, before, "", _SEQ_MAX, time.time())
    return sorted(known, key=lambda lot: (lot.place, lot.reference))


def move_lots(
    connection: Connection,
    account_id: str,
    before: Balance,
    after: Balance,
    moved: Lot,
    *,
    from_lot: str = "",
) -> None:
    """What a transfer does to an account's lots, in its transaction, whose lock on the balance is held.

    Args:
        before, after: the balance around the transfer.
        moved: the transfer as a lot: its ``kind`` is the transfer's, ``amount_nano`` what it moves.
        from_lot: where it takes something: the lot to take it from first.
    """
    lots, known = _used(connection, account_id, before, from_lot, moved.place, moved.created_at)
    if after.credits > before.credits:
        if moved.kind not in _RETURNED:  # those count as use that did not happen, when lots are looked at next
            kind = _KIND_OF.get(moved.kind, PAID)
            lots.append(replace(moved, kind=kind, left_nano=moved.amount_nano))
            _write(connection, account_id, lots, after)
            return
        _write(connection, account_id, lots, before)
        return
    first = [lot for lot in known if lot.reference == from_lot]
    rest = [lot for lot in known if lot.reference != from_lot]
    taken = _taken([*first, *_in_order(rest, _is_paid_first(connection))], moved.amount_nano)
    changed = {lot.reference: lot for lot in (*lots, *taken)}
    _write(connection, account_id, list(changed.values()), after)


def _used(
    connection: Connection, account_id: str, before: Balance, wanted: str, place: int, now: float
) -> tuple[list[Lot], list[Lot]]:
    """The lots that use since the last look has changed, and all that there are, as they are now.

    Args:
        wanted: a lot to give even where nothing is left of it.
        place: the ``seq`` before which transfers count.
        now: Unix seconds: nothing is given back to lots that are over by then.
    """
    row = connection.row("SELECT credits, debits FROM credit_marks WHERE account_id = ?", (account_id,))
    if row is None:
        opening = _opening(connection, account_id, before, place)
        return list(opening), opening
    lots = [Lot(**one) for one in connection.rows(_LOTS, (account_id, wanted))]
    net = (before.debits - row["debits"]) - (before.credits - row["credits"])
    if net > 0:
        changed = _taken(_in_order(lots, _is_paid_first(connection)), net)
    elif net < 0:
        changed = _given_back(connection, account_id, -net, place, now)
    else:
        return [], lots
    known = {lot.reference: lot for lot in (*lots, *changed)}
    return changed, list(known.values())


def _opening(connection: Connection, account_id: str, before: Balance, place: int) -> list[Lot]:
    """What an account has that was there before lots were: grants are taken to be used first."""
    given = int(connection.tuples(_GIVEN, (account_id, place))[0][0])
    granted = max(0, min(given - before.debits, before.balance))
    parts = ((GRANTED, granted), (PAID, before.balance - granted))
    return [Lot(f"opening:{account_id}:{kind}", kind, left, left, None, 0.0, 0) for kind, left in parts if left]


def _given_back(connection: Connection, account_id: str, amount: int, place: int, now: float) -> list[Lot]:
    """Use that was refunded goes back to the newest lots; what fits none is paid credit of its own."""
    changed = []
    for row in connection.rows(_RETURN_TO, (account_id, now)):
        lot = Lot(**row)
        back = min(amount, lot.amount_nano - lot.left_nano)
        changed.append(replace(lot, left_nano=lot.left_nano + back))
        amount -= back
        if not amount:
            return changed
    reference = f"returned:{account_id}:{place}"
    return [*changed, Lot(reference, PAID, amount, amount, None, now, place if place < _SEQ_MAX else 0)]


def _in_order(lots: Sequence[Lot], paid_first: bool) -> list[Lot]:
    ranks = {PAID: 0 if paid_first else 1, GRANTED: 1 if paid_first else 0, LENT: 2}
    forever = float("inf")
    return sorted(
        lots,
        key=lambda lot: (
            lot.expires_at is None,
            lot.expires_at or forever,
            ranks[lot.kind],
            lot.place,
            lot.reference,
        ),
    )


def _taken(lots: Sequence[Lot], amount: int) -> list[Lot]:
    """The lots that an amount changes, taken from one after the other."""
    changed = []
    for lot in lots:
        part = min(amount, lot.left_nano)
        if part:
            changed.append(replace(lot, left_nano=lot.left_nano - part))
            amount -= part
        if not amount:
            break
    return changed


def _write(connection: Connection, account_id: str, lots: Sequence[Lot], balance: Balance) -> None:
    for lot in lots:
        values = (lot.amount_nano, lot.left_nano, lot.expires_at, lot.created_at, lot.place)
        connection.execute(_PUT, (lot.reference, account_id, lot.kind, *values))
    connection.execute(_MARK, (account_id, balance.credits, balance.debits))


def _is_paid_first(connection: Connection) -> bool:
    row = connection.row("SELECT value FROM meta WHERE name = ?", (_PAID_FIRST,))
    return row is not None and bool(row["value"])


def debt(connection: Connection, account_id: str) -> int:
    """What disputes lent an account and it has not paid back."""
    sql = (
        "SELECT CAST(COALESCE(SUM(amount_nano), 0) AS BIGINT) FROM transfers "
        "WHERE {side} = ? AND kind <> 'usage' AND kind = '{kind}'"
    )
    lent = connection.tuples(sql.format(side="credit", kind="debt"), (account_id,))[0][0]
    paid = connection.tuples(sql.format(side="debit", kind="debt_paid"), (account_id,))[0][0]
    return int(lent) - int(paid)
