"""``router providers``, ``router plugins`` and ``router doctor``."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from router.errors import KINDS
from router.plugin_host.registry import Plugin, Registry
from router.providers.probe import REMEDIES
from router.testing import Answer, Gateway, ScriptedUpstream, free_port

pytestmark = pytest.mark.slow


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream(api_key="sk-right") as server:
        yield server


def acme(upstream: ScriptedUpstream, key: str = "sk-right", models: str = '["gpt-4o"]') -> str:
    section = f'\n[providers.acme]\nkind = "compatible"\nbase_url = "{upstream.url}"\n'
    return f'{section}api_key = "{key}"\nmodels = {models}\n'


def test_list_says_what_to_set(router) -> None:
    rows = {row["name"]: row for row in router.json("providers", "list")}
    assert rows["echo"]["active"] is True
    assert rows["openai"]["state"] == "set the environment variable OPENAI_API_KEY"
    assert rows["openai"]["base_url"] == "https://api.openai.com/v1"
    assert rows["openai"]["models"] > 0
    rows = {row["name"]: row for row in router.json("providers", "list", env={"OPENAI_API_KEY": "sk-x"})}
    assert rows["openai"]["state"] == "active"


def test_a_tiny_call_succeeds(router, upstream: ScriptedUpstream) -> None:
    router.write(acme(upstream))
    value = router.json("providers", "test", "acme")
    assert (value["ok"], value["model"], value["status"], value["kind"]) == (True, "gpt-4o", 200, "ok")
    assert upstream.last.json()["max_tokens"] == 16
    assert router.json("providers", "test", "acme", "--model", "other")["model"] == "other"
    assert router.json("providers", "test", "echo")["ok"] is True


@pytest.mark.parametrize(
    ("answer", "kind", "status"),
    [
        (Answer.error(401, "Incorrect API key"), "auth", 401),
        (Answer.error(429, "You exceeded your quota", code="insufficient_quota"), "billing", 429),
        (Answer.error(404, "no such model"), "not_found", 404),
        (Answer(b"<html>welcome</html>", headers={"Content-Type": "text/html"}), "malformed", None),
        (Answer({"error": {"message": "overloaded", "type": "server_error"}}), "server", 200),
    ],
)
def test_a_failure_has_its_kind_and_a_remedy(
    router, upstream: ScriptedUpstream, answer: Answer, kind: str, status: int | None
) -> None:
    router.write(acme(upstream))
    upstream.script(answer)
    run = router("providers", "test", "acme", "--json")
    assert run.status == 1
    assert (run.value["ok"], run.value["kind"], run.value["status"]) == (False, kind, status)
    assert run.value["remedy"] == REMEDIES[kind]
    assert "sk-right" not in run.out + run.err


def test_a_refused_connection_is_a_result(router, upstream: ScriptedUpstream) -> None:
    router.write(acme(upstream).replace(str(upstream.port), str(free_port())))
    run = router("providers", "test", "acme")
    assert run.status == 1
    assert "kind        connection" in run.out
    assert "check base_url" in run.out


def test_each_endpoint_is_called_with_its_own_key(router, upstream: ScriptedUpstream) -> None:
    endpoints = '[{ api_key = "sk-right" }, { api_key = "sk-wrong" }]'
    router.write(f"{acme(upstream)}endpoints = {endpoints}\n")
    run = router("providers", "test", "acme", "--json")
    assert run.status == 1
    assert [(one["endpoint"], one["kind"]) for one in run.value["endpoints"]] == [
        ("acme#1", "ok"),
        ("acme#2", "auth"),
    ]
    shown = {row["key"]: row["value"] for row in router.json("config", "show")}
    assert shown["providers.acme.endpoints.1.api_key"] == "***"
    details = [finding["detail"] for finding in findings(router)["secrets"]]
    assert any("endpoints" in detail for detail in details)


def test_every_kind_of_failure_has_a_remedy() -> None:
    assert set(REMEDIES) == set(KINDS)


def test_what_cannot_be_tested_is_refused(router, upstream: ScriptedUpstream) -> None:
    router.write(acme(upstream, models="[]"))
    assert "did you mean 'openai'?" in router.refused("providers", "test", "opnai")
    assert "set the environment variable OPENAI_API_KEY" in router.refused("providers", "test", "openai")
    assert "name one (--model)" in router.refused("providers", "test", "acme")


def test_plugins(router) -> None:
    rows = {row["name"]: row for row in router.json("plugins", "list")}
    assert rows["echo"]["state"] == "loaded"
    assert rows["echo"]["roles"] == ["provider"]
    assert {"chat", "embeddings"} <= set(rows["openai"]["hooks"])
    assert rows["standard"]["distribution"] == "tollrouter"
    router("config", "set", "plugins.disabled", "echo")
    rows = {row["name"]: row for row in router.json("plugins", "list")}
    assert rows["echo"]["state"] == "disabled"


def findings(router, **options) -> dict[str, list[dict[str, str]]]:
    run = router("doctor", "--json", "--ollama", f"http://127.0.0.1:{free_port()}", **options)
    assert run.status == (0 if run.value["ok"] else 1)
    found: dict[str, list[dict[str, str]]] = {}
    for finding in run.value["findings"]:
        found.setdefault(finding["check"], []).append(finding)
    return found


@pytest.fixture
def quiet(router):
    """A gateway whose ports nobody uses."""
    router("config", "set", "server.port", str(free_port()))
    router("config", "set", "portal.listen", f"127.0.0.1:{free_port()}")
    return router


def test_a_fresh_gateway_has_no_problem(quiet) -> None:
    found = findings(quiet)
    states = {check: {finding["state"] for finding in those} for check, those in found.items()}
    assert states.pop("providers") == {"ok", "hint", "warning"}
    assert [one["detail"] for one in found["providers"] if one["state"] == "warning"] == [
        "no provider with an upstream is set up"
    ]
    assert (states.pop("mail"), states.pop("portal")) == ({"hint"}, {"warning"}), "no mail server, and no master key"
    assert set().union(*states.values()) == {"ok"}
    assert {"python", "plugins", "configuration", "database", "files", "port"} <= set(states)
    hints = [finding["remedy"] for finding in found["providers"] if finding["state"] == "hint"]
    assert "set the environment variable OPENAI_API_KEY" in hints
    text = quiet("doctor", "--ollama", f"http://127.0.0.1:{free_port()}")
    assert text.out.rstrip().endswith("No problem.")


LACKING = """
[providers.openai]

