"""One plugin under the rules of its roles."""

from __future__ import annotations

import importlib
import traceback
from contextlib import ExitStack
from typing import Any

from router.errors import ConfigError, faults
from router.plugin_host.registry import Plugin, load_plugins, nearest
from router.testing.conformance.base import Failed, NotOffered, Rule, RuleResult, Suite
from router.testing.conformance.report import Report

__all__ = ["Run", "check_plugin", "installed_plugin", "suites"]

_SUITES = (
    "router.testing.conformance.provider:PROVIDER",
    "router.testing.conformance.policy:BILLING",
    "router.testing.conformance.policy:RATE_LIMIT",
    "router.testing.conformance.dialect:DIALECT",
    "router.testing.conformance.surface:SURFACE",
    "router.testing.conformance.payment:PAYMENT",
    "router.testing.conformance.host:HOST",
)
"""``module:name`` of each suite. Imported when a plugin is checked, and no earlier."""


def suites() -> list[Suite[Any]]:
    """Every suite, in the order of a report."""
    found = []
    for place in _SUITES:
        module, _, name = place.partition(":")
        suite: Suite[Any] = getattr(importlib.import_module(module), name)
        found.append(suite)
    return found


def installed_plugin(name: str) -> Plugin:
    """The installed plugin of this name, found by its entry point.

    Raises:
        ConfigError: there is none, two distributions ship it, or it did not load.
    """
    plugins = load_plugins().plugins
    if name not in plugins:
        hint = nearest(name, plugins) or f"; installed are {', '.join(plugins) or 'none'}"
        raise ConfigError(
            f"no plugin named {name!r} is installed{hint}. Install its distribution where this runs: pip install -e ."
        )
    plugin = plugins[name]
    if plugin.state == "failed":
        raise ConfigError(f"plugin {name} ({plugin.distribution}) is not loaded: {plugin.problem}")
    return plugin


class Run:
    """Checks rules on one plugin; a suite's bench is opened at its first rule and stays open until ``close``.

    Attributes:
        rules: those that hold for the plugin, in the order of a report.

    Raises:
        ConfigError: the plugin plays no role that there are rules for.
    """

    def __init__(self, plugin: Plugin) -> None:
        self.plugin = plugin
        covering = [suite for suite in suites() if suite.covers(plugin)]
        self._suites: dict[str, Suite[Any]] = {rule.id: suite for suite in covering for rule in suite.rules}
        self._benches: dict[str, Any] = {}
        self._unopened: dict[str, BaseException] = {}
        self._opened = ExitStack()
        self.rules = [rule for suite in covering for rule in suite.rules]
        if not self.rules:
            roles = ", ".join(plugin.roles)
            raise ConfigError(f"plugin {plugin.name} plays no role that there are rules for; its roles are: {roles}")

    def check(self, rule: Rule) -> RuleResult:
        """One rule's result. A bench that cannot be opened fails the rule."""
        try:
            rule.check(self._bench(self._suites[rule.id]))
        except NotOffered as reason:
            return RuleResult(rule.id, rule.statement, "not offered", str(reason))
        except Failed as failure:
            return RuleResult(rule.id, rule.statement, "fail", failure.seen, failure.remedy or rule.remedy)
        except faults() as error:
            return RuleResult(rule.id, rule.statement, "fail", _described(error), rule.remedy)
        return RuleResult(rule.id, rule.statement, "pass")

    def report(self, only: str = "") -> Report:
        """All rules' results, or those whose ID begins with ``only``."""
        results = tuple(self.check(rule) for rule in self.rules if rule.id.startswith(only))
        return Report(self.plugin.name, self.plugin.distribution, self.plugin.version, results)

    def close(self) -> None:
        """Take the benches down. Harmless when called again."""
        self._benches.clear()
        self._opened.close()

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _bench(self, suite: Suite[Any]) -> Any:
        """The suite's bench. One that could not be opened is not tried again for every rule."""
        if suite.role in self._unopened:
            raise self._unopened[suite.role]
        if suite.role not in self._benches:
            try:
                self._benches[suite.role] = self._opened.enter_context(suite.open_bench(self.plugin))
            except faults() as error:
                self._unopened[suite.role] = error
                raise
        return self._benches[suite.role]


def check_plugin(name: str, only: str = "") -> Report:
    """The report on an installed plugin, by all rules of its roles or by those whose ID begins with ``only``.

    Raises:
        ConfigError: there is no such plugin or rule, it did not load, or it plays no role that there are rules for.
    """
    with Run(installed_plugin(name)) as run:
        report = run.report(only)
    if not report.results:
        raise ConfigError(f"no rule for {name} begins with {only!r}; there are {', '.join(r.id for r in run.rules)}")
    return report


def _described(error: BaseException) -> str:
    """The exception, and the last place that it passed."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f", in {frames[-1].name} ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{place}"
