"""Balances and buckets as one transaction sees and changes them."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from router.claims import BALANCE, Claim, Window
from router.ledger.operations import Taken
from router.store import access
from router.store.connection import Connection
from router.store.sets import Columns, select_in, write_rows

__all__ = ["Balance", "Book", "Bound", "Bucket", "Counts", "Meter", "mark_of"]

_BALANCES: Columns = (
    ("account_id", "text"),
    ("credits", "bigint"),
    ("debits", "bigint"),
    ("held", "bigint"),
    ("head", "text"),
)
_BUCKETS: Columns = (
    ("id", "text"),
    ("window_start", "bigint"),
    ("used", "bigint"),
    ("held", "bigint"),
    ("subject", "text"),
    ("mark", "bigint"),
)
_SET_BALANCES = (
    "ON CONFLICT (account_id) DO UPDATE SET credits = excluded.credits, debits = excluded.debits, "
    "held = excluded.held, head = excluded.head"
)
_SET_BUCKETS = (
    "ON CONFLICT (id) DO UPDATE SET window_start = excluded.window_start, used = excluded.used, held = excluded.held, "
    "subject = excluded.subject, mark = excluded.mark"
)
_REMEMBERED_MAX = 50_000
_BOUND_MAX = 5_000
Counts = tuple[int, int]
"""A bucket's window_start and used."""


class Balance:
    """One account's money, in nano-units, and the hash of its last transfer.

    An account without a row has none, and cannot be given any here.
    """

    __slots__ = ("changed", "credits", "debits", "head", "held")

    def __init__(self, credits: int = 0, debits: int = 0, held: int = 0, head: str = "") -> None:
        self.credits, self.debits, self.held, self.head = credits, debits, held, head
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

    def credit(self, amount_nano: int) -> None:
        self.credits += amount_nano
        self.changed = True

    def debit(self, amount_nano: int) -> None:
        self.debits += amount_nano
        self.changed = True


class Bucket:
    """One counter in its window.

    Attributes:
        window_start: Unix milliseconds; 0 where there is no window.
        used: in this window.
        held: by calls under way, whenever they began.
        subject: whose charges it counts, ``key:ID`` or ``account:ID``, where it began with those of the past.
        window, begins_ms, ends_ms: the window that was entered last, and from when until when that needs no other look.
    """

    __slots__ = ("begins_ms", "changed", "ends_ms", "held", "subject", "used", "window", "window_start")

    def __init__(self, window_start: int = 0, used: int = 0, held: int = 0, subject: str = "") -> None:
        self.window_start, self.used, self.held = window_start, used, held
        self.subject = subject
        self.changed = False
        self.window: Window | None = None
        self.begins_ms = self.ends_ms = 0.0

    def row(self, id: str) -> tuple[int, int, int, str, int]:
        """window_start, used, held, subject, mark."""
        return self.window_start, self.used, self.held, self.subject, mark_of(id, self.window_start, self.used)

    def enter(self, window: Window, now_ms: int) -> Counts | None:
        """Begin again at zero where the bucket's window is over: what it was before; None where nothing has changed.

        A claim that comes late, or from a node whose clock is behind, counts in the window that is there.

        What calls under way hold is carried along. A window that begins later than the next one would is by a clock
        that was ahead, and is over too.

        Args:
            now_ms: Unix milliseconds, not rounded up: no window is longer than it should be.
        """
        if window is self.window and self.begins_ms <= now_ms < self.ends_ms:
            return None
        length_ms = round(window.seconds * 1000)
        if window.start is not None:
            start_ms = round(window.start * 1000)
            over = not start_ms <= self.window_start <= start_ms + length_ms
        else:
            start_ms = now_ms
            over = not now_ms - length_ms < self.window_start <= now_ms + length_ms
        before = (self.window_start, self.used)
        if over:
            self.window_start, self.used = start_ms, 0
            self.changed = True
        self.window = window
        calendar = window.start is not None
        self.begins_ms = 0 if calendar else self.window_start - length_ms
        self.ends_ms = float("inf") if calendar else self.window_start + length_ms
        return before if over else None

    def begun_anew(self, window: Window | None, used: int, subject: str) -> None:
        """Count from what was used in the present window before anybody counted.

        Args:
            window: the present one, of the calendar; None where there is none.
            used: in it, so far.
            subject: whose.
        """
        self.window_start = 0 if window is None or window.start is None else round(window.start * 1000)
        self.used, self.subject = used, subject
        self.changed = True

    def restore(self, before: Counts) -> None:
        """What was entered was not."""
        self.window_start, self.used = before
        self.window = None

    def ends_in_s(self, window: Window, now: float) -> float:
        """Until the window is over."""
        return max(0.0, self.window_start / 1000 + window.seconds - now)

    def hold(self, amount: int) -> None:
        self.held += amount
        self.changed = True

    def count(self, amount: int) -> None:
        """Use it at once."""
        self.used += amount
        self.changed = True

    def uncount(self, taken: Taken) -> None:
        """What was taken was not."""
        if taken.at_once:
            self.use(taken, -taken.amount, 0)
        else:
            self.hold(-taken.amount)

    def settle(self, taken: Taken, final: int, now_ms: int) -> None:
        """Replace what was held by what was used: that counts in the window in which it becomes known."""
        if taken.at_once:
            final -= taken.amount
        else:
            self.held = max(0, self.held - taken.amount)
        self.use(taken, final, now_ms)

    def use(self, taken: Taken, amount: int, now_ms: int) -> None:
        """Count what is known to have been used by now; a correction may be below zero."""
        if taken.at_once:
            if self.window_start != taken.window_start:
                return
        elif taken.length_ms:
            self._move_on(taken, now_ms)
        self.used = max(0, self.used + amount)
        self.changed = True

    def _move_on(self, taken: Taken, now_ms: int) -> None:
        """Begin the present window, where that which is there is over."""
        passed = (now_ms - self.window_start) // taken.length_ms
        if -1 <= passed < 1:
            return
        self.window_start = self.window_start + passed * taken.length_ms if taken.calendar else now_ms
        self.used = 0
        self.window = None


