"""Balances and buckets as one transaction sees and changes them."""

from __future__ import annotations

import zlib
from math import gcd

from router.ledger.operations import Taken
from router.types.claims import Window

__all__ = ["AccountState", "Bucket", "Counts", "mark_of"]

Counts = tuple[int, int]
"""A bucket's window_start and used."""

_AHEAD_MS = 3_600_000  # no clock of a node that others trust is ahead by an hour


class AccountState:
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
        """Begin again at zero where the bucket's window is over. Returns its state before; None if nothing changed.

        A claim that comes late, or from a node whose clock is behind, counts in the window that is there.

        What calls under way hold is carried along. A window that begins later than the next one would is by a clock
        that was ahead, and is over too.

        Args:
            now_ms: Unix milliseconds, not rounded up: no window is longer than it should be.
        """
        if window is self.window and self.begins_ms <= now_ms < self.ends_ms:
            return None
        length_ms = round(window.seconds * 1000)
        if window.refill:
            return self.refill(window.refill, length_ms, now_ms)
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

    def refill(self, units: int, length_ms: int, now_ms: int) -> Counts | None:
        """Give back what has been refilled by now. Returns the state before; None where nothing has changed.

        Whole steps alone are given back, and the window then begins where the last one ended: so nothing is lost or
        won, however often this is asked. A full bucket saves nothing up.

        Args:
            units: that are given back in ``length_ms``.
        """
        common = gcd(units, length_ms)
        step, step_ms = units // common, length_ms // common
        steps = max(0, (now_ms - self.window_start) // step_ms)
        before = (self.window_start, self.used)
        if self.used <= steps * step:
            if now_ms > self.window_start or now_ms < self.window_start - _AHEAD_MS:
                self.window_start = now_ms
            self.used = 0
        elif now_ms < self.window_start - _AHEAD_MS:  # a clock was ahead that is right by now
            self.window_start = now_ms
        else:
            self.window_start += steps * step_ms
            self.used -= steps * step
        self.window = None  # each claim looks again
        if before == (self.window_start, self.used):
            return None
        self.changed = True
        return before

    def refilled_in_s(self, window: Window, missing: int, now_ms: int) -> float | None:
        """Seconds until so many units are given back; None where time alone will not give so many."""
        if missing > self.used:
            return None
        length_ms = round(window.seconds * 1000)
        common = gcd(window.refill, length_ms)
        steps = -(-missing // (window.refill // common))
        return max(0, steps * (length_ms // common) - (now_ms - self.window_start)) / 1000

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

    def learn(self, window_start: int, used: int, held: int, subject: str) -> None:
        """Take over what another journal has made of it."""
        if window_start != self.window_start:
            self.window = None
        self.window_start, self.used, self.held, self.subject = window_start, used, held, subject

    def restore(self, before: Counts) -> None:
        """Undo ``enter`` or ``refill``."""
        self.window_start, self.used = before
        self.window = None

    def ends_in_s(self, window: Window, now: float) -> float:
        """Seconds until the window is over."""
        return max(0.0, self.window_start / 1000 + window.seconds - now)

    def hold(self, amount: int) -> None:
        self.held += amount
        self.changed = True

    def uncount(self, taken: Taken) -> None:
        """Undo a claim that was taken."""
        if taken.at_once:
            self.use(taken, -taken.amount, 0)
        else:
            self.hold(-taken.amount)

    def settle(self, taken: Taken, final: int, now_ms: int) -> None:
        """Replace a held amount by the used one, which counts in the window in which it becomes known."""
        _, amount, window_start, length_ms, _, _, refill = taken  # each call ends with ten of these
        if window_start and not length_ms:  # at once
            if self.window_start != window_start:
                return
            final -= amount
        else:
            self.held = max(0, self.held - amount)
            if refill:
                self.refill(refill, length_ms, now_ms)
            elif length_ms and not -1 <= (now_ms - self.window_start) // length_ms < 1:
                self._move_on(taken, now_ms)
        self.used = max(0, self.used + final)
        self.changed = True

    def use(self, taken: Taken, amount: int, now_ms: int) -> None:
        """Count a used amount that was not held; a correction may be below zero."""
        if taken.at_once:
            if self.window_start != taken.window_start:
                return
        elif taken.length_ms:
            self._move_on(taken, now_ms)
        self.used = max(0, self.used + amount)
        self.changed = True

    def _move_on(self, taken: Taken, now_ms: int) -> None:
        """Begin the next window if the present one is over."""
        if taken.refill:
            self.refill(taken.refill, taken.length_ms, now_ms)
            return
        passed = (now_ms - self.window_start) // taken.length_ms
        if -1 <= passed < 1:
            return
        self.window_start = self.window_start + passed * taken.length_ms if taken.calendar else now_ms
        self.used = 0
        self.window = None


def mark_of(id: str, window_start: int, used: int) -> int:
    """A checksum of a bucket's counts, which shows changes behind the ledger's back. Never 0."""
    return zlib.crc32(f"{id}|{window_start}|{used}".encode("utf-8", "surrogatepass")) + 1
