"""What policies claim of the calls of one key: declared beforehand as meters, or asked for with each call.

Both forms end in the same claims, and in the same amounts when a call is settled.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import TypeVar

from router.charging.budget import BUDGET_OWNER, budget_claim
from router.charging.policies import AMOUNT_MAX, Policy, failed
from router.errors import RouterError, faults
from router.types.claims import BALANCE, Claim, Outcome, PolicyContext, Quote
from router.types.records import AnyCall, Key

__all__ = [
    "Claimed",
    "Metered",
    "Part",
    "alternatives_of",
    "amounts_of",
    "budget_part",
    "chosen_of",
    "counted_of",
    "money_places",
    "settled_of",
    "shown_claims",
    "spends",
]

_log = logging.getLogger("router.charging")
_NO_QUOTE = Quote(0, 0, 0)
_SHOWN = ("requests", "tokens")
T = TypeVar("T")
Claimed = tuple[str, Claim]
"""A whole bucket ID, and the claim on it."""


class Part:
    """What one policy claims.

    Attributes:
        policy: None for the key's own budget, which is the host's.
        claims: for calls of which each is asked for, those of one call; else what stands in for the claims of all.
        amounts: the amounts of one call's claims; None where each call is asked for.
        settled: the final amounts; None where the policy's hook is asked.
        until: Unix seconds from which on it has to be made again.
        bills: whether it decides what the call is charged.
    """

    __slots__ = ("amounts", "bills", "claims", "policy", "settled", "until")

    def __init__(
        self,
        policy: Policy | None,
        claims: Sequence[Claimed] = (),
        amounts: Callable[[Quote], Sequence[int] | None] | None = None,
        settled: Callable[[Outcome], Sequence[int]] | None = None,
        until: float = inf,
    ) -> None:
        self.policy = policy
        self.claims = tuple(claims)
        self.amounts = amounts
        self.settled = settled
        self.until = until
        self.bills = policy is not None and policy.role == "billing"

    def asked(self, call: AnyCall, key: Key, quote: Quote, context: PolicyContext) -> Part:
        """The part of one call, of a policy that is asked for each.

        Raises:
            RouterError: as ``Policy.claims``.
        """
        assert self.policy is not None
        return Part(self.policy, self.policy.claims(call, key, quote, context))

    def chosen(self, choices: Mapping[int, Claimed], first: int) -> Part:
        """The part with the claims that were taken of its alternatives.

        Args:
            choices: place among the claims of all parts -> the alternative that was taken there.
            first: the place of its own first claim.
        """
        claims = [choices.get(first + place, claim) for place, claim in enumerate(self.claims)]
        return Part(self.policy, claims)

    def asked_to_settle(self, outcome: Outcome, context: PolicyContext) -> Sequence[int]:
        """The final amounts, by the policy's hook."""
        assert self.policy is not None
        return self.policy.settle([claim for _, claim in self.claims], outcome, context)

    def undo(self, context: PolicyContext) -> None:
        """Tell a policy that was asked that its claims were not taken."""
        if self.amounts is None and self.policy is not None:
            self.policy.undo([claim for _, claim in self.claims], context)


class Metered:
    """The parts of all calls of one plan, in the order in which they claim.

    Args:
        parts: of the policies, and of the budget.

    Attributes:
        parts: as given.
        claims: of all parts, as one tuple, without amounts; empty where a policy is asked for each call.
        whole: whether no policy is asked for each call.
        shown: of the claims that headers show: unit, place among those that are not on a balance, claim.
        money: places of the claims that count money.
        since, until: Unix seconds between which it holds.
    """

    __slots__ = ("claims", "money", "parts", "shown", "since", "until", "whole")

    def __init__(self, parts: Sequence[Part], since: float) -> None:
        self.parts = tuple(parts)
        self.whole = all(part.amounts is not None for part in parts)
        self.claims = tuple(claim for part in parts for claim in part.claims) if self.whole else ()
        self.shown = shown_claims(self.claims)
        self.money = money_places(self.claims)
        self.since = since
        self.until = min((part.until for part in parts), default=inf)


def alternatives_of(parts: Sequence[Part]) -> dict[int, list[Claimed]]:
    """The alternatives of claims: index among the claims of all parts -> claims that will do in its place.

    Raises:
        RouterError: a policy's alternative is not its to claim.
    """
    found: dict[int, list[Claimed]] = {}
    place = 0
    for part in parts:
        for _, claim in part.claims:
            if claim.alternatives and part.policy is not None:
                try:
                    found[place] = part.policy.alternatives(claim)
                except faults():
                    raise failed(part.policy.name, "alternatives of a claim") from None
            place += 1
    return found


def chosen_of(parts: Sequence[Part], choices: Mapping[int, Claimed]) -> list[Part]:
    """The parts, each with the claims that were taken of its alternatives."""
    found, first = [], 0
    for part in parts:
        count = len(part.claims)
        found.append(part.chosen(choices, first) if any(first <= one < first + count for one in choices) else part)
        first += count
    return found


