"""Rows of top-ups."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from typing import Any

from router.db.connection import Connection
from router.db.transaction import Runner

__all__ = [
    "OPEN",
    "TopUpRow",
    "deposits_between",
    "find_automatic_open",
    "find_form",
    "find_topup",
    "find_topup_by",
    "insert_topup",
    "list_topups",
    "next_open_topups",
    "open_topups",
    "topped_up_since",
    "update_topup",
]

OPEN = ("started", "pending")
"""The states in which a top-up may still be paid."""

_LIMIT_MAX = 1_000


@dataclass(frozen=True, slots=True)
class TopUpRow:
    """One top-up; ``router.store.payments.tables`` says what each column is. Minor units are numbers here."""

    id: str
    method: str
    account_id: str
    person_id: str
    state: str
    amount: int
    currency: str
    decimals: int
    rate_nano: int
    credit_nano: int
    created_at: float
    changed_at: float
    reference: str = ""
    payment: str = ""
    form: str = ""
    url: str = ""
    note: str = ""
    address: str = ""
    confirmations: int = 0
    wanted: int = 0
    detail: str = "{}"
    save_means: bool = False
    means_id: str = ""
    refunded: int = 0
    refunded_nano: int = 0
    told_total: int = 0
    disputed_nano: int = 0
    paid_at: float | None = None
    expires_at: float | None = None

    @property
    def is_paid(self) -> bool:
        """Whether it was credited, whatever came later."""
        return self.paid_at is not None


_NAMES = tuple(field.name for field in fields(TopUpRow))
_BIG = frozenset({"amount", "refunded", "told_total"})
_COLUMNS = ", ".join(_NAMES)
_INSERT = f"INSERT INTO topups ({_COLUMNS}) VALUES ({', '.join('?' * len(_NAMES))})"  # noqa: S608 - constant text
_SELECT = f"SELECT {_COLUMNS} FROM topups"  # noqa: S608 - constant text
_OPEN_SINCE = (
    "method = ? AND state IN ('started', 'pending') AND created_at > ? AND (reference <> '' OR means_id <> '')"
)


def insert_topup(connection: Connection, row: TopUpRow) -> None:
    """Keep a new one. Raises ``peewee.IntegrityError`` where its form or reference is there already."""
    connection.execute(_INSERT, tuple(_value(row, name) for name in _NAMES))


def update_topup(connection: Connection, before: TopUpRow, after: TopUpRow) -> None:
    """Write what is other than it was."""
    changed = [name for name in _NAMES if getattr(before, name) != getattr(after, name)]
    if changed:
        sets = ", ".join(f"{name} = ?" for name in changed)
        values = [_value(after, name) for name in changed]
        connection.execute(f"UPDATE topups SET {sets} WHERE id = ?", (*values, after.id))  # noqa: S608 - our names


def find_topup(connection: Connection, topup_id: str, *, lock: bool = False) -> TopUpRow | None:
    """The top-up of an ID.

    Args:
        lock: keep others from changing it until the transaction ends.
    """
    return _one(connection, "id = ?", (topup_id,), lock=lock)


def find_topup_by(connection: Connection, method: str, reference: str, *, lock: bool = False) -> TopUpRow | None:
    """The top-up of a method's own reference, or of the second one; the newest where there are several."""
    found = _one(connection, "method = ? AND reference = ?", (method, reference), lock=lock)
    return found or _one(connection, "method = ? AND payment = ?", (method, reference), lock=lock)


def find_form(connection: Connection, account_id: str, form: str) -> TopUpRow | None:
    """The top-up that a form has begun."""
    return _one(connection, "account_id = ? AND form = ?", (account_id, form))


def find_automatic_open(connection: Connection, account_id: str) -> TopUpRow | None:
    """The automatic top-up of an account that may still be paid, however many others were begun since; the oldest where
    there are several.
    """
    states = ", ".join("?" * len(OPEN))
    sql = f"{_SELECT} WHERE account_id = ? AND means_id <> '' AND state IN ({states}) ORDER BY created_at, id LIMIT 1"
    row = connection.row(sql, (account_id, *OPEN))
    return None if row is None else _row(row)


