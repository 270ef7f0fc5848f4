"""Claims that a policy declares: taken and settled as those that it is asked for, refused where it fails."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from types import SimpleNamespace
from typing import Any

import pytest

from router import BALANCE, ChatCall, Claim, Key, Meters, Outcome, PolicyContext, Quote, RouterError, Usage, hookimpl
from router.calls.admission import Admission, AdmissionLimits
from router.calls.call import ActiveCall
from router.charging.charge import ChargeResult
from router.charging.plan import Plan
from router.charging.policies import Policy
from router.errors import RateLimited, StoreError
from router.ledger.operations import Authorize, Capture, Hold, Taken
from router.plugin_host.registry import registry_of
from router.surfaces.chat.surface import CHAT
from router.surfaces.checked import look
from router.types.claims import Window
from router.types.dialect import Dialect
from router.types.keys import Budget
from router.types.peer import Peer
from router.types.periods import window_of
from router.types.records import CallRecord

BODY = {"model": "p/m", "messages": [{"role": "user", "content": "x"}]}
NOON = 1_753_272_000.0
PEER = Peer("192.0.2.7")
QUOTE = Quote(10, 20, 500)


class Books:
    """A journal that takes and settles everything."""

    def __init__(self) -> None:
        self.operations: list[Any] = []
        self.down = False

    def healthy(self) -> bool:
        return True

    def post(self, operation: Any) -> None:
        self.operations.append(operation)

    def submit(self, operation: Any, timeout_s: float) -> Any:
        if self.down:
            raise StoreError("The database does not answer.")
        self.operations.append(operation)
        if isinstance(operation, Capture):
            return operation.record
        assert isinstance(operation, Authorize)
        amounts = operation.amounts or [claim.amount for _, claim in operation.claims]
        pairs = zip(operation.claims, amounts, strict=True)
        taken = tuple(Taken(bucket, amount, 0) for (bucket, _), amount in pairs if bucket != BALANCE)
        return operation.hold._replace(taken=taken)


class Unplanned:
    """In place of the terms of a call to a model."""

    quote = QUOTE
    rate_nano = 0
    kind = "chat"

    def unheld(self) -> Unplanned:
        return self


class Daily:
    """One call and its tokens a day."""

    def __init__(self, until: float | None = None) -> None:
        self.asked: list[str] = []

    @hookimpl
    def rate_limit_meters(self, key: Key, context: PolicyContext) -> Meters | None:
        self.asked.append("meters")
        day = window_of("day", context.at, context.timezone)
        return Stated([Claim("calls", 0, 5, day), Claim("tokens", 0, 500, day)], (day.start or 0.0) + day.seconds)

    @hookimpl
    def rate_limit_claims(self, key: Key, quote: Quote, context: PolicyContext) -> Sequence[Claim]:
        self.asked.append("claims")
        day = window_of("day", context.at, context.timezone)
        return [Claim("calls", 1, 5, day), Claim("tokens", quote.prompt_tokens, 500, day)]

    @hookimpl
    def rate_limit_settle(self, claims: Sequence[Claim], outcome: Outcome) -> Sequence[int]:
        self.asked.append("settle")
        return [1, 0 if outcome.usage is None else outcome.usage.prompt_tokens]


class Stated:
    def __init__(self, claims: Sequence[Claim], until: float = inf) -> None:
        self.claims = claims
        self.until = until

    def amounts(self, quote: Quote) -> Any:
        return [1, quote.prompt_tokens]

    def settled(self, outcome: Outcome) -> Any:
        return [1, 0 if outcome.usage is None else outcome.usage.prompt_tokens]


class Desk:
    """Admission with one policy, at a clock that tests set."""

    def __init__(
        self, plugin: Any, role: str = "rate_limit", budget: Budget | None = None, settings: Any = None
    ) -> None:
        self.at = NOON
        self.books = Books()
        policy = Policy("made", role, registry_of(made=plugin).plugins["made"].hooks, settings)
        limits = AdmissionLimits(budgets=budget is not None)
        journal: Any = self.books
        self.admission = Admission(journal, [policy], limits, owner="w", clock=lambda: self.at)
        self.plan = Plan.__new__(Plan)
        self.plan.key, self.plan.metered = Key("key_1", "acct_1", budget=budget), None
        target: Any = SimpleNamespace(id="p/m")
        self.plan.targets = (target,)

    def open(self) -> ActiveCall:
        finished = lambda active, record: None  # noqa: E731
        found = look("chat", BODY)
        active = ActiveCall(
            "r", CHAT, self.plan.key, BODY, found, Dialect(), PEER, received_at=NOON, drain_s=1.0, finished=finished
        )
        active.plan = self.plan
        terms: Any = Unplanned()
        self.admission.open(active, self.plan, terms)
        return active

    def close(self, active: ActiveCall, usage: Usage | None = Usage(7, 3), charge_nano: int = 40) -> CallRecord:  # noqa: B008
        record = CallRecord(
            "r", NOON, "chat", "a", "k", "m", "p", "m", 200, "ok", "", False, 7, 3, 0, 0, False, 1, 1, charge_nano=40
        )
        return self.admission.close(active, record, ChargeResult(usage, charge_nano, None), None)

    @property
    def settled(self) -> Sequence[int]:
        return list(self.books.operations[-1].amounts)


def taken(active: ActiveCall) -> list[tuple[str, int]]:
    assert active.held is not None
    return [(one.bucket, one.amount) for one in active.held.taken]


def test_what_is_declared_is_taken_and_settled_without_asking_and_declared_again_when_its_window_ends() -> None:
    policy = Daily()
    desk = Desk(policy)
    first = desk.open()
    assert taken(first) == [("made:calls", 1), ("made:tokens", 10)]
    desk.close(first)
    assert desk.settled == [1, 7]
    second = desk.open()
    assert second.claims is first.claims, "bound once"
    assert policy.asked == ["meters"]
    desk.at += 12 * 3600.0  # midnight
    third = desk.open()
    assert policy.asked == ["meters", "meters"]
    assert third.claims[0][1].window == window_of("day", desk.at, AdmissionLimits().timezone)
    desk.at -= 3600.0  # a clock that was set back
    assert desk.open().claims[0][1].window == first.claims[0][1].window
    assert policy.asked == ["meters"] * 3


class Choosy(Daily):
    """It declares nothing for a call, and is asked for it."""

    @hookimpl
    def rate_limit_meters(self, key: Key, context: PolicyContext) -> Meters | None:
        return Unwilling([Claim("calls", 0, 5, Window(60)), Claim("tokens", 0, 500, Window(60))])

    @hookimpl
    def rate_limit_claims(self, key: Key, quote: Quote, context: PolicyContext) -> Sequence[Claim]:
        return super().rate_limit_claims(key, quote, context)

    @hookimpl
    def rate_limit_settle(self, claims: Sequence[Claim], outcome: Outcome) -> Sequence[int]:
        return super().rate_limit_settle(claims, outcome)


class Unwilling(Stated):
    def amounts(self, quote: Quote) -> Any:
        return None


class Silent(Choosy):
    """It declares nothing for a key."""

    @hookimpl
    def rate_limit_meters(self, key: Key, context: PolicyContext) -> Meters | None:
        return None

    @hookimpl
    def rate_limit_claims(self, key: Key, quote: Quote, context: PolicyContext) -> Sequence[Claim]:
        return super().rate_limit_claims(key, quote, context)


@pytest.mark.parametrize("policy", [Choosy, Silent])
def test_what_is_not_declared_is_asked_for_call_by_call(policy: type[Daily]) -> None:
    made = policy()
    desk = Desk(made, budget=Budget(10**9))
    active = desk.open()
    assert taken(active) == [("made:calls", 1), ("made:tokens", 10), ("host:budget:key_1", 500)]
    desk.close(active)
    assert desk.settled == [1, 7, 40], "a budget counts what is charged"
    assert made.asked == ["claims", "settle"]


class Told:
    """It writes down whose calls it is asked of, and how it is set."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, Any]] = []

    @hookimpl
    def rate_limit_claims(self, context: PolicyContext) -> Sequence[Claim]:
        self.told.append(("claims", context.client, context.settings))
        return [Claim("calls", 1, 1)]

    @hookimpl
    def rate_limit_settle(self, claims: Sequence[Claim], context: PolicyContext) -> Sequence[int]:
        self.told.append(("settle", context.client, context.settings))
        return [1]

    @hookimpl
    def rate_limit_undo(self, context: PolicyContext) -> None:
        self.told.append(("undo", context.client, context.settings))


