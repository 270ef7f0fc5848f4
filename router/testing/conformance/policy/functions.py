"""A policy's hooks as functions: what they claim and settle, and that they depend on their arguments alone."""

from __future__ import annotations

import copy
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest import mock

from router.charging.policies import fault_of
from router.errors import faults
from router.testing.conformance.base import Failed, NotOffered, expect
from router.testing.conformance.policy.bench import BILLING, PolicyBench, policy_rule
from router.types.claims import BALANCE, Claim, Meters, Outcome, Quote
from router.types.keys import Key, Limits

__all__ = [
    "alternatives",
    "amounts",
    "charges_nothing",
    "declared_alike",
    "pure",
    "quick",
    "quiet",
    "smaller_quote",
    "sound",
    "undone",
    "untouched",
]

_ELSEWHERE = "it keeps state elsewhere (it has an undo hook)"
_WEEKS_S = 40 * 86_400.0
_AMOUNT_MAX = 2**62
_LOUD = ("open", "socket.", "subprocess.", "os.system", "sqlite3.", "shutil.", "os.remove", "os.rename", "os.mkdir")
LIMIT_S = 0.05
"""How long a hook may take."""
_TRIES = 4
_PURE = "Compute the answer from call, key, quote and context alone; the time is context.at."
_heard: list[list[str]] = []


@policy_rule(
    "01",
    "Whatever the call, the key and the quote, its claims are sound: whole, not negative, with known refusals.",
    remedy="Return Claims with int amounts from 0 to 2**62; BALANCE is for billing policies alone.",
)
def sound(bench: PolicyBench) -> None:
    for call, key, quote in bench.cases():
        claims = bench.claims(call, key, quote)
        for claim in claims:
            fault = fault_of(claim)
            expect(fault is None, f"with {quote} and {key.limits}: {fault}")
            expect(bench.role == "billing" or claim.bucket != BALANCE, "a rate-limit policy claims from the balance")
        buckets = [claim.bucket for claim in claims]
        expect(len(set(buckets)) == len(buckets), f"one bucket is claimed from twice: {buckets}")


@policy_rule(
    "11",
    "A claim with alternatives is settled, whichever of them is taken, as that one.",
    remedy="Settle by the claims that settle is given: where an alternative was taken, it stands in their place.",
)
def alternatives(bench: PolicyBench) -> None:
    found = False
    for call, key, quote in bench.cases():
        claims = bench.claims(call, key, quote)
        for place, claim in enumerate(claims):
            for other in claim.alternatives:
                found = True
                taken = [*claims[:place], other, *claims[place + 1 :]]
                for outcome in bench.outcomes():
                    given = bench.settle(taken, outcome)
                    sound = len(given) == len(taken) and all(type(one) is int and one >= 0 for one in given)
                    expect(sound, f"with {other.bucket!r} taken, it settled {len(taken)} claims to {given}")
                    free = other.bucket == BALANCE or not outcome.charge_nano or given[place] != outcome.charge_nano
                    expect(free or other.unit == "money", f"{other.bucket!r}, no money, is settled to the charge")
    if not found:
        raise NotOffered("none of its claims has alternatives")


@policy_rule(
    "02",
    "The same arguments give the same claims: whatever was asked before, and whatever the clock says.",
    remedy=_PURE,
)
def pure(bench: PolicyBench) -> None:
    if bench.undoes:
        raise NotOffered(_ELSEWHERE)
    cases = list(bench.cases())
    first = [bench.claims(*case) for case in cases]
    later = time.time() + _WEEKS_S
    with mock.patch("time.time", lambda: later), mock.patch("time.time_ns", lambda: int(later * 1e9)):
        again = [bench.claims(*case) for case in reversed(cases)][::-1]
    for (_, key, quote), one, other in zip(cases, first, again, strict=True):
        expect(one == other, f"with {quote} and {key.limits}: first {one}, then {other}")


