"""The real Prometheus reads a gateway of two workers, with the files of ``deploy``: its sums are the ledger's, its
alerts fire when they should, and every query of the Grafana board finds something.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from alert_cases import ALERT_CASES, promtool_tests
from jsonschema import Draft202012Validator
from scraped import PORT, TOKEN, call_many, counted, figures, ledger, wait

from router.metrics.families import FAMILIES
from router.testing import Gateway, ScriptedUpstream, free_port
from router.testing.upstream.scripts import Answer

pytestmark = pytest.mark.slow

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
ALERTS = DEPLOY / "prometheus" / "alerts.yml"
BOARD = json.loads((DEPLOY / "grafana" / "router.json").read_text(encoding="utf-8"))
SCHEMA = json.loads((Path(__file__).with_name("board_schema.json")).read_text(encoding="utf-8"))
needs_prometheus = pytest.mark.skipif(
    not (shutil.which("prometheus") and shutil.which("promtool")), reason="Prometheus is not installed"
)


class Server:
    """A Prometheus; ``ask`` gives what its API answers."""

    def __init__(self, port: int) -> None:
        self.port = port

    def ask(self, path: str, **values: str) -> Any:
        url = f"http://127.0.0.1:{self.port}/{path}?{urllib.parse.urlencode(values)}"
        with urllib.request.urlopen(url, timeout=20) as answer:
            return json.load(answer)["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask("api/v1/query", query=expression)["result"]
        return found

    def sum(self, name: str, selector: str = "") -> float:
        found = self.query(f"sum({name}{selector})")
        return float(found[0]["value"][1]) if found else 0.0

    def ready(self) -> bool:
        try:
            return bool(self.ask("api/v1/targets")["activeTargets"])
        except OSError:
            return False


def configured(folder: Path) -> Path:
    """The shipped configuration, with another target and a second between two looks."""
    config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    (job,) = config["scrape_configs"]
    job["static_configs"] = [{"targets": [f"127.0.0.1:{PORT}"]}]
    (folder / "router.token").write_text(TOKEN)
    shutil.copy(ALERTS, folder)
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(config))
    return path


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder, server = tmp_path_factory.mktemp("prometheus"), Server(free_port())
    command = ["prometheus", f"--config.file={configured(folder)}", f"--storage.tsdb.path={folder / 'data'}"]
    command += [f"--web.listen-address=127.0.0.1:{server.port}", "--log.level=warn"]
    with (folder / "log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            wait(server.ready)
            yield server
        finally:
            process.terminate()
            process.wait(20)


def board_queries() -> Iterator[tuple[str, str]]:
    """Title and expression of all panels, with the variables as they are when all is chosen."""
    known = {"$__rate_interval": "10s", "$provider": ".*", "$model": ".*", "$instance": ".*"}
    for panel in BOARD["panels"]:
        for target in panel.get("targets", ()):
            expression = target["expr"]
            for name, value in known.items():
                expression = expression.replace(name, value)
            assert "$" not in expression, (panel["title"], expression)
            yield panel["title"], expression


def told(prometheus: Server) -> dict[str, int]:
    """What the ledger has, as Prometheus has it."""
    return {
        "calls": int(prometheus.sum("router_calls_total")),
        "prompt": int(prometheus.sum("router_tokens_total", '{kind="prompt"}')),
        "completion": int(prometheus.sum("router_tokens_total", '{kind="completion"}')),
        "charge_nano": round(prometheus.sum("router_charged_total") * 10**9),
        "good": int(prometheus.sum("router_calls_total", '{ending="ok"}')),
    }


@needs_prometheus
@pytest.mark.timeout(300)
def test_its_sums_are_the_ledgers_and_the_board_has_data(
    gateway: Gateway, upstream: ScriptedUpstream, prometheus: Server
) -> None:
    wait(lambda: counted(figures(PORT), "router_calls_under_way") == 0)
    rows, seen = ledger(gateway), figures(PORT)  # other tests have called, and may have restarted the gateway
    earlier = {"calls": rows["calls"] - counted(seen, "router_calls_total")}
    earlier["good"] = rows["good"] - counted(seen, "router_calls_total", ending="ok")
    earlier["charge_nano"] = rows["charge_nano"] - round(counted(seen, "router_charged_total") * 10**9)
    for kind in ("prompt", "completion"):
        earlier[kind] = rows[kind] - counted(seen, "router_tokens_total", kind=kind)
    stop = threading.Event()

    def load() -> None:
        while not stop.is_set():
            upstream.script(Answer.error(500))
            call_many(gateway, 8)
            call_many(gateway, 4, model="openai/nobody-knows")
            call_many(gateway, 4, stream=True)
            stop.wait(0.2)

    loading = threading.Thread(target=load)
    loading.start()
    missing = dict.fromkeys(board_queries())
    try:
        wait(lambda: not _still_without(prometheus, missing))
    finally:
        stop.set()
        loading.join()
        assert not missing, "these panels are empty"
    wait(lambda: told(prometheus) == {name: ledger(gateway)[name] - count for name, count in earlier.items()})
    assert told(prometheus)["calls"] > 20 and told(prometheus)["charge_nano"] > 0


def _still_without(prometheus: Server, missing: dict[tuple[str, str], None]) -> bool:
    for expression in list(missing):
        if prometheus.query(expression[1]):
            del missing[expression]
    return bool(missing)


@needs_prometheus
def test_the_alerts_are_read_without_a_fault_and_none_fires_that_should_not(prometheus: Server) -> None:
    wait(lambda: all(rule["lastEvaluation"][:4] > "0001" for rule in _rules(prometheus)))
    rules = _rules(prometheus)
    assert {rule["name"] for rule in rules} == set(ALERT_CASES)
    assert [(rule["name"], rule["lastError"]) for rule in rules if rule["health"] != "ok"] == []
    firing = {rule["name"] for rule in rules if rule["state"] == "firing"}
    assert firing <= {"RouterWorkersDie", "RouterReloadGivenUp", "RouterModelsWithoutPrice"}, "other tests do these"


def _rules(prometheus: Server) -> list[dict[str, Any]]:
    return [rule for group in prometheus.ask("api/v1/rules")["groups"] for rule in group["rules"]]


@needs_prometheus
def test_each_alert_fires_when_it_should_and_not_else(tmp_path: Path) -> None:
    path = tmp_path / "tests.yml"
    path.write_text(yaml.safe_dump(promtool_tests(str(ALERTS))))
    for command in (["check", "rules", str(ALERTS)], ["test", "rules", str(path)]):
        done = subprocess.run(["promtool", *command], capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@needs_prometheus
def test_the_shipped_configuration_is_right(tmp_path: Path) -> None:
    done = subprocess.run(
        ["promtool", "check", "config", str(configured(tmp_path))],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_its_cases_and_says_what_to_do() -> None:
    (group,) = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    assert {rule["alert"] for rule in group["rules"]} == set(ALERT_CASES)
    for rule in group["rules"]:
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert set(rule["annotations"]) == {"summary", "description"}


def test_the_board_is_one_of_grafanas() -> None:
    assert [error.message for error in Draft202012Validator(SCHEMA).iter_errors(BOARD)] == []
    numbers = [panel["id"] for panel in BOARD["panels"]]
    assert len(numbers) == len(set(numbers))
    places = [panel["gridPos"] for panel in BOARD["panels"]]
    cells = [(x, y) for p in places for x in range(p["x"], p["x"] + p["w"]) for y in range(p["y"], p["y"] + p["h"])]
    assert len(cells) == len(set(cells)) and max(x for x, _ in cells) < 24


def test_files_name_series_that_there_are() -> None:
    shown = {f"{one.shown}{end}" for one in FAMILIES.values() for end in _endings(one.kind)}
    texts = [ALERTS.read_text(encoding="utf-8"), *(expression for _, expression in board_queries())]
    named = {name for text in texts for name in re.findall(r"\brouter_[a-z_]+", text)}
    assert named <= shown, named - shown


def _endings(kind: str) -> tuple[str, ...]:
    return ("", "_bucket", "_sum", "_count") if kind == "histogram" else ("",)
