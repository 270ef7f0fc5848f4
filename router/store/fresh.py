"""A value that is read again once it is too old: by one, while those wait that may not use the old one."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["Flights", "Fresh", "Known", "Reading"]

T = TypeVar("T")


class Fresh(Generic[T]):
    """One value for many greenlets or threads.

    One of them reads it in good time, at half its age, while the others go on with what there is; nobody is given one
    that is older than ``max_age_s``. One reading serves all who wait for it.

    Args:
        read: gives the value. What it raises passes to all who wait for it.
        max_age_s: how old a value may be, counted from the moment at which its reading began.
        clock: seconds, monotonic.

    Attributes:
        over_at: when the value is too old, whatever its age, by ``clock``; for ``read`` to say of what it gives.
    """

    def __init__(self, read: Callable[[], T], *, max_age_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._read = read
        self._max_age_s = max_age_s
        self._clock = clock
        self.over_at = math.inf
        self._known: tuple[float, T] | None = None
        self._reading: Reading[T] | None = None

    def get(self) -> T:
        """The value."""
        asked_at = self._clock()
        known, reading = self._known, self._reading
        age_s = None if known is None else asked_at - known[0]
        if known is not None and age_s is not None and age_s <= self._max_age_s and asked_at < self.over_at:
            if age_s <= self._max_age_s / 2 or reading is not None:
                return known[1]
        elif reading is not None:
            value = reading.outcome()
            # One that was under way for long, or whose value is over, says nothing of this moment.
            young = asked_at - reading.began_at <= self._max_age_s and asked_at < self.over_at
            return value.known if value is not None and young else self.get()
        return self._read_now(asked_at)

    def _read_now(self, began_at: float) -> T:
        reading = self._reading = Reading[T](began_at)
        try:
            value = reading.run(self._read)
        finally:
            self._reading = None
        self._known = (began_at, value)
        return value


class Known(Generic[T]):
    """A value that was read."""

    __slots__ = ("known",)

    def __init__(self, known: T) -> None:
        self.known = known


class Reading(Generic[T]):
    """One reading, and those who wait for it."""

    def __init__(self, began_at: float) -> None:
        self.began_at = began_at
        self.waiting = 0
        self._over = threading.Event()
        self._value: Known[T] | None = None
        self._error: Exception | None = None

    def run(self, read: Callable[[], T]) -> T:
        """Read, in the greenlet that began it."""
        try:
            value = read()
            self._value = Known(value)
            return value
        except Exception as error:
            self._error = error
            raise
        finally:
            self._over.set()

    def outcome(self) -> Known[T] | None:
        """What the other has read, or raises what it has raised; None where it was killed meanwhile."""
        self.waiting += 1
        self._over.wait()
        if self._error is not None:
            raise self._error
        return self._value


class Flights(Generic[T]):
    """Of many who want the same thing at the same time one reads it."""

    def __init__(self) -> None:
        self._begun = 0
        self._under_way: dict[str, tuple[int, Reading[T]]] = {}

    def waiting(self, name: str) -> int:
        """How many wait for the reading of a thing that is under way."""
        found = self._under_way.get(name)
        return 0 if found is None else found[1].waiting

    def get(self, name: str, read: Callable[[], T], *, fresh: bool = False) -> T:
        """What ``read`` gives.

        Args:
            fresh: a reading that had begun before does not do.
        """
        asked = self._begun
        while (found := self._under_way.get(name)) is not None:
            number, reading = found
            value = reading.outcome()
            if value is not None and (number > asked or not fresh):
                return value.known
        self._begun += 1
        reading = Reading[T](0.0)
        self._under_way[name] = self._begun, reading
        try:
            return reading.run(read)
        finally:
            del self._under_way[name]