class Meter(NamedTuple):
    """One claim with the counter that it is taken from.

    Attributes:
        bucket: its whole ID.
        state: the counter; None for the account's balance.
        claim: in whose place an amount may come.
        ceiling, at_least, window: the claim's.
        at_once: whether it is used as it is claimed.
        length_ms, calendar: as ``Taken`` has them.
    """

    bucket: str
    state: Bucket | None
    claim: Claim
    ceiling: int | None
    at_least: int
    window: Window | None
    at_once: bool
    length_ms: int
    calendar: bool


class Bound(NamedTuple):
    """The claims of a call, bound to a book's counters.

    Attributes:
        claims: themselves: while they are kept, no other tuple has their place in memory.
        buckets: the IDs of the counters.
        of_charges: those that begin with what was charged in the past.
        billed: whether one is on the balance.
        amounts: what the claims themselves say.
    """

    claims: Sequence[tuple[str, Claim]]
    buckets: dict[str, None]
    meters: tuple[Meter, ...]
    of_charges: tuple[Meter, ...]
    billed: bool
    amounts: tuple[int, ...]


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
    _bound: dict[int, Bound] = field(default_factory=dict)
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

    def known(self, claims: Sequence[tuple[str, Claim]]) -> Bound | None:
        """What ``bind`` made of the very same tuple before."""
        return self._bound.get(id(claims))

    def bind(self, claims: Sequence[tuple[str, Claim]]) -> Bound:
        """Bind claims to counters that were read; a tuple's are kept, and found again by ``known``."""
        meters = tuple(_meter(bucket, claim, self.buckets) for bucket, claim in claims)
        bound = Bound(
            claims,
            {one.bucket: None for one in meters if one.state is not None},
            meters,
            tuple(one for one in meters if one.claim.of),
            any(one.state is None for one in meters),
            tuple(one.claim.amount for one in meters),
        )
        if type(claims) is tuple:
            if len(self._bound) >= _BOUND_MAX:
                self._bound.clear()
            self._bound[id(claims)] = bound
        return bound

    def read(self, connection: Connection, accounts: Iterable[str], buckets: Iterable[str]) -> None:
        """Have these balances and buckets, kept from others until the transaction ends; make missing buckets."""
        wanted = [account for account in accounts if account not in self.balances]
        rows = select_in(
            connection, "balances", "account_id, credits, debits, held, head", "account_id", wanted, lock=True
        )
        self.balances.update((account, Balance()) for account in wanted)
        self.balances.update((account, Balance(*amounts)) for account, *amounts in rows)
        missing = self._read_buckets(connection, [id for id in buckets if id not in self.buckets])
        if missing:
            # Only a row can be kept from others: two nodes that both find none would both begin at zero.
            rows = [(id, 0, 0, 0, "", 0) for id in sorted(missing, key=_by_subject)]
            write_rows(connection, "buckets", _BUCKETS, rows, "ON CONFLICT (id) DO NOTHING")
            self._read_buckets(connection, missing)

    def _read_buckets(self, connection: Connection, ids: Sequence[str]) -> list[str]:
        """Which of them there are not."""
        rows = select_in(connection, "buckets", "id, window_start, used, held, subject", "id", ids, lock=True)
        self.buckets.update((id, Bucket(*counts)) for id, *counts in rows)
        return [id for id in ids if id not in self.buckets]

    def write(self, connection: Connection, accounts: Iterable[str], buckets: Iterable[str]) -> None:
        """Write those of these that changed."""
        balances = [(account, self.balances[account]) for account in accounts]
        rows = [(account, one.credits, one.debits, one.held, one.head) for account, one in balances if one.changed]
        write_rows(connection, "balances", _BALANCES, rows, _SET_BALANCES)
        counters = [(id, self.buckets[id]) for id in buckets]
        counts = [(id, *one.row(id)) for id, one in counters if one.changed]
        write_rows(connection, "buckets", _BUCKETS, counts, _SET_BUCKETS)
        for _, balance in balances:
            balance.changed = False
        for _, bucket in counters:
            bucket.changed = False


def _meter(bucket: str, claim: Claim, buckets: Mapping[str, Bucket]) -> Meter:
    state = None if bucket == BALANCE else buckets[bucket]
    window = claim.window
    at_once = claim.at_once and window is not None
    length_ms = 0 if window is None or claim.at_once else round(window.seconds * 1000)
    calendar = length_ms != 0 and window is not None and window.start is not None
    return Meter(bucket, state, claim, claim.ceiling, claim.at_least, window, at_once, length_ms, calendar)


def mark_of(id: str, window_start: int, used: int) -> int:
    """A checksum of what a bucket has counted: what is changed behind the ledger's back no longer fits it. Never 0."""
    return zlib.crc32(f"{id}|{window_start}|{used}".encode("utf-8", "surrogatepass")) + 1


def _by_subject(bucket: str) -> tuple[str, str]:
    """One order for everybody, or two nodes would wait for each other; a key's buckets share pages of the table."""
    return bucket.rpartition(":")[2], bucket
