"""Balances and buckets as one transaction sees and changes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from router.claims import Window
from router.ledger.operations import Taken
from router.store.connection import Connection
from router.store.sets import Columns, select_in, write_rows

__all__ = ["Balance", "Bucket", "Counts", "read_balances", "read_buckets", "write_balances", "write_buckets"]

_BALANCES: Columns = (("account_id", "text"), ("credits", "bigint"), ("debits", "bigint"), ("held", "bigint"))
_BUCKETS: Columns = (("id", "text"), ("window_start", "bigint"), ("used", "bigint"), ("held", "bigint"))
_SET_BALANCES = (
    "ON CONFLICT (account_id) DO UPDATE SET credits = excluded.credits, debits = excluded.debits, held = excluded.held"
)
_SET_BUCKETS = (
    "ON CONFLICT (id) DO UPDATE SET window_start = excluded.window_start, used = excluded.used, held = excluded.held"
)
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

    __slots__ = ("changed", "held", "used", "window_start")

    def __init__(self, window_start: int = 0, used: int = 0, held: int = 0) -> None:
        self.window_start, self.used, self.held = window_start, used, held
        self.changed = False

    @property
    def total(self) -> int:
        return self.used + self.held

    def enter(self, window: Window | None, now: float) -> Counts | None:
        """Begin again at zero where the bucket's window is over: what it was before; None where nothing has changed.

        A claim that comes late, or from a node whose clock is behind, counts in the window that is there.
        """
        if window is None:
            return None
        now_ms = int(now * 1000)  # not rounded up: no window is longer than it should be
        length_ms = round(window.seconds * 1000)
        if window.start is not None:
            start_ms = round(window.start * 1000)
            over = self.window_start < start_ms
        else:
            start_ms = now_ms
            over = not self.window_start or now_ms >= self.window_start + length_ms
        if not over:
            return None
        before = (self.window_start, self.used, self.held)
        self.window_start, self.used, self.held = start_ms, 0, 0
        self.changed = True
        return before

    def restore(self, before: Counts) -> None:
        """What was entered was not."""
        self.window_start, self.used, self.held = before

    def ends_in_s(self, window: Window | None, now: float) -> float | None:
        """Until the window is over; None where there is none."""
        return None if window is None else max(0.0, self.window_start / 1000 + window.seconds - now)

    def hold(self, amount: int) -> None:
        self.held += amount
        self.changed = True

    def settle(self, taken: Taken, final: int) -> None:
        """Replace what was held by what was used; a window that is over has forgotten both."""
        if self.window_start == taken.window_start:
            self.held -= taken.amount
            self.use(taken, final)

    def use(self, taken: Taken, final: int) -> None:
        """Count what was used after all of what is held no longer."""
        if self.window_start == taken.window_start:
            self.used += final
            self.changed = True


def read_balances(connection: Connection, accounts: Iterable[str]) -> dict[str, Balance]:
    """The accounts' money, kept from others until the transaction ends."""
    wanted = set(accounts)
    columns = "account_id, credits, debits, held"
    rows = select_in(connection, "balances", columns, "account_id", wanted, lock=True)
    return {account: Balance() for account in wanted} | {row[0]: Balance(*row[1:]) for row in rows}


def read_buckets(connection: Connection, ids: Iterable[str]) -> dict[str, Bucket]:
    """The buckets, made where there were none, kept from others until the transaction ends."""
    wanted = set(ids)
    found = _read_buckets(connection, wanted)
    missing = sorted(wanted - found.keys())
    if missing:
        # Only a row can be kept from others: two nodes that both find none would both begin at zero.
        write_rows(connection, "buckets", _BUCKETS, [(id, 0, 0, 0) for id in missing], "ON CONFLICT (id) DO NOTHING")
        found |= _read_buckets(connection, missing)
    return found


def _read_buckets(connection: Connection, ids: Iterable[str]) -> dict[str, Bucket]:
    rows = select_in(connection, "buckets", "id, window_start, used, held", "id", ids, lock=True)
    return {row[0]: Bucket(*row[1:]) for row in rows}


def write_balances(connection: Connection, balances: Mapping[str, Balance]) -> None:
    """Write those that changed."""
    rows = [(account, one.credits, one.debits, one.held) for account, one in sorted(balances.items()) if one.changed]
    write_rows(connection, "balances", _BALANCES, rows, _SET_BALANCES)


def write_buckets(connection: Connection, buckets: Mapping[str, Bucket]) -> None:
    """Write those that changed."""
    rows = [(id, one.window_start, one.used, one.held) for id, one in sorted(buckets.items()) if one.changed]
    write_rows(connection, "buckets", _BUCKETS, rows, _SET_BUCKETS)