[providers.acme]
kind = "compatible"
base_url = "http://127.0.0.1:{port}/v1"
models = ["large", "small"]

[providers.anything]
kind = "compatible"
base_url = "{url}"
"""
LACKS = {
    "the section [providers.openai] serves nothing": "set the environment variable OPENAI_API_KEY",
    "2 model(s) of acme have no price, and calls are refused: acme/large, acme/small": "models price acme/large",
    "anything passes on every model, and none of them has a price": "`router models sync anything`",
    "acme cannot be reached at http://127.0.0.1:{port}/v1: Connection refused": "providers.acme.base_url URL`",
    "nobody can set up a second factor": "ROUTER_MASTER_KEY",
}


def test_what_is_missing_is_said_with_its_cure(quiet, upstream: ScriptedUpstream) -> None:
    port = free_port()
    quiet.write(LACKING.format(port=port, url=upstream.url))
    found = findings(quiet)
    warned = {one["detail"]: one["remedy"] for those in found.values() for one in those if one["state"] == "warning"}
    for detail, remedy in LACKS.items():
        (said,) = [one for one in warned if one.startswith(detail.format(port=port))]
        assert remedy in warned[said]
    assert len(warned) == len(LACKS)
    quiet.json("models", "price", "acme/large", "--input", "1", "--output", "1")
    quiet.json("models", "price", "acme/small", "--free")
    assert not [one for one in findings(quiet)["models"] if "acme" in one["detail"]]


def test_the_start_and_readiness_say_what_is_missing(tmp_path: Path) -> None:
    sections = {"acme": {"kind": "compatible", "base_url": f"http://127.0.0.1:{free_port()}/v1", "models": ["large"]}}
    with Gateway(tmp_path, providers={"openai": {}, **sections}) as gateway:
        wanted = ("[providers.openai] serves nothing", "acme/large", "acme cannot be reached")
        deadline = time.monotonic() + 20
        while not all(any(one in json.dumps(line) for line in gateway.log) for one in wanted):
            assert time.monotonic() < deadline, gateway.log
            time.sleep(0.05)
        answer = requests.get(f"{gateway.url}/readyz", timeout=10)
        assert (answer.status_code, answer.json()["status"]) == (200, "ready")
        codes = {one["code"] for one in answer.json()["warnings"]}
        assert codes == {"provider_not_configured", "model_not_priced"}
        assert "acme" not in answer.text and "OPENAI" not in answer.text


def test_an_alias_that_leads_nowhere_is_a_warning(quiet) -> None:
    quiet.config.write_text('[aliases]\nbroken = "echo/ecko"\nwaiting = "openai/gpt-4o"\nfine = "echo/echo"\n')
    (found,) = findings(quiet)["aliases"]
    assert found["state"] == "warning"
    assert "'broken' is an alias of 'echo/ecko', which does not exist. Did you mean 'echo/echo'" in found["detail"]


def test_config_check_names_a_dead_alias(router) -> None:
    router.config.write_text(router.config.read_text().replace("[aliases]", '[aliases]\nbroken = "echo/ecko"'))
    (warning,) = router.json("config", "check")["warnings"]
    assert "'broken' is an alias of 'echo/ecko', which does not exist" in warning
    assert f"warning: {warning}" in router("config", "check").err
    (router.folder / "router.db").rename(router.folder / "away.db")
    (warning,) = router.json("config", "check")["warnings"]
    assert "the aliases could not be checked: " in warning and "router.db is not there" in warning


@pytest.mark.parametrize(
    ("url", "remedy"),
    [
        ("sqlite:///folder", "must name a file, and this is a folder"),
        ("sqlite:///nowhere/router.db", "make the folder"),
        ("sqlite:///router.toml", "put a backup in its place"),
        ("sqlite:///none.db", "make a new database: `router db migrate`"),
        ("postgresql://u:p@127.0.0.1:1/x", "start the server"),
    ],
)
def test_a_database_that_does_not_open_has_its_remedy(quiet, url: str, remedy: str) -> None:
    (quiet.folder / "folder").mkdir()
    (found,) = findings(quiet, env={"ROUTER__DATABASE__URL": url})["database"]
    assert (found["state"], remedy in found["remedy"]) == ("problem", True), found


def test_a_database_that_may_only_be_read_is_a_problem(quiet, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a disk that is mounted read-only; permissions do not bind root, whom tests may run as."""
    monkeypatch.setattr("os.access", lambda path, mode: not mode & os.W_OK)
    (found,) = findings(quiet)["database"]
    assert "can be read, but not written" in found["detail"] and "let this user read and write" in found["remedy"]


