"""The outcome of a whole run, as text, as JSON and as a table for the documentation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from router.testing.conformance.base import Outcome, RuleResult

__all__ = ["Report", "markdown_table"]

_SHORT: Mapping[Outcome, str] = {"pass": "pass", "fail": "FAIL", "not offered": "-"}


@dataclass(frozen=True)
class Report:
    """One plugin under all rules of its roles.

    Attributes:
        plugin, distribution, version: which plugin it was.
        results: in the order of the rules.
    """

    plugin: str
    distribution: str
    version: str
    results: tuple[RuleResult, ...]

    @property
    def ok(self) -> bool:
        """Whether no rule is broken."""
        return not self.failures

    @property
    def failures(self) -> list[RuleResult]:
        """The broken rules."""
        return [result for result in self.results if result.outcome == "fail"]

    @property
    def grade(self) -> str:
        """Rules kept of rules that apply, such as ``31/31``."""
        applying = [result for result in self.results if result.outcome != "not offered"]
        return f"{len(applying) - len(self.failures)}/{len(applying)}"

    def to_json(self) -> dict[str, Any]:
        """``plugin``, ``distribution``, ``version``, ``ok``, ``grade``, and ``rules``: a list of objects."""
        rules = [
            {
                "id": result.rule,
                "statement": result.statement,
                "outcome": result.outcome,
                "seen": result.seen,
                "remedy": result.remedy,
            }
            for result in self.results
        ]
        about = {"plugin": self.plugin, "distribution": self.distribution, "version": self.version}
        return {**about, "ok": self.ok, "grade": self.grade, "rules": rules}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Report:
        """The report that ``to_json`` made this of."""
        results = (
            RuleResult(rule["id"], rule["statement"], rule["outcome"], rule["seen"], rule["remedy"])
            for rule in value["rules"]
        )
        return cls(value["plugin"], value["distribution"], value["version"], tuple(results))

    def to_text(self) -> str:
        """A line for each rule, with what was seen and the remedy below a broken one."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"{self.plugin} ({self.distribution} {self.version}): {self.grade} rules kept\n"
        for result in self.results:
            reason = f" ({result.seen})" if result.outcome == "not offered" and result.seen else ""
            yield f"{result.rule}  {result.outcome:<11}  {result.statement}{reason}"
            if result.outcome == "fail":
                yield f"     seen:    {result.seen}"
                yield f"     remedy:  {result.remedy}"


def markdown_table(reports: Sequence[Report]) -> str:
    """One row for each rule, one column for each plugin; the rules of all reports, by ID."""
    statements = {result.rule: result.statement for report in reports for result in report.results}
    outcomes = {report.plugin: {result.rule: result.outcome for result in report.results} for report in reports}
    lines = [
        "| rule | " + " | ".join(f"`{name}`" for name in outcomes) + " |",
        "| --- |" + " --- |" * len(outcomes),
    ]
    for rule in sorted(statements):
        cells = [_SHORT[found[rule]] if rule in found else "" for found in outcomes.values()]
        lines.append(f"| **{rule}** {statements[rule]} | " + " | ".join(cells) + " |")
    lines.append("| rules kept, of those that apply | " + " | ".join(report.grade for report in reports) + " |")
    return "\n".join(lines) + "\n"
