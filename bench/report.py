"""Figures as text tables, as JSON, and in ``RESULTS.md`` between markers."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.gateway import BILLED, PLAIN
from bench.machine import BenchError
from bench.measure import Figures
from bench.metrics import BARS, METRICS, Bar, Metric
from bench.tools import HERE
from bench.turns import is_turn

__all__ = ["RESULTS", "Report", "table", "write_between", "write_json"]

RESULTS = HERE / "RESULTS.md"


@dataclass
class Report:
    """All runs of one benchmark.

    Attributes:
        command: what made it.
        date: of the last run, ISO 8601.
        machine: see ``machine.describe``, and the disk's fsync.
        runs: for each run the figures of each system.
        fidelity: check -> system -> what became of it; empty where it was not looked at.
    """

    command: str
    date: str
    machine: Mapping[str, str]
    runs: list[dict[str, Figures]] = field(default_factory=list)
    fidelity: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def medians(self) -> dict[str, Figures]:
        """System -> figure -> its median over the runs that have it."""
        systems = list(dict.fromkeys(system for run in self.runs for system in run))
        return {system: _medians([run[system] for run in self.runs if system in run]) for system in systems}

    def to_json(self) -> dict[str, Any]:
        """Everything, each run included."""
        return {**vars(self), "medians": self.medians()}

    def to_markdown(self) -> str:
        """Heading, tables of figures, bars and fidelity."""
        medians = self.medians()
        machine = "; ".join(f"{name} {value}" for name, value in self.machine.items())
        parts = [f"`{self.command}`, {self.date}, {_runs(len(self.runs))}.\n\n{machine}."]
        turns = {name: found for name, found in medians.items() if is_turn(name)}
        others = {name for name in medians if name.endswith(" plugins")} | turns.keys()
        compared = {name: found for name, found in medians.items() if name not in others}
        parts += [_figures_table(group) for group in (compared, turns) if group]
        parts.append(_bars_table(medians))
        if self.fidelity:
            systems = list(next(iter(self.fidelity.values())))
            rows = [[check, *(found[system] for system in systems)] for check, found in self.fidelity.items()]
            parts.append(table(["what the upstream or the client said", *systems], rows))
        return "\n\n".join(part for part in parts if part)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose columns line up in a terminal too; the first to the left, the others to the right."""
    widths = [max(len(row[column]) for row in [heads, *rows]) for column in range(len(heads))]

    def line(row: Sequence[str]) -> str:
        first, *others = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        return f"| {' | '.join([first.strip().ljust(widths[0]), *others])} |"

    rule = [("-" * width) if not n else "-" * (width - 1) + ":" for n, width in enumerate(widths)]
    return "\n".join([line(heads), line(rule), *map(line, rows)])


def write_between(name: str, text: str, path: Path = RESULTS) -> None:
    """Replace what stands between ``<!-- NAME:begin -->`` and ``<!-- NAME:end -->``.

    Raises:
        BenchError: the markers are not there.
    """
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    old = path.read_text(encoding="utf-8")
    before, found, rest = old.partition(begin)
    after = rest.partition(end)[2]
    if not found or end not in rest:
        raise BenchError(f"{path.name} has no markers {begin} and {end}")
    path.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")


def write_json(report: Report, path: Path) -> None:
    """The whole report as one JSON document."""
    path.write_text(json.dumps(report.to_json(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _runs(count: int) -> str:
    return f"medians of {count} runs" if count > 1 else "one run"


def _medians(runs: Sequence[Figures]) -> Figures:
    names = dict.fromkeys(name for run in runs for name in run)
    return {name: statistics.median(run[name] for run in runs if name in run) for name in names}


def _figures_table(medians: Mapping[str, Figures]) -> str:
    systems = list(medians)
    ours = {"direct", PLAIN.name, BILLED.name}
    peers = [name for name in systems if name not in ours and not is_turn(name)]
    rows = []
    for metric in METRICS:
        cells = [_cell(medians[system].get(metric.name), metric.digits) for system in systems]
        if any(cell != "-" for cell in cells):
            rows.append([metric.label, *cells, *(_ratio(metric, medians, peer) for peer in peers)])
    return table(["what", *systems, *(f"better than {peer}" for peer in peers)], rows)


def _ratio(metric: Metric, medians: Mapping[str, Figures], peer: str) -> str:
    """How many times better this gateway is; below 1 it is worse."""
    ours, theirs = medians["this gateway"].get(metric.name), medians[peer].get(metric.name)
    if ours is None or theirs is None or ours <= 0 or theirs <= 0:
        return "-"
    return f"{ours / theirs if metric.more_is_better else theirs / ours:.1f} x"


def _bars_table(medians: Mapping[str, Figures]) -> str:
    rows = [row for bar in BARS if (row := _bar_row(bar, medians)) is not None]
    return table(["bar", "at least", "stretch", "measured", "verdict"], rows)


def _bar_row(bar: Bar, medians: Mapping[str, Figures]) -> list[str] | None:
    try:
        figure = bar.figure(medians)
    except KeyError:
        return None
    reached = [
        bound is not None and (figure >= bound if bar.up else figure <= bound) for bound in (bar.least, bar.stretch)
    ]
    verdict = "stretch reached" if reached[1] else "reached" if reached[0] else "not reached"
    stretch = "-" if bar.stretch is None else f"{bar.stretch:,g}"
    return [bar.label, f"{bar.least:,g}", stretch, _cell(figure, bar.digits), verdict]


def _cell(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"
