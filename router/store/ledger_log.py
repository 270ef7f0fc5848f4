"""The ledger's log: what batches changed, as long as the tables of the ledger do not have it yet.

A batch of the journal writes one row, however many balances, counters, holds, transfers and hourly sums it changed. The
row has what they are afterwards, so bringing the tables up to the log's end means writing the last state of each.
``catch_up`` is the only function that does it: each other writer calls it first (``Database.write`` does), readers
have it called (``Database.read`` does), and the journal calls it every few batches and when it has nothing to do.

All writers of the ledger are in one order: on SQLite there is one at a time, on PostgreSQL they lock the row of
``ledger_head``. Its epoch is counted up whenever something changes that is not in the log, or is there no longer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from router.db.bulk import Columns, delete_in, write_rows
from router.db.connection import Connection
from router.metering.hour_rows import add_rows, added
from router.metering.hour_totals import add_totals
from router.metering.tallies import add_counters
from router.metering.usage_columns import COLUMNS as USAGE

__all__ = [
    "BALANCES",
    "BUCKETS",
    "HOLDS",
    "TRANSFERS",
    "Effects",
    "Row",
    "append",
    "catch_up",
    "enter",
    "is_behind",
    "lock_head",
    "logged",
    "merged",
]

BALANCES: Columns = (
    ("account_id", "text"),
    ("credits", "bigint"),
    ("debits", "bigint"),
    ("held", "bigint"),
    ("head", "text"),
)
BUCKETS: Columns = (
    ("id", "text"),
    ("window_start", "bigint"),
    ("used", "bigint"),
    ("held", "bigint"),
    ("subject", "text"),
    ("mark", "bigint"),
)
HOLDS: Columns = (
    ("id", "text"),
    ("account_id", "text"),
    ("key_id", "text"),
    ("owner", "text"),
    ("model", "text"),
    ("route", "text"),
    ("streamed", "boolean"),
    ("amount_nano", "bigint"),
    ("claims", "text"),
    ("created_at", "float8"),
    ("expires_at", "float8"),
)
TRANSFERS: Columns = (
    ("reference", "text"),
    ("kind", "text"),
    ("debit", "text"),
    ("credit", "text"),
    ("amount_nano", "bigint"),
    ("balance_nano", "bigint"),
    ("about", "text"),
    ("reason", "text"),
    ("created_at", "float8"),
    ("hash", "text"),
)
_SET_BALANCES = (
    "ON CONFLICT (account_id) DO UPDATE SET credits = excluded.credits, debits = excluded.debits, "
    "held = excluded.held, head = excluded.head"
)
_SET_BUCKETS = (
    "ON CONFLICT (id) DO UPDATE SET window_start = excluded.window_start, used = excluded.used, held = excluded.held, "
    "subject = excluded.subject, mark = excluded.mark"
)
_SELECT = "SELECT seq, effects FROM ledger_log WHERE seq > ? ORDER BY seq"
_HEAD = "SELECT epoch, seq FROM ledger_head"
_INSERT = "INSERT INTO ledger_log (seq, effects) VALUES (?, ?)"
_COUNTED = "WITH head AS (UPDATE ledger_head SET seq = ?) "
_BESIDE = f"WITH head AS (UPDATE ledger_head SET seq = ?), logged AS ({_INSERT}) "  # noqa: S608 - constants
_HOUR_KEY = 5
_encode = msgspec.json.Encoder().encode
Row = Sequence[Any]
"""Values in the order of a table's columns."""


class Effects(msgspec.Struct, array_like=True):
    """What a batch changed.

    Attributes:
        balances, buckets: rows as they are afterwards, of the columns ``BALANCES`` and ``BUCKETS``.
        holds: rows of calls that began, of the columns ``HOLDS``.
        ended: IDs of calls that are held no longer. None of them began in the same batch.
        transfers: rows of the columns ``TRANSFERS``, in their order.
        hours: what is added to hourly sums: their five keys and their sums, as ``hour_rows`` gives them.
        counters: name -> how much is added.
    """

    balances: list[Row] = []
    buckets: list[Row] = []
    holds: list[Row] = []
    ended: list[str] = []
    transfers: list[Row] = []
    hours: list[Row] = []
    counters: dict[str, int] = {}

    def __bool__(self) -> bool:
        return any((self.balances, self.buckets, self.holds, self.ended, self.transfers, self.hours, self.counters))


_decode = msgspec.json.Decoder(Effects).decode


