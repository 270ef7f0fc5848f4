"""Tables, medians, bars, and the places in ``RESULTS.md`` that the benchmark rewrites."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.machine import BenchError
from bench.measure import Figures, add_differences
from bench.report import RESULTS, Report, table, write_between, write_json


def report(*runs: dict[str, Figures]) -> Report:
    return Report("make bench", "2026-01-31", {"cores": "2"}, list(runs))


def row(text: str, label: str) -> list[str]:
    line = next(line for line in text.splitlines() if line.startswith(f"| {label} "))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_table_lines_up() -> None:
    assert table(["what", "a"], [["x", "1,000"], ["longer", "-"]]).splitlines() == [
        "| what   |     a |",
        "| ------ | ----: |",
        "| x      | 1,000 |",
        "| longer |     - |",
    ]


def test_medians_are_of_the_runs_that_have_the_figure() -> None:
    made = report({"direct": {"a": 1.0}}, {"direct": {"a": 5.0, "b": 2.0}}, {"direct": {"a": 3.0}})
    assert made.medians() == {"direct": {"a": 3.0, "b": 2.0}}


def test_a_ratio_above_one_is_better_whichever_way_is_up() -> None:
    ours = {"chat_32_per_s": 3000.0, "start_s": 0.5}
    theirs = {"chat_32_per_s": 1000.0, "start_s": 1.0}
    text = report({"direct": {}, "this gateway": ours, "Portkey": theirs}).to_markdown()
    assert row(text, "chat, 32 connections: calls/s") == [
        "chat, 32 connections: calls/s",
        "-",
        "3,000",
        "1,000",
        "3.0 x",
    ]
    assert row(text, "start to first answer, s")[-1] == "2.0 x"
    assert row(text, "the same, times Portkey's")[1:] == ["2.5", "-", "3.00", "reached"]


@pytest.mark.parametrize(("idle_mb", "verdict"), [(54.0, "stretch reached"), (69.0, "reached"), (71.0, "not reached")])
def test_a_bar_is_reached_or_not(idle_mb: float, verdict: str) -> None:
    text = report({"direct": {}, "this gateway": {"idle_rss_mb": idle_mb}}).to_markdown()
    bars = text[text.index("| bar") :]
    assert row(bars, "memory of the worker, idle, MB (RSS)")[-1] == verdict
    assert "LiteLLM" not in bars  # what was not measured has no bar


def test_added_latency_is_that_above_the_direct_call() -> None:
    direct = {"chat_1_p50_ms": 0.1, "open_delay_p99_ms": 1.0}
    figures = {"chat_1_p50_ms": 0.75, "open_delay_p99_ms": 4.0}
    add_differences(figures, direct)
    assert figures["chat_1_added_p50_ms"] == pytest.approx(0.65)
    assert figures["open_added_p99_ms"] == pytest.approx(3.0)


def test_only_what_stands_between_the_markers_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "RESULTS.md"
    file.write_text("before\n<!-- bench:begin -->\nold\n<!-- bench:end -->\nafter\n", encoding="utf-8")
    write_between("bench", "new", file)
    assert file.read_text(encoding="utf-8") == "before\n<!-- bench:begin -->\nnew\n<!-- bench:end -->\nafter\n"
    with pytest.raises(BenchError, match="has no markers <!-- peers:begin -->"):
        write_between("peers", "new", file)


@pytest.mark.parametrize("name", ["bench", "billing", "peers", "portal", "portal-postgresql", "profile", "rows"])
def test_the_results_have_a_place_for_each_table(name: str) -> None:
    text = RESULTS.read_text(encoding="utf-8")
    assert text.count(f"<!-- {name}:begin -->") == text.count(f"<!-- {name}:end -->") == 1


def test_the_json_holds_every_run(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    write_json(report({"direct": {"a": 1.0}}, {"direct": {"a": 3.0}}), file)
    found = json.loads(file.read_text(encoding="utf-8"))
    assert [run["direct"]["a"] for run in found["runs"]] == [1.0, 3.0]
    assert found["medians"] == {"direct": {"a": 2.0}}
