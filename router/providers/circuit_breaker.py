"""A circuit breaker: keeps calls away from an endpoint that fails, and lets one find out whether it is well again."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["CLOSED", "HALF_OPEN", "OPEN", "CircuitBreaker", "CircuitState"]

CircuitState = Literal["closed", "open", "half_open"]
CLOSED: CircuitState = "closed"
"""Calls pass."""
OPEN: CircuitState = "open"
"""No call passes before the cooldown is over; the first one then is the trial."""
HALF_OPEN: CircuitState = "half_open"
"""A trial is under way, and the others wait for its word: an answer closes the breaker, a failure opens it again."""


@dataclass(eq=False)
class CircuitBreaker:
    """The breaker of an endpoint, of one model there, or of one account's calls there. ``Lease`` alone changes it.

    It remembers nothing of single calls: only what decides whether the next failure opens it, and for how long.

    Attributes:
        state: closed, open or half-open.
        failures: in a row; single ones are no outage.
        kind: of the failure that opened it; callers who are turned away are told.
        cooldown_s: the last cooldown, which no answer has ended yet; the next one is twice as long. 0 when closed.
        open_until: the moment of the clock at which the cooldown is over.
        strict: it is open also for calls that nothing else can serve: they would wait in vain, or be unwelcome.
        generation: changes whenever it opens or closes; a call from an earlier one says nothing new.
        answered_at: when the last answer came; a slow failure after that is no outage.
        met_by: accounts whose calls have failed since then; two are enough to know that it is not the account.
    """

    state: CircuitState = CLOSED
    failures: int = 0
    kind: str = ""
    cooldown_s: float = 0.0
    open_until: float = 0.0
    strict: bool = False
    generation: int = 0
    answered_at: float = -math.inf
    met_by: set[str] = field(default_factory=set)

    def admits(self, now: float, alone: bool) -> bool:
        """Whether a call may be made.

        A call with nowhere else to go (``alone``) may always try an endpoint whose failures cost no time and harm
        nobody: so an upstream that is back serves at once.
        """
        if self.state == CLOSED or (alone and not self.strict):
            return True
        return self.state == OPEN and now >= self.open_until

    def open(self, kind: str, cooldown_s: float, now: float, *, strict: bool) -> None:
        """Turn calls away for ``cooldown_s``."""
        self.state, self.kind, self.strict = OPEN, kind, strict
        self.cooldown_s, self.open_until = cooldown_s, now + cooldown_s
        self.generation += 1

    def close(self) -> None:
        """Let calls pass again."""
        self.state, self.kind, self.cooldown_s, self.open_until = CLOSED, "", 0.0, 0.0
        self.generation += 1

    def met(self, account: str) -> None:
        """Note that a call of ``account`` has failed."""
        if len(self.met_by) < 2:
            self.met_by.add(account)