def test_files_that_others_can_read_and_plain_secrets_are_warnings(quiet) -> None:
    quiet.write('\n[providers.openai]\napi_key = "sk-plain"\n')
    quiet.config.chmod(0o644)
    (quiet.folder / "router.db").chmod(0o664)
    found = findings(quiet)
    assert [finding["state"] for finding in found["files"]] == ["warning", "warning"]
    assert found["files"][0]["remedy"] == f"chmod 600 {quiet.config}"
    assert found["secrets"][0]["state"] == "warning"
    assert f"{quiet.config}, line " in found["secrets"][0]["detail"]
    quiet("config", "set", "providers.openai.api_key", "env:OPENAI_API_KEY")
    assert "secrets" not in findings(quiet, env={"ROUTER__PROVIDERS__OPENAI__API_KEY": "sk-environment"})


def test_problems_are_found_together(quiet) -> None:
    (quiet.folder / "router.db").unlink()
    quiet.config.write_text(quiet.config.read_text().replace('profile = "standard"', 'profile = "standrad"'))
    found = findings(quiet)
    assert found["configuration"][0]["state"] == "problem"
    assert found["database"][0]["state"] == "problem"
    quiet.config.write_text("[server\n")
    assert findings(quiet)["configuration"][0]["state"] == "problem"


def test_a_taken_port_is_a_problem(quiet) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        quiet("config", "set", "server.port", str(other.getsockname()[1]))
        finding = findings(quiet)["port"][0]
    assert finding["state"] == "problem"
    assert "[server] host and port" in finding["remedy"]


def test_a_gateway_on_the_port_is_no_problem(quiet, upstream: ScriptedUpstream) -> None:
    upstream.on("/healthz", Answer({"status": "ok"}))
    quiet("config", "set", "server.port", str(upstream.port))
    assert findings(quiet)["port"][0]["state"] == "ok"


def test_a_local_ollama_is_a_hint_until_it_is_used(quiet, upstream: ScriptedUpstream) -> None:
    upstream.on("/api/version", Answer({"version": "0.12"}))
    url = f"http://127.0.0.1:{upstream.port}"
    finding = quiet.json("doctor", "--ollama", url)["findings"][-1]
    assert (finding["check"], finding["state"]) == ("ollama", "hint")
    assert f'[providers.ollama] base_url = "{url}"' in finding["remedy"]
    quiet.write(f'\n[providers.ollama]\nbase_url = "{url}"\n')
    assert quiet.json("doctor", "--ollama", url)["findings"][-1]["check"] != "ollama"


def test_a_plugin_that_does_not_load_is_a_problem(quiet, monkeypatch: pytest.MonkeyPatch) -> None:
    from router.app import installed as plugged

    real = plugged.registry_of_settings

    def with_broken(settings) -> Registry:
        return Registry(
            [*real(settings).plugins.values(), Plugin("broken", "broken-dist", "1", "failed", "no such hook")]
        )

    monkeypatch.setattr(plugged, "registry_of_settings", with_broken)
    finding = findings(quiet)["plugins"][0]
    assert finding["state"] == "problem"
    assert "broken is not loaded: no such hook" in finding["detail"]
    assert "broken-dist" in finding["remedy"]
    assert "no such hook" in quiet("plugins", "list").out
