"""The rules for payment methods: the scaffold keeps all of them, and each is broken by a method that does so."""

from __future__ import annotations

import itertools
import json
import socket
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from router import (
    AddressHolding,
    BadRequest,
    DepositAddress,
    PaymentNotice,
    PaymentOffer,
    PluginContext,
    TopUpPaid,
    VerifiedNotice,
    hookimpl,
)
from router.cli.support.scaffolding import render
from router.plugin_host.registry import registry_of
from router.testing import PaymentSamples
from router.testing.conformance import Run
from router.testing.conformance.payment import bench as payment_bench

FILES = render("acme-pay", "payment")
ALL = {"Y01", "Y02", "Y10", "Y11", "Y20", "Y21", "Y30", "Y31", "Y32", "Y33", "Y34"}


@pytest.fixture(scope="module")
def acme() -> Iterator[types.ModuleType]:
    names = {"router_acme_pay": "__init__", "router_acme_pay.samples": "samples"}
    for name, file in names.items():
        module = types.ModuleType(name)
        sys.modules[name] = module
        exec(compile(FILES[f"src/router_acme_pay/{file}.py"], f"{name}.py", "exec"), vars(module))
    yield sys.modules["router_acme_pay"]
    for name in names:
        del sys.modules[name]


@pytest.fixture
def outcomes(acme: types.ModuleType, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, tuple[str, str]]]:
    def run(plugin: Any, only: str = "", **changes: Any) -> dict[str, tuple[str, str]]:
        samples: PaymentSamples = replace(sys.modules["router_acme_pay.samples"].SAMPLES, **changes)
        monkeypatch.setattr(payment_bench, "samples_of", lambda name: samples)
        with Run(registry_of(acme=plugin).plugins["acme"]) as checked:
            return {result.rule: (result.outcome, result.seen) for result in checked.report(only).results}

    return run


def test_what_the_scaffold_writes_keeps_every_rule(acme: types.ModuleType, outcomes: Any) -> None:
    found = outcomes(acme.AcmePay())
    assert found.pop("Y10") == ("not offered", "its way is not address")
    assert found.pop("Y11") == ("not offered", "it has no hook payment_holdings")
    assert {rule: outcome for rule, outcome in found.items() if outcome[0] != "pass"} == {}
    assert set(found) | {"Y10", "Y11"} == ALL


def test_without_samples_what_needs_none_is_looked_at(acme: types.ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payment_bench, "samples_of", lambda name: None)
    with Run(registry_of(acme=acme.AcmePay()).plugins["acme"]) as run:
        found = {result.rule: result.outcome for result in run.report().results}
    assert {rule for rule, outcome in found.items() if outcome == "pass"} == {"Y01", "Y21"}
    assert "fail" not in found.values()


def bad(**hooks: Any) -> Callable[[Any], Any]:
    """The scaffold's method with other hooks."""
    return lambda module: type("Bad", (module.AcmePay,), {name: hookimpl(hook) for name, hook in hooks.items()})()


def believing(read: Callable[[Any, PaymentNotice, VerifiedNotice], Any]) -> Callable[[Any], Any]:
    """The scaffold's method, whose notices are spoilt once they are proved."""

    def make(module: Any) -> Any:
        class Bad(module.AcmePay):  # type: ignore[misc]
            def __init__(self) -> None:
                self.seen: set[str] = set()

            @hookimpl
            def payment_event(self, context: PluginContext, notice: PaymentNotice) -> VerifiedNotice:
                return read(self, notice, super().payment_event(context, notice))  # type: ignore[no-any-return]

        return Bad()

    return make


def by_the_network(self: Any, context: PluginContext, account: str) -> PaymentOffer:
    with socket.create_connection(("127.0.0.1", 9), 1):
        return PaymentOffer("Acme", "redirect", "USD")


def in_fractions(self: Any, context: PluginContext, account: str) -> PaymentOffer:
    return PaymentOffer("Acme", "redirect", "USD", least=0.5)  # type: ignore[arg-type]


NUMBERS = itertools.count()


def ever_other(self: Any, context: PluginContext, account: str) -> PaymentOffer:
    return PaymentOffer("Acme", "redirect", "USD", least=next(NUMBERS))


def with_an_address(self: Any, context: PluginContext, account: str) -> PaymentOffer:
    return PaymentOffer("Acme", "address", "USD")


def the_same(self: Any, context: PluginContext, account: str, number: int) -> DepositAddress:
    return DepositAddress("acme1", [("Acme", ["USD"])])


def ever_another(self: Any, context: PluginContext, account: str, number: int) -> DepositAddress:
    return DepositAddress(f"acme{number}-{next(NUMBERS)}", [("Acme", ["USD"])])


