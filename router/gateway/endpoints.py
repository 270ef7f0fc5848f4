"""The places where one provider is reached: shared load, rest after failures, and one probe before trust returns.

Each worker keeps its own picture: what one has learnt of a failing endpoint, the others learn for themselves.
"""

from __future__ import annotations

import hashlib
import math
import random
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from router.errors import KINDS, UpstreamError
from router.settings import ProviderSettings

__all__ = ["CONSEQUENCES", "Endpoints", "Health", "Lease", "Place"]

_PAUSE_MIN_S = 1.0
_PAUSE_MAX_S = 60.0
_ASKED_MAX_S = 3600.0  # a provider that asks for a longer wait is tried again all the same
_OPERATORS_S = 30.0  # our key or our bill: nothing heals before somebody acts
_AT_ONCE = frozenset({"rate_limit", "auth", "billing"})
_FAILURES = 3  # of the other kinds, in a row: a single reset is no outage
_SLOW_S = 1.0  # a failure that kept its caller waiting for so long must not happen to the next one as well
_LIMITS_MAX = 1000
_IN_A_ROW = f"rests after {_FAILURES} in a row, or one that took {_SLOW_S:g} s while no other call was answered"

CONSEQUENCES: Mapping[str, str] = {
    **{kind: _IN_A_ROW if row.unhealthy else "none" for kind, row in KINDS.items()},
    "timeout": "rests, unless another call was answered meanwhile",
    "rate_limit": f"rests for this model until its Retry-After, at most {_ASKED_MAX_S:g} s",
    "auth": f"rests for {_OPERATORS_S:g} s or more, with a line in the log for the operator",
    "billing": f"rests for {_OPERATORS_S:g} s or more, with a line in the log for the operator",
}
"""Kind of failure -> what it means for the endpoint, for people."""


@dataclass(eq=False)
class Health:
    """What calls have shown of an endpoint, or of one model there. Changed by leases alone.

    Attributes:
        failures: in a row.
        rests_until: no calls before this moment of the clock.
        pause_s: the last rest, which no answer has ended yet; the next one is twice as long.
        kind: of the failure that brought the rest.
        strict: the rest holds also for calls that nothing else can serve: they would wait in vain, or be unwelcome.
        probed: one call is finding out whether the rest may end.
        turn: changes with each beginning and end of a rest; a call from an earlier turn says nothing new.
        answered_at: when the last answer came.
    """

    failures: int = 0
    rests_until: float = 0.0
    pause_s: float = 0.0
    kind: str = ""
    strict: bool = False
    probed: bool = False
    turn: int = 0
    answered_at: float = -math.inf

    def ready(self, now: float, alone: bool) -> bool:
        """Whether a call may be made: there is no rest, or it is over and nobody probes yet.

        A call with nowhere else to go may always try an endpoint whose failures cost no time and harm nobody: so an
        upstream that is back serves at once.
        """
        if not self.pause_s or (alone and not self.strict):
            return True
        return now >= self.rests_until and not self.probed

    def rest(self, kind: str, pause_s: float, now: float, *, strict: bool) -> None:
        """Begin a rest."""
        self.kind, self.pause_s, self.rests_until, self.strict = kind, pause_s, now + pause_s, strict
        self.turn += 1

    def answer(self, now: float) -> None:
        """The endpoint answers, which ends a rest."""
        self.answered_at = now
        if self.pause_s:
            self.pause_s, self.rests_until, self.kind = 0.0, 0.0, ""
            self.turn += 1


@dataclass(eq=False)
class Place:
    """One endpoint.

    Attributes:
        name: how logs and commands call it.
        settings: the section's settings with this endpoint's base URL and key.
        weight: share of the load.
        max_concurrent: calls at a time; 0 for no limit.
        in_use: calls under way.
        health: of the whole endpoint.
        limits: models whose rate is limited there, by the upstream's name: the others go on meanwhile.
    """

    name: str
    settings: ProviderSettings
    weight: int = 1
    max_concurrent: int = 0
    in_use: int = 0
    health: Health = field(default_factory=Health)
    limits: dict[str, Health] = field(default_factory=dict)

    @property
    def full(self) -> bool:
        """Whether it has as many calls under way as it may have."""
        return 0 < self.max_concurrent <= self.in_use

    def blocker(self, model: str, now: float, alone: bool = False) -> Health | None:
        """The rest, or the probe under way, that keeps a call for ``model`` from being made; None if nothing does."""
        limit = self.limits.get(model)
        if limit is not None and not limit.ready(now, alone):
            return limit
        return None if self.health.ready(now, alone) else self.health