def counted_of(parts: Sequence[Part]) -> tuple[list[Claimed], dict[int, list[Claimed]]]:
    """The claims that count requests, and the alternatives of each that do so as well, by its place among them.

    Raises:
        RouterError: as ``alternatives_of``.
    """
    found = alternatives_of(parts)
    counted: list[Claimed] = []
    others: dict[int, list[Claimed]] = {}
    for place, one in enumerate(one for part in parts for one in part.claims):
        if _counts_requests(one):
            if place in found:
                others[len(counted)] = [other for other in found[place] if _counts_requests(other)]
            counted.append(one)
    return counted, others


def amounts_of(parts: Sequence[Part], quote: Quote) -> list[int] | None:
    """What the parts claim of one call, in the order of their claims; None where a policy wants to be asked for it.

    Raises:
        RouterError: a policy's own refusal; also for one that fails: nothing is served that it did not pass.
    """
    amounts: list[int] = []
    for part in parts:
        if part.amounts is None:
            amounts += [claim.amount for _, claim in part.claims]
            continue
        try:
            given = part.amounts(quote)
            if given is None:
                return None
            for amount in given:
                if type(amount) is not int or not 0 <= amount <= AMOUNT_MAX:
                    raise _unsound(given, part.claims)
            if len(given) != len(part.claims):
                raise _unsound(given, part.claims)
        except RouterError:
            raise
        except faults():
            raise failed("" if part.policy is None else part.policy.name, "amounts") from None
        amounts += given
    return amounts


def spends(parts: Sequence[Part], amounts: Sequence[int]) -> bool:
    """Whether a call has used something that a billing policy counts besides money, as ``settled_of`` tells it."""
    found = iter(amounts)
    counted = [(part, next(found)) for part in parts for bucket, _ in part.claims if bucket != BALANCE]
    return any(part.bills and amount for part, amount in counted)


def settled_of(
    parts: Sequence[Part],
    claimed: Sequence[int],
    outcome: Outcome,
    context: Callable[[T], PolicyContext],
    whose: T,
) -> tuple[int, list[int]]:
    """What the policies make of a call's outcome: the charge, and the final amount of each claim on a bucket.

    A policy that fails, or gives no sensible amounts, is settled as it has claimed. Never raises.

    Args:
        claimed: the amounts that were claimed, as ``amounts_of`` gave them.
        context: what a policy is asked with that declares nothing, made of ``whose``.
    """
    amounts: list[int] = []
    charge_nano = place = 0
    billed = False
    for part in parts:
        count = len(part.claims)
        if billed and not part.bills:
            billed = False
            if charge_nano != outcome.charge_nano:  # limits and budgets count what is charged
                outcome = Outcome(outcome.ending, outcome.usage, charge_nano)
        if part.settled is None:
            given = part.asked_to_settle(outcome, context(whose))
        else:
            try:
                given = part.settled(outcome)
                for amount in given:
                    if type(amount) is not int or not 0 <= amount <= AMOUNT_MAX:
                        raise _unsound(given, part.claims)
                if len(given) != count:
                    raise _unsound(given, part.claims)
            except faults():
                name = "budget" if part.policy is None else part.policy.name
                _log.exception("the policy %s failed to settle a call: its claims are settled in full", name)
                given = claimed[place : place + count]
        place += count
        if not part.bills:
            amounts += given
            continue
        for (bucket, _), amount in zip(part.claims, given, strict=True):
            if bucket == BALANCE:
                charge_nano += amount
            else:
                amounts.append(amount)
        billed = True
    return charge_nano, amounts


def budget_part(key: Key, context: PolicyContext) -> Part | None:
    """What a call takes of its key's budget, which settles to its charge; None where the key has none."""
    claim = budget_claim(key, _NO_QUOTE, context)
    if claim is None:
        return None
    window = claim.window
    until = inf if window is None or window.start is None else window.start + window.seconds
    return Part(None, [(f"{BUDGET_OWNER}:{claim.bucket}", claim)], _quoted, _charged, until)


def shown_claims(claims: Sequence[Claimed]) -> tuple[tuple[str, int, Claim], ...]:
    """The claims that headers show: unit, index among the claims that are not on a balance, and the claim."""
    found: dict[str, tuple[str, int, Claim]] = {}
    counted = (claim for bucket, claim in claims if bucket != BALANCE)
    for place, claim in enumerate(counted):
        if claim.unit in _SHOWN and claim.ceiling is not None:
            found.setdefault(claim.unit, (claim.unit, place, claim))
    return tuple(found.values())


def money_places(claims: Sequence[Claimed]) -> tuple[int, ...]:
    """Indexes of the claims that count money: where there are any, the cost of a call must have a bound."""
    return tuple(place for place, (_, one) in enumerate(claims) if one.bucket == BALANCE or one.unit == "money")


def _unsound(amounts: object, claims: Sequence[Claimed]) -> ValueError:
    return ValueError(f"{len(claims)} amounts are wanted, whole and not negative, not {amounts!r}")


def _quoted(quote: Quote) -> Sequence[int]:
    return (quote.charge_nano,)


def _charged(outcome: Outcome) -> Sequence[int]:
    return (outcome.charge_nano,)


def _counts_requests(claimed: Claimed) -> bool:
    return claimed[1].at_once and claimed[1].window is not None
