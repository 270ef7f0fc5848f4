"""Balances and buckets as one transaction sees and changes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from router.claims import Window
from router.ledger.operations import Taken
from router.store import access
from router.store.connection import Connection
from router.store.sets import Columns, select_in, write_rows

__all__ = ["Balance", "Book", "Bucket", "Counts"]

_BALANCES: Columns = (("account_id", "text"), ("credits", "bigint"), ("debits", "bigint"), ("held", "bigint"))
_BUCKETS: Columns = (("id", "text"), ("window_start", "bigint"), ("used", "bigint"), ("held", "bigint"))
_SET_BALANCES = (
    "ON CONFLICT (account_id) DO UPDATE SET credits = excluded.credits, debits = excluded.debits, held = excluded.held"
)
_SET_BUCKETS = (
    "ON CONFLICT (id) DO UPDATE SET window_start = excluded.window_start, used = excluded.used, held = excluded.held"
)
_REMEMBERED_MAX = 50_000
Counts = tuple[int, int, int]
"""A bucket's window_start, used and held."""


class Balance:
    """One account's money, in nano-units. An account without a row has none, and cannot be given any here."""

    __slots__ = ("changed", "credits", "debits", "held")

    def __init__(self, credits: int = 0, debits: int = 0, held: int = 0) -> None:
        self.credits, self.debits, self.held = credits, debits, held
        self.changed = False

    @property
    def posted(self) -> int:
        """What it has, holds included."""
        return self.credits - self.debits

    @property
    def available(self) -> int:
        """What further calls may claim."""
        return self.credits - self.debits - self.held

    def hold(self, amount_nano: int) -> None:
        self.held += amount_nano
        self.changed = True

    def debit(self, amount_nano: int) -> None:
        self.debits += amount_nano
        self.changed = True


class Bucket:
    """One counter in its window. ``window_start`` is in Unix milliseconds; 0 where there is no window."""

    __slots__ = ("_ends_ms", "_window", "changed", "held", "used", "window_start")

    def __init__(self, window_start: int = 0, used: int = 0, held: int = 0) -> None:
        self.window_start, self.used, self.held = window_start, used, held
        self.changed = False
        self._window: Window | None = None  # the last that was entered, and until when it holds
        self._ends_ms = 0.0

    def enter(self, window: Window, now_ms: int) -> Counts | None:
        """Begin again at zero where the bucket's window is over: what it was before; None where nothing has changed.

        A claim that comes late, or from a node whose clock is behind, counts in the window that is there.

        Args:
            now_ms: Unix milliseconds, not rounded up: no window is longer than it should be.
        """
        if window is self._window and now_ms < self._ends_ms:
            return None
        length_ms = round(window.seconds * 1000)
        if window.start is not None:
            start_ms = round(window.start * 1000)
            over = self.window_start < start_ms
        else:
            start_ms = now_ms
            over = not self.window_start or now_ms >= self.window_start + length_ms
        before = (self.window_start, self.used, self.held)
        if over:
            self.window_start, self.used, self.held = start_ms, 0, 0
            self.changed = True
        self._window = window
        self._ends_ms = float("inf") if window.start is not None else self.window_start + length_ms
        return before if over else None

    def restore(self, before: Counts) -> None:
        """What was entered was not."""
        self.window_start, self.used, self.held = before
        self._window = None

    def ends_in_s(self, window: Window, now: float) -> float:
        """Until the window is over."""
        return max(0.0, self.window_start / 1000 + window.seconds - now)

    def hold(self, amount: int) -> None:
        self.held += amount
        self.changed = True

    def settle(self, taken: Taken, final: int) -> None:
        """Replace what was held by what was used; a window that is over has forgotten both."""
        if self.window_start == taken.window_start:
            self.held -= taken.amount
            self.used += final
            self.changed = True

    def use(self, taken: Taken, final: int) -> None:
        """Count what was used after all of what is held no longer."""
        if self.window_start == taken.window_start:
            self.used += final
            self.changed = True