@policy_rule("03", "It changes none of its arguments.", remedy="Copy what you edit: call.body is the client's own.")
def untouched(bench: PolicyBench) -> None:
    for call, key, quote in bench.cases():
        body, before = copy.deepcopy(call.body), (copy.deepcopy(key), copy.deepcopy(quote))
        claims = bench.claims(call, key, quote)
        kept = list(claims)
        bench.settle(claims, Outcome("ok", None, 0))
        expect(call.body == body and (key, quote) == before, "the call, the key or the quote was changed by its hooks")
        expect(claims == kept, "settling changed the list of claims")


@policy_rule(
    "04",
    "Its hooks do no I/O, unless it gives back in an undo hook what it took elsewhere.",
    remedy="Leave the counting to the host's buckets; or offer the undo hook, and keep the I/O short.",
)
def quiet(bench: PolicyBench) -> None:
    if bench.undoes:
        raise NotOffered(_ELSEWHERE)
    for case in bench.cases():  # what is loaded on first use is no I/O of the hook's
        bench.settle(bench.claims(*case), Outcome("ok", None, 0))
    with _listening() as heard:
        for case in bench.cases():
            bench.settle(bench.claims(*case), Outcome("ok", None, 0))
    expect(not heard, f"its hooks did {', '.join(sorted(set(heard)))}")


@policy_rule(
    "05",
    "A smaller quote claims no more of any bucket: the host asks again with one.",
    remedy="Let amounts grow with the quote, and never fall.",
)
def smaller_quote(bench: PolicyBench) -> None:
    key = bench.key(Limits(10**6, 10**9, 10**6, 2**60, 2**60))
    large, small = (
        {claim.bucket: claim.amount for claim in bench.claims(bench.call(), key, quote)}
        for quote in (Quote(100, 4_000, 9_000_000), Quote(100, 300, 2_000_000))
    )
    more = [bucket for bucket, amount in small.items() if amount > large.get(bucket, amount)]
    expect(not more, f"a smaller quote claims more of {', '.join(more)}")


@policy_rule(
    "06",
    "Settling gives one amount for each claim, whole and not negative, however the call ended; the same each time.",
    remedy="Return [.. for claim in claims], of ints; outcome.usage is None where nothing was used.",
)
def amounts(bench: PolicyBench) -> None:
    for call, key, quote in bench.cases():
        claims = bench.claims(call, key, quote)
        for outcome in bench.outcomes():
            first = _settled(bench, claims, outcome)
            told = f"{outcome} of {len(claims)} claims: {first}"
            expect(len(first) == len(claims), f"{told}: {len(claims)} amounts are wanted")
            good = all(type(amount) is int and 0 <= amount <= _AMOUNT_MAX for amount in first)
            expect(good, f"{told}: amounts are whole numbers from 0 to 2**62")
            expect(bench.undoes or _settled(bench, claims, outcome) == first, f"{told}; settled again, it differs")


@policy_rule(
    "07",
    "What is undone leaves nothing behind: the same can be claimed again, as often as it takes.",
    remedy="Give back in the undo hook exactly what the claims hook took for these claims.",
)
def undone(bench: PolicyBench) -> None:
    if not bench.undoes:
        raise NotOffered("it has no undo hook")
    key, quote = bench.key(), Quote(100, 200, 7_000_000)
    undo = bench.plugin.hooks[f"{bench.role}_undo"]
    first = bench.claims(bench.call(), key, quote)
    undo(claims=first, context=bench.context())
    for number in range(2, 52):
        claims = bench.claims(bench.call(), key, quote)
        undo(claims=claims, context=bench.context())
        expect(claims == first, f"claimed and undone {number} times, {first} became {claims}")


@BILLING.rule(
    "B08",
    "A call that used nothing is charged nothing.",
    remedy="Settle BALANCE to 0 where outcome.usage is None.",
)
def charges_nothing(bench: PolicyBench) -> None:
    for call, key, quote in bench.cases():
        claims = bench.claims(call, key, quote)
        for outcome in bench.outcomes():
            charged = sum(
                amount
                for claim, amount in zip(claims, _settled(bench, claims, outcome), strict=True)
                if claim.bucket == BALANCE
            )
            if outcome.usage is None:
                expect(not charged, f"{outcome.ending} without usage is charged {charged} nano")


