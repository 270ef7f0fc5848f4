"""Rules H01 on, and B11: each holds for what is right, and is broken by what is wrong on purpose."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click
import pytest

from router import (
    BALANCE,
    CachedAnswer,
    CallRequest,
    Claim,
    Guard,
    GuardedCall,
    Job,
    MenuEntry,
    Migration,
    Outcome,
    PluginRoute,
    Quote,
    RefusalRecord,
    RouteRequest,
    RouteResponse,
    TargetOption,
    TargetReason,
    hookimpl,
)
from router.plugin_host.registry import registry_of
from router.testing.conformance import RuleResult, Run

pytestmark = pytest.mark.slow


def checked(plugin: Any, rule: str) -> RuleResult:
    with Run(registry_of(made=plugin).plugins["made"]) as run:
        return run.check(next(one for one in run.rules if one.id == rule))


def made(hook: str, function: Callable[..., Any]) -> Any:
    """A plugin with one hook."""
    return type("Made", (), {hook: hookimpl(function)})()


def steps(sql: str) -> Any:
    def storage_migrations(self: Any) -> Sequence[Migration]:
        return [Migration(1, "made", sql)]

    return made("storage_migrations", storage_migrations)


def changing() -> Any:
    asked: list[int] = []

    def storage_migrations(self: Any) -> Sequence[Migration]:
        asked.append(1)
        return [Migration(number, "made", "SELECT 1") for number in range(1, len(asked) + 1)]

    return made("storage_migrations", storage_migrations)


def job(every_s: float, run: Callable[[], object]) -> Any:
    def jobs(self: Any, context: Any) -> Sequence[Job]:
        return [Job("made", every_s, run)]

    return made("jobs", jobs)


def fails() -> None:
    raise KeyError("nothing there")


def command(name: str) -> Any:
    def commands(self: Any, context: Any) -> Sequence[click.Command]:
        return [click.Command(name)]

    return made("commands", commands)


def observer(read: Callable[[RefusalRecord], object]) -> Any:
    def call_refused(self: Any, record: RefusalRecord) -> None:
        read(record)

    return made("call_refused", call_refused)


def route(path: str, access: str = "public", handler: Any = lambda request: RouteResponse(b"yes")) -> Any:
    def routes(self: Any, context: Any) -> Sequence[PluginRoute]:
        return [PluginRoute(path, ("GET",), access, handler)]

    return made("routes", routes)


def trusting(request: RouteRequest) -> RouteResponse:
    return RouteResponse(request.body.decode("utf-8").encode())


def leads(path: str) -> Any:
    class Made:
        @hookimpl
        def menu(self, context: Any) -> Sequence[MenuEntry]:
            return [MenuEntry("Made", path)]

        @hookimpl
        def routes(self, context: Any) -> Sequence[PluginRoute]:
            return [PluginRoute("/page", ("GET",), "session", lambda request: RouteResponse(b"yes"))]

    return Made()


def knowing(key_id: str | None) -> Any:
    def authenticate(self: Any, request: Any) -> str | None:
        return key_id if request.authorization else None

    return made("authenticate", authenticate)


def guard(edit: Callable[[Any], Any]) -> Any:
    def request_guard(self: Any, call: Any) -> Mapping[str, Any] | None:
        given: Mapping[str, Any] | None = edit(call.body)
        return given

    return made("request_guard", request_guard)


def _whole(call: CallRequest) -> Any:
    return call.account, call.surface, call.model, call.variant, call.body, call.source


def answers(question: Callable[[CallRequest], Any]) -> Any:
    kept: dict[str, CachedAnswer] = {}

    def answer_get(self: Any, call: CallRequest) -> CachedAnswer | None:
        return kept.get(repr(question(call)))

    def answer_put(self: Any, call: CallRequest, answer: CachedAnswer) -> None:
        kept[repr(question(call))] = answer

    return type("Made", (), {"answer_get": hookimpl(answer_get), "answer_put": hookimpl(answer_put)})()


def turning() -> Callable[[list[str]], list[str]]:
    """Another order each time."""
    turns = itertools.count()
    return lambda ids: ids if next(turns) % 2 else ids[::-1]


def reasons(order: Callable[[list[str]], list[str]], reason: str = "it is good") -> Any:
    def explain_targets(self: Any, targets: Sequence[TargetOption]) -> Sequence[TargetReason]:
        return [TargetReason(one, reason) for one in order([target.id for target in targets])]

    return made("explain_targets", explain_targets)


def strategy(order: Callable[[list[str]], list[str]]) -> Any:
    def route_targets(self: Any, targets: Sequence[TargetOption]) -> Sequence[str]:
        return order([one.id for one in targets])

    return made("route_targets", route_targets)


def cache(of: Callable[[Any], Any]) -> Any:
    class Made:
        def __init__(self) -> None:
            self.kept: dict[str, bytes] = {}

        @hookimpl
        def cache_get(self, call: Any) -> bytes | None:
            return self.kept.get(str(of(call)))

        @hookimpl
        def cache_put(self, call: Any, answer: bytes) -> None:
            self.kept[str(of(call))] = answer

    return Made()


def bundle(of_free: Callable[[Outcome], int]) -> Any:
    class Made:
        @hookimpl
        def billing_claims(self, quote: Quote) -> Sequence[Claim]:
            paid = Claim(BALANCE, quote.charge_nano, refusal="balance")
            return [Claim("free", 1, 2, alternatives=(Claim("gift", 1, 5), paid))]

        @hookimpl
        def billing_settle(self, claims: Sequence[Claim], outcome: Outcome) -> Sequence[int]:
            return [outcome.charge_nano if claim.bucket == BALANCE else of_free(outcome) for claim in claims]

    return Made()


CASES: list[tuple[str, Any, Any]] = [
    ("H01", steps("CREATE TABLE made_a (id TEXT)"), steps("CREATE TABLE accounts_more (id TEXT)")),
    ("H02", steps("CREATE TABLE made_a (id TEXT)"), changing()),
    ("H03", job(5, list), job(5, fails)),
    ("H03", job(5, list), job(0.001, list)),
    ("H04", command("made"), command("keys")),
    ("H05", observer(lambda record: record.code), observer(lambda record: {"key_1": 1}[record.key])),
    ("H10", route("/one/{two}"), route("/one", "everybody")),
    ("H10", route("/"), route("one two")),
    ("H11", route("/one"), route("/one", handler=trusting)),
    ("H11", route("/one"), route("/one", handler=lambda request: "text")),
    ("H12", leads("/page"), leads("/pages")),
    ("H20", knowing(None), knowing("key_1")),
    ("H21", guard(lambda body: {**body, "n": 1}), guard(lambda body: body.update(n=1))),
    ("H22", strategy(lambda ids: ids[::-1]), strategy(lambda ids: [*ids, "four/m"])),
    ("H31", answers(_whole), answers(lambda call: call.body)),
    ("H31", answers(_whole), answers(lambda call: (call.account, call.surface, call.model, call.variant, call.body))),
    ("H30", reasons(lambda ids: ids[::-1]), reasons(lambda ids: ids[:1])),
    ("H30", reasons(list), reasons(list, "")),
    ("H30", reasons(sorted), reasons(turning())),
    ("H23", cache(lambda call: (call.account, call.body)), cache(lambda call: call.body)),
    ("H23", cache(lambda call: (call.account, call.body)), cache(lambda call: (call.account, call.model))),
    ("B11", bundle(lambda outcome: 1), bundle(lambda outcome: outcome.charge_nano)),
]
NAMES = [f"{rule}-{number}" for number, (rule, _, _) in enumerate(CASES)]


@pytest.mark.parametrize(("rule", "good", "bad"), CASES, ids=NAMES)
def test_a_rule_tells_right_from_wrong(rule: str, good: Any, bad: Any) -> None:
    kept, broken = checked(good, rule), checked(bad, rule)
    assert kept.outcome == "pass", kept
    assert broken.outcome == "fail" and broken.seen and broken.remedy, broken
    other = made("shutdown", lambda self: None) if rule[0] == "H" else made("billing_claims", lambda self: [])
    assert checked(other, rule).outcome == "not offered"


class Cutting(Guard):
    """Writes a word for each piece, so that the cuts show."""

    replies = "transform"

    def filter(self, call: GuardedCall) -> Any:
        return type("Filter", (), {"feed": lambda self, text: f"{text}!", "flush": lambda self: ""})()


class Mixing(Guard):
    """Remembers on itself what it was shown."""

    replies = "transform"

    def __init__(self) -> None:
        self.seen = ""

    def request(self, call: GuardedCall, texts: Sequence[str]) -> Sequence[str] | None:
        self.seen = texts[0] if texts else ""
        return None

    def filter(self, call: GuardedCall) -> Any:
        seen = self.seen
        return type("Filter", (), {"feed": lambda self, text: text, "flush": lambda self: seen})()


def guarding(guard: object) -> Any:
    return made("guard", lambda self, context: guard)


@pytest.mark.parametrize(
    ("rule", "guard", "outcome"),
    [
        *(("H24", Guard(), "pass"), ("H24", "none", "fail"), ("H24", None, "not offered")),
        ("H24", type("Odd", (Guard,), {"replies": "sometimes"})(), "fail"),
        *(("H25", Guard(), "pass"), ("H26", Guard(), "pass"), ("H27", Guard(), "pass")),
        ("H25", type("Joins", (Guard,), {"request": lambda self, call, texts: " ".join(texts)})(), "fail"),
        ("H25", type("Breaks", (Guard,), {"reply": lambda self, call, texts: texts[0].split("x")})(), "fail"),
        ("H26", Cutting(), "fail"),
        ("H27", Mixing(), "fail"),
    ],
)
def test_rules_of_guards(rule: str, guard: object, outcome: str) -> None:
    assert checked(guarding(guard), rule).outcome == outcome
