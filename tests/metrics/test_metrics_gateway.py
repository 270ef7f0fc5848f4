"""Two workers and a portal under load: figures equal the ledger's, whatever becomes of workers; strangers get none."""

from __future__ import annotations

import http.client
import json
import os
import signal
import time
from pathlib import Path

import pytest
from scraped import MODEL, PORT, TOKEN, Figures, call_many, counted, figures, ledger, load_children, post, serving, wait

from router.testing import Gateway, GatewayFailed, ScriptedUpstream
from router.testing.upstream.scripts import Answer

pytestmark = pytest.mark.slow


def settled(gateway: Gateway) -> Figures:
    """The figures once they equal the ledger's, as they do a moment after the last call."""
    deadline = time.monotonic() + 20
    while True:
        rows, seen = ledger(gateway), figures(PORT)
        same = counted(seen, "router_calls_total") == rows["calls"] and counted(seen, "router_calls_under_way") == 0
        if same or time.monotonic() > deadline:
            return seen
        time.sleep(0.05)


def assert_equal(seen: Figures, rows: dict[str, int]) -> None:
    assert counted(seen, "router_calls_total") == rows["calls"]
    assert counted(seen, "router_calls_total", ending="ok") == rows["good"]
    for kind in ("prompt", "completion"):
        assert counted(seen, "router_tokens_total", kind=kind) == rows[kind]
    assert round(counted(seen, "router_charged_total") * 10**9) == rows["charge_nano"]
    assert counted(seen, "router_call_duration_seconds_count") == rows["calls"]


def rises(before: Figures, after: Figures) -> None:
    """No counter goes back, and none is lost."""
    for (name, labels), value in before.items():
        if name.endswith(("_total", "_count", "_bucket", "_sum")):
            assert after.get((name, labels), -1) >= value, (name, dict(labels), value)


def test_figures_equal_the_ledger(gateway: Gateway, upstream: ScriptedUpstream) -> None:
    assert set(call_many(gateway, 30)) == {200}
    assert set(call_many(gateway, 10, stream=True)) == {200}
    upstream.script(*[Answer.error(500)] * 3)
    assert call_many(gateway, 3) == [502] * 3
    assert post(gateway, "/v1/chat/completions", b"{}", "sk-wrong") == 401
    seen = settled(gateway)
    assert_equal(seen, ledger(gateway))
    assert counted(seen, "router_calls_total", ending="error", model=MODEL, provider="openai", surface="chat") == 3
    assert counted(seen, "router_call_errors_total", code="upstream_server_error") == 3
    assert counted(seen, "router_upstream_attempts_total", provider="openai", kind="server") == 3
    assert counted(seen, "router_refusals_total", code="invalid_api_key", status="401") == 1
    assert counted(seen, "router_charged_total") > 0
    assert counted(seen, "router_journal_operations_total") >= 2 * 43
    assert counted(seen, "router_endpoints", provider="openai", state="closed") >= 1
    assert {dict(has)["worker"] for name, has in seen if name == "router_resident_memory_bytes"} >= {"0", "1"}


def test_answers_of_caches_are_counted(gateway: Gateway) -> None:
    def hit() -> bool:
        call_many(gateway, 1, temperature=0)
        return counted(figures(PORT), "router_cached_answers_total", plugin="cache") >= 1

    wait(hit)
    assert_equal(settled(gateway), ledger(gateway))


def test_a_killed_worker_takes_nothing_along_and_a_reload_neither(gateway: Gateway) -> None:
    call_many(gateway, 10)
    before = settled(gateway)
    victim = load_children(gateway.pid)[0]
    os.kill(victim, signal.SIGKILL)
    wait(lambda: counted(figures(PORT), "router_worker_deaths_total", process="gateway") == 1)
    wait(lambda: victim not in load_children(gateway.pid) and serving() == 2)
    rises(before, figures(PORT))
    call_many(gateway, 10)
    between = settled(gateway)
    assert_equal(between, ledger(gateway))
    old = set(load_children(gateway.pid))
    os.kill(gateway.pid, signal.SIGHUP)
    wait(lambda: len(new := set(load_children(gateway.pid))) == 2 and not new & old)
    call_many(gateway, 10)
    after = settled(gateway)
    rises(between, after)
    assert_equal(after, ledger(gateway))
    assert counted(after, "router_reloads_total", outcome="ok", process="gateway") == 1
    assert counted(after, "router_worker_deaths_total", process="gateway") == 1


