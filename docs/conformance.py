"""Holds every bundled plugin against the rules of its roles, and writes the outcomes to ``conformance.json``.

``make conformance`` runs this; ``make docs`` makes the tables in ``providers.md`` of that file. The tests run the rules
again, plugin by plugin, and fail where an outcome is another than the file says.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from router.plugin_host.registry import Plugin, load_plugins
from router.testing.conformance import Report, RuleResult, Run, markdown_table

__all__ = ["FILE", "bundled", "main", "outcomes", "recorded", "tables"]

FILE = Path(__file__).with_name("conformance.json")
_GROUPS = {
    "provider": "Providers",
    "billing": "Billing policies",
    "rate_limit": "Rate limits",
    "dialect": "Dialects",
    "surface": "Surfaces",
    "payment": "Payment methods",
}


def main() -> int:
    """Write the file; the exit status is 1 where a rule is broken, which is said on standard error."""
    statements: dict[str, str] = {}
    plugins: dict[str, dict[str, str]] = {}
    broken = 0
    for plugin in bundled():
        with Run(plugin) as run:
            report = run.report()
        print(f"{plugin.name}: {report.grade}")
        statements |= {result.rule: result.statement for result in report.results}
        plugins[plugin.name] = outcomes(report)
        broken += len(report.failures)
        for failure in report.failures:
            print(f"{plugin.name} breaks {failure.rule}: {failure.seen}", file=sys.stderr)
    written = {"rules": statements, "plugins": plugins}
    FILE.write_text(json.dumps(written, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return 1 if broken else 0


def bundled() -> list[Plugin]:
    """Our own plugins, by name: those of the distribution that has ``echo``, whatever it was called when installed."""
    plugins = load_plugins().plugins
    return [plugin for plugin in plugins.values() if plugin.distribution == plugins["echo"].distribution]


def outcomes(report: Report) -> dict[str, str]:
    """Rule -> ``pass``, ``fail`` or ``not offered: REASON``."""
    return {
        result.rule: f"not offered: {result.seen}" if result.outcome == "not offered" else result.outcome
        for result in report.results
    }


def recorded() -> Mapping[str, Mapping[str, Any]]:
    """The file: ``rules``, ID -> statement; ``plugins``, name -> outcomes."""
    found: dict[str, dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def tables() -> str:
    """A Markdown table for each role, of what the file holds."""
    found = recorded()
    reports = {name: _report(name, kept, found["rules"]) for name, kept in found["plugins"].items() if kept}
    parts = []
    for role, title in _GROUPS.items():
        names = [plugin.name for plugin in bundled() if role in plugin.roles and plugin.name in reports]
        if names:
            parts.append(f"### {title}\n\n{markdown_table([reports[name] for name in names])}")
    return "\n".join(parts)


def _report(name: str, kept: Mapping[str, str], statements: Mapping[str, str]) -> Report:
    results = []
    for rule, text in kept.items():
        outcome, _, reason = text.partition(": ")
        results.append(RuleResult(rule, statements[rule], outcome, reason))  # type: ignore[arg-type]
    return Report(name, "tollrouter", "", tuple(results))


if __name__ == "__main__":
    sys.exit(main())
