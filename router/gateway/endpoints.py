"""The places where one provider is reached: shared load, rest after failures, and one probe before trust returns.

Each worker keeps its own picture: what one has learnt of a failing endpoint, the others learn for themselves.
"""

from __future__ import annotations

import hashlib
import math
import random
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from router.errors import KINDS, UpstreamError
from router.settings import ProviderSettings

__all__ = ["Endpoints", "Lease", "Place"]

_PAUSE_MIN_S = 1.0
_PAUSE_MAX_S = 60.0
_OPERATORS_S = 30.0  # our key or our bill: nothing heals before somebody acts
_AT_ONCE = frozenset({"timeout", "rate_limit", "auth", "billing"})
_FAILURES = 3  # of the other kinds, in a row: a single reset is no outage


@dataclass(eq=False)
class Place:
    """One endpoint and what is known of it. Changed by leases alone.

    Attributes:
        name: how logs and commands call it.
        settings: the section's settings with this endpoint's base URL and key.
        weight: share of the load.
        max_concurrent: calls at a time; 0 for no limit.
        in_use: calls under way.
        failures: in a row.
        rests_until: no calls before this moment of the clock.
        pause_s: the last rest; the next one is twice as long.
        kind: of the failure that brought the rest.
    """

    name: str
    settings: ProviderSettings
    weight: int = 1
    max_concurrent: int = 0
    in_use: int = 0
    failures: int = 0
    rests_until: float = 0.0
    pause_s: float = 0.0
    kind: str = ""
    probed: bool = False


class Lease:
    """One call's use of a place. Say how it went, once; then release it."""

    __slots__ = ("_clock", "_released", "place", "probes")

    def __init__(self, place: Place, clock: Callable[[], float]) -> None:
        self.place = place
        self.probes = bool(place.pause_s)
        self._clock = clock
        self._released = False
        place.in_use += 1
        place.probed = place.probed or self.probes

    def succeeded(self) -> None:
        """The endpoint answered, if only to refuse the request: it is well."""
        place = self.place
        place.failures, place.pause_s, place.rests_until, place.kind = 0, 0.0, 0.0, ""

    def failed(self, error: UpstreamError) -> None:
        """The call failed; by the kind of failure the endpoint may need a rest."""
        if not KINDS[error.kind].unhealthy:
            self.succeeded()
            return
        place = self.place
        place.failures += 1
        if self.probes or error.kind in _AT_ONCE or place.failures >= _FAILURES:
            place.kind = error.kind
            place.pause_s = self._pause_s(error)
            place.rests_until = self._clock() + place.pause_s

    def release(self) -> None:
        """The call is over. Harmless when called again."""
        if not self._released:
            self._released = True
            self.place.in_use -= 1
            if self.probes:
                self.place.probed = False

    def _pause_s(self, error: UpstreamError) -> float:
        if error.kind == "rate_limit":
            return min(error.retry_after_s or _PAUSE_MIN_S, _PAUSE_MAX_S)
        shortest = _OPERATORS_S if error.kind in ("auth", "billing") else _PAUSE_MIN_S
        return min(max(shortest, 2 * self.place.pause_s), _PAUSE_MAX_S)


class Endpoints:
    """All places of one provider.

    Args:
        provider: the section's name.
        clock: seconds, monotonic.
        chance: a random number in [0, 1).
    """

    def __init__(
        self,
        provider: str,
        places: Sequence[Place],
        *,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.provider = provider
        self.places = tuple(places)
        self._clock = clock
        self._chance = chance

    def lease(self, sticky: str | None = None, tried: Collection[Place] = ()) -> Lease | None:
        """A place for one call; None when all that were not tried rest or are full.

        Args:
            sticky: calls with the same text go to the same place while that is well, so that its cache stays warm.
            tried: places not to use again.
        """
        now = self._clock()
        ready = [place for place in self.places if place not in tried and _is_ready(place, now)]
        if not ready:
            return None
        place = ready[0] if len(ready) == 1 else max(ready, key=lambda place: self._score(place, sticky))
        return Lease(place, self._clock)

    def refusal(self) -> UpstreamError:
        """Why there is no place for a call, and when there may be one again."""
        now = self._clock()
        resting = [place for place in self.places if place.rests_until > now or place.probed]
        if len(resting) < len(self.places):
            message = f"{self.provider} has as many calls under way as its endpoints may have."
            return UpstreamError("overloaded", message, provider=self.provider, retry_after_s=1)
        first = min(resting, key=lambda place: place.rests_until)
        wait_s = max(1.0, first.rests_until - now)
        message = f"{self.provider} has failed ({first.kind}) and is left alone for {math.ceil(wait_s)} s."
        return UpstreamError(first.kind, message, provider=self.provider, retry_after_s=wait_s)

    def _score(self, place: Place, sticky: str | None) -> float:
        """Weighted rendezvous hashing: each place is best for its share of the texts, and the second best steps in."""
        share = self._chance() if sticky is None else _fraction(f"{sticky}\0{place.name}")
        return -place.weight / math.log(min(max(share, 1e-12), 1 - 1e-12))


def _is_ready(place: Place, now: float) -> bool:
    if place.max_concurrent and place.in_use >= place.max_concurrent:
        return False
    if not place.pause_s:
        return True
    return now >= place.rests_until and not place.probed


def _fraction(text: str) -> float:
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
