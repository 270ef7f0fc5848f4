"""An endpoint's circuit breakers: which failures open them, for how long, and for whom.

A failure may be the doing of the one request: a prompt that takes too long, one that a provider forbids or finds too
large. So the breaker of the account that met the failure opens first, and everybody's once a second account has met
one too, with no good answer in between. Only a refused key is known to be ours at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from router.config.provider import ProviderSettings
from router.errors import KINDS, UpstreamError
from router.providers.circuit_breaker import CLOSED, HALF_OPEN, OPEN, CircuitBreaker

__all__ = ["ASKED_MAX_S", "FAILURES", "OPERATORS_S", "SLOW_S", "UNCONFIRMED_MAX_S", "EndpointHealth", "Lease"]

ASKED_MAX_S = 3600.0  # a provider that asks for a longer wait is tried again all the same
UNCONFIRMED_MAX_S = 60.0  # the longest wait on the word of one answer
OPERATORS_S = 30.0  # our key or our bill: nothing heals before somebody acts
FAILURES = 3  # of the other kinds, in a row: a single reset is no outage
SLOW_S = 1.0  # a failure that kept its caller waiting for so long must not happen to the next one as well
_COOLDOWN_MIN_S = 1.0
_COOLDOWN_MAX_S = 60.0
_AT_ONCE = frozenset({"rate_limit", "auth", "billing"})
_OUR_KEY = frozenset({400, 401})  # the statuses with which a key is refused; 403 may mean the one request
_KEPT_MAX = 1000
_Name = TypeVar("_Name")


@dataclass(eq=False)
class EndpointHealth:
    """One endpoint.

    Attributes:
        name: how logs and commands call it.
        settings: the section's settings with this endpoint's base URL and key.
        weight: share of the load.
        max_concurrent: calls at a time; 0 for no limit.
        in_use: calls under way.
        breaker: of the whole endpoint, for everybody.
        by_model: of single models there, for everybody, by the upstream's name: the others go on meanwhile.
        by_account: the same for single accounts, by account and model; no model is the whole endpoint.
    """

    name: str
    settings: ProviderSettings
    weight: int = 1
    max_concurrent: int = 0
    in_use: int = 0
    breaker: CircuitBreaker = field(default_factory=CircuitBreaker)
    by_model: dict[str, CircuitBreaker] = field(default_factory=dict)
    by_account: dict[tuple[str, str], CircuitBreaker] = field(default_factory=dict)

    @property
    def full(self) -> bool:
        """Whether it has as many calls under way as it may have."""
        return 0 < self.max_concurrent <= self.in_use

    def breakers(self, model: str, account: str) -> list[CircuitBreaker]:
        """All that bear on a call of ``account`` for ``model``; the whole endpoint's comes first."""
        found: list[CircuitBreaker | None] = [self.breaker]
        if self.by_model:
            found.append(self.by_model.get(model))
        if self.by_account:
            found += (self.by_account.get((account, "")), self.by_account.get((account, model)))
        return [breaker for breaker in found if breaker is not None]

    def blocker(self, model: str, now: float, account: str = "", *, alone: bool = False) -> CircuitBreaker | None:
        """The breaker that keeps a call from being made, the one that is open longest; None if none does."""
        if not self.by_model and not self.by_account:
            return None if self.breaker.admits(now, alone) else self.breaker
        open_ones = [breaker for breaker in self.breakers(model, account) if not breaker.admits(now, alone)]
        return max(open_ones, key=lambda breaker: breaker.open_until, default=None)


