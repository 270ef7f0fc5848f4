"""One pytest item for each rule: what ``pytest --router-plugin NAME`` collects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from router.errors import ConfigError
from router.testing.conformance.base import Rule
from router.testing.conformance.run import Run, installed_plugin

__all__ = ["BrokenRule", "PluginCollector", "RuleItem", "RuleItems"]


class BrokenRule(Exception):
    """A rule that the plugin breaks: the rule, what was seen, and the remedy."""


class RuleItems:
    """Adds the rules of the named plugins to what pytest has collected."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    @pytest.hookimpl(tryfirst=True)  # so that -k and -m choose among them
    def pytest_collection_modifyitems(self, session: pytest.Session, items: list[pytest.Item]) -> None:
        for name in self._names:
            collector = PluginCollector.from_parent(session, name=name, nodeid=f"router-plugin-{name}")
            try:
                collector.run = Run(installed_plugin(name))
            except ConfigError as error:
                raise pytest.UsageError(f"--router-plugin: {error.message}") from None
            items.extend(collector.collect())


class PluginCollector(pytest.Collector):
    """One plugin; its benches live as long as its items run."""

    run: Run

    def collect(self) -> Iterator[pytest.Item]:
        for rule in self.run.rules:
            item = RuleItem.from_parent(self, name=rule.id)
            item.rule = rule
            yield item

    def teardown(self) -> None:
        self.run.close()


class RuleItem(pytest.Item):
    """One rule: passes, fails, or is skipped because the plugin does not offer what it is about."""

    parent: PluginCollector
    rule: Rule

    def runtest(self) -> None:
        result = self.parent.run.check(self.rule)
        if result.outcome == "not offered":
            pytest.skip(f"not offered: {result.seen}")
        if result.outcome == "fail":
            raise BrokenRule(f"{result.rule} {result.statement}\nseen:    {result.seen}\nremedy:  {result.remedy}")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *args: Any) -> Any:
        if isinstance(excinfo.value, BrokenRule):
            return str(excinfo.value)
        return super().repr_failure(excinfo, *args)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, f"{self.parent.name}: {self.rule.id} {self.rule.statement}"
