"""Sheets and what is made of them: a kill loses nothing, counters never go back, the number of series is bounded."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from router.metrics.call_meter import CallMeter
from router.metrics.exposition import expose
from router.metrics.families import FAMILIES, MODELS_MOST
from router.metrics.gathering import GATEWAY, PORTAL, GatheredSheet, Gathering, Totals
from router.metrics.sheet import MetricSheet, SheetFile, map_sheet
from router.metrics.worker_metrics import WorkerMetrics
from router.types.records import Attempt, CallRecord, Units

pytestmark = pytest.mark.slow

RECORD = CallRecord(
    request_id="req_1",
    created_at=0.0,
    route="chat",
    account="acc_1",
    key="key_1",
    model="openai/gpt-4o",
    provider="openai",
    upstream_model="gpt-4o",
    status=200,
    ending="ok",
    error_code="",
    streamed=False,
    prompt_tokens=7,
    completion_tokens=3,
    cached_tokens=2,
    reasoning_tokens=0,
    estimated=False,
    latency_ms=40,
    first_token_ms=30,
    attempts=(Attempt("openai", "gpt-4o", "ok", 200, 30),),
    charge_nano=1_500_000_001,
    cost_nano=1_000_000_000,
    units=Units(images=2),
)


def told(totals: Totals) -> dict[str, float]:
    """``name{label=value}`` -> value, as a client of Prometheus' own reads it."""
    content_type, body = expose(totals, "")
    assert content_type.startswith("text/plain")
    return {
        f"{sample.name}{{{','.join(f'{name}={value}' for name, value in sorted(sample.labels.items()))}}}": sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


def gathering(now_ms: int = 1000) -> Gathering:
    return Gathering(lambda: now_ms)


def shared(gathered: Gathering, process: str = GATEWAY) -> tuple[MetricSheet, GatheredSheet]:
    """A process's sheet, and the master's side of it."""
    theirs = gathered.open(process)
    sheet = MetricSheet()
    sheet.move_to(map_sheet(theirs.file.fd))
    return sheet, theirs


def test_a_call_is_told_as_its_row_has_it() -> None:
    gathered = gathering()
    sheet, _ = shared(gathered)
    meter = CallMeter(sheet, lambda model: True)
    meter.finished(RECORD)
    failed = replace(
        RECORD, ending="cut", error_code="upstream_timeout", cost_nano=None, estimated=True, marks=("over_bound",)
    )
    meter.finished(replace(failed, attempts=(Attempt("openai", "m", "timeout", None, 9), *RECORD.attempts)))
    seen = told(gathered.totals())
    of_model = "model=openai/gpt-4o,provider=openai,surface=chat"
    assert seen[f"router_calls_total{{ending=ok,{of_model}}}"] == 1
    assert seen[f"router_calls_total{{ending=cut,{of_model}}}"] == 1
    assert seen[f"router_tokens_total{{kind=prompt,{of_model}}}"] == 14
    assert seen[f"router_tokens_total{{kind=cached,{of_model}}}"] == 4
    assert seen[f"router_units_total{{{of_model},unit=images}}"] == 4
    assert seen[f"router_charged_total{{{of_model}}}"] == 3.000000002
    assert seen[f"router_cost_total{{{of_model}}}"] == 1
    assert seen["router_upstream_attempts_total{kind=timeout,provider=openai}"] == 1
    assert seen["router_upstream_attempts_total{kind=ok,provider=openai}"] == 2
    assert seen["router_call_errors_total{code=upstream_timeout,surface=chat}"] == 1
    for mark in ("estimated", "over_bound"):
        assert seen[f"router_doubtful_usage_total{{mark={mark},provider=openai}}"] == 1
    buckets = "router_first_output_seconds_bucket{le=%s,model=openai/gpt-4o,provider=openai,surface=chat}"
    assert [seen[buckets % bound] for bound in ("0.025", "0.05", "+Inf")] == [0, 2, 2]
    assert seen[f"router_first_output_seconds_sum{{{of_model}}}"] == 0.06


def test_a_bound_is_within_its_bucket() -> None:
    meter = CallMeter(sheet := MetricSheet(), lambda model: True)
    for latency_ms in (10, 11, 600_000, 600_001):
        meter.finished(replace(RECORD, latency_ms=latency_ms, first_token_ms=None))
    numbers = next(numbers for family, _, numbers in sheet.series() if family.name == "call_duration_seconds")
    assert (numbers[0], numbers[1], numbers[2], numbers[-2], numbers[-1]) == (1_200_022, 1, 1, 1, 1)


def test_what_a_killed_process_has_counted_stays() -> None:
    gathered = gathering()
    theirs = gathered.open(GATEWAY)
    os.set_inheritable(theirs.file.fd, True)
    code = (
        "import os, signal\nfrom router.metrics.sheet import MetricSheet, map_sheet\nsheet = MetricSheet()\n"
        f"sheet.add('replays', 'chat')\nsheet.move_to(map_sheet({theirs.file.fd}))\n"
        "sheet.add('replays', 'chat', by=4)\n"
        "sheet.put('connections', value=9)\nos.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", code], close_fds=False, timeout=30, check=False)
    assert killed.returncode == -9
    before = told(gathered.totals())
    gathered.close(theirs)
    gathered.close(theirs)  # harmless
    after = told(gathered.totals())
    assert before["router_replays_total{surface=chat}"] == after["router_replays_total{surface=chat}"] == 5
    assert before["router_connections{process=gateway,worker=0}"] == 9
    assert "router_connections{process=gateway,worker=0}" not in after


