"""Collects the answer of a call with an ``Idempotency-Key`` while it goes out, and keeps it as the call is settled."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from router.db.connection import Connection
from router.money.amounts import format_nano
from router.store.idempotency import IdempotencySlot, dropping, finishing, releasing, still_owns
from router.types.records import CallRecord

__all__ = ["CHARGE", "AnswerRecorder"]

CHARGE = "x-router-charge"
_KEPT = ("content-type", "cache-control", "x-accel-buffering")
_NO_HEADERS: Mapping[str, str] = {}


class AnswerRecorder:
    """The recorder of one call.

    Args:
        place: which it has taken.
        request_id: its own.
        max_bytes: a larger answer is not kept.
        keeps_free: whether one is that costs nothing.
        over: called once the call is settled.

    Attributes:
        place, request_id: as given.
        whole: the answer ended well.
        spent: the call has used something that stands in the place of money, such as one of a plan's free calls.
        headers: gives the answer's headers; asked once, when it is kept.
    """

    __slots__ = (
        *("_keeps_free", "_max_bytes", "_over", "_parts", "_size"),
        *("headers", "place", "request_id", "spent", "whole"),
    )

    def __init__(
        self,
        place: IdempotencySlot,
        request_id: str,
        *,
        max_bytes: int,
        over: Callable[[], None],
        keeps_free: bool = True,
    ) -> None:
        self._keeps_free = keeps_free
        self.whole = self.spent = False
        self.headers: Callable[[], Mapping[str, str]] = lambda: _NO_HEADERS
        self.place = place
        self.request_id = request_id
        self._max_bytes = max_bytes
        self._over = over
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, data: bytes) -> None:
        """Another part of the body."""
        self._size += len(data)
        if self._size <= self._max_bytes:
            self._parts.append(data)
        else:
            self._parts.clear()

    def end(self, data: bytes) -> None:
        """The last part of a body that is whole."""
        self.add(data)
        self.whole = True

    def statements(self, record: CallRecord) -> list[tuple[str, tuple[object, ...]]]:
        """What to write together with the settlement.

        A call that costs nothing, and broke off or is not to be kept, frees its place, and a repeat is a new call. Any
        other is final: its answer is kept as far as it went, and where there is none, or too much, that there was one.

        Args:
            record: the usage row, with what is to be charged.
        """
        if not (record.charge_nano or self.spent) and not (self.whole and self._keeps_free):
            return [releasing(self.place, self.request_id)]
        headers = {name: value for name, value in self.headers().items() if _is_kept(name)}
        if not record.streamed:
            headers[CHARGE] = format_nano(record.charge_nano)
        body = b"".join(self._parts) or None
        return [finishing(self.place, self.request_id, 200, headers, body)]

    def dropping(self) -> tuple[str, tuple[object, ...]]:
        """The statement that frees the key where the client was told that its call failed: a repeat is a new call."""
        return dropping(self.place, self.request_id)

    def still_owns(self, connection: Connection) -> bool:
        """Whether this call may be charged: not if its worker was taken for dead and a repeat took its place."""
        return still_owns(connection, self.place, self.request_id)

    def over(self) -> None:
        """Tell those who wait that the call is settled."""
        self._over()


def _is_kept(name: str) -> bool:
    lower = name.lower()
    return lower in _KEPT or lower.startswith("x-router-")
