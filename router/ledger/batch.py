"""A batch of the journal: read what it touches, decide each operation in the order of arrival, write it all set-based.

The number of statements does not grow with the batch, and a hot account is one row of it. The database decides: what
is decided on was read in this transaction, or cannot have changed since, so the same code is exact across workers and
nodes.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from router.db.bulk import select_in, write_rows
from router.db.connection import Connection
from router.db.ids import clean_text
from router.db.journal import Operation
from router.ledger.chain import customer_of, link
from router.ledger.claim_taking import ClaimTaking
from router.ledger.ledger_cache import BoundClaims, LedgerCache, Meter
from router.ledger.operations import (
    Authorize,
    Capture,
    Hold,
    Record,
    Revise,
    Statement,
    Statements,
    Void,
)
from router.ledger.past import begin_counting
from router.ledger.system import REVENUE, SHORTFALL
from router.metering.hour_rows import hour_rows
from router.metering.usage_columns import COLUMNS, NAMES, clean_record, record_of, values_of
from router.metering.usage_rows import Counted, revise_usage, write_usage
from router.store.ledger_log import Effects, Row
from router.types.records import OVER_BOUND, CallRecord

__all__ = ["SWEPT", "LedgerBatch"]

SWEPT = "swept"
"""In ``CallRecord.reported`` of a row that a sweep wrote: what it counted for each claim."""

_new = tuple.__new__  # a named tuple's own is a function in Python


class LedgerBatch:
    """What operations mean: the ``apply`` of a journal.

    Args:
        clock: Unix seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._last: LedgerCache | None = None

    def __call__(self, connection: Connection, operations: Sequence[Operation], *, again: bool = False) -> None:
        """As ``router.db.journal.Apply``."""
        last, self._last = self._last, None
        book = LedgerCache.opened(connection, last)
        batch = _Batch(connection, book, operations, self._clock, again)
        for operation in operations:
            operation.result = operation.error = None
            batch.decide(operation)
        batch.write()
        self._last = book.kept(connection)

    def rest(self, connection: Connection) -> None:
        """Bring the tables up to the log's end, in the open transaction. Called when the journal is idle."""
        last, self._last = self._last, None
        book = LedgerCache.opened(connection, last)
        book.caught_up(connection)
        self._last = book.kept(connection)


