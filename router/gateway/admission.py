"""The bracket round a call: opened before the upstream sees anything, closed exactly once however the call ends.

All claims of the policies, and of the key's budget, are taken in one transaction or not at all. Closing is durable
before the client sees the end of its answer.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from typing import NamedTuple

from router.claims import BALANCE, REFUSALS, Claim, Outcome, PolicyContext, Quote
from router.errors import InsufficientQuota, RateLimited, RouterError, StoreError
from router.gateway.budget import BUDGET_OWNER, budget_claim
from router.gateway.keeping import Keeping
from router.gateway.policies import Policy
from router.gateway.reckoning import Reckoned
from router.gateway.resolve import Target
from router.gateway.terms import Terms
from router.ledger.operations import Held, Instead, Record, Refused, Settle, StaleKey, Statement, Take, Taken
from router.ledger.progress import progress_of
from router.money import format_nano
from router.store.journal import Journal
from router.types import CallRecord, ChatCall, EmbeddingsCall, Key

__all__ = ["Admission", "AdmissionLimits", "Bracket", "StaleKey"]

_TRIES_MAX = 8  # a cap is lowered for the balance, a budget, and the spending of key and account per day and month
_CLAIM_S = 5.0
_SETTLE_S = 15.0
_MARGIN_S = 60.0
_AGAIN_S = 1  # a slot of concurrent calls may be free at any moment
_MONEY = "money"
_SHOWN = ("requests", "tokens")
_NOTHING = Quote(0, 0, 0, named_cap=True)


@dataclass(frozen=True, slots=True)
class AdmissionLimits:
    """What the configuration says of admission.

    Attributes:
        currency: of all amounts, for messages.
        timezone: in which days and months begin.
        budgets: whether keys' budgets count (there is a billing policy).
        min_output_tokens: a call's own cap is not lowered below this.
        max_call_s, drain_s: how long a call, and its aftermath, can take.
    """

    currency: str = "USD"
    timezone: tzinfo = UTC
    budgets: bool = False
    min_output_tokens: int = 256
    max_call_s: float = 3600.0
    drain_s: float = 120.0


class _Part(NamedTuple):
    """What one policy claims; None in place of the policy is the host's own budget."""

    policy: Policy | None
    claims: Sequence[tuple[str, Claim]]

    @property
    def bills(self) -> bool:
        """Whether it decides what the call is charged."""
        return self.policy is not None and self.policy.role == "billing"

    def settle(self, outcome: Outcome, context: PolicyContext) -> list[int]:
        if self.policy is None:
            return [outcome.charge_nano] * len(self.claims)
        return self.policy.settle([claim for _, claim in self.claims], outcome, context)

    def undo(self, context: PolicyContext) -> None:
        if self.policy is not None:
            self.policy.undo([claim for _, claim in self.claims], context)


class Bracket:
    """One admitted call.

    Attributes:
        terms: what it may use and costs.
        keeping: keeps its answer for repeats; None where it has no ``Idempotency-Key``.
    """

    __slots__ = ("_admission", "_closed", "_context", "_held", "_parts", "keeping", "terms")

    def __init__(
        self, admission: Admission, terms: Terms, parts: Sequence[_Part], held: Held | None, context: PolicyContext
    ) -> None:
        self.terms = terms
        self.keeping: Keeping | None = None
        self._admission = admission
        self._parts = parts
        self._held = held
        self._context = context
        self._closed = False

    def close(self, record: CallRecord, reckoned: Reckoned, unbooked: CallRecord | None = None) -> CallRecord:
        """Settle what the call used, durably; the usage row as it was written.

        Args:
            record: the row, without its charge.
            unbooked: the row of a call whose client has to be told that it could not be booked in time: it is charged
                as this one says, nothing or the whole. None where the client is told the same in any case.

        Raises:
            StoreError: it is not durable yet. It will be as soon as the database answers, as ``unbooked`` where given.
        """
        if self._closed:
            raise AssertionError("a bracket was closed twice")
        self._closed = True
        if self._held is None:
            record = replace(record, charge_nano=0)  # no policy has claimed anything, so nobody bills it
            self._admission.journal.post(Record(record, also=self._also(record)))
            return record
        charge_nano, amounts = self._settled(Outcome(record.ending, reckoned.usage, reckoned.charge_nano))
        if charge_nano != record.charge_nano:
            record = replace(record, charge_nano=charge_nano)
        stands = None if self.keeping is None else self.keeping.stands
        instead = None if unbooked is None else self._instead(unbooked, record, amounts)
        operation = Settle(self._held, amounts, record, also=self._also(record), stands=stands, instead=instead)
        settled: CallRecord = self._admission.journal.submit(operation, timeout_s=_SETTLE_S)
        return settled

    def progress(self, reckoned: Reckoned, target: Target) -> Statement | None:
        """What notes beside the hold how the call would be settled now; None where nothing is held, or used."""
        usage = reckoned.usage
        if self._held is None or usage is None:
            return None
        charge_nano, amounts = self._settled(Outcome("expired", usage, reckoned.charge_nano))
        return progress_of(self._held.id, usage, charge_nano, amounts, (target.provider.name, target.model))

    def _settled(self, outcome: Outcome) -> tuple[int, list[int]]:
        """What the policies make of an outcome: the charge, and the final amount of each claim on a bucket."""
        context = PolicyContext(self._admission.clock(), self._context.timezone)
        amounts: list[int] = []
        charge_nano = 0
        for part in self._parts:
            for (bucket, _), amount in zip(part.claims, part.settle(outcome, context), strict=True):
                if bucket == BALANCE:
                    charge_nano += amount
                else:
                    amounts.append(amount)
            if part.bills and charge_nano != outcome.charge_nano:  # limits and budgets count what is charged
                outcome = replace(outcome, charge_nano=charge_nano)
        return charge_nano, amounts

    def _instead(self, unbooked: CallRecord, record: CallRecord, amounts: Sequence[int]) -> Instead:
        """How a call ends that its client takes for failed: one that costs nothing has used nothing of any limit."""
        if unbooked.ending == "cut":
            return Instead(replace(unbooked, charge_nano=record.charge_nano), amounts, self._also(record))
        also = () if self.keeping is None else [self.keeping.dropping()]
        return Instead(unbooked, [0] * len(amounts), also)

    def _also(self, record: CallRecord) -> Sequence[Statement]:
        return () if self.keeping is None else self.keeping.statements(record)

    def headers(self) -> dict[str, str]:
        """What is left of the limits, in the headers that OpenAI's clients know; and a cap that is ours."""
        headers = {}
        if self._held is not None:
            claims = [one for part in self._parts for one in part.claims if one[0] != BALANCE]
            headers = _limit_headers(claims, self._held.taken, self._context.at)
        if self.terms.max_tokens is not None:
            headers["x-router-max-tokens"] = str(self.terms.max_tokens)
        return headers