def test_a_reload_that_is_given_up_is_counted(gateway: Gateway) -> None:
    good = gateway.config_path.read_text()
    gateway.config_path.write_text(good + "\n[nonsense]\n")
    os.kill(gateway.pid, signal.SIGHUP)
    try:
        wait(lambda: counted(figures(PORT), "router_reloads_total", outcome="given_up", process="gateway") == 1)
    finally:
        gateway.config_path.write_text(good)


def test_the_portal_and_the_database_are_told_of(gateway: Gateway) -> None:
    wait(lambda: counted(figures(PORT), "router_workers", process="portal", state="serving") == 1)
    wait(lambda: counted(figures(PORT), "router_resident_memory_bytes", process="portal") > 2**20)
    wait(lambda: counted(figures(PORT), "router_workers_alive") >= 2)
    seen = figures(PORT)
    assert counted(seen, "router_job_runs_total", task="metrics", outcome="ok") >= 1
    for name in ("router_holds", "router_mails", "router_topups_open", "router_ledger_events_total"):
        assert any(one == name for one, _ in seen), name


def test_neither_the_api_nor_the_portal_serves_them(gateway: Gateway) -> None:
    for port in (gateway.port, gateway.portal_port):
        for headers in ({}, {"Authorization": f"Bearer {TOKEN}"}, {"Authorization": f"Bearer {gateway.api_key}"}):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", "/metrics", headers=headers)
            answer = connection.getresponse()
            assert answer.status in (401, 404) and b"router_calls" not in answer.read()
            connection.close()


def test_strangers_at_the_listener_see_nothing(gateway: Gateway) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=10)
    connection.request("GET", "/metrics", headers={"Authorization": f"Bearer {gateway.api_key}"})
    answer = connection.getresponse()
    assert answer.status == 401 and b"router_" not in answer.read()
    connection.close()


def test_made_up_models_paths_and_keys_leave_the_number_of_series(gateway: Gateway) -> None:
    def make_up(number: int) -> None:
        for model in (f"acme/made-up-{number}", f"openai/made-up-{number}", f"x{number}"):
            body = json.dumps({"model": model, "messages": [{"role": "user", "content": "hello"}]}).encode()
            post(gateway, "/v1/chat/completions", body)
            post(gateway, f"/v1/{number}/completions", body, f"sk-{number}")
            post(gateway, "/v1/chat/completions", body, f"sk-{number}")

    for number in range(4):
        make_up(number)
    before = settled(gateway)
    for number in range(4, 24):
        make_up(number)
    after = settled(gateway)
    assert after.keys() == before.keys()
    assert counted(after, "router_refusals_total", status="404") > counted(
        before, "router_refusals_total", status="404"
    )
    assert "made-up" not in str(after)


def test_after_a_restart_it_begins_anew(gateway: Gateway) -> None:
    gateway.stop()
    gateway.start()
    seen = figures(PORT)
    assert counted(seen, "router_calls_total") == 0
    known = ledger(gateway)["calls"]
    call_many(gateway, 5)
    wait(lambda: counted(figures(PORT), "router_calls_total") == ledger(gateway)["calls"] - known == 5)


def test_a_bad_listener_is_refused_at_the_start(tmp_path: Path) -> None:
    other = Gateway(tmp_path / "other", config={"metrics": {"listen": "0.0.0.0:9464"}}, start=False)
    for listen, said in (("0.0.0.0:9464", "can be reached from other machines"), (f"127.0.0.1:{PORT}", "has the port")):
        other.configure({"metrics": {"listen": listen}})
        with pytest.raises(GatewayFailed) as failed:
            other.start()
        told = str(failed.value)
        assert said in told and "[metrics]" in told and "Traceback" not in told