class _Batch(ClaimTaking):
    def __init__(
        self,
        connection: Connection,
        book: LedgerCache,
        operations: Sequence[Operation],
        clock: Callable[[], float],
        again: bool,
    ) -> None:
        self._connection = connection
        self._book = book
        takes = [one for one in operations if isinstance(one, Authorize) and not one.abandoned]
        settles = [one for one in operations if isinstance(one, Capture)]
        ending = [one.held for one in settles]
        ending += [one.held for one in operations if isinstance(one, Void) and one.held is not None]
        revised = [one.settle.held for one in operations if isinstance(one, Revise)]
        self._whole = again or not all(map(book.is_enough, operations))
        if self._whole:
            book.caught_up(connection)
        self._version = book.access_version(connection) if takes else 0
        self._known = book.begun(connection, operations) if again else {}
        self._released = book.held_of(connection, [held.id for held in ending])
        ended = [one.held for one in settles if one.held.id not in self._released] + revised
        self._ended: list[str] = []
        references = [f"{kind}:{held.id}" for held in ended for kind in ("req", "short")]
        charged = select_in(connection, "transfers", "reference, amount_nano", "reference", references)
        self._charged: dict[str, int] = dict(charged)
        refunds = select_in(connection, "transfers", "about, amount_nano", "about", references[::2])
        self._refunded: Counter[str] = Counter()
        for about, amount in refunds:
            self._refunded[about] += amount
        rows = select_in(connection, "usage", NAMES, "request_id", [held.id for held in ended])
        self._rows: dict[str, CallRecord] = {row.request_id: row for row in map(record_of, rows)}
        self._accounts = {held.account for held in ending if held.amount_nano}
        self._accounts |= {one.held.account for one in settles if one.record.charge_nano}
        self._accounts |= {held.account for held in ended}
        self._touched = {taken.bucket: None for held in ending + revised for taken in held.taken}
        self._bound: dict[int, BoundClaims] = {}
        self._others: dict[int, dict[int, tuple[Meter, ...]]] = {}
        bound = self._bind(takes)
        self._balances, self._buckets = book.balances, book.buckets
        self._now = clock()  # once nobody else has the rows: what another node began is past
        self._now_ms = int(self._now * 1000)
        begin_counting(connection, book, bound)
        self._fresh: list[CallRecord] = []
        self._holds: list[Hold] = []
        self._transfers: list[Row] = []
        self._records: list[CallRecord] = []
        self._revised: list[tuple[CallRecord, CallRecord]] = []
        self._counts: Counter[str] = Counter()
        self._also: list[Statement] = []

    def decide(self, operation: Operation) -> None:
        if isinstance(operation, Authorize):
            self._take(operation)
        elif isinstance(operation, Capture):
            self._settle(operation)
        elif isinstance(operation, Revise):
            self._revise(operation)
        elif isinstance(operation, Void):
            self._give_back(operation.held)
        elif isinstance(operation, Record):
            self._records.append(operation.record)
            self._also += operation.extra_statements
            operation.result = operation.record
        elif isinstance(operation, Statements):
            self._also += operation.extra_statements

    def write(self) -> None:
        """Write usage rows and one row of the log; now and then, and before other statements, the tables instead."""
        connection, book = self._connection, self._book
        fresh = [clean_record(record) for record in self._fresh]
        usage = [values_of(record) for record in fresh]
        counted: Counted = [(record, 1) for record in fresh]
        in_tables = self._whole or book.is_due(self._now)
        if in_tables:
            write_rows(connection, "usage", COLUMNS, usage)
        if self._records:
            counted += write_usage(connection, self._records)
        if self._revised:
            counted += revise_usage(connection, self._revised)
        balances, buckets = book.changed(self._accounts, self._touched)
        holds: list[Row] = [held.row() for held in self._holds]
        hours: list[Row] = [*hour_rows(counted)]
        effects = Effects(balances, buckets, holds, self._ended, self._transfers, hours, dict(self._counts))
        book.open.difference_update(self._ended)
        book.open.update(held.id for held in self._holds)
        if in_tables:
            book.caught_up(connection, effects)
        elif effects:
            book.append(connection, effects, usage, self._now)
        for sql, params in self._also:
            connection.execute(sql, params)

    # Settling.

    def _settle(self, operation: Capture) -> None:
        held, (record, amounts, extra_statements) = operation.held, operation.final
        before = None
        fresh = held.id in self._released  # and so no row of the call can be there
        if fresh:
            self._release(held, amounts)
        elif not operation.late:
            return
        else:
            before = self._row_before(record)
            if before is not None and before.ending != "expired":
                operation.result = before
                return
        if record.charge_nano and operation.still_owns is not None and not operation.still_owns(self._connection):
            record = replace(record, charge_nano=0)
        record = self._charge(held, record) if before is None else self._correct(held, before, record, amounts)
        if record.clamped:
            self._counts["clamped_usage"] += 1
        if OVER_BOUND in record.marks:
            self._counts[OVER_BOUND] += 1
        (self._fresh if fresh else self._records).append(record)
        self._rows[held.id] = record
        self._also += extra_statements
        operation.result = record

    def _correct(self, held: Hold, before: CallRecord, record: CallRecord, amounts: Sequence[int]) -> CallRecord:
        """Correct what the sweep wrote of a call that it took for dead and that ended after all."""
        if record.charge_nano or before.charge_nano:
            self._counts["late_settlements"] += 1
        swept = before.reported.get(SWEPT) or [0] * len(amounts)
        for taken, final, counted in zip(held.taken, amounts, swept, strict=True):
            self._buckets[taken.bucket].use(taken, final - counted, self._now_ms)
        if not before.charge_nano:
            return self._charge(held, record)
        return self._recharge(held, before.charge_nano, record)

    def _recharge(self, held: Hold, charged: int, record: CallRecord) -> CallRecord:
        """Give back what a call was charged too much. What it was charged too little, the gateway bears."""
        if record.charge_nano < charged:
            about = f"req:{held.id}"
            left = self._charged.get(about, charged) - self._refunded[about]  # an operator may have refunded some
            amount = min(charged - record.charge_nano, left)
            if amount > 0:
                balance = self._balances[held.account]
                balance.credit(amount)
                self._refunded[about] += amount
                reference = f"back:{held.id}:{record.ending}"
                self._transfer(reference, "return", REVENUE, amount, balance.posted, record.model, held.account, about)
            return replace(record, charge_nano=charged - max(0, amount))
        if record.charge_nano > charged:
            missing = record.charge_nano - charged
            self._transfer(f"short:{held.id}", "shortfall", SHORTFALL, missing, 0, record.model)
            self._counts["shortfall_nano"] += missing
            return replace(record, charge_nano=charged, shortfall_nano=missing)
        return record

    def _revise(self, operation: Revise) -> None:
        settle, (record, amounts, extra_statements) = operation.settle, operation.instead
        held, before = settle.held, self._rows.get(settle.held.id)
        if before is None or (before.ending, before.error_code) == (record.ending, record.error_code):
            return
        for taken, final, counted in zip(held.taken, amounts, settle.amounts, strict=True):
            self._buckets[taken.bucket].use(taken, final - counted, self._now_ms)
        record = replace(record, charge_nano=min(record.charge_nano, before.charge_nano))
        record = replace(self._recharge(held, before.charge_nano, record), shortfall_nano=before.shortfall_nano)
        self._rows[held.id] = record
        self._revised.append((before, record))
        self._also += extra_statements

    def _row_before(self, record: CallRecord) -> CallRecord | None:
        """The record as an earlier settlement of the call, or a sweep, wrote it; None where there was none."""
        if record.request_id in self._rows:
            return self._rows[record.request_id]
        charge, shortfall = (self._charged.get(f"{kind}:{record.request_id}") for kind in ("req", "short"))
        if charge is None and shortfall is None:
            return None
        return replace(record, charge_nano=charge or 0, shortfall_nano=shortfall or 0)

    def _give_back(self, held: Hold | None) -> None:
        if held is not None and held.id in self._released:
            self._release(held, [0] * len(held.taken))

    def _release(self, held: Hold, amounts: Sequence[int]) -> None:
        """Release the hold and count ``amounts`` as used. Only once, though a batch may name a call twice."""
        self._released.discard(held.id)
        self._ended.append(held.id)
        if held.amount_nano:
            self._balances[held.account].hold(-held.amount_nano)
        for taken, final in zip(held.taken, amounts, strict=True):
            self._buckets[taken.bucket].settle(taken, final, self._now_ms)

    def _charge(self, held: Hold, record: CallRecord) -> CallRecord:
        """Charge what the call cost, as far as the account has it; the rest is booked as a shortfall."""
        wanted = record.charge_nano
        if not wanted:
            return record
        balance = self._balances[held.account]
        charge = min(wanted, balance.available)
        if charge:
            balance.debit(charge)
            self._transfer(f"req:{held.id}", "usage", held.account, charge, balance.posted, record.model)
        if charge == wanted:
            return record
        self._transfer(f"short:{held.id}", "shortfall", SHORTFALL, wanted - charge, 0, record.model)
        self._counts["shortfall_nano"] += wanted - charge
        return replace(record, charge_nano=charge, shortfall_nano=wanted - charge)

    def _transfer(
        self,
        reference: str,
        kind: str,
        debit: str,
        amount: int,
        balance: int,
        reason: str,
        credit: str = REVENUE,
        about: str | None = None,
    ) -> None:
        values = (reference, kind, debit, credit, amount, balance, about, clean_text(reason), self._now)
        account = customer_of(debit, credit)
        if not account:
            self._transfers.append((*values, link("", *values)))
            return
        state = self._balances[account]
        state.head = link(state.head, *values)
        self._transfers.append((*values, state.head))
