"""The examples of ``docs/policies.md`` are plugins that load and do what the page says."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from router import BALANCE, ChatCall, Claim, Key, Outcome, PolicyContext, Quote, Usage
from router.plugin_host.registry import Plugin, registry_of
from router.testing.conformance import Run

PAGE = Path(__file__).resolve().parents[2] / "docs/policies.md"
QUOTE = Quote(100, 200, 7_000)
CONTEXT_AT = 1_753_272_000.0
OUTCOME = Outcome("ok", Usage(90, 50), 1_234)


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Plugin]:
    """``example(0)``: the page's first plugin, loaded."""

    def load(number: int) -> Plugin:
        code = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)[number]
        module = ModuleType("example_policy")
        monkeypatch.setitem(sys.modules, module.__name__, module)  # dataclasses look their module up
        exec(compile(code, str(PAGE), "exec"), module.__dict__)
        return registry_of(example=module.plugin).plugins["example"]

    return load


def context(plugin: Plugin) -> PolicyContext:
    return PolicyContext(CONTEXT_AT, settings=plugin.hooks["settings"]()())


def test_the_billing_policy_charges_what_the_subscription_does_not_cover(example) -> None:
    plugin = example(0)
    assert plugin.roles == ("billing",)

    def take(tier: str) -> Any:
        key = Key("key_1", "acct_1", tier=tier)
        return plugin.hooks["billing_claims"](call=None, key=key, quote=QUOTE, context=context(plugin))

    def settle(claims: Any, outcome: Outcome) -> Any:
        return plugin.hooks["billing_settle"](claims=claims, outcome=outcome, context=context(plugin))

    (paid,) = take("")
    assert (paid.bucket, paid.amount) == (BALANCE, 7_000)
    assert settle([paid], OUTCOME) == [1_234]
    (covered,) = take("flat")
    assert (covered.amount, covered.ceiling, covered.window.seconds) == (1, 1000, 31 * 86_400)
    assert (settle([covered], OUTCOME), settle([covered], Outcome("error", None, 0))) == ([1], [0])


@pytest.mark.parametrize(("completion", "claimed"), [(200, 200), (10**6, 100_000)])
def test_the_rate_limit_policy_counts_output_by_model(example, completion: int, claimed: int) -> None:
    plugin = example(1)
    assert plugin.roles == ("rate_limit",)
    call = ChatCall("req_1", "an-alias", {})
    quote = Quote(100, completion, 0, model="openai/gpt-4o")
    (claim,) = plugin.hooks["rate_limit_claims"](
        call=call, key=Key("key_1", "acct_1"), quote=quote, context=context(plugin)
    )
    assert (claim.bucket, claim.amount, claim.ceiling) == ("key_1:openai/gpt-4o", claimed, 100_000)
    assert plugin.hooks["rate_limit_settle"](claims=[claim], outcome=OUTCOME, context=context(plugin)) == [50]


def test_a_claim_of_ones_own_class_carries_what_a_service_knows_the_call_by(monkeypatch: pytest.MonkeyPatch) -> None:
    code = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)[3]
    module = ModuleType("example_claim")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(code, str(PAGE), "exec"), module.__dict__)
    (claim,) = module.reserved("acct_1", "r-7")
    assert isinstance(claim, Claim)
    assert (claim.bucket, claim.amount, claim.lease) == ("reserved:acct_1", 0, "r-7")


def test_the_declared_limit_is_the_same_as_the_one_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    code = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)[2]
    module = ModuleType("example_declared")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(code, str(PAGE), "exec"), module.__dict__)
    with Run(registry_of(made=module.Hourly()).plugins["made"]) as run:
        results = {rule.id: run.check(rule) for rule in run.rules}
    assert results["R10"].outcome == "pass"
    assert not [result for result in results.values() if result.outcome == "fail"]