class Admission:
    """Admits calls.

    Args:
        policies: those in force.
        owner: this worker, which answers for the holds that it takes.
        clock: Unix seconds.
    """

    def __init__(
        self,
        journal: Journal,
        policies: Sequence[Policy],
        limits: AdmissionLimits,
        *,
        owner: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.journal = journal
        self.clock = clock
        self._policies = policies
        self._limits = limits
        self._owner = owner

    def open(self, call: ChatCall | EmbeddingsCall, kind: str, key: Key, terms: Terms) -> Bracket:
        """Admit one call: all of its claims are taken, or it uses nothing.

        Raises:
            StaleKey: the key has changed since it was read: read it again.
            InsufficientQuota, RateLimited: a claim does not fit; the message says which, and by how much.
            RouterError: a policy refuses the call.
            StoreError: nothing may be served unaccounted, and the database does not answer.
        """
        if not self.journal.healthy():
            raise StoreError(
                "The database does not answer; calls are refused until it does.", headers={"Retry-After": "5"}
            )
        context = PolicyContext(self.clock(), self._limits.timezone)
        hold = self._hold(call, kind, key, context.at)
        for _ in range(_TRIES_MAX):
            parts = self._parts(self._policies, call, key, terms.quote, context)
            self._budget(parts, key, terms.quote, context)
            if not _holds_money(parts):
                terms = terms.unheld()
            try:
                return Bracket(self, terms, parts, self._take(hold, parts, key), context)
            except BaseException as error:
                for part in parts:
                    part.undo(context)
                if not isinstance(error, Refused):
                    raise
                refused = error
            lowered = None
            if refused.claim.bucket == BALANCE or refused.claim.unit == _MONEY:
                lowered = terms.lowered(refused.available, self._limits.min_output_tokens)
            if lowered is None:
                break
            terms = lowered
        raise self._error(refused, parts, context)

    def count_request(self, call: ChatCall | EmbeddingsCall, kind: str, key: Key) -> None:
        """Count a request that is answered without a call: against those limits that count requests.

        Raises:
            StaleKey: as ``open``.
            RateLimited: a limit of requests is reached.
            RouterError: a policy refuses it.
            StoreError: the database does not answer.
        """
        context = PolicyContext(self.clock(), self._limits.timezone)
        parts = self._parts([one for one in self._policies if one.role == "rate_limit"], call, key, _NOTHING, context)
        counted = [one for part in parts for one in part.claims if one[1].at_once and one[1].window is not None]
        try:
            if counted:
                take = Take(self._hold(call, kind, key, context.at), counted, key.version, under_way=False)
                self.journal.submit(take, timeout_s=_CLAIM_S)
        except Refused as refused:
            raise self._error(refused, parts, context) from None
        finally:
            for part in parts:
                part.undo(context)

    def _hold(self, call: ChatCall | EmbeddingsCall, kind: str, key: Key, now: float) -> Held:
        limits = self._limits
        expires_at = now + limits.max_call_s + limits.drain_s + _MARGIN_S
        request = (call.request_id, key.account, key.id, self._owner, call.model, kind, call.stream)
        return Held(*request, now, expires_at)

    def _parts(
        self,
        policies: Sequence[Policy],
        call: ChatCall | EmbeddingsCall,
        key: Key,
        quote: Quote,
        context: PolicyContext,
    ) -> list[_Part]:
        parts: list[_Part] = []
        try:
            for policy in policies:
                parts.append(_Part(policy, policy.claims(call, key, quote, context)))
        except BaseException:
            for part in parts:
                part.undo(context)
            raise
        return parts

    def _budget(self, parts: list[_Part], key: Key, quote: Quote, context: PolicyContext) -> None:
        """Add what is claimed of the key's budget."""
        budget = budget_claim(key, quote, context) if self._limits.budgets else None
        if budget is not None:
            parts.append(_Part(None, [(f"{BUDGET_OWNER}:{budget.bucket}", budget)]))

    def _take(self, hold: Held, parts: Sequence[_Part], key: Key) -> Held | None:
        claims = [claim for part in parts for claim in part.claims]
        if not claims:
            return None
        held: Held = self.journal.submit(Take(hold, claims, key.version), timeout_s=_CLAIM_S)
        return held

    def _error(self, refused: Refused, parts: Sequence[_Part], context: PolicyContext) -> RouterError:
        claim = refused.claim
        kind = REFUSALS[claim.refusal]
        if issubclass(kind, InsufficientQuota):
            needed = claim.amount + claim.at_least
            message = claim.message or self._unpaid(claim, needed, refused.available)
            headers = {}
            if refused.retry_after_s is not None and (claim.ceiling is None or needed <= claim.ceiling):
                ends = datetime.fromtimestamp(round(context.at + refused.retry_after_s), UTC)
                message += f" It begins again at {ends.isoformat().replace('+00:00', 'Z')}."
                headers = {f"x-ratelimit-reset-{claim.refusal}": _duration(round(refused.retry_after_s))}
            currency = self._limits.currency
            return kind(
                message, needed_nano=needed, available_nano=refused.available, currency=currency, headers=headers
            )
        message = claim.message or "A limit of this API key is reached."
        if claim.ceiling is not None and claim.amount + claim.at_least > claim.ceiling:
            message += " Waiting does not help: this call alone is above it."
            return RateLimited(message, headers={"x-should-retry": "false"})
        wait_s = _AGAIN_S if refused.retry_after_s is None else max(1, math.ceil(refused.retry_after_s))
        limited = RateLimited(f"{message} Please retry after {wait_s} seconds.", retry_after_s=wait_s)
        if claim.unit in _SHOWN:
            limited.headers[f"x-ratelimit-limit-{claim.unit}"] = str(claim.ceiling)
            limited.headers[f"x-ratelimit-remaining-{claim.unit}"] = str(refused.available)
            limited.headers[f"x-ratelimit-reset-{claim.unit}"] = _duration(refused.retry_after_s or _AGAIN_S)
        return limited

    def _unpaid(self, claim: Claim, needed: int, available: int) -> str:
        what = "The budget of this API key" if claim.refusal == "budget" else "The account's balance"
        left, most = (f"{format_nano(amount)} {self._limits.currency}" for amount in (available, needed))
        remedy = "have its budget raised" if claim.refusal == "budget" else "add credits"
        bound = f"{what} does not cover this call: it may cost up to {most}, and {left} is available."
        return f"{bound} Lower max_tokens, or {remedy}."


def _holds_money(parts: Sequence[_Part]) -> bool:
    """Whether some money is held, so that what the call can cost needs an end."""
    claims = (claim for part in parts for _, claim in part.claims)
    return any(claim.amount for claim in claims if claim.bucket == BALANCE or claim.unit == _MONEY)


def _limit_headers(claims: Sequence[tuple[str, Claim]], taken: Sequence[Taken], now: float) -> dict[str, str]:
    headers: dict[str, str] = {}
    for (_, claim), one in zip(claims, taken, strict=True):
        if claim.unit in _SHOWN and one.remaining is not None and f"x-ratelimit-limit-{claim.unit}" not in headers:
            ends_s = 0.0
            if claim.window is not None:  # which may have begun after ``now``, when the claims were made
                ends_s = min(one.window_start / 1000 + claim.window.seconds - now, claim.window.seconds)
            headers[f"x-ratelimit-limit-{claim.unit}"] = str(claim.ceiling)
            headers[f"x-ratelimit-remaining-{claim.unit}"] = str(max(0, one.remaining))
            headers[f"x-ratelimit-reset-{claim.unit}"] = _duration(max(0.0, ends_s))
    return headers


def _duration(seconds: float) -> str:
    """As OpenAI writes it: ``6m0s``, ``1.234s``."""
    minutes, rest = divmod(round(seconds, 3), 60)
    return f"{int(minutes)}m{rest:.3g}s" if minutes else f"{rest:g}s"