def test_processes_are_added_up_and_places_are_taken_again() -> None:
    gathered = gathering()
    first, its = shared(gathered)
    second, _ = shared(gathered)
    page, _ = shared(gathered, PORTAL)
    for number, sheet in enumerate((first, second, page), 1):
        sheet.add("replays", "chat", by=number)
        sheet.put("connections", value=number)
        sheet.observe("event_loop_lag_seconds", 1000 * number)
        sheet.put("job_last_success_timestamp_seconds", "sweep", value=1000 * number)
    seen = told(gathered.totals())
    assert seen["router_replays_total{surface=chat}"] == 6
    assert seen["router_connections{process=gateway,worker=1}"] == 2
    assert seen["router_connections{process=portal,worker=0}"] == 3
    assert seen["router_event_loop_lag_seconds_count{process=gateway}"] == 2
    assert seen["router_job_last_success_timestamp_seconds{task=sweep}"] == 3
    gathered.close(its)
    third, _ = shared(gathered)
    third.put("connections", value=30)
    again = told(gathered.totals())
    assert again["router_connections{process=gateway,worker=0}"] == 30
    assert again["router_replays_total{surface=chat}"] == 6
    assert sorted(again) == sorted(seen)


def test_what_the_database_told_is_that_of_whoever_read_last_and_goes_when_it_is_old() -> None:
    now_ms = [100_000]
    gathered = Gathering(lambda: now_ms[0])
    first, second = WorkerMetrics(), WorkerMetrics()
    for metrics in (first, second):
        theirs = gathered.open(GATEWAY)
        metrics.sheet.move_to(map_sheet(theirs.file.fd))
    first.read([("holds", (), 7), ("mails", ("due",), 2)], 80.0)
    second.read([("holds", (), 5)], 90.0)
    seen = told(gathered.totals())
    assert seen["router_holds{}"] == 5 and "router_mails{status=due}" not in seen
    now_ms[0] = 151_000
    assert "router_holds{}" not in told(gathered.totals())


def test_made_up_models_paths_and_codes_make_no_series() -> None:
    gathered = gathering()
    sheet, _ = shared(gathered)
    meter = CallMeter(sheet, lambda model: model == RECORD.model)
    counts = []
    for number in range(10_000):
        made_up = replace(RECORD, model=f"acme/{number}", key=f"key_{number}", account=f"acc_{number}")
        meter.finished(made_up)
        meter.refused("", 404, "not_found", f"path{number}")
        meter.refused("/v1/chat/completions", 404, "model_not_priced", f"acme/{number}")
        if number in (0, 99, 9_999):
            counts.append(len(told(gathered.totals())))
    assert counts[0] == counts[1] == counts[2] < 100
    seen = told(gathered.totals())
    assert seen["router_calls_total{ending=ok,model=other,provider=openai,surface=chat}"] == 10_000
    assert seen["router_unpriced_asks_total{model=other}"] == 10_000
    assert "acc_" not in str(seen) and "key_" not in str(seen)
    assert len(meter._places) <= 1


