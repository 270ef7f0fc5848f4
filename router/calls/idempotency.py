"""``Idempotency-Key``: of calls with one value, one goes upstream, and its answer is everybody's.

A repeat that comes while the first is under way waits for it: it asks the database again every 50 to 500 ms, and is
woken at once where this worker serves the first.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from gevent.event import Event

from router.calls.kept_answer import CHARGE, AnswerRecorder
from router.calls.request import ClientConnection
from router.db.database import Database
from router.db.journal import Journal
from router.errors import Conflict
from router.jobs.workers import is_alive
from router.ledger.operations import Statements
from router.money.amounts import format_nano
from router.store.fresh import Fresh
from router.store.idempotency import (
    IdempotencySlot,
    IdempotentCall,
    SlotHolder,
    begin,
    look,
    reference_of,
    releasing,
    stored_bytes,
    take_over,
)
from router.types.records import Key

__all__ = ["Idempotency", "Replay"]

_WAIT_S = 120.0
_PAUSE_MIN_S = 0.05
_PAUSE_MAX_S = 0.5
_RETRY_AFTER_S = 5
_LEFT = 499
_STORED_S = 10.0
_ACCOUNTS_MAX = 10_000


class Replay(NamedTuple):
    """An answer that is there already.

    Attributes:
        first: the request ID of the call that it was given to first; empty where the client left before there was one.
    """

    status: int
    headers: dict[str, str]
    body: bytes
    first: str


class Idempotency:
    """Keeps and gives answers by ``Idempotency-Key``. One per worker.

    Args:
        owner: this worker.
        max_bytes: of an answer that is kept.
        account_bytes: of all answers that are kept for one account; each worker looks at them every ten seconds.
        keeps_free: whether answers are kept that cost nothing.
        end_dead_calls: settles the calls of workers that died.
        wait_s: how long a repeat waits for the first call.
        clock: Unix seconds, by which other workers' leases are looked at too.
    """

    def __init__(
        self,
        database: Database,
        journal: Journal,
        *,
        owner: str,
        max_bytes: int,
        end_dead_calls: Callable[[], object],
        account_bytes: int = 2**26,
        keeps_free: bool = True,
        wait_s: float = _WAIT_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._journal = journal
        self._owner = owner
        self._max_bytes = max_bytes
        self._end_dead_calls = end_dead_calls
        self._wait_s = wait_s
        self._clock = clock
        self._account_bytes = account_bytes
        self._keeps_free = keeps_free
        self._stored: dict[str, Fresh[int]] = {}
        self._waiting: dict[IdempotencySlot, set[_Waiter]] = {}

    def enter(
        self, value: str, key: Key, kind: str, body: bytes, request_id: str, client: ClientConnection | None
    ) -> AnswerRecorder | Replay:
        """Decide whether a call is made and its answer kept, or whether it gets an earlier call's answer.

        Whoever gets a ``AnswerRecorder`` must settle the call with it, or ``release`` it.

        Args:
            value: the header's.
            kind: by which surface it came, and how its answer is framed; with the body, what makes two calls the same.

        Raises:
            BadRequest: the value is none.
            Conflict: it was used for another body; its call is still under way; its answer was not kept.
            StoreError: the database does not answer.
        """
        place = IdempotencySlot(key.counted_as, reference_of(value))
        call = IdempotentCall(request_id, self._owner, hashlib.sha256(kind.encode("ascii") + b"\n" + body).hexdigest())
        entry = self._begin(place, call)
        if entry is None:
            return self._keeping(place, call, key.account)
        if entry.status:
            return _replay(entry, call)
        with self._waiter(place, client) as waiter:
            return self._await(place, call, entry, waiter, key.account)

    def release(self, keeping: AnswerRecorder) -> None:
        """The call was refused before it began: the next may try again."""
        self._journal.post(Statements(keeping.request_id, [releasing(keeping.place, keeping.request_id)]))
        keeping.over()

    def _begin(self, place: IdempotencySlot, call: IdempotentCall) -> SlotHolder | None:
        with self._released_on_failure(place, call):
            return begin(self._database, place, call, self._clock())

    def _await(
        self, place: IdempotencySlot, call: IdempotentCall, found: SlotHolder, waiter: _Waiter, account: str
    ) -> AnswerRecorder | Replay:
        deadline = time.monotonic() + self._wait_s
        entry: SlotHolder | None = found
        while not waiter.gone:
            if entry is None:
                entry = self._begin(place, call)
            if entry is None:
                return self._keeping(place, call, account)
            if entry.status or entry.body_hash != call.body_hash:
                return _replay(entry, call)
            if self._is_dead(entry) and self._take_over(place, entry, call):
                return self._keeping(place, call, account)
            if time.monotonic() >= deadline:
                raise _in_progress(entry)
            waiter.wait()
            entry = look(self._database, place, self._clock())
        return Replay(_LEFT, {}, b"", "")

    def _is_dead(self, entry: SlotHolder) -> bool:
        return entry.owner != self._owner and not is_alive(self._database, entry.owner, self._clock())

    def _take_over(self, place: IdempotencySlot, entry: SlotHolder, call: IdempotentCall) -> bool:
        with self._released_on_failure(place, call):
            if take_over(self._database, place, entry.request_id, call, self._clock()):
                return True
            self._end_dead_calls()
            return take_over(self._database, place, entry.request_id, call, self._clock())

    @contextmanager
    def _released_on_failure(self, place: IdempotencySlot, call: IdempotentCall) -> Iterator[None]:
        try:
            yield
        except BaseException:  # the place may have been taken all the same
            self._journal.post(Statements(call.request_id, [releasing(place, call.request_id)]))
            raise

    def _keeping(self, place: IdempotencySlot, call: IdempotentCall, account: str) -> AnswerRecorder:
        over = lambda: self._wake(place)  # noqa: E731 - one line, used once
        with self._released_on_failure(place, call):
            full = self._stored_bytes(account) >= self._account_bytes
        return AnswerRecorder(
            place, call.request_id, max_bytes=0 if full else self._max_bytes, over=over, keeps_free=self._keeps_free
        )

    def _stored_bytes(self, account: str) -> int:
        """What is kept for an account, as of ten seconds ago at most."""
        if len(self._stored) >= _ACCOUNTS_MAX:
            self._stored.clear()
        known = self._stored.get(account)
        if known is None:
            known = Fresh(lambda: stored_bytes(self._database, account), max_age_s=_STORED_S)
            self._stored[account] = known
        return known.get()

    def _wake(self, place: IdempotencySlot) -> None:
        for waiter in self._waiting.get(place, ()):
            waiter.wake()

    @contextmanager
    def _waiter(self, place: IdempotencySlot, client: ClientConnection | None) -> Iterator[_Waiter]:
        waiter = _Waiter()
        self._waiting.setdefault(place, set()).add(waiter)
        if client is not None:
            client.watch(waiter.leave)
        try:
            yield waiter
        finally:
            if client is not None:
                client.unwatch()
            others = self._waiting[place]
            others.discard(waiter)
            if not others:
                del self._waiting[place]


class _Waiter:
    """A repeat that waits; ``gone`` once its client has left."""

    def __init__(self) -> None:
        self.gone = False
        self._event = Event()
        self._pause_s = _PAUSE_MIN_S

    def leave(self) -> None:
        self.gone = True
        self._event.set()

    def wake(self) -> None:
        self._event.set()

    def wait(self) -> None:
        """Wait for the next look: longer each time, but briefly once woken, since the answer is about to be durable."""
        if self._event.wait(self._pause_s):
            self._event.clear()
            self._pause_s = _PAUSE_MIN_S
        else:
            self._pause_s = min(2 * self._pause_s, _PAUSE_MAX_S)


def _replay(entry: SlotHolder, call: IdempotentCall) -> Replay:
    if entry.body_hash != call.body_hash:
        raise Conflict(
            f"This Idempotency-Key was sent before with another request, {entry.request_id}. Send a new key with a "
            "new request, and the same bytes with the same key.",
            code="idempotency_key_reused",
        )
    if entry.body is None:
        raise Conflict(
            f"The call of this Idempotency-Key, {entry.request_id}, is over, and its answer was not kept: it was too "
            "large, or broke off, or too many answers of this account are kept. It is not made again under this key; "
            "to have it made, and charged, again, send a new one.",
            code="idempotency_answer_not_kept",
        )
    headers = dict(entry.headers)
    if CHARGE in headers and entry.charge_nano is not None:
        headers[CHARGE] = format_nano(entry.charge_nano)  # a call may be charged less than it should
    headers["idempotent-replayed"] = "true"
    return Replay(entry.status, headers, entry.body, entry.request_id)


def _in_progress(entry: SlotHolder) -> Conflict:
    return Conflict(
        f"The first call with this Idempotency-Key, {entry.request_id}, is still under way. Please send this request "
        f"again in {_RETRY_AFTER_S} seconds, with the same key.",
        code="idempotency_in_progress",
        headers={"Retry-After": str(_RETRY_AFTER_S)},
    )