def lock_head(connection: Connection) -> tuple[int, int]:
    """The epoch, and on PostgreSQL the number of the log's last row; other writers wait until the transaction ends."""
    lock = " FOR UPDATE" if connection.engine == "postgresql" else ""
    epoch, seq = connection.tuples(_HEAD + lock)[0]
    return epoch, seq


def logged(connection: Connection, after: int = 0) -> list[tuple[int, Effects]]:
    """The log's rows behind one, in their order."""
    return [(seq, _decode(effects)) for seq, effects in connection.tuples(_SELECT, (after,))]


def append(connection: Connection, seq: int, effects: Effects, usage: Sequence[Row]) -> None:
    """Add a row, and write the usage rows of the same batch.

    Args:
        seq: one more than the last row's; the first of an epoch is 1.
        usage: rows of the columns of ``router.metering.usage_columns``; none of them can be there.
    """
    text = _encode(effects).decode()
    if connection.engine == "sqlite":
        connection.execute(_INSERT, (seq, text))
        write_rows(connection, "usage", USAGE, usage)
    elif usage:
        write_rows(connection, "usage", USAGE, usage, beside=(_BESIDE, (seq, seq, text)))
    else:
        connection.execute(_COUNTED + _INSERT, (seq, seq, text))


def enter(connection: Connection) -> None:
    """Begin a writing transaction of somebody who knows nothing of the log."""
    if _has_log(connection):
        connection.execute("UPDATE ledger_head SET epoch = epoch + 1")
        catch_up(connection, totals=_has_totals(connection))


def is_behind(connection: Connection) -> bool:
    """Whether the tables lack something that the log has."""
    return _has_log(connection) and bool(connection.tuples("SELECT 1 FROM ledger_log LIMIT 1"))


def catch_up(connection: Connection, more: Effects | None = None, *, totals: bool = True) -> None:
    """Bring the tables up to the log's end, and empty it, in the caller's transaction, which other writers wait for.

    Args:
        more: what follows the log's last row.
        totals: whether there is a table of totals: a database whose migration is still to come has none.
    """
    found = [effects for _, effects in logged(connection)]
    if not found and not more:
        return
    whole = merged(found if more is None else [*found, more])
    write_rows(connection, "balances", BALANCES, whole.balances, _SET_BALANCES)
    write_rows(connection, "buckets", BUCKETS, whole.buckets, _SET_BUCKETS)
    delete_in(connection, "holds", "id", whole.ended)
    write_rows(connection, "holds", HOLDS, whole.holds)
    write_rows(connection, "transfers", TRANSFERS, whole.transfers)
    add_rows(connection, whole.hours)
    if totals:
        add_totals(connection, whole.hours)
    if whole.counters:
        add_counters(connection, whole.counters)
    if found:
        connection.execute("DELETE FROM ledger_log")
    connection.execute("UPDATE ledger_head SET epoch = epoch + 1, seq = 0")


def merged(effects: Iterable[Effects]) -> Effects:
    """Several batches' effects as one."""
    balances: dict[str, Row] = {}
    buckets: dict[str, Row] = {}
    holds: dict[str, Row] = {}
    hours: dict[tuple[Any, ...], list[int]] = {}
    whole = Effects([], [], [], [], [], [], {})
    for one in effects:
        balances.update((row[0], row) for row in one.balances)
        buckets.update((row[0], row) for row in one.buckets)
        for id in one.ended:
            if holds.pop(id, None) is None:
                whole.ended.append(id)
        holds.update((row[0], row) for row in one.holds)
        whole.transfers += one.transfers
        for row in one.hours:
            key, sums = tuple(row[:_HOUR_KEY]), row[_HOUR_KEY:]
            there = hours.get(key)
            hours[key] = list(sums) if there is None else added(there, sums)
        for name, count in one.counters.items():
            whole.counters[name] = whole.counters.get(name, 0) + count
    whole.balances += balances.values()
    whole.buckets += buckets.values()
    whole.holds += holds.values()
    whole.hours += [(*key, *sums) for key, sums in hours.items()]
    return whole


def _has_log(connection: Connection) -> bool:
    """A database whose migration is still to come has none."""
    if not connection.has_log:
        connection.has_log = connection.has_table("ledger_log")
    return connection.has_log


def _has_totals(connection: Connection) -> bool:
    if not connection.has_totals:
        connection.has_totals = connection.has_table("usage_totals")
    return connection.has_totals
