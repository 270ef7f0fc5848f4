"""A cache of balances and buckets between the batches of one journal, and the check that it still holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from router.db import access_version
from router.db.bulk import select_in
from router.db.connection import Connection
from router.db.ids import clean_text
from router.db.journal import Operation
from router.ledger.operations import HOLD_COLUMNS, Authorize, Capture, Hold, Record, Void
from router.ledger.state import AccountState, Bucket
from router.money.amounts import INT64_MAX
from router.store.ledger_log import Effects, Row, append, catch_up, lock_head, logged
from router.types.claims import BALANCE, Claim, Window

__all__ = ["BoundClaims", "LedgerCache", "Meter"]

_REMEMBERED_MAX = 50_000
_BOUND_MAX = 5_000
_BEHIND_MAX = 16  # rows of the log: what a restart has to do, and what the tables' own rows are written once for
_BEHIND_S = 0.5


class Meter(NamedTuple):
    """One claim with the counter that it is taken from.

    Attributes:
        bucket: its whole ID.
        state: the counter; None for the account's balance.
        claim: in whose place an amount may come.
        ceiling, at_least, window: the claim's.
        at_once: whether it is used as it is claimed.
        length_ms, calendar, refill: as ``Taken`` has them.
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
    refill: int


class BoundClaims(NamedTuple):
    """The claims of a call, bound to a cache's counters.

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
class LedgerCache:
    """Balances and buckets that the batches of one journal have read, as long as every change since is known.

    Changes of other journals are in the log. Whatever else changes the ledger counts the log's epoch up, and a new
    cache is opened. SQLite tells whether another connection has written at all, and our own counts its transactions, so
    where a worker is alone with the database and its batches follow one another, nothing has to be asked.

    Attributes:
        balances: account -> its money.
        buckets: ID -> counter.
        open: IDs of calls that are held, of those that began since the book was opened.
        seq: the number of the log's last row; 0 where it is empty.
        behind_since: Unix seconds of the log's first row as far as it is ours; None where there is none.
    """

    balances: dict[str, AccountState] = field(default_factory=dict)
    buckets: dict[str, Bucket] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)
    seq: int = 0
    behind_since: float | None = None
    _bound: dict[int, BoundClaims] = field(default_factory=dict)
    _epoch: int = 0
    _version: int | None = None
    _connection: Connection | None = None
    _transaction: int = 0
    _data_version: int = 0

    @classmethod
    def opened(cls, connection: Connection, last: LedgerCache | None) -> LedgerCache:
        """The cache for the transaction that has just begun: the last one where it still holds, else an empty one.

        Args:
            last: what ``kept`` returned in an earlier one, whatever became of that.
        """
        data_version = 0
        if connection.engine == "sqlite":
            data_version = connection.tuples("PRAGMA data_version")[0][0]
        if last is not None and last._follows(connection):
            if connection.engine == "sqlite" and last._data_version == data_version:
                return last
            if last._learn(connection):
                last._data_version = data_version
                return last
        lock_head(connection)
        catch_up(connection)
        epoch, _ = lock_head(connection)
        return cls(_connection=connection, _data_version=data_version, _epoch=epoch)

    def _follows(self, connection: Connection) -> bool:
        """Whether the connection's previous transaction was this cache's, and was committed."""
        return (
            self._connection is connection
            and self._transaction == connection.committed == connection.transaction - 1
            and len(self.buckets) + len(self.balances) + len(self.open) <= _REMEMBERED_MAX
        )

    def _learn(self, connection: Connection) -> bool:
        """Read what other journals have logged; False where something else has changed."""
        epoch, seq = lock_head(connection)
        if epoch != self._epoch:
            return False
        if connection.engine == "postgresql" and seq == self.seq:
            return True
        found = logged(connection, self.seq)
        for place, effects in found:
            for account, *amounts in effects.balances:
                self._learn_balance(account, *amounts)
            for id, *counts, _ in effects.buckets:
                self._learn_bucket(id, *counts)
            self.open.difference_update(effects.ended)
            self.open.update(row[0] for row in effects.holds)
            self.seq = place
        return bool(found)  # else somebody has written who knows nothing of the log

    def _learn_balance(self, account: str, credits: int, debits: int, held: int, head: str) -> None:
        balance = self.balances.get(account)
        if balance is None:
            self.balances[account] = AccountState(credits, debits, held, head)
        else:
            balance.credits, balance.debits, balance.held, balance.head = credits, debits, held, head

    def _learn_bucket(self, id: str, window_start: int, used: int, held: int, subject: str) -> None:
        bucket = self.buckets.get(id)
        if bucket is None:
            self.buckets[id] = Bucket(window_start, used, held, subject)
        else:
            bucket.learn(window_start, used, held, subject)

    def kept(self, connection: Connection) -> LedgerCache:
        """This cache, for ``opened`` in the next transaction. Call it once everything is written."""
        self._transaction = connection.transaction
        return self

    def caught_up(self, connection: Connection, more: Effects | None = None) -> None:
        """Bring the tables up to the log's end, and to what follows it."""
        catch_up(connection, more)
        self._epoch, _ = lock_head(connection)
        self.seq, self.behind_since = 0, None

    def append(self, connection: Connection, effects: Effects, usage: Sequence[Row], now: float) -> None:
        """Write what a batch changed to the log, and its new usage rows."""
        append(connection, self.seq + 1, effects, usage)
        self.seq += 1
        if self.behind_since is None:
            self.behind_since = now

    def is_due(self, now: float) -> bool:
        """Whether the tables have been behind for long enough."""
        behind = self.behind_since
        return self.seq >= _BEHIND_MAX or (behind is not None and not 0 <= now - behind < _BEHIND_S)

    def is_enough(self, operation: Operation) -> bool:
        """Whether an operation can be decided from this cache alone, and written to the log alone."""
        if isinstance(operation, Authorize):
            return True
        if isinstance(operation, Capture):
            return (
                operation.held.id in self.open and operation.still_owns is None and not operation.final.extra_statements
            )
        if isinstance(operation, Void):
            return operation.held is None or operation.held.id in self.open
        return isinstance(operation, Record) and not operation.extra_statements

    def held_of(self, connection: Connection, ids: Sequence[str]) -> set[str]:
        """The calls of these that have a hold."""
        found = {id for id in ids if id in self.open}
        others = [id for id in ids if id not in found]
        return found.union(id for (id,) in select_in(connection, "holds", "id", "id", others))

    def begun(self, connection: Connection, operations: Sequence[Operation]) -> dict[str, Hold]:
        """Calls that a commit of unknown outcome began after all."""
        ids = [one.label for one in operations if isinstance(one, Authorize)]
        rows = select_in(connection, "holds", HOLD_COLUMNS, "id", ids)
        return {held.id: held for held in map(Hold.of, rows)}

    def access_version(self, connection: Connection) -> int:
        """The version of keys, accounts and limits, as of this transaction."""
        if self._version is None:
            self._version = access_version.access_version(connection)
        return self._version

    def known(self, claims: Sequence[tuple[str, Claim]]) -> BoundClaims | None:
        """The result of an earlier ``bind`` of the very same tuple."""
        return self._bound.get(id(claims))

    def bind(self, claims: Sequence[tuple[str, Claim]]) -> BoundClaims:
        """Bind claims to counters that were read; a tuple's are kept, and found again by ``known``."""
        meters = tuple(_meter(bucket, claim, self.buckets) for bucket, claim in claims)
        bound = BoundClaims(
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
        """Read these balances and buckets, but for those that are known already."""
        wanted = [account for account in accounts if account not in self.balances]
        rows = select_in(connection, "balances", "account_id, credits, debits, held, head", "account_id", wanted)
        self.balances.update((account, AccountState()) for account in wanted)
        self.balances.update((account, AccountState(*amounts)) for account, *amounts in rows)
        missing = [id for id in buckets if id not in self.buckets]
        rows = select_in(connection, "buckets", "id, window_start, used, held, subject", "id", missing)
        for id in missing:
            if clean_text(id) != id:
                raise ValueError(f"a bucket's ID that no database takes: {id!r}")
            self.buckets[id] = Bucket()
        self.buckets.update((id, Bucket(*counts)) for id, *counts in rows)

    def changed(self, accounts: Iterable[str], buckets: Iterable[str]) -> tuple[list[Row], list[Row]]:
        """The rows of the given balances or buckets that changed since the last call of this."""
        balances: list[Row] = []
        counters: list[Row] = []
        for account in accounts:
            balance = self.balances[account]
            if balance.changed and balance.credits:  # there may be no such account
                balance.changed = False
                _check(account, balance.credits, balance.debits, balance.held)
                balances.append((account, balance.credits, balance.debits, balance.held, balance.head))
        for id in buckets:
            bucket = self.buckets[id]
            if bucket.changed:
                bucket.changed = False
                _check(id, bucket.used, bucket.held)
                counters.append((id, *bucket.row(id)))
        return balances, counters


def _check(whose: str, *amounts: int) -> None:
    """Check that the tables take what the log has: else nobody could ever read the log to its end."""
    for amount in amounts:
        if not 0 <= amount <= INT64_MAX:
            raise ValueError(f"{whose}: {amount} is no amount that the ledger can keep")


def _meter(bucket: str, claim: Claim, buckets: Mapping[str, Bucket]) -> Meter:
    state = None if bucket == BALANCE else buckets[bucket]
    window = claim.window
    at_once = claim.at_once and window is not None
    length_ms = 0 if window is None or claim.at_once else round(window.seconds * 1000)
    calendar = length_ms != 0 and window is not None and window.start is not None
    refill = window.refill if window is not None and length_ms else 0
    return Meter(bucket, state, claim, claim.ceiling, claim.at_least, window, at_once, length_ms, calendar, refill)