def of_everybody(self: Any, addresses: Any, booked: Any) -> list[AddressHolding]:
    return [AddressHolding("acme7", "Acme", "USD", 2, 100)]


def in_text(self: Any, addresses: Any, booked: Any) -> list[AddressHolding]:
    return [AddressHolding(one.address, "Acme", "USD", 2, "1.00") for one in addresses]  # type: ignore[arg-type]


def careless(self: Any, context: PluginContext, notice: PaymentNotice) -> VerifiedNotice:
    told = json.loads(notice.body)
    return VerifiedNotice(told["id"], "paid", ())


def talkative(self: Any, context: PluginContext, notice: PaymentNotice) -> VerifiedNotice:
    raise BadRequest("Not signed.", detail=f"the secret is {context.settings.secret.reveal()}")


def refuses_a_second(self: Any, notice: PaymentNotice, verified: VerifiedNotice) -> VerifiedNotice:
    if verified.id in self.seen:
        raise BadRequest("This was told before.")
    self.seen.add(verified.id)
    return verified


def tells_once(self: Any, notice: PaymentNotice, verified: VerifiedNotice) -> VerifiedNotice:
    facts = () if verified.id in self.seen else verified.facts
    self.seen.add(verified.id)
    return replace(verified, facts=facts)


def tells_what_was_asked(self: Any, notice: PaymentNotice, verified: VerifiedNotice) -> VerifiedNotice:
    facts = [replace(fact, amount=1000, currency="USD") for fact in verified.facts if isinstance(fact, TopUpPaid)]
    return replace(verified, facts=facts)


def unsigned(self: Any, context: PluginContext, notice: PaymentNotice) -> VerifiedNotice:
    payment = json.loads(notice.body)["payment"]
    fact = TopUpPaid(payment["reference"], payment["order"], payment["amount"], payment["currency"])
    return VerifiedNotice(json.loads(notice.body)["id"], "paid", [fact])


BAD: Sequence[tuple[str, str, Callable[[Any], Any]]] = (
    ("Y01", "network", bad(payment_offer=by_the_network)),
    ("Y01", "least is 0.5", bad(payment_offer=in_fractions)),
    ("Y01", "asked twice", bad(payment_offer=ever_other)),
    ("Y02", "no hook payment_address", bad(payment_offer=with_an_address)),
    ("Y10", "two numbers have the same", bad(payment_offer=with_an_address, payment_address=the_same)),
    ("Y10", "asked again", bad(payment_offer=with_an_address, payment_address=ever_another)),
    ("Y11", "asked about no address", bad(payment_holdings=of_everybody)),
    ("Y11", "whole numbers", bad(payment_holdings=in_text, payment_address=the_same)),
    ("Y20", "JSONDecodeError", bad(payment_event=careless)),
    ("Y21", "the secret is (the secret)", bad(payment_event=talkative)),
    ("Y30", "told before", believing(refuses_a_second)),
    ("Y31", "told before", believing(refuses_a_second)),
    ("Y32", "credited 0 times", believing(tells_once)),
    ("Y33", "credited 1 times, not 0", believing(tells_what_was_asked)),
    ("Y34", "was taken", bad(payment_event=unsigned)),
)


@pytest.mark.parametrize(("rule", "words", "make"), BAD, ids=[f"{rule}-{words}" for rule, words, _ in BAD])
def test_a_method_that_breaks_a_rule(
    rule: str, words: str, make: Callable[[Any], Any], acme: types.ModuleType, outcomes: Any
) -> None:
    outcome, seen = outcomes(make(acme), rule)[rule]
    assert outcome == "fail" and words in seen, (outcome, seen)


def test_samples_have_what_the_rules_need(acme: types.ModuleType, outcomes: Any) -> None:
    assert "no notice" in outcomes(acme.AcmePay(), "Y30", paid=lambda topup: [])["Y30"][1]
    assert "no forged" in outcomes(acme.AcmePay(), "Y34", forged=lambda topup: [])["Y34"][1]


def test_samples_that_are_none_are_said(monkeypatch: pytest.MonkeyPatch, acme: types.ModuleType) -> None:
    class Point:
        value = "router_acme_pay:plugin"

        def load(self) -> Any:
            return acme.plugin

    monkeypatch.setattr(payment_bench.metadata, "entry_points", lambda **wanted: [Point()])
    with Run(registry_of(acme=acme.AcmePay()).plugins["acme"]) as run:
        [result] = run.report("Y01").results
    assert result.outcome == "fail" and "no router.testing.PaymentSamples" in result.seen