@pytest.mark.parametrize("settings", [None, "a record"])
def test_a_policy_that_is_asked_is_told_whose_call_it_is(settings: Any) -> None:
    policy = Told()
    desk = Desk(policy, settings=settings)
    desk.close(desk.open())
    desk.books.down = True
    with pytest.raises(StoreError):
        desk.open()
    desk.admission.count_request(ChatCall("r", "p/m", BODY), "chat", desk.plan.key, "192.0.2.8")
    hooks = ["claims", "settle", "claims", "undo"]
    told = [*((hook, PEER.address, settings) for hook in hooks), *((hook, "192.0.2.8", settings) for hook in hooks[2:])]
    assert policy.told == told


def test_a_request_without_a_call_is_counted_against_an_alternative_as_well() -> None:
    minute = Window(60)
    spare = Claim("spare", 1, 5, minute, at_once=True)

    class Either:
        @hookimpl
        def rate_limit_claims(self, key: Key) -> Sequence[Claim]:
            held, more = Claim("calls", 1, 5), Claim("tokens", 9, 90, minute)
            return [held, Claim("own", 1, 0, minute, at_once=True, alternatives=(more, spare)), held]

    desk = Desk(Either())
    desk.admission.count_request(ChatCall("r", "p/m", BODY), "chat", desk.plan.key, "192.0.2.8")
    (operation,) = desk.books.operations
    assert [bucket.partition(":")[2] for bucket, _ in operation.claims] == ["own"]
    assert [[claim for _, claim in others] for others in operation.alternatives.values()] == [[spare]]
    assert list(operation.alternatives) == [0]