@policy_rule(
    "09",
    f"No hook takes longer than {LIMIT_S * 1000:.0f} ms: every other call of the worker waits for it.",
    remedy="Compute from the arguments alone; do I/O and long computations outside of the hooks.",
)
def quick(bench: PolicyBench) -> None:
    for call, key, quote in bench.cases():
        claims = bench.claims(call, key, quote)
        hooks: dict[str, Callable[[], object]] = {
            "claims": lambda call=call, key=key, quote=quote: bench.claims(call, key, quote),  # type: ignore[misc]
            "settle": lambda claims=claims: bench.settle(claims, Outcome("ok", None, 0)),  # type: ignore[misc]
        }
        for name, hook in hooks.items():
            took_s = _least_s(hook)
            expect(took_s <= LIMIT_S, f"{bench.role}_{name} took {took_s * 1000:.0f} ms at best of {_TRIES} calls")


def _least_s(hook: Callable[[], object]) -> float:
    """How long it takes at best: a busy machine makes one try look bad, and not each."""
    least_s = float("inf")
    for _ in range(_TRIES):
        started_s = time.perf_counter()
        hook()
        least_s = min(least_s, time.perf_counter() - started_s)
        if least_s <= LIMIT_S:
            break
    return least_s


@policy_rule(
    "10",
    "What it declares beforehand is what it would claim and settle of each call, until the moment that it names.",
    remedy="Let the meters give the claims of the hook for single calls, in its order, and the same amounts.",
)
def declared_alike(bench: PolicyBench) -> None:
    if f"{bench.role}_meters" not in bench.plugin.hooks:
        raise NotOffered("it declares nothing beforehand (it has no meters hook)")
    for call, key, quote in bench.cases():
        declared = bench.policy.meters(key, bench.context())
        if declared is None:
            continue
        _, meters = declared
        last = min(meters.until - 1.0, bench.context().at + _WEEKS_S)
        for at in (bench.context().at, last):
            _expect_alike(bench, (call, key, quote), meters, at)


def _expect_alike(bench: PolicyBench, case: tuple[Any, Key, Quote], meters: Meters, at: float) -> None:
    """Raises:
    Failed: claims that are declared are not those that are made of the call at that time.
    """
    call, key, quote = case
    claims = bench.claims(call, key, quote, bench.context(at))
    amounts = meters.amounts(quote)
    if amounts is None:
        return  # the policy is asked
    told = f"with {quote} and {key.limits}, at {at:.0f}"
    expect(len(amounts) == len(meters.claims), f"{told}: {len(amounts)} amounts for {len(meters.claims)} claims")
    stated = [claim._replace(amount=amount) for claim, amount in zip(meters.claims, amounts, strict=True)]
    expect(stated == claims, f"{told}: it declares {stated}, and claims {claims}")
    for outcome in bench.outcomes():
        settled, said = _settled(bench, claims, outcome), list(meters.settled(outcome))
        expect(settled == said, f"{told}: {outcome} is settled to {settled}, and by its declaration to {said}")


def _settled(bench: PolicyBench, claims: Sequence[Claim], outcome: Outcome) -> list[Any]:
    try:
        return bench.settle(claims, outcome)
    except faults() as error:
        raise Failed(f"{outcome} of {len(claims)} claims: {type(error).__name__}: {error}") from error


@contextmanager
def _listening() -> Iterator[list[str]]:
    """Notes what the interpreter tells of files, sockets and processes. An audit hook stays for ever: there is one."""
    if not _heard:
        _heard.append([])
        sys.addaudithook(_note)
    heard: list[str] = []
    _heard.append(heard)
    try:
        yield heard
    finally:
        _heard.remove(heard)


def _note(event: str, arguments: Any) -> None:
    if len(_heard) > 1 and event.startswith(_LOUD):
        _heard[-1].append(event)