@dataclass
class Book:
    """What the batches of one journal know: the rows that they read, as long as nobody else can have changed them.

    SQLite tells whether another connection has written, and our own counts its transactions. So where a worker is
    alone with the database, and its batches follow one another, a batch reads what is new to it and nothing else.
    PostgreSQL's rows are locked and read for each transaction.

    Attributes:
        balances: account -> its money.
        buckets: ID -> counter.
    """

    balances: dict[str, Balance] = field(default_factory=dict)
    buckets: dict[str, Bucket] = field(default_factory=dict)
    _version: int | None = None
    _connection: Connection | None = None
    _transaction: int = 0
    _data_version: int = 0

    @classmethod
    def opened(cls, connection: Connection, last: Book | None) -> Book:
        """What is known in the transaction that has just begun.

        Args:
            last: what ``kept`` returned in an earlier one, whatever became of that.
        """
        data_version = 0
        if connection.engine == "sqlite":
            data_version = connection.tuples("PRAGMA data_version")[0][0]
            if last is not None and last._holds(connection, data_version):
                return last
        return cls(_connection=connection, _data_version=data_version)

    def _holds(self, connection: Connection, data_version: int) -> bool:
        """Whether the transaction before this one was committed and was ours, and no other connection has written."""
        return (
            self._connection is connection
            and self._data_version == data_version
            and self._transaction == connection.committed == connection.transaction - 1
            and len(self.buckets) + len(self.balances) <= _REMEMBERED_MAX
        )

    def kept(self, connection: Connection) -> Book:
        """This, for ``opened`` in the next transaction, once everything is written."""
        self._transaction = connection.transaction
        return self

    def access_version(self, connection: Connection) -> int:
        """Of keys, accounts and limits."""
        if self._version is None:
            self._version = access.access_version(connection)
        return self._version

    def read(self, connection: Connection, accounts: Iterable[str], buckets: Iterable[str]) -> None:
        """Have these balances and buckets, kept from others until the transaction ends; make missing buckets."""
        wanted = [account for account in accounts if account not in self.balances]
        rows = select_in(connection, "balances", "account_id, credits, debits, held", "account_id", wanted, lock=True)
        self.balances.update((account, Balance()) for account in wanted)
        self.balances.update((account, Balance(*amounts)) for account, *amounts in rows)
        missing = self._read_buckets(connection, [id for id in buckets if id not in self.buckets])
        if missing:
            # Only a row can be kept from others: two nodes that both find none would both begin at zero.
            rows = [(id, 0, 0, 0) for id in sorted(missing, key=_by_subject)]
            write_rows(connection, "buckets", _BUCKETS, rows, "ON CONFLICT (id) DO NOTHING")
            self._read_buckets(connection, missing)

    def _read_buckets(self, connection: Connection, ids: Sequence[str]) -> list[str]:
        """Which of them there are not."""
        rows = select_in(connection, "buckets", "id, window_start, used, held", "id", ids, lock=True)
        self.buckets.update((id, Bucket(*counts)) for id, *counts in rows)
        return [id for id in ids if id not in self.buckets]

    def write(self, connection: Connection, accounts: Iterable[str], buckets: Iterable[str]) -> None:
        """Write those of these that changed."""
        balances = [(account, self.balances[account]) for account in accounts]
        rows = [(account, one.credits, one.debits, one.held) for account, one in balances if one.changed]
        write_rows(connection, "balances", _BALANCES, rows, _SET_BALANCES)
        counters = [(id, self.buckets[id]) for id in buckets]
        rows = [(id, one.window_start, one.used, one.held) for id, one in counters if one.changed]
        write_rows(connection, "buckets", _BUCKETS, rows, _SET_BUCKETS)
        for _, balance in balances:
            balance.changed = False
        for _, bucket in counters:
            bucket.changed = False


def _by_subject(bucket: str) -> tuple[str, str]:
    """One order for everybody, or two nodes would wait for each other; a key's buckets share pages of the table."""
    return bucket.rpartition(":")[2], bucket
