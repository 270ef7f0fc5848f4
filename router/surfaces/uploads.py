"""Bodies on their way in: how many bytes of them one key, one account and one worker may have in memory at a time.

A small body is read at once. A larger one is counted as it arrives, and what can be said before it is there is said
before: limits that are reached, and a balance that is used up.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from router.errors import InsufficientQuota, NotFound, RateLimited, Unavailable
from router.types.records import Key

__all__ = ["SMALL_BYTES", "UploadLimits", "Uploads"]

SMALL_BYTES = 64 * 1024
"""Bodies up to here are not counted: that many bytes may wait in the connection anyway."""
_UNPAID_BYTES = 2**20  # without credit; models may be free
_REFUSED_MAX = 10_000
_AGAIN_S = 1


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """Bytes of bodies in memory at a time; one body as large as any may be has room in each."""

    worker: int
    account: int
    key: int


class Uploads:
    """One per worker.

    Args:
        available: account -> what it has left, nano-units; None where nothing is billed.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        limits: UploadLimits,
        available: Callable[[str], int] | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = limits
        self._available = available
        self._clock = clock
        self._worker = 0
        self._bytes: Counter[str] = Counter()  # by the IDs of accounts and keys, which differ
        self._count: Counter[str] = Counter()
        self._refused: dict[str, tuple[float, int, RateLimited]] = {}

    @contextmanager
    def begin(self, key: Key, size: int | None) -> Iterator[Callable[[int], None]]:
        """Around the reading of one body; gives what must be told of bytes that arrived.

        Args:
            size: of the body, as declared.

        Raises:
            RateLimited: a limit is reached, or the key or its account sends too much at a time.
            InsufficientQuota: the account has nothing left.
            Unavailable: this worker has no room.
            StoreError: the database does not answer.
        """
        self._refuse_again(key)
        self._refuse_crowd(key.limits.concurrent, key.id, "this API key")
        self._refuse_crowd(key.account_limits.concurrent, key.account, "this account")
        paid = self._available is None
        taken = 0

        def note(count: int) -> None:
            nonlocal taken, paid
            if not paid and taken + count > _UNPAID_BYTES:
                self._refuse_unpaid(key)
                paid = True
            self._take(key, count)
            taken += count

        if not paid and (size or 0) > _UNPAID_BYTES:
            self._refuse_unpaid(key)
            paid = True
        self._count.update((key.id, key.account))
        try:
            yield note
        finally:
            self._worker -= taken
            self._bytes.subtract({key.id: taken, key.account: taken})
            self._count.subtract((key.id, key.account))
            for name in (key.id, key.account):
                if not self._count[name]:
                    del self._count[name], self._bytes[name]

    def note_refusal(self, key: Key, error: RateLimited) -> None:
        """Admission refused a call because the number of requests is reached: so will it the next, until then."""
        if error.retry_after_s is None or error.headers.get("x-ratelimit-remaining-requests") != "0":
            return
        if len(self._refused) >= _REFUSED_MAX:
            self._refused.clear()
        self._refused[key.id] = (self._clock() + error.retry_after_s, key.version, error)

    def _refuse_again(self, key: Key) -> None:
        found = self._refused.get(key.id)
        if found is None:
            return
        until, version, error = found
        left_s = until - self._clock()
        if left_s <= 0 or version != key.version:
            del self._refused[key.id]
            return
        raise RateLimited(error.message, retry_after_s=math.ceil(left_s))

    def _refuse_crowd(self, most: int | None, name: str, who: str) -> None:
        if most is not None and self._count[name] >= most:
            message = f"As many request bodies of {who} are on their way as it may have calls at a time ({most})."
            raise RateLimited(f"{message} Please retry after {_AGAIN_S} second.", retry_after_s=_AGAIN_S)

    def _refuse_unpaid(self, key: Key) -> None:
        assert self._available is not None
        try:
            available = self._available(key.account)
        except NotFound:
            return  # admission will say so
        if available <= 0:
            raise InsufficientQuota(
                f"The balance is used up: until credits are added a body may hold {_UNPAID_BYTES} bytes.",
                available_nano=available,
            )

    def _take(self, key: Key, count: int) -> None:
        limits = self._limits
        for name, most, who in ((key.id, limits.key, "this API key"), (key.account, limits.account, "this account")):
            if self._bytes[name] + count > most:
                message = f"The request bodies of {who} that are on their way hold more than {most} bytes together."
                raise RateLimited(f"{message} Please send them one after the other.", retry_after_s=_AGAIN_S)
        if self._worker + count > limits.worker:
            message = "The gateway has no room for a request body of this size just now."
            raise Unavailable(message, headers={"Retry-After": str(_AGAIN_S)})
        self._worker += count
        self._bytes[key.id] += count
        self._bytes[key.account] += count