class Lease:
    """One call's use of a place. Say how it went; then release it."""

    __slots__ = ("_answered", "_begun", "_clock", "_failed", "_model", "_released", "_seen", "place")

    def __init__(self, place: Place, model: str, clock: Callable[[], float]) -> None:
        self.place = place
        self._model = model
        self._clock = clock
        self._begun = clock()
        self._answered = self._failed = self._released = False
        place.in_use += 1
        known = [place.health, *filter(None, [place.limits.get(model)])]
        self._seen = [(health, health.turn, bool(health.pause_s)) for health in known]
        for health in known:
            health.probed = health.probed or bool(health.pause_s)

    @property
    def probes(self) -> bool:
        """Whether this call finds out if a rest may end."""
        return any(probes for _, _, probes in self._seen)

    def answered(self) -> None:
        """The endpoint answered, if only to refuse the request."""
        self._answered = True
        now = self._clock()
        for health, turn, _ in self._seen:
            if health.turn == turn:
                health.answer(now)
        limit = self.place.limits.get(self._model)
        if limit is not None and not limit.pause_s:
            del self.place.limits[self._model]

    def failed(self, error: UpstreamError) -> None:
        """The call failed, before or after its first output; by the kind of failure the endpoint may need a rest."""
        if not KINDS[error.kind].unhealthy:
            self.answered()
            return
        self._failed = True
        health, turn, probes = self._judged(error.kind)
        if health.turn != turn:
            return  # it began before the last rest did, or ended
        health.failures += 1
        now = self._clock()
        slow = error.kind == "timeout" or now - self._begun >= _SLOW_S
        costly = slow and health.answered_at < self._begun  # nobody was answered meanwhile: the next will wait
        if probes or error.kind in _AT_ONCE or health.failures >= _FAILURES or costly:
            strict = slow or error.kind in _AT_ONCE
            health.rest(error.kind, _pause_s(error, health.pause_s), now, strict=strict)

    def release(self) -> None:
        """The call is over. Harmless when called again."""
        if self._released:
            return
        self._released = True
        self.place.in_use -= 1
        for health, _, probes in self._seen:
            health.probed = health.probed and not probes
            if self._answered and not self._failed:
                health.failures = 0

    def _judged(self, kind: str) -> tuple[Health, int, bool]:
        """Whose failure it is: the model's own where its rate is limited, else the whole endpoint's."""
        if kind != "rate_limit":
            return self._seen[0]
        limits = self.place.limits
        if len(limits) >= _LIMITS_MAX:
            now = self._clock()
            for model in [model for model, limit in limits.items() if limit.rests_until <= now]:
                del limits[model]
        limit = limits.setdefault(self._model, Health())
        return next((one for one in self._seen if one[0] is limit), (limit, 0, False))


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

    def lease(
        self, sticky: str | None = None, tried: Collection[Place] = (), model: str = "", *, alone: bool = False
    ) -> Lease | None:
        """A place for one call; None when all that were not tried rest or are full.

        Args:
            sticky: calls with the same text go to the same place while that is well, so that its cache stays warm.
            tried: places not to use again.
            model: the upstream's name of the model to call.
            alone: nothing else can serve the call.
        """
        now = self._clock()
        free = [place for place in self.places if place not in tried and not place.full]
        ready = [place for place in free if place.blocker(model, now) is None]
        if not ready and alone:
            ready = [place for place in free if place.blocker(model, now, alone=True) is None]
        if not ready:
            return None
        place = ready[0] if len(ready) == 1 else max(ready, key=lambda place: self._score(place, sticky))
        return Lease(place, model, self._clock)

    def refusal(self, model: str = "") -> UpstreamError:
        """Why there is no place for a call, and when there may be one again."""
        now = self._clock()
        resting = [blocker for place in self.places if (blocker := place.blocker(model, now)) is not None]
        if len(resting) < len(self.places):
            message = f"{self.provider} has as many calls under way as its endpoints may have."
            return UpstreamError("overloaded", message, provider=self.provider, retry_after_s=1)
        first = min(resting, key=lambda health: health.rests_until)
        wait_s = max(1.0, first.rests_until - now)
        until = f"left alone for {math.ceil(wait_s)} s" if first.rests_until > now else "being tried again by one call"
        message = f"{self.provider} has failed ({first.kind}) and is {until}."
        return UpstreamError(first.kind, message, provider=self.provider, retry_after_s=wait_s)

    def _score(self, place: Place, sticky: str | None) -> float:
        """Weighted rendezvous hashing: each place is best for its share of the texts, and the second best steps in."""
        share = self._chance() if sticky is None else _fraction(f"{sticky}\0{place.name}")
        return -place.weight / math.log(min(max(share, 1e-12), 1 - 1e-12))


def _pause_s(error: UpstreamError, last_s: float) -> float:
    if error.kind == "rate_limit" and error.retry_after_s is not None:
        return min(max(_PAUSE_MIN_S, error.retry_after_s), _ASKED_MAX_S)
    shortest = _OPERATORS_S if error.kind in ("auth", "billing") else _PAUSE_MIN_S
    return min(max(shortest, 2 * last_s), _PAUSE_MAX_S)


def _fraction(text: str) -> float:
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
