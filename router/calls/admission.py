"""Admission of calls: a bracket opened before the upstream sees anything, closed exactly once however the call ends.

All claims of the policies, and of the key's budget, are taken in one transaction or not at all. Closing is durable
before the client sees the end of its answer.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo

from router.calls.call import ActiveCall
from router.calls.kept_answer import AnswerRecorder
from router.charging.charge import ChargeResult
from router.charging.meters import (
    Claimed,
    Metered,
    Part,
    alternatives_of,
    amounts_of,
    budget_part,
    chosen_of,
    counted_of,
    money_places,
    settled_of,
    shown_claims,
    spends,
)
from router.charging.plan import Plan
from router.charging.policies import Policy
from router.charging.targets import TargetPlan
from router.charging.terms import CallPricing
from router.db.journal import Journal
from router.errors import InsufficientQuota, RateLimited, RouterError, StoreError
from router.ledger.operations import Authorize, Capture, Hold, Instead, Record, Refused, StaleKey, Statement
from router.ledger.progress import progress_of
from router.money.amounts import format_nano
from router.surfaces.translated import Translated
from router.types.claims import BALANCE, REFUSALS, Claim, Outcome, PolicyContext, Quote
from router.types.records import AnyCall, CallRecord, Key

__all__ = ["Admission", "AdmissionLimits", "StaleKey"]

_TRIES_MAX = 8  # a cap is lowered for the balance, a budget, and the spending of key and account per day and month
_CLAIM_S = 5.0
_SETTLE_S = 15.0
_MARGIN_S = 60.0
_AGAIN_S = 1  # a slot of concurrent calls may be free at any moment
_MONEY = "money"
_SHOWN = ("requests", "tokens")
_NOTHING = Quote(0, 0, 0, named_cap=True)
_NO_OTHERS: dict[int, list[Claimed]] = {}


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
        self._lasts_s = limits.max_call_s + limits.drain_s + _MARGIN_S

    def open(self, active: ActiveCall, plan: Plan, terms: CallPricing) -> None:
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
        client, now = active.peer.address, self.clock()
        active.admitted_at = now
        metered = plan.metered
        if metered is None or not metered.since <= now < metered.until:
            metered = plan.metered = self._metered(plan, now)
        for _ in range(_TRIES_MAX):
            parts, money = metered.parts, metered.money
            claims: Sequence[tuple[str, Claim]] = metered.claims
            amounts = amounts_of(parts, terms.quote) if metered.whole else None
            others = _NO_OTHERS
            if amounts is None:
                context = self._asking(now, client, plan.key, plan)
                parts = self._asked(parts, active.call, plan.key, terms.quote, context)
                claims = [claim for part in parts for claim in part.claims]  # no tuple: they do not come again
                money = money_places(claims)
            try:
                if amounts is None:
                    others, amounts = alternatives_of(parts), amounts_of(parts, terms.quote)
                    assert amounts is not None, "a policy that was asked wants to be asked"
                for place in money:
                    if amounts[place]:
                        break
                else:
                    if not others or not _holds_money(others):
                        terms = terms.unheld()
                active.terms, active.parts, active.claims, active.amounts = terms, parts, claims, amounts
                if claims:
                    active.held = self._take(active, plan.key, claims, amounts, others)
                return
            except BaseException as error:
                _undo(parts, self._asking(now, client, plan.key, plan))
                if not isinstance(error, Refused):
                    raise
                refused = error
            lowered = None
            if refused.claim.bucket == BALANCE or refused.claim.unit == _MONEY:
                lowered = terms.lowered(refused.available, self._limits.min_output_tokens)
            if lowered is None:
                break
            terms = lowered
        raise self._error(refused, parts, now)

    def close(
        self, active: ActiveCall, record: CallRecord, reckoned: ChargeResult, unbooked: Callable[[], CallRecord] | None
    ) -> CallRecord:
        """Settle what the call used, durably; the usage row as it was written. Called once.

        Args:
            record: the row, without its charge.
            unbooked: makes the row of a call whose client has to be told that it could not be booked in time: it is
                charged as that one says, nothing or the whole. None where the client is told the same in any case.

        Raises:
            StoreError: it is not durable yet. It will be as soon as the database answers, as ``unbooked`` where given.
        """
        held, keeping = active.held, active.keeping
        if held is None:
            if record.charge_nano:
                record = replace(record, charge_nano=0)  # no policy has claimed anything, so nobody bills it
            extra_statements = () if keeping is None else keeping.statements(record)
            if active.translated is not None and (kept := _kept(active.translated, record)):
                row = Record(record, extra_statements=[*extra_statements, *kept])
                self.journal.submit(row, timeout_s=_SETTLE_S)  # its client may ask for what is kept at once
            else:
                self.journal.post(Record(record, extra_statements=extra_statements))
            return record
        outcome = Outcome(record.ending, reckoned.usage, reckoned.charge_nano)
        charge_nano, amounts = settled_of(active.parts, active.amounts, outcome, self._context, active)
        if charge_nano != record.charge_nano:
            record = replace(record, charge_nano=charge_nano)
        if keeping is not None:
            keeping.spent = spends(active.parts, amounts)

        def instead() -> Instead:
            assert unbooked is not None
            return _instead(unbooked(), record, amounts, keeping)

        extra_statements = () if keeping is None else keeping.statements(record)
        if active.translated is not None:
            extra_statements = [*extra_statements, *_kept(active.translated, record)]
        still_owns = None if keeping is None else keeping.still_owns
        end = Capture(
            held,
            amounts,
            record,
            extra_statements=extra_statements,
            still_owns=still_owns,
            instead=instead if unbooked is not None else None,
        )
        settled: CallRecord = self.journal.submit(end, timeout_s=_SETTLE_S)
        return settled

    def progress(self, active: ActiveCall, reckoned: ChargeResult, target: TargetPlan) -> Statement | None:
        """The statement that notes beside the hold how the call would end now; None if nothing is held or used."""
        usage, held = reckoned.usage, active.held
        if held is None or usage is None:
            return None
        outcome = Outcome("expired", usage, reckoned.charge_nano)
        charge_nano, amounts = settled_of(active.parts, active.amounts, outcome, self._context, active)
        return progress_of(held.id, usage, charge_nano, amounts, (target.provider.name, target.model))

    def headers(self, active: ActiveCall) -> dict[str, str]:
        """What is left of the limits, in the headers that OpenAI's clients know; and a cap that is ours."""
        headers: dict[str, str] = {}
        held, metered = active.held, active.plan.metered
        if held is not None:
            same = metered is not None and active.claims is metered.claims
            for unit, place, claim in metered.shown if same and metered is not None else shown_claims(active.claims):
                one, ends_s = held.taken[place], 0.0
                if one.remaining is None:
                    continue
                if claim.window is not None and claim.window.refill:
                    missing = (claim.ceiling or 0) - one.remaining
                    ends_s = -(-missing * round(claim.window.seconds * 1000) // claim.window.refill) / 1000
                elif claim.window is not None:  # which may have begun after the claims were made
                    ends_s = one.window_start / 1000 + claim.window.seconds - active.admitted_at
                    ends_s = max(0.0, min(ends_s, claim.window.seconds))
                headers[f"x-ratelimit-limit-{unit}"] = str(claim.ceiling)
                headers[f"x-ratelimit-remaining-{unit}"] = str(max(0, one.remaining))
                headers[f"x-ratelimit-reset-{unit}"] = _duration(ends_s)
        bound = active.terms.sales[active.terms.targets[0].id].bound
        if bound.ours:
            headers["x-router-max-tokens"] = str(bound.sent)
        return headers

    def count_request(self, call: AnyCall, kind: str, key: Key, client: str) -> None:
        """Count a request that is answered without a call: against those limits that count requests.

        Args:
            client: the address of whoever sent it.

        Raises:
            StaleKey: as ``open``.
            RateLimited: a limit of requests is reached.
            RouterError: a policy refuses it.
            StoreError: the database does not answer.
        """
        now = self.clock()
        policies = [Part(one) for one in self._policies if one.role == "rate_limit"]
        context = self._asking(now, client, key, None)
        parts = self._asked(policies, call, key, _NOTHING, context)
        try:
            counted, others = counted_of(parts)
            if counted:
                request = (call.request_id, key.account, key.id, self._owner, call.model, kind, call.stream)
                hold = Hold(*request, now, now + self._lasts_s)
                operation = Authorize(hold, counted, key.version, in_flight=False, alternatives=others)
                self.journal.submit(operation, timeout_s=_CLAIM_S)
        except Refused as refused:
            raise self._error(refused, parts, now) from None
        finally:
            _undo(parts, context)

    def _take(
        self,
        active: ActiveCall,
        key: Key,
        claims: Sequence[Claimed],
        amounts: Sequence[int],
        others: Mapping[int, Sequence[Claimed]],
    ) -> Hold:
        now, request = active.admitted_at, (active.request_id, key.account, key.id, self._owner)
        hold = Hold(*request, active.model, active.surface.name, active.stream, now, now + self._lasts_s)
        operation = Authorize(hold, claims, key.version, amounts, alternatives=others)
        held: Hold = self.journal.submit(operation, timeout_s=_CLAIM_S)
        if operation.chosen:
            choices = {place: others[place][number] for place, number in operation.chosen.items()}
            active.parts = chosen_of(active.parts, choices)
            active.claims = [choices.get(place, claim) for place, claim in enumerate(claims)]
            active.amounts = [
                choices[place][1].amount if place in choices else amount for place, amount in enumerate(amounts)
            ]
        return held

    def _context(self, active: ActiveCall) -> PolicyContext:
        return self._asking(self.clock(), active.peer.address, active.key, active.plan)

    def _asking(self, now: float, client: str, key: Key, plan: Plan | None) -> PolicyContext:
        """What policies may know of a call; of a request that is answered without one there is no plan."""
        model = "" if plan is None else plan.targets[0].id
        return PolicyContext(now, self._limits.timezone, client=client, account=key.account, model=model)

    def _metered(self, plan: Plan, now: float) -> Metered:
        """What the policies declare for a key and a model; one that declares nothing is asked for each call."""
        key = plan.key
        context = self._asking(now, "", key, plan)
        parts: list[Part] = []
        for policy in self._policies:
            declared = policy.meters(key, context)
            if declared is None:
                parts.append(Part(policy))
            else:
                claims, meters = declared
                parts.append(Part(policy, claims, meters.amounts, meters.settled, meters.until))
        budget = budget_part(key, context) if self._limits.budgets else None
        if budget is not None:
            parts.append(budget)
        return Metered(parts, now)

    def _asked(
        self, parts: Sequence[Part], call: AnyCall, key: Key, quote: Quote, context: PolicyContext
    ) -> tuple[Part, ...]:
        """The parts of a call whose policies are asked for their claims anew."""
        found: list[Part] = []
        try:
            for part in parts:
                found.append(part if part.policy is None else part.asked(call, key, quote, context))
        except BaseException:
            _undo(found, context)
            raise
        return tuple(found)

    def _error(self, refused: Refused, parts: Sequence[Part], now: float) -> RouterError:
        claim = refused.claim
        kind = REFUSALS[claim.refusal]
        if issubclass(kind, InsufficientQuota):
            needed = claim.amount + claim.at_least
            message = claim.message or self._unpaid(claim, needed, refused.available)
            headers = {}
            if refused.retry_after_s is not None and (claim.ceiling is None or needed <= claim.ceiling):
                ends = datetime.fromtimestamp(round(now + refused.retry_after_s), UTC)
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


def _holds_money(others: Mapping[int, Sequence[Claimed]]) -> bool:
    """Whether an alternative would hold some."""
    found = (one for claims in others.values() for one in claims)
    return any(claim.amount and (bucket == BALANCE or claim.unit == _MONEY) for bucket, claim in found)


def _undo(parts: Sequence[Part], context: PolicyContext) -> None:
    for part in parts:
        part.undo(context)


def _kept(translated: Translated, record: CallRecord) -> Sequence[Statement]:
    """What keeps a good answer for the turns that refer to it; nothing where it is not to be kept."""
    return translated.finished() if record.ending == "ok" and translated.finished is not None else ()


def _instead(
    unbooked: CallRecord, record: CallRecord, amounts: Sequence[int], keeping: AnswerRecorder | None
) -> Instead:
    """The ending of a call whose client was told that it failed. One that costs nothing uses nothing of any limit."""
    if unbooked.ending == "cut":
        extra_statements = () if keeping is None else keeping.statements(record)
        return Instead(replace(unbooked, charge_nano=record.charge_nano), amounts, extra_statements)
    return Instead(unbooked, [0] * len(amounts), () if keeping is None else [keeping.dropping()])


def _duration(seconds: float) -> str:
    """As OpenAI writes it: ``6m0s``, ``1.234s``."""
    minutes, rest = divmod(round(seconds, 3), 60)
    return f"{int(minutes)}m{rest:.3g}s" if minutes else f"{rest:g}s"
