"""An endpoint's failures, and how long it rests after them (cooldown): for one account, or for everybody.

A failure may be the doing of the one request: a prompt that takes too long, one that a provider forbids or finds too
large. So an endpoint rests at first for the account that met the failure, and for all once a second account has met
one too, with no good answer in between. Only a refused key is known to be ours at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from router.config.provider import ProviderSettings
from router.errors import KINDS, UpstreamError

__all__ = ["ASKED_MAX_S", "FAILURES", "OPERATORS_S", "SLOW_S", "UNCONFIRMED_MAX_S", "EndpointHealth", "Health", "Lease"]

ASKED_MAX_S = 3600.0  # a provider that asks for a longer wait is tried again all the same
UNCONFIRMED_MAX_S = 60.0  # the longest wait on the word of one answer
OPERATORS_S = 30.0  # our key or our bill: nothing heals before somebody acts
FAILURES = 3  # of the other kinds, in a row: a single reset is no outage
SLOW_S = 1.0  # a failure that kept its caller waiting for so long must not happen to the next one as well
_PAUSE_MIN_S = 1.0
_PAUSE_MAX_S = 60.0
_AT_ONCE = frozenset({"rate_limit", "auth", "billing"})
_OUR_KEY = frozenset({400, 401})  # the statuses with which a key is refused; 403 may mean the one request
_KEPT_MAX = 1000
_Name = TypeVar("_Name")


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
        met_by: accounts whose calls have failed since then; two are enough to know.
    """

    failures: int = 0
    rests_until: float = 0.0
    pause_s: float = 0.0
    kind: str = ""
    strict: bool = False
    probed: bool = False
    turn: int = 0
    answered_at: float = -math.inf
    met_by: set[str] = field(default_factory=set)

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

    def met(self, account: str) -> None:
        """A call of ``account`` has failed."""
        if len(self.met_by) < 2:
            self.met_by.add(account)

    def answer(self, now: float) -> None:
        """The endpoint answers, which ends a rest."""
        self.answered_at = now
        if self.pause_s:
            self.pause_s, self.rests_until, self.kind = 0.0, 0.0, ""
            self.turn += 1


