"""How often a key may ask the API of scripts; these requests count for none of the limits on its calls."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from router.errors import RateLimited

__all__ = ["Pace"]

_REMEMBERED_MAX = 10_000


class Pace:
    """Counts the requests of one worker. Nothing is written: a second worker lets as many through again.

    Args:
        per_minute: so many a minute, and so many at once after a rest.
        clock: seconds, monotonic.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = float(per_minute)
        self._per_s = per_minute / 60
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}

    def count(self, name: str) -> None:
        """Count a request of the key with this ID.

        Raises:
            RateLimited: it asks too often.
        """
        now = self._clock()
        left, at = self._left.get(name, (self._most, now))
        left = min(self._most, left + (now - at) * self._per_s)
        if left < 1:
            wait_s = math.ceil((1 - left) / self._per_s)
            message = f"This key asks too often: at most {self._most:g} requests a minute to this API, calls apart."
            raise RateLimited(message, code="api_rate_limit_exceeded", retry_after_s=wait_s)
        if len(self._left) >= _REMEMBERED_MAX:
            self._left.clear()
        self._left[name] = (left - 1, now)
