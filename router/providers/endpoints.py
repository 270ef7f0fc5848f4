"""A provider's endpoints: which one the next call gets, and who is told to wait.

Each worker keeps its own picture; ``shared_circuits`` tells the others what one has learnt of a failing endpoint.
"""

from __future__ import annotations

import hashlib
import math
import random
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence

from router.errors import KINDS, UpstreamError
from router.providers.circuit_breaker import CLOSED
from router.providers.health import ASKED_MAX_S, FAILURES, OPERATORS_S, SLOW_S, UNCONFIRMED_MAX_S, EndpointHealth, Lease

__all__ = ["CONSEQUENCES", "Endpoints"]

_COUNTED_MAX = 1000

_IN_A_ROW = f"rests after {FAILURES} in a row, or one that took {SLOW_S:g} s while no other call was answered"
_FOR_WHOM = "for the account that met it, and for all once a second account has"

CONSEQUENCES: Mapping[str, str] = {
    **{kind: f"{_IN_A_ROW}; {_FOR_WHOM}" if row.unhealthy else "none" for kind, row in KINDS.items()},
    "timeout": f"rests, unless another call was answered meanwhile; {_FOR_WHOM}",
    "rate_limit": f"rests for this model until its Retry-After, at most {UNCONFIRMED_MAX_S:g} s until another answer "
    f"confirms it, then at most {ASKED_MAX_S:g} s; {_FOR_WHOM}",
    "auth": f"rests for {OPERATORS_S:g} s or more, with a line in the log for the operator; after a 401 for all at "
    f"once, after a 403 for this model {_FOR_WHOM}",
    "billing": f"rests for {OPERATORS_S:g} s or more, with a line in the log for the operator; {_FOR_WHOM}",
}
"""Kind of failure -> what it means for the endpoint, for people."""


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
        places: Sequence[EndpointHealth],
        *,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.provider = provider
        self.places = tuple(places)
        self._over_bound: Counter[str] = Counter()
        self._clock = clock
        self._chance = chance

    def lease(
        self,
        sticky: str | None = None,
        tried: Collection[EndpointHealth] = (),
        model: str = "",
        account: str = "",
        *,
        alone: bool = False,
    ) -> Lease | None:
        """A place for one call; None when all that were not tried rest or are full.

        Args:
            sticky: calls with the same text go to the same place while that is well, so that its cache stays warm.
            tried: places not to use again.
            model: the upstream's name of the model to call.
            account: whose call it is: some places may rest for it alone.
            alone: nothing else can serve the call.
        """
        if len(self.places) == 1 and not tried:
            place = self.places[0]
            is_well = place.breaker.state == CLOSED and not (place.by_model or place.by_account)
            if is_well and not 0 < place.max_concurrent <= place.in_use:
                return Lease(place, model, self._clock, account)  # the many: no breaker is open there, for anybody
        now = self._clock()
        free = [place for place in self.places if place not in tried and not place.full]
        ready = [place for place in free if place.blocker(model, now, account) is None]
        if not ready and alone:
            ready = [place for place in free if place.blocker(model, now, account, alone=True) is None]
        if not ready:
            return None
        place = ready[0] if len(ready) == 1 else max(ready, key=lambda place: self._score(place, sticky))
        return Lease(place, model, self._clock, account)

    def ready(self, model: str, account: str) -> bool:
        """Whether a call would be given a place now; nothing is taken."""
        now = self._clock()
        return any(not place.full and place.blocker(model, now, account) is None for place in self.places)

    def exceeded(self, model: str) -> int:
        """A call to ``model`` used more than its bounds allow; how many of this worker's have.

        It is no failure: whoever gets a provider to do so must not put it to rest for others.
        """
        if len(self._over_bound) >= _COUNTED_MAX:
            self._over_bound.clear()
        self._over_bound[model] += 1
        return self._over_bound[model]

    def refusal(self, model: str = "", account: str = "") -> UpstreamError:
        """Why there is no place for a call, and when there may be one again."""
        now = self._clock()
        resting = [blocker for place in self.places if (blocker := place.blocker(model, now, account)) is not None]
        if len(resting) < len(self.places):
            message = f"{self.provider} has as many calls under way as its endpoints may have."
            return UpstreamError("overloaded", message, provider=self.provider, retry_after_s=1)
        first = min(resting, key=lambda breaker: breaker.open_until)
        wait_s = max(1.0, first.open_until - now)
        until = f"left alone for {math.ceil(wait_s)} s" if first.open_until > now else "being tried again by one call"
        message = f"{self.provider} has failed ({first.kind}) and is {until}."
        return UpstreamError(first.kind, message, provider=self.provider, retry_after_s=wait_s)

    def _score(self, place: EndpointHealth, sticky: str | None) -> float:
        """Weighted rendezvous hashing: each place is best for its share of the texts, and the second best steps in."""
        share = self._chance() if sticky is None else _fraction(f"{sticky}\0{place.name}")
        return -place.weight / math.log(min(max(share, 1e-12), 1 - 1e-12))


def _fraction(text: str) -> float:
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
