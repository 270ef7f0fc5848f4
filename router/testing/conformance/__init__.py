"""The conformance suite: numbered rules that drive a real plugin, for ``pytest --router-plugin NAME`` and
``router plugins check NAME``."""

from __future__ import annotations

from router.testing.conformance.base import Failed, NotOffered, Outcome, Rule, RuleResult, Suite, expect
from router.testing.conformance.report import Report, markdown_table
from router.testing.conformance.run import Run, check_plugin, installed_plugin, suites

__all__ = [
    "Failed",
    "NotOffered",
    "Outcome",
    "Report",
    "Rule",
    "RuleResult",
    "Run",
    "Suite",
    "check_plugin",
    "expect",
    "installed_plugin",
    "markdown_table",
    "suites",
]
