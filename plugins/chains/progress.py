"""How far a network was watched: what a watcher's cursor holds for it."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass, field, fields
from typing import Any

__all__ = ["Progress"]

_PAID_MAX = 5000
_PAUSE_MOST_S = 900.0  # above what nodes that failed rest for


@dataclass(slots=True)
class Progress:
    """One network's part of the cursor.

    Attributes:
        done: the last block that was looked through after it was final; None before the first look.
        proved: the same of the second look, some blocks later and by the other node.
        paid: what was told as paid above ``proved``: reference -> block.
        span: blocks of one question.
        marks: blocks above ``done`` up to which payments on their way were shown: number and hash, oldest first.
        head: the newest block known.
        due, second_due: when the next look, and the next second look, is to be.
        delayed: why it is behind, for customers.
    """

    done: int | None = None
    proved: int = 0
    paid: dict[str, int] = field(default_factory=dict)
    span: int = 500
    marks: list[list[Any]] = field(default_factory=list)
    head: int = 0
    due: float = 0.0
    second_due: float = 0.0
    delayed: str = ""

    @classmethod
    def read(cls, kept: Mapping[str, Any] | None) -> Progress:
        """Of what a cursor holds; members that nobody knows any more are left out."""
        known = {one.name for one in fields(cls)}
        return cls(**{name: deepcopy(value) for name, value in (kept or {}).items() if name in known})

    def kept(self) -> dict[str, Any]:
        """As JSON takes it."""
        return asdict(self)

    def is_behind(self, final: int) -> bool:
        """Whether there are final blocks that were not looked through."""
        return self.done is None or self.done < final

    def wake(self, now: float, poll_s: float) -> None:
        """Let no look wait longer than a pause: the clock may have been ahead when the last one ended."""
        if self.due > now + max(poll_s, _PAUSE_MOST_S):
            self.due = now

    def prune(self) -> None:
        """Forget what the second look has passed, and marks that are final."""
        kept = [(reference, block) for reference, block in self.paid.items() if block > self.proved]
        self.paid = dict(kept[-_PAID_MAX:])  # one that is forgotten is told twice, and booked once
        self.marks = [mark for mark in self.marks if mark[0] > (self.done or 0)][-64:]