def list_topups(
    database: Runner,
    *,
    account_id: str = "",
    method: str = "",
    states: Collection[str] = (),
    before: tuple[float, str] | None = None,
    limit: int = 50,
    open_first: bool = False,
) -> list[TopUpRow]:
    """The newest top-ups, newest first.

    Args:
        before: time and ID of the last one of the page before.
        open_first: those that may still be paid come before all others.
    """
    where, params = ["created_at > 0"], list[Any]()
    if account_id:
        where.append("account_id = ?")
        params.append(account_id)
    if method:
        where.append("method = ?")
        params.append(method)
    if states:
        where.append(f"state IN ({', '.join('?' * len(states))})")
        params += sorted(states)
    if before is not None:
        where.append("(created_at < ? OR (created_at = ? AND id < ?))")
        params += [before[0], *before]
    params.append(max(1, min(limit, _LIMIT_MAX)))
    order = ("state IN ('started', 'pending') DESC, " if open_first else "") + "created_at DESC, id DESC"
    sql = f"{_SELECT} WHERE {' AND '.join(where)} ORDER BY {order} LIMIT ?"
    return [_row(one) for one in database.read(lambda connection: connection.rows(sql, params))]


def next_open_topups(database: Runner, method: str, after: str, *, since: float, limit: int) -> list[TopUpRow]:
    """Those of a method's that may still be paid, that it knows of, and that were begun after a time, by their IDs.

    IDs are random: whoever goes on beginning some puts few of them before another's turn.

    Args:
        after: the ID behind which they begin.
    """
    sql = f"{_SELECT} WHERE {_OPEN_SINCE} AND id > ? ORDER BY id LIMIT ?"
    return [_row(one) for one in database.read(lambda connection: connection.rows(sql, (method, since, after, limit)))]


def open_topups(database: Runner, method: str, *, since: float, limit: int) -> list[TopUpRow]:
    """The same, any of them where there are more than so many, so that none is left out for good."""
    sql = f"{_SELECT} WHERE {_OPEN_SINCE} ORDER BY RANDOM() LIMIT ?"
    return [_row(one) for one in database.read(lambda connection: connection.rows(sql, (method, since, limit)))]


def deposits_between(database: Runner, method: str, first: int, last: int) -> list[TopUpRow]:
    """The deposits that were credited at a method's addresses whose numbers are from ``first`` to ``last``."""
    columns = ", ".join(f"t.{name}" for name in _NAMES)
    sql = (
        f"SELECT {columns} FROM payment_addresses a "  # noqa: S608 - constant text
        "JOIN topups t ON t.account_id = a.account_id AND t.method = a.method AND t.address = a.address "
        "WHERE a.method = ? AND a.number >= ? AND a.number <= ? AND t.paid_at IS NOT NULL"
    )
    return [_row(one) for one in database.read(lambda connection: connection.rows(sql, (method, first, last)))]


def topped_up_since(connection: Connection, account_id: str, since: float) -> int:
    """What an account began to pay in since a time and did not give up, in nano-units of its balance; what it was
    granted is not paid in.
    """
    sql = (
        "SELECT credit_nano FROM topups WHERE account_id = ? AND created_at > ? AND amount <> '0' "
        "AND state NOT IN ('expired', 'failed')"
    )
    return sum(int(nano) for (nano,) in connection.tuples(sql, (account_id, since)))


def _one(connection: Connection, where: str, params: Sequence[Any], *, lock: bool = False) -> TopUpRow | None:
    sql = f"{_SELECT} WHERE {where} ORDER BY created_at DESC LIMIT 1"
    if lock and connection.engine == "postgresql":
        sql += " FOR UPDATE"
    row = connection.row(sql, params)
    return None if row is None else _row(row)


def _row(row: dict[str, Any]) -> TopUpRow:
    big = {name: int(row[name]) for name in _BIG}
    return TopUpRow(**(row | big | {"save_means": bool(row["save_means"])}))


def _value(row: TopUpRow, name: str) -> Any:
    value = getattr(row, name)
    return str(value) if name in _BIG else value
