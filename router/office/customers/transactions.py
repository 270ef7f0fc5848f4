"""An account's transactions as customers read them: its transfers, and between them what calls were charged, by day.

Two streams, newest first, are merged: transfers that are no call's, by their number, and days of usage, from whole
hours. A day's usage stands at the day's end. Nothing but the newest of each stream is read, page by page.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, tzinfo
from itertools import groupby, islice
from math import ceil, inf

from router.db.connection import Connection
from router.errors import BadRequest
from router.ledger.balances import read_balance
from router.ledger.statement import others_before, others_since
from router.ledger.transfers import Transfer
from router.metering.hour_rows import HOUR_S
from router.metering.usage_hours import charged_since, hours_before
from router.office.office import Office

__all__ = ["USAGE", "Entry", "EntryPage", "EntryQuery", "export_entries", "list_entries"]

USAGE = "usage"
"""The kind of an entry that sums up a day's calls; all others are kinds of transfers."""

_TRANSFERS_AT_ONCE = 100
_HOURS_AT_ONCE = 1_000
_LOOKED_AT_MAX = 5_000
_LIMIT_MAX = 1_000
_CURSOR = re.compile(r"(\d{1,19}|)\.(2\d{3}-\d{2}-\d{2}|)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Entry:
    """One transaction.

    Attributes:
        kind: ``USAGE``, or that of a transfer: ``grant``, ``free``, ``adjustment``, ``refund``, ...
        day: on which it stands.
        at: when it was made, Unix seconds; of usage, when the day begins.
        change_nano: above zero where the account was given it.
        balance_nano: what the account had afterwards, in this order of transactions, holds included.
        reference, reason: of a transfer; empty for usage.
        calls: of usage.
    """

    kind: str
    day: date
    at: float
    change_nano: int
    balance_nano: int
    reference: str = ""
    reason: str = ""
    calls: int = 0


@dataclass(frozen=True, slots=True)
class EntryPage:
    """A page of transactions, newest first.

    Attributes:
        next: leads to the page after; empty where there is none.
    """

    entries: Sequence[Entry]
    next: str


@dataclass(frozen=True, slots=True)
class EntryQuery:
    """Which transactions.

    Attributes:
        zone: in which days begin.
        kinds: only of these; empty for all.
        since, until: only those of days from one time (Unix seconds) on, and before another; both begin a day.
    """

    zone: tzinfo
    kinds: Collection[str] = ()
    since: float = 0.0
    until: float = inf


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a page begins: below a transfer's number, and before a day; None: at the newest."""

    seq: int | None = None
    day: date | None = None

    def text(self) -> str:
        return f"{'' if self.seq is None else self.seq}.{'' if self.day is None else self.day.isoformat()}"


@dataclass(frozen=True, slots=True)
class _Day:
    day: date
    calls: int
    charge_nano: int


def list_entries(office: Office, account_id: str, query: EntryQuery, *, before: str = "", limit: int = 50) -> EntryPage:
    """The newest transactions of an account, newest first.

    Days without a charge are left out. Where few match, a page may hold fewer than ``limit`` and yet have a next one.

    Args:
        before: ``next`` of the page before; empty for the first one.

    Raises:
        NotFound: there is no such account.
        BadRequest: ``before`` is no such text.
        ConfigError: the balances are in another currency than the configuration's.
    """
    _ = office.currency  # or the numbers would mean other money
    place = _place(before)
    many = max(1, min(limit, _LIMIT_MAX))

    def read(connection: Connection) -> EntryPage:
        with connection.snapshot():
            balance = _balance_at(connection, account_id, query, place)
            found, last, whole = _collect(_walk(connection, account_id, query, place, balance), query.kinds, many)
        return EntryPage(found, "" if whole else last.text())

    return office.database.read(read)


def export_entries(office: Office, account_id: str, query: EntryQuery) -> Iterator[Entry]:
    """All of them, read a page at a time. Raises as ``list_entries``."""
    page = list_entries(office, account_id, query, limit=_LIMIT_MAX)
    while True:
        yield from page.entries
        if not page.next:
            return
        page = list_entries(office, account_id, query, before=page.next, limit=_LIMIT_MAX)


def _collect(
    walk: Iterator[tuple[Entry, _Place]], kinds: Collection[str], many: int
) -> tuple[list[Entry], _Place, bool]:
    """As many as a page holds, where it ends, and whether that is the end of all."""
    found: list[Entry] = []
    last = _Place()
    for entry, behind in islice(walk, _LOOKED_AT_MAX):
        if len(found) == many:
            return found, last, False
        if not kinds or entry.kind in kinds:
            found.append(entry)
        last = behind
    return found, last, next(walk, None) is None


def _walk(
    connection: Connection, account_id: str, query: EntryQuery, place: _Place, balance_nano: int
) -> Iterator[tuple[Entry, _Place]]:
    """Each transaction from a place on, and the place behind it.

    Args:
        balance_nano: after the first of them.
    """
    transfers = _transfers(connection, account_id, query, place)
    days = _days(connection, account_id, query, place)
    transfer, day = next(transfers, None), next(days, None)
    while transfer is not None or day is not None:
        if day is not None and (transfer is None or day.day >= _day_of(transfer.created_at, query.zone)):
            start = _start_of(day.day, query.zone)
            entry = Entry(USAGE, day.day, start, -day.charge_nano, balance_nano, calls=day.calls)
            place = replace(place, day=day.day)
            day = next(days, None)
        else:
            assert transfer is not None
            entry = _entry(transfer, account_id, balance_nano, query.zone)
            place = replace(place, seq=transfer.seq)
            transfer = next(transfers, None)
        balance_nano -= entry.change_nano
        yield entry, place


def _entry(transfer: Transfer, account_id: str, balance_nano: int, zone: tzinfo) -> Entry:
    return Entry(
        transfer.kind,
        _day_of(transfer.created_at, zone),
        transfer.created_at,
        transfer.change_nano(account_id),
        balance_nano,
        transfer.reference,
        transfer.reason,
    )


def _transfers(connection: Connection, account_id: str, query: EntryQuery, place: _Place) -> Iterator[Transfer]:
    seq, span = place.seq, (query.since, query.until)
    while found := others_before(connection, account_id, seq, span, _TRANSFERS_AT_ONCE):
        yield from found
        seq = found[-1].seq


def _days(connection: Connection, account_id: str, query: EntryQuery, place: _Place) -> Iterator[_Day]:
    hours = _hours(connection, account_id, _usage_until(query, place), query.since)
    for day, found in groupby(hours, key=lambda hour: _day_of(hour[0], query.zone)):
        rows = list(found)
        charge_nano = sum(charge for _, _, charge in rows)
        if charge_nano:
            yield _Day(day, sum(calls for _, calls, _ in rows), charge_nano)


def _hours(connection: Connection, account_id: str, before: float, since: float) -> Iterator[tuple[int, int, int]]:
    while found := hours_before(connection, account_id, before, since, _HOURS_AT_ONCE):
        yield from found
        before = found[-1][0]


def _balance_at(connection: Connection, account_id: str, query: EntryQuery, place: _Place) -> int:
    """The account's balance after the first transaction of a page: as it is now, without what came later."""
    now = read_balance(connection, account_id).balance
    later = others_since(connection, account_id, place.seq, query.until)
    until, charged = _usage_until(query, place), 0
    if until != inf:
        first_hour = ceil(until / HOUR_S) * HOUR_S
        charged = charged_since(connection, "account", first_hour, [account_id]).get(account_id, 0)
    return now - later + charged


def _usage_until(query: EntryQuery, place: _Place) -> float:
    return query.until if place.day is None else min(query.until, _start_of(place.day, query.zone))


def _day_of(seconds: float, zone: tzinfo) -> date:
    return datetime.fromtimestamp(seconds, zone).date()


def _start_of(day: date, zone: tzinfo) -> float:
    return datetime.combine(day, time(), zone).timestamp()


def _place(text: str) -> _Place:
    """Raises:
    BadRequest: the text is no place in a list.
    """
    if not text:
        return _Place()
    found = _CURSOR.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        day = date.fromisoformat(found[2]) if found[2] else None
    except ValueError:
        raise BadRequest("'before' is no place in this list: begin with its first page.", param="before") from None
    return _Place(int(found[1]) if found[1] else None, day)