@pytest.mark.parametrize("wrong", [[1], [1, -1], [1, 2.0], [True, 1], None, [1, 2**63], "raise", "refuse"])
def test_a_declaration_that_fails_refuses_the_call_and_settles_in_full(wrong: Any) -> None:
    class Wrong(Stated):
        broken = False

        def amounts(self, quote: Quote) -> Any:
            return self.given() if self.broken else super().amounts(quote)

        def settled(self, outcome: Outcome) -> Any:
            return self.given()

        def given(self) -> Any:
            if wrong == "raise":
                raise SystemExit(3)
            if wrong == "refuse":
                raise RateLimited("Not now.")
            return wrong if wrong is not None else 5

    meters = Wrong([Claim("calls", 0, 5), Claim("tokens", 0, 500)])

    class Declaring(Daily):
        @hookimpl
        def rate_limit_meters(self, key: Key, context: PolicyContext) -> Meters:
            return meters

        rate_limit_claims = Daily.rate_limit_claims
        rate_limit_settle = Daily.rate_limit_settle

    desk = Desk(Declaring())
    desk.close(desk.open())
    assert desk.settled == [1, 10], "as it was claimed"
    meters.broken = True
    with pytest.raises(RouterError) as refused:
        desk.open()
    assert refused.value.code == ("rate_limit_exceeded" if wrong == "refuse" else "policy_failed")


def test_the_charge_is_what_is_settled_of_the_balance() -> None:
    class Half:
        @hookimpl
        def billing_meters(self) -> Meters:
            return HalfPrice([Claim(BALANCE, 0, refusal="balance")])

        @hookimpl
        def billing_claims(self, call: ChatCall) -> Sequence[Claim]:
            raise AssertionError("it has declared its claims")

    class HalfPrice(Stated):
        def amounts(self, quote: Quote) -> Any:
            return (quote.charge_nano,)

        def settled(self, outcome: Outcome) -> Any:
            return (outcome.charge_nano // 2,)

    desk = Desk(Half(), "billing", Budget(10**9))
    active = desk.open()
    assert taken(active) == [("host:budget:key_1", 500)]
    assert desk.close(active).charge_nano == 20
    assert desk.settled == [20], "the budget counts what is charged"


def test_no_claim_holds_nothing() -> None:
    class Nothing:
        @hookimpl
        def rate_limit_meters(self) -> Meters:
            return Free([])

        @hookimpl
        def rate_limit_claims(self) -> Sequence[Claim]:
            return []

    class Free(Stated):
        def amounts(self, quote: Quote) -> Any:
            return ()

    desk = Desk(Nothing())
    active = desk.open()
    assert active.held is None and desk.close(active).charge_nano == 0
    assert not any(isinstance(one, (Authorize, Hold)) for one in desk.books.operations)