@dataclass(eq=False)
class EndpointHealth:
    """One endpoint.

    Attributes:
        name: how logs and commands call it.
        settings: the section's settings with this endpoint's base URL and key.
        weight: share of the load.
        max_concurrent: calls at a time; 0 for no limit.
        in_use: calls under way.
        health: of the whole endpoint, for everybody.
        limits: models that rest there for everybody, by the upstream's name: the others go on meanwhile.
        own: the same for single accounts: (account, model, or nothing for the whole endpoint) -> health.
    """

    name: str
    settings: ProviderSettings
    weight: int = 1
    max_concurrent: int = 0
    in_use: int = 0
    health: Health = field(default_factory=Health)
    limits: dict[str, Health] = field(default_factory=dict)
    own: dict[tuple[str, str], Health] = field(default_factory=dict)

    @property
    def full(self) -> bool:
        """Whether it has as many calls under way as it may have."""
        return 0 < self.max_concurrent <= self.in_use

    def known(self, model: str, account: str) -> list[Health]:
        """All that bears on a call of ``account`` for ``model``; the whole endpoint's comes first."""
        found: list[Health | None] = [self.health]
        if self.limits:
            found.append(self.limits.get(model))
        if self.own:
            found += (self.own.get((account, "")), self.own.get((account, model)))
        return [health for health in found if health is not None]

    def blocker(self, model: str, now: float, account: str = "", *, alone: bool = False) -> Health | None:
        """The rest, or the probe under way, that keeps a call from being made; the longest, None if nothing does."""
        if not self.limits and not self.own:
            return None if self.health.ready(now, alone) else self.health
        resting = [health for health in self.known(model, account) if not health.ready(now, alone)]
        return max(resting, key=lambda health: health.rests_until, default=None)


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
        known = place.known(model, account) if place.limits or place.own else [place.health]
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
            if health.turn != turn:
                continue
            if health.pause_s:
                health.answer(now)
            else:
                health.answered_at = now
        limit = self.place.limits.get(self._model)
        if limit is not None and not limit.pause_s:
            del self.place.limits[self._model]

    def failed(self, error: UpstreamError) -> None:
        """The call failed, before or after its first output; by the kind of failure the endpoint may need a rest.

        A wait that the provider asked for is cut in ``error`` to what is kept here: callers are told no longer one.
        """
        if not KINDS[error.kind].unhealthy:
            self.answered()
            return
        self._failed = True
        now = self._clock()
        slow = error.kind == "timeout" or now - self._begun >= SLOW_S
        costly = slow and self.place.health.answered_at < self._begun  # nobody was answered meanwhile
        scope = self._model if error.kind == "rate_limit" or _is_forbidden(error) else ""
        shared, own = self._shared(scope, now), self._found(_kept(self.place.own, (self._account, scope), now))
        shared[0].met(self._account)
        common = shared[2] or len(shared[0].met_by) > 1  # others met it too, or a probe confirms it
        for (health, turn, probes), enough in ((shared, common or _is_our_key(error)), (own, True)):
            if health.turn != turn:
                continue  # it began before the last rest did, or ended
            health.failures += 1
            if enough and (probes or error.kind in _AT_ONCE or health.failures >= FAILURES or costly):
                pause_s = _pause_s(error, health.pause_s, confirmed=probes or common)
                health.rest(error.kind, pause_s, now, strict=slow or error.kind in _AT_ONCE)
        error.wait_at_most(ASKED_MAX_S)
        if error.kind == "rate_limit":
            blocker = self.place.blocker(self._model, now, self._account)
            if blocker is not None:
                error.wait_at_most(blocker.rests_until - now)

    def release(self) -> None:
        """The call is over. Harmless when called again."""
        if self._released:
            return
        self._released = True
        self.place.in_use -= 1
        good = self._answered and not self._failed
        for health, _, probes in self._seen:
            health.probed = health.probed and not probes
            if good:
                health.failures = 0
                health.met_by.clear()
        if good and self.place.own:
            for scope in ("", self._model):
                own = self.place.own.get((self._account, scope))
                if own is not None and not own.pause_s:
                    del self.place.own[self._account, scope]

    def _shared(self, scope: str, now: float) -> tuple[Health, int, bool]:
        """Everybody's health of the endpoint, or of the model there, as this call found it."""
        return self._found(_kept(self.place.limits, scope, now)) if scope else self._seen[0]

    def _found(self, health: Health) -> tuple[Health, int, bool]:
        return next((one for one in self._seen if one[0] is health), (health, 0, False))


def _kept(healths: dict[_Name, Health], name: _Name, now: float) -> Health:
    """The health of that name, made where there is none yet; those that no longer matter make room for it."""
    health = healths.get(name)
    if health is None:
        if len(healths) >= _KEPT_MAX:
            over = [other for other, one in healths.items() if one.rests_until <= now and not one.probed]
            for other in over or list(healths)[: _KEPT_MAX // 2]:
                del healths[other]
        health = healths[name] = Health()
    return health


def _is_our_key(error: UpstreamError) -> bool:
    return error.kind == "auth" and error.upstream_status in _OUR_KEY


def _is_forbidden(error: UpstreamError) -> bool:
    """A 403 is about the model at least as often as about the key."""
    return error.kind == "auth" and error.upstream_status == 403


def _pause_s(error: UpstreamError, last_s: float, *, confirmed: bool) -> float:
    """How long to rest.

    Args:
        last_s: the rest before, which the failure did not let end.
        confirmed: more than one answer says so.
    """
    if error.kind == "rate_limit" and error.retry_after_s is not None:
        return min(max(_PAUSE_MIN_S, error.retry_after_s), ASKED_MAX_S if confirmed else UNCONFIRMED_MAX_S)
    shortest = OPERATORS_S if error.kind in ("auth", "billing") else _PAUSE_MIN_S
    return min(max(shortest, 2 * last_s), _PAUSE_MAX_S)
