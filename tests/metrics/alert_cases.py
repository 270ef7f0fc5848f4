"""For each alert what makes it fire, and what does not: series as ``promtool test rules`` reads them."""

from __future__ import annotations

from typing import Any

__all__ = ["ALERT_CASES", "promtool_tests"]

Series = dict[str, str]
_AT = "180m"
_I = 'instance="gw"'
_RISING, _STILL = "0+60x200", "5+0x200"


def _buckets(name: str, labels: str, late: bool) -> Series:
    """A histogram in which all is below the least bound, or above all but the last two."""
    low = "0+0x200" if late else _RISING
    named = f"{name}_bucket{{{_I}{labels}, le="
    bounds = {"0.1": low, "0.25": low, "10": low, "30": _RISING, "+Inf": _RISING}
    return {f'{named}"{bound}"}}': values for bound, values in bounds.items()} | {
        f"{name}_count{{{_I}{labels}}}": _RISING
    }


def _one(series: str, fires: str, not_: str) -> tuple[Series, Series]:
    return {series: fires}, {series: not_}


_OK_CALLS = f'router_calls_total{{{_I}, ending="ok"}}'
_BAD_CALLS = f'router_calls_total{{{_I}, ending="error"}}'
_OK_TRIES = 'router_upstream_attempts_total{provider="acme", kind="ok"}'
_BAD_TRIES = 'router_upstream_attempts_total{provider="acme", kind="server"}'
_EVENT = 'router_ledger_events_total{event="%s"}'

ALERT_CASES: dict[str, tuple[Series, Series]] = {
    "RouterDown": _one('up{job="router", instance="gw"}', "0+0x200", "1+0x200"),
    "RouterWithoutWorkers": _one(f'router_workers{{{_I}, process="gateway", state="serving"}}', "0+0x200", "2+0x200"),
    "RouterWorkersDie": _one(f'router_worker_deaths_total{{{_I}, process="gateway"}}', "0+1x200", _STILL),
    "RouterReloadGivenUp": _one(
        f'router_reloads_total{{{_I}, process="gateway", outcome="given_up"}}', "0+1x200", _STILL
    ),
    "RouterCallsFail": (
        {_OK_CALLS: _RISING, _BAD_CALLS: "0+6x200"},
        {_OK_CALLS: _RISING, _BAD_CALLS: "0+1x200"},
    ),
    "RouterRefusesInternally": _one(
        f'router_refusals_total{{{_I}, status="503", code="database_unavailable"}}', _RISING, _STILL
    ),
    "RouterFirstOutputLate": (
        _buckets("router_first_output_seconds", ', model="m"', True),
        _buckets("router_first_output_seconds", ', model="m"', False),
    ),
    "RouterProviderFails": (
        {_OK_TRIES: _RISING, _BAD_TRIES: "0+30x200"},
        {_OK_TRIES: _RISING, _BAD_TRIES: "0+3x200"},
    ),
    "RouterProviderRefusesKeyOrBill": _one(
        'router_upstream_attempts_total{provider="acme", kind="auth"}', "0+1x200", _STILL
    ),
    "RouterEndpointRests": _one(
        f'router_endpoints{{{_I}, provider="acme", endpoint="acme", state="open"}}', "1+0x200", "0+0x200"
    ),
    "RouterModelsWithoutPrice": _one('router_unpriced_asks_total{model="acme/a"}', "0+1x200", _STILL),
    "RouterLosesMoney": (
        {'router_cost_total{model="m"}': "0+2x200", 'router_charged_total{model="m"}': "0+1x200"},
        {'router_cost_total{model="m"}': "0+1x200", 'router_charged_total{model="m"}': "0+2x200"},
    ),
    "RouterUsageOverBound": _one(_EVENT % "over_bound", "0+1x200", _STILL),
    "RouterJournalWaits": _one(f'router_journal_oldest_seconds{{{_I}, worker="0"}}', "2+0x200", "0.1+0x200"),
    "RouterCommitsSlow": (
        _buckets("router_journal_commit_seconds", "", True),
        _buckets("router_journal_commit_seconds", "", False),
    ),
    "RouterJournalLost": _one(f"router_journal_lost_total{{{_I}}}", "0+1x200", _STILL),
    "RouterEventLoopLate": (
        _buckets("router_event_loop_lag_seconds", ', process="gateway"', True),
        _buckets("router_event_loop_lag_seconds", ', process="gateway"', False),
    ),
    "RouterMemoryGrows": _one(
        f'router_resident_memory_bytes{{{_I}, process="gateway", worker="0"}}', "2e9+0x200", "1e8+0x200"
    ),
    "RouterJobFails": _one('router_job_runs_total{task="sweep", outcome="failed"}', "0+1x200", _STILL),
    "RouterSweepStands": _one('router_job_last_success_timestamp_seconds{task="sweep"}', "0+0x200", "0+60x200"),
    "RouterHoldsStay": _one("router_hold_oldest_seconds", "9000+0x200", "60+0x200"),
    "RouterFiguresStale": _one("router_database_read_timestamp_seconds", "0+0x200", "0+60x200"),
    "RouterMailsWait": _one("router_mail_overdue_seconds", "1000+0x200", "10+0x200"),
    "RouterMailsFail": _one('router_mails{status="failed"}', "1+0x200", "0+0x200"),
    "RouterPaymentsBehind": _one("router_payment_watches_delayed", "1+0x200", "0+0x200"),
    "RouterBooksDiffer": _one("router_payment_differences", "1+0x200", "0+0x200"),
    "RouterPaymentRefused": _one('router_payment_facts_open{state="refused"}', "0+1x200", _STILL),
}
"""Alert -> series of minutes under which it fires, and under which it does not."""


def promtool_tests(rules: str) -> dict[str, Any]:
    """The tests as a file of ``promtool test rules`` has them.

    Args:
        rules: the file's path.
    """
    fires: Series = {}
    quiet: Series = {}
    for firing, not_ in ALERT_CASES.values():
        fires |= firing
        quiet |= not_
    each = [(f'count(ALERTS{{alertname="{name}", alertstate="firing"}})', 1) for name in ALERT_CASES]
    return {
        "rule_files": [rules],
        "evaluation_interval": "1m",
        "tests": [_test(fires, each), _test(quiet, [('count(ALERTS{alertstate="firing"})', 0)])],
    }


def _test(series: Series, expected: list[tuple[str, int]]) -> dict[str, Any]:
    looked = [
        {"expr": expression, "eval_time": _AT, "exp_samples": [{"labels": "{}", "value": count}] if count else []}
        for expression, count in expected
    ]
    given = [{"series": one, "values": values} for one, values in series.items()]
    return {"interval": "1m", "input_series": given, "promql_expr_test": looked}
