"""A plugin with a table, a job, a command, routes, a menu and an observer, and as one of two policies."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from third_party_kit import SECRET, ask, be_operator

from router.testing import Gateway, ScriptedUpstream

pytestmark = pytest.mark.slow

KEPT = {
    "coupons": {"B01", "B23", "H01", "H02", "H03", "H04", "H05", "H10", "H11", "H12"},
    "sealed": {"P34", "P67", "P68", "P69"},
    "gatekeeper": {"H01", "H10", "H20", "H21", "H22", "H23"},
}
MESSAGES: list[Any] = [{"role": "user", "content": "Hi"}]


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory, upstream: ScriptedUpstream, site: Callable[..., dict[str, str]]
) -> Iterator[Gateway]:
    config = {
        "gateway": {"billing": ["coupons", "prepaid"]},
        "plugins": {"coupons": {"calls_per_hour": 2, "sweep_s": 1.0}, "strict": True},
        "prices": {"open/x": {"input": "1", "output": "2"}},
    }
    sections = {"open": {"kind": "compatible", "base_url": upstream.url, "api_key": "k", "unlisted": True}}
    folder = tmp_path_factory.mktemp("gateway")
    with Gateway(folder, providers=sections, config=config, env=site("coupons", "stray")) as running:
        be_operator(running)
        yield running


def test_the_operator_adds_a_code_that_everybody_can_look_up(gateway: Gateway) -> None:
    code = {"code": "spring", "worth": 5, "until": time.time() + 1000}
    for secret in ("", "op-another", gateway.api_key):
        refused = ask(gateway, "/plugins/coupons/codes", code, secret=secret)
        assert (refused.status, refused.json["error"]["code"]) == (401, "operator_only")
    assert ask(gateway, "/plugins/coupons/codes", code, secret=SECRET).status == 201
    [entry] = [one for one in gateway.router("audit", "show") if one["action"] == "coupons add"]
    assert (entry["subject"], entry["detail"]["worth"]) == ("spring", code["worth"])
    found = ask(gateway, "/plugins/coupons/codes/spring")
    assert (found.status, found.json) == (200, {"code": "spring", "worth": 5})
    assert found.headers["x-request-id"].startswith("req")


def test_its_routes_are_described(gateway: Gateway) -> None:
    described = ask(gateway, "/openapi.json").json
    paths = {path: item for path, item in described["paths"].items() if path.startswith("/plugins/coupons/")}
    assert {path: list(item) for path, item in paths.items()} == {
        "/plugins/coupons/codes": ["post"],
        "/plugins/coupons/codes/{code}": ["get"],
        "/plugins/coupons/mine": ["get"],
        "/plugins/coupons/page": ["get"],
        "/plugins/coupons/page/note": ["post"],
        "/plugins/coupons/refused": ["get"],
    }
    add = paths["/plugins/coupons/codes"]["post"]
    assert (add["summary"], add["security"]) == ("Adds a code.", [{"operator": []}])
    assert {"201", "400", "401", "413", "503"} <= add["responses"].keys() and "200" not in add["responses"]
    assert add["requestBody"]["content"]["application/json"]["schema"]["required"] == ["code", "worth", "until"]
    one = paths["/plugins/coupons/codes/{code}"]["get"]
    assert (one["security"], [part["name"] for part in one["parameters"]]) == ([], ["code"])
    assert paths["/plugins/coupons/page"]["get"]["security"] == [{"session": []}]
    told = {path for path in ask(gateway, "/").json["paths"] if path.startswith("/plugins/")}
    assert told == {path for path in described["paths"] if path.startswith("/plugins/") and "{" not in path}
    assert {"operator", "session"} <= described["components"]["securitySchemes"].keys()


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/plugins/coupons/codes/none", None, 404, "not_found"),
        ("/plugins/coupons/codes", {"code": "x"}, 400, "invalid_request"),
        ("/plugins/coupons/codes", b"x" * 2000, 413, "request_too_large"),
        ("/plugins/coupons/mine/", None, 401, "invalid_api_key"),
        ("/plugins/coupons/page", None, 404, "no_portal"),
        ("/plugins/stray/holds", None, 500, "plugin_failed"),
        ("/plugins/stray/ends", None, 500, "plugin_failed"),
        ("/plugins/stray/nothing", None, 500, "plugin_failed"),
        ("/plugins/stray/headers", None, 500, "plugin_failed"),
        ("/plugins/stray/slow", None, 503, "plugin_timeout"),
    ],
)
def test_what_cannot_be_answered_is_an_error_in_the_gateway_s_shape(
    gateway: Gateway, path: str, body: object, status: int, code: str
) -> None:
    found = ask(gateway, path, body, secret=SECRET)
    assert (found.status, found.json["error"]["code"] or found.json["error"]["type"]) == (status, code)


def test_what_a_plugin_may_not_do_is_named_in_the_log(gateway: Gateway) -> None:
    ask(gateway, "/plugins/stray/holds")
    text = gateway.log_path.read_text()
    assert "plugin stray failed at route /holds" in text
    assert "may not touch 'holds': the names of its tables begin with 'stray_'" in text
    assert "may not touch 'elsewhere_things'" in text and "refused from version 0.4 on" in text


def test_a_route_for_keys_knows_whose_it_is(gateway: Gateway) -> None:
    assert ask(gateway, "/plugins/coupons/mine").status == 401
    found = ask(gateway, "/plugins/coupons/mine", secret=gateway.api_key)
    assert found.status == 200 and found.json["account"].startswith("acct_") and found.json["key"].startswith("key_")


def test_a_job_works_on_the_table(gateway: Gateway) -> None:
    late = {"code": "late", "worth": 1, "until": time.time() - 10}
    assert ask(gateway, "/plugins/coupons/codes", late, secret=SECRET).status == 201
    deadline = time.monotonic() + 60
    while ask(gateway, "/plugins/coupons/codes/late").status == 200:
        assert time.monotonic() < deadline, "no worker ran the job"
        time.sleep(0.2)


def test_a_command_has_database_and_settings(gateway: Gateway) -> None:
    value = gateway.router("coupons")
    assert value["an_hour"] == 2 and "late" not in {row["code"] for row in value["codes"]}


def test_show_tells_what_it_has(gateway: Gateway) -> None:
    value = gateway.router("plugins", "show", "coupons")
    assert value["menu"] == [{"title": "Coupons", "path": "/plugins/coupons/page", "audience": "customer"}]
    assert value["jobs"] == [{"name": "coupons:sweep", "every_s": 1.0}]
    assert {"path": "/plugins/coupons/refused", "methods": ["GET"], "access": "operator"} in value["routes"]


def test_two_policies_claim_together_and_a_refusal_is_observed(gateway: Gateway) -> None:
    create = gateway.client(max_retries=0).chat.completions.create
    for _ in range(2):
        create(model="open/x", messages=MESSAGES)
    with pytest.raises(openai.RateLimitError, match="2 calls an hour are all that coupons allow"):
        create(model="open/x", messages=MESSAGES)
    charges = [row["charge"] for row in gateway.router("usage", "show")]
    assert len(charges) == 2 and all(float(charge) > 0 for charge in charges), "prepaid charges beside it"
    with pytest.raises(openai.NotFoundError):
        create(model="open-nothing", messages=MESSAGES)
    deadline = time.monotonic() + 60
    seen: set[str] = set()
    while not {"rate_limit_exceeded", "model_not_found"} <= seen:
        assert time.monotonic() < deadline, seen
        seen = {row["code"] for row in ask(gateway, "/plugins/coupons/refused", secret=SECRET).json}
    assert gateway.router("ledger", "verify")["ok"]


@pytest.mark.parametrize("name", ["coupons", "sealed", "gatekeeper"])
def test_they_keep_every_rule_that_applies(tmp_path: Path, site: Callable[..., dict[str, str]], name: str) -> None:
    environment = {**os.environ, **site(name)}
    command = [sys.executable, "-m", "router", "plugins", "check", name, "--json"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=110)
    assert done.stdout, done.stderr
    report = json.loads(done.stdout)
    assert report["ok"], [rule for rule in report["rules"] if rule["outcome"] == "fail"]
    kept = {rule["id"] for rule in report["rules"] if rule["outcome"] == "pass"}
    assert kept >= KEPT[name]
