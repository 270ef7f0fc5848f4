"""The bundled guards, configured, keep the rules for guards."""

from __future__ import annotations

from typing import Any

import pytest
from router_plugins.patterns import Matching, OwnRule
from router_plugins.patterns import Settings as PatternSettings
from router_plugins.pii import Masking
from router_plugins.pii import Settings as PiiSettings
from router_plugins.pii.finding import KINDS

from router import Guard, hookimpl
from router.plugin_host.registry import registry_of
from router.testing.conformance import Run

RULE = OwnRule("ann", "mask", "both")
GUARDS = {
    "pii": lambda: Masking(PiiSettings(KINDS)),
    "patterns": lambda: Matching(PatternSettings("mask", "both", rules={"ann": RULE})),
}


@pytest.mark.parametrize("name", GUARDS)
def test_a_configured_guard_keeps_the_rules(name: str) -> None:
    def guard(self: Any, context: Any) -> Guard:
        return GUARDS[name]()

    plugin = type("Made", (), {"guard": hookimpl(guard)})()
    with Run(registry_of(made=plugin).plugins["made"]) as run:
        results = [run.check(rule) for rule in run.rules if rule.id in ("H24", "H25", "H26", "H27")]
    assert [result.outcome for result in results] == ["pass"] * 4, [result.seen for result in results]