def test_a_catalogue_of_any_size_is_bounded_in_each_process_and_in_all_together() -> None:
    gathered = gathering()
    for process in range(3):
        sheet, theirs = shared(gathered)
        meter = CallMeter(sheet, lambda model: True)
        for number in range(2 * MODELS_MOST):
            meter.finished(replace(RECORD, model=f"acme/{process}-{number}"))
        if process == 1:
            gathered.close(theirs)
    totals = gathered.totals()
    sets = [labels for family, labels in totals if family.name == "charged"]
    assert len(sets) == MODELS_MOST + 1
    charged = sum(numbers[0] for (family, _), numbers in totals.items() if family.name == "charged")
    assert charged == 6 * MODELS_MOST * RECORD.charge_nano


def test_a_full_sheet_counts_on_where_it_can() -> None:
    sheet = MetricSheet()
    for name in FAMILIES:
        for number in range(3_000):
            sheet.add(name, *(f"{'x' * 100}{number}" for _ in FAMILIES[name].labels))
    assert sheet.cells[1] <= 1_048_576
    assert max(len(labels) for _, labels, _ in sheet.series()) <= 4


def test_what_another_version_counts_is_left_out() -> None:
    file = SheetFile()
    sheet = MetricSheet()
    sheet.add("replays", "chat")
    sheet.move_to(map_sheet(file.fd))
    assert [labels for _, labels, _ in file.read()[1]] == [("chat",)]
    line = b'[1, "unheard_of", "x"]\n'
    whole, used = map_sheet(file.fd), sheet.cells[1]
    whole[8 * 49_152 + used : 8 * 49_152 + used + len(line)] = line
    sheet.cells[1] = used + len(line)
    assert [family.name for family, _, _ in file.read()[1]] == ["replays"]
    sheet.cells[0] = 99  # another layout
    assert file.read() == (0, [])
    file.close()


def test_a_sampler_that_fails_is_told_once_and_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    metrics = WorkerMetrics()
    metrics.samplers.append(lambda: [("no_such", (), 1)])
    metrics.samplers.append(lambda: [("connections", (), 3)])
    metrics.sample()
    metrics.sample()
    assert metrics.sheet.cells[metrics.sheet.place("connections")] == 3
    assert [record.name for record in caplog.records] == ["router.metrics"]


def test_a_job_is_counted_from_zero() -> None:
    metrics = WorkerMetrics()
    metrics.job_done("sweep", False)
    metrics.job_done("sweep", True)
    counted = {labels: numbers[0] for family, labels, numbers in metrics.sheet.series() if family.name == "job_runs"}
    assert counted == {("sweep", "failed"): 1, ("sweep", "ok"): 1}
    at = metrics.sheet.cells[metrics.sheet.place("job_last_success_timestamp_seconds", "sweep")] / 1000
    assert abs(at - time.time()) < 60


def test_no_label_names_a_customer_and_none_is_what_prometheus_takes_for_itself() -> None:
    labels = {label for family in FAMILIES.values() for label in family.all_labels}
    assert labels.isdisjoint({"account", "key", "person", "path", "address", "job", "instance", "le", "quantile"})
    assert all(family.meaning.endswith(".") for family in FAMILIES.values())


def test_labels_from_elsewhere_are_text_of_a_bounded_length() -> None:
    sheet = MetricSheet()
    for code in ("bad\ud800", "bad?", "x" * 5000, "x" * 6000):
        sheet.add("refusals", "/v1/x", "400", code)
    found = {labels[2]: numbers for _, labels, numbers in sheet.series()}
    assert found == {"bad?": [2], "x" * 200: [2]}
    assert b"bad?" in expose({(family, labels): numbers for family, labels, numbers in sheet.series()}, "")[1]
