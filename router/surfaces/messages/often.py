"""How often one key may have its prompts counted: clients ask in bursts, for nothing."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from router.errors import RateLimited

__all__ = ["CallsPerKey"]

_KEYS_MAX = 10_000


class CallsPerKey:
    """A bucket for each key, which fills with time. One per worker.

    Args:
        burst: how many may come at once.
        per_s: how many come back in a second.
        clock: seconds, monotonic.
    """

    def __init__(self, burst: int = 120, per_s: float = 10.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst, self._per_s, self._clock = burst, per_s, clock
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, key: str) -> None:
        """Count one.

        Raises:
            RateLimited: there were too many.
        """
        now = self._clock()
        left, at = self._left.get(key, (float(self._burst), now))
        left = min(self._burst, left + (now - at) * self._per_s)
        if left < 1:
            wait_s = max(1, math.ceil((1 - left) / self._per_s))
            message = f"Tokens are counted {self._burst} times at once and {self._per_s:g} times a second at most."
            raise RateLimited(f"{message} Wait {wait_s} s, or estimate.", retry_after_s=wait_s)
        if len(self._left) >= _KEYS_MAX:
            self._left.clear()
        self._left[key] = (left - 1, now)