class Lease:
    """One call's use of a place. Say how it went; then release it."""

    __slots__ = ("_account", "_answered", "_begun", "_clock", "_failed", "_model", "_released", "_seen", "place")

    def __init__(self, place: EndpointHealth, model: str, clock: Callable[[], float], account: str = "") -> None:
        self.place = place
        self._model = model
        self._account = account
        self._clock = clock
        self._begun = clock()
        self._answered = self._failed = self._released = False
        place.in_use += 1
        breakers = place.breakers(model, account) if place.by_model or place.by_account else [place.breaker]
        self._seen = [(breaker, breaker.generation, breaker.state != CLOSED) for breaker in breakers]
        for breaker in breakers:
            if breaker.state == OPEN:
                breaker.state = HALF_OPEN

    @property
    def is_trial(self) -> bool:
        """Whether this call finds out if a breaker may close."""
        return any(trial for _, _, trial in self._seen)

    def answered(self) -> None:
        """The endpoint answered, if only to refuse the request."""
        self._answered = True
        now = self._clock()
        for breaker, generation, _ in self._seen:
            if breaker.generation == generation:
                breaker.answered_at = now
                if breaker.state != CLOSED:
                    breaker.close()
        of_model = self.place.by_model.get(self._model)
        if of_model is not None and of_model.state == CLOSED:
            del self.place.by_model[self._model]

    def failed(self, error: UpstreamError) -> None:
        """The call failed, before or after its first output; by the kind of failure a breaker opens.

        A wait that the provider asked for is cut in ``error`` to what is kept here: callers are told no longer one.
        """
        if not KINDS[error.kind].unhealthy:
            self.answered()
            return
        self._failed = True
        now = self._clock()
        slow = error.kind == "timeout" or now - self._begun >= SLOW_S
        costly = slow and self.place.breaker.answered_at < self._begun  # nobody was answered meanwhile
        scope = self._model if error.kind == "rate_limit" or _is_forbidden(error) else ""
        shared, own = self._shared(scope, now), self._found(_kept(self.place.by_account, (self._account, scope), now))
        shared[0].met(self._account)
        common = shared[2] or len(shared[0].met_by) > 1  # others met it too, or a trial confirms it
        for (breaker, generation, trial), enough in ((shared, common or _is_our_key(error)), (own, True)):
            if breaker.generation != generation:
                continue  # the call began before it opened, or closed
            breaker.failures += 1
            if enough and (trial or error.kind in _AT_ONCE or breaker.failures >= FAILURES or costly):
                cooldown_s = _cooldown_s(error, breaker.cooldown_s, confirmed=trial or common)
                breaker.open(error.kind, cooldown_s, now, strict=slow or error.kind in _AT_ONCE)
        error.wait_at_most(ASKED_MAX_S)
        if error.kind == "rate_limit":
            blocker = self.place.blocker(self._model, now, self._account)
            if blocker is not None:
                error.wait_at_most(blocker.open_until - now)

    def release(self) -> None:
        """The call is over. Harmless when called again."""
        if self._released:
            return
        self._released = True
        self.place.in_use -= 1
        good = self._answered and not self._failed
        for breaker, generation, trial in self._seen:
            if trial and breaker.state == HALF_OPEN and breaker.generation == generation:
                breaker.state = OPEN  # a trial without a word: the next call is one
            if good:
                breaker.failures = 0
                breaker.met_by.clear()
        if good and self.place.by_account:
            for scope in ("", self._model):
                own = self.place.by_account.get((self._account, scope))
                if own is not None and own.state == CLOSED:
                    del self.place.by_account[self._account, scope]

    def _shared(self, scope: str, now: float) -> tuple[CircuitBreaker, int, bool]:
        """Everybody's breaker of the endpoint, or of the model there, as this call found it."""
        return self._found(_kept(self.place.by_model, scope, now)) if scope else self._seen[0]

    def _found(self, breaker: CircuitBreaker) -> tuple[CircuitBreaker, int, bool]:
        return next((one for one in self._seen if one[0] is breaker), (breaker, 0, False))


def _kept(breakers: dict[_Name, CircuitBreaker], name: _Name, now: float) -> CircuitBreaker:
    """The breaker of that name, made where there is none yet; those that no longer matter make room for it."""
    breaker = breakers.get(name)
    if breaker is None:
        if len(breakers) >= _KEPT_MAX:
            over = [other for other, one in breakers.items() if one.open_until <= now and one.state != HALF_OPEN]
            for other in over or list(breakers)[: _KEPT_MAX // 2]:
                del breakers[other]
        breaker = breakers[name] = CircuitBreaker()
    return breaker


def _is_our_key(error: UpstreamError) -> bool:
    return error.kind == "auth" and error.upstream_status in _OUR_KEY


def _is_forbidden(error: UpstreamError) -> bool:
    """A 403 is about the model at least as often as about the key."""
    return error.kind == "auth" and error.upstream_status == 403


def _cooldown_s(error: UpstreamError, last_s: float, *, confirmed: bool) -> float:
    """How long the breaker stays open.

    Args:
        last_s: the cooldown before, if no answer came since.
        confirmed: more than one answer says so.
    """
    if error.kind == "rate_limit" and error.retry_after_s is not None:
        return min(max(_COOLDOWN_MIN_S, error.retry_after_s), ASKED_MAX_S if confirmed else UNCONFIRMED_MAX_S)
    shortest = OPERATORS_S if error.kind in ("auth", "billing") else _COOLDOWN_MIN_S
    return min(max(shortest, 2 * last_s), _COOLDOWN_MAX_S)
