"""How many connections are open, in all and from each address; and who gives way when there are too many."""

from __future__ import annotations

import heapq
from collections import Counter

from router.http1.connection import ServerConnection

__all__ = ["Crowd"]

_PART = 64  # of those that are looked through, so many-th give way at a time: looking costs as much as there are


class Crowd:
    """The open connections of one worker.

    Args:
        most: connections at a time.
        per_address: of those from one address; 0 is half of them.
    """

    def __init__(self, most: int, per_address: int = 0) -> None:
        self._most = most
        self._per_address = min(per_address, most) or max(1, most // 2)
        self._open: set[ServerConnection] = set()
        self._addresses: Counter[str] = Counter()

    def enter(self, connection: ServerConnection) -> None:
        """One more."""
        self._open.add(connection)
        self._addresses[connection.client[0]] += 1

    def leave(self, connection: ServerConnection) -> None:
        """One less; harmless for one that has given way."""
        if connection not in self._open:
            return
        self._open.discard(connection)
        address = connection.client[0]
        self._addresses[address] -= 1
        if not self._addresses[address]:
            del self._addresses[address]

    def is_stuck(self) -> bool:
        """Whether there is no room for one more, and nobody who could give way."""
        return len(self._open) >= self._most and all(one.waiting_since is None for one in self._open)

    def make_room(self) -> None:
        """Send the oldest that wait for a request away, where one that has come is one too many."""
        if len(self._open) >= self._most:
            self._send_away(list(self._open))

    def has_room_for(self, address: str) -> bool:
        """Whether one more may come from this address; its own oldest are sent away for it."""
        if self._addresses[address] < self._per_address:
            return True
        return self._send_away([one for one in self._open if one.client[0] == address])

    def _send_away(self, among: list[ServerConnection]) -> bool:
        waiting = [(one.waiting_since, id(one), one) for one in among if one.waiting_since is not None]
        leaving = heapq.nsmallest(1 + len(among) // _PART, waiting)
        for _, _, one in leaving:
            self.leave(one)
            one.give_way()
        return bool(leaving)
