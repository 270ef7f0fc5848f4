"""Each rule for dialects: kept by a plain one, broken by a dialect that is wrong in just that way."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from router import Dialect, Listed, Offer, RouterError, hookimpl
from router.plugin_host.registry import Plugin, registry_of
from router.testing.conformance import RuleResult, Run
from router.testing.conformance.dialect import DIALECT


def plugin_of(dialect: Any) -> Plugin:
    class Made:
        @hookimpl
        def dialect(self) -> Dialect:
            return dialect

    return registry_of(made=Made()).plugins["made"]


def outcomes(dialect: Any) -> dict[str, RuleResult]:
    """Rule ID -> its result, of all rules that need no gateway."""
    with Run(plugin_of(dialect)) as run:
        return {rule.id: run.check(rule) for rule in run.rules if rule.id < "D30"}


class Nothing(Dialect):
    """OpenAI's shapes as they are."""


class Relative(Dialect):
    chat_paths = ("v1/chat/completions",)


class Shadowing(Dialect):
    health_paths = ("/openapi.json",)


class TwoMeanings(Dialect):
    catalogue_paths = ("/v1/models",)


class ShortKeys(Dialect):
    key_length = 21


class OddPrefix(Dialect):
    key_prefix = "my key "


class Routeless(Dialect):
    offers = (Offer("carpet", ()),)


class ForeignPreset(Dialect):
    preset = '[gateway]\nprofile = "standard"\n'


class BrokenPreset(Dialect):
    preset = '[gateway]\nprofil = "made"\n'


class PlainKey(Dialect):
    preset = '[gateway]\nprofile = "made"\n\n[providers.openai]\napi_key = "sk-123"\n'


class Redirecting(Dialect):
    def error_status(self, error: RouterError) -> int:
        return 302 if error.status == 401 else error.status


class NotJson(Dialect):
    def error_body(self, error: RouterError) -> Mapping[str, Any]:
        return {"error": error}


class Counting(Dialect):
    numbers = itertools.count()

    def error_body(self, error: RouterError) -> Mapping[str, Any]:
        return {**super().error_body(error), "number": next(self.numbers)}


class Terse(Dialect):
    def error_body(self, error: RouterError) -> Mapping[str, Any]:
        return {"ok": False}


class Open(Dialect):
    def error_body(self, error: RouterError) -> Mapping[str, Any]:
        return {**super().error_body(error), "cause": str(error.__cause__), "headers": error.headers}


class Priced(Dialect):
    def catalogue(self, listed: Iterable[Listed]) -> Any:
        return [one.price.input for one in listed]  # type: ignore[union-attr]


class Choosy(Dialect):
    def models(self, listed: Iterable[Listed]) -> Any:
        return super().models(one for one in listed if one.price is not None)


class Inexact(Dialect):
    def estimate(self, estimate: Any) -> Mapping[str, Any]:
        return {"total": estimate.total_nano / 1e9}


class Joined(Dialect):
    def frames(self, chunks: Any) -> bytes:
        return b"data: [" + b",".join(chunks) + b"]\n\n"


class Unfinished(Dialect):
    def end_frame(self) -> bytes:
        return b"data: [DONE]\n"


class Apologetic(Dialect):
    def error_frame(self, error: RouterError) -> bytes:
        return self.frames([b'{"choices":[]}']) + self.end_frame()


class Flat(Dialect):
    """Its bodies may be so, its events not: clients would take the stream for a whole answer."""

    def error_body(self, error: RouterError) -> Mapping[str, Any]:
        return {"detail": error.message, "code": error.code}

    def error_frame(self, error: RouterError) -> bytes:
        return self.frames([json.dumps(self.error_body(error)).encode()])


class Cured(Flat):
    error_frame = Dialect.error_frame


class Pulsing(Dialect):
    def heartbeat(self) -> bytes:
        return b"data: {}\n\n"


WRONG = {
    Relative: "D01",
    Shadowing: "D01",
    TwoMeanings: "D01",
    ShortKeys: "D02",
    OddPrefix: "D02",
    Routeless: "D03",
    ForeignPreset: "D04",
    BrokenPreset: "D04",
    PlainKey: "D04",
    Redirecting: "D10",
    NotJson: "D10",
    Counting: "D11",
    Terse: "D12",
    Open: "D13",
    Priced: "D14",
    Choosy: "D15",
    Inexact: "D16",
    Joined: "D20",
    Unfinished: "D21",
    Apologetic: "D22",
    Flat: "D22",
    Pulsing: "D23",
}


def test_a_flat_body_is_an_error_for_clients_in_a_stream_too() -> None:
    assert outcomes(Cured())["D22"].outcome == "pass"
    event = json.loads(Cured().error_frame(RouterError("It broke."))[6:])
    assert event["detail"] == event["error"]["message"] == "It broke."


def test_the_base_class_keeps_the_rules() -> None:
    assert {result.outcome for result in outcomes(Nothing()).values()} == {"pass", "not offered"}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_dialect_breaks_the_rule(wrong: type[Dialect]) -> None:
    result = outcomes(wrong())[WRONG[wrong]]
    assert result.outcome == "fail", result
    assert result.seen and result.remedy


def test_every_rule_is_broken_by_one_of_them() -> None:
    assert {rule.id for rule in DIALECT.rules} - {"D30"} == set(WRONG.values())


def test_what_is_no_dialect_fails_every_rule_with_the_reason() -> None:
    for result in outcomes("openai").values():
        assert (result.outcome, result.seen) == ("fail", "dialect() returned a str")
