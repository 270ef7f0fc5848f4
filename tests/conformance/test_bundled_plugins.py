"""Every bundled plugin keeps the rules of its roles, and the documentation's table says so."""

from __future__ import annotations

import importlib.util
from types import ModuleType
from typing import Any

import pytest

from router.plugin_host.registry import load_plugins
from router.testing.conformance import Run, installed_plugin

pytestmark = pytest.mark.slow

PLUGINS = load_plugins().plugins
NAMES = [one.name for one in PLUGINS.values() if one.distribution == PLUGINS["echo"].distribution]
REMEDY = "run `make conformance docs`"
QUICK = ("anthropic", "ollama", "openai", "prepaid", "standard", "windows")  # of each role, and of each wire
CASES = [name if name in QUICK else pytest.param(name, marks=pytest.mark.soak) for name in NAMES]


@pytest.fixture(scope="module")
def page(pytestconfig: pytest.Config) -> ModuleType:
    place = pytestconfig.rootpath / "docs" / "conformance.py"
    spec = importlib.util.spec_from_file_location("conformance_page", place)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", CASES)
def test_a_bundled_plugin_keeps_all_rules_that_apply(page: ModuleType, name: str) -> None:
    with Run(installed_plugin(name)) as run:
        report = run.report()
    assert report.ok, report.to_text()
    recorded: Any = page.recorded()
    assert page.outcomes(report) == recorded["plugins"].get(name), f"docs/conformance.json is out of date: {REMEDY}"
    statements = {result.rule: result.statement for result in report.results}
    assert statements.items() <= recorded["rules"].items(), f"docs/conformance.json is out of date: {REMEDY}"


def test_the_documentation_knows_every_bundled_plugin_and_no_other(page: ModuleType) -> None:
    recorded: Any = page.recorded()
    assert sorted(recorded["plugins"]) == sorted(NAMES), REMEDY
    outcomes = [outcome for one in recorded["plugins"].values() for outcome in one.values()]
    assert all(outcome == "pass" or outcome.startswith("not offered: ") for outcome in outcomes)
