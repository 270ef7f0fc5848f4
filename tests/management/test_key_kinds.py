"""What keys are for: a management key calls no model, whichever way it tries; a page's own key is in no list."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from management_wire import BODY, Tenant, request, settled

from router.app.start import assemble
from router.office.actor import Actor
from router.office.keys import create_key
from router.testing import Gateway, ScriptedUpstream

pytestmark = pytest.mark.slow

FORM = (
    b'--x\r\nContent-Disposition: form-data; name="model"\r\n\r\nopenai/whisper-1\r\n'
    b'--x\r\nContent-Disposition: form-data; name="prompt"\r\n\r\nA cat\r\n'
    b'--x\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\nPNG\r\n'
    b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\nRIFF0000\r\n--x--\r\n'
)
PROFILES = ("", "nexgate", "nexorouter", "neurongate", "aigateway")


@pytest.fixture(scope="module", params=PROFILES)
def each(
    request: Any, tmp_path_factory: pytest.TempPathFactory, running_upstream: ScriptedUpstream
) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("profile")
    config = {"gateway": {"only_offers": False, "upstream": "openai"}}
    with Gateway(folder, upstream=running_upstream.url, profile=request.param or None, config=config) as gateway:
        yield gateway


def calls_of(gateway: Gateway) -> Iterator[tuple[str, bytes, dict[str, str]]]:
    """Path, body and headers of a call on every surface."""
    described = json.loads(request(gateway, "GET", "/openapi.json").body)
    for path, item in described["paths"].items():
        content = item.get("post", {}).get("requestBody", {}).get("content", {})
        if not item.get("post", {}).get("security") or path.startswith(("/api/v1/", "/plugins/")):
            continue
        example = content.get("application/json", {}).get("example")
        path = path.replace("{model}", "gpt-4o")
        if example is None:
            yield path, FORM, {"Content-Type": "multipart/form-data; boundary=x"}
        else:
            yield path, json.dumps(example).encode("ascii"), {"Content-Type": "application/json"}


def test_a_management_key_calls_no_model_on_any_surface(each: Gateway) -> None:
    keys = [each.router("keys", "create", "--account", each.account, "--management")["api_key"]]
    keys.append(each.router("keys", "create", "--operator")["api_key"])
    before = each.router("usage", "show")
    tried = 0
    for path, body, headers in calls_of(each):
        for key in keys:
            answer = request(each, "POST", path, body, key=key, headers=headers)
            assert answer.status == 403, (path, answer.status, answer.body)
            assert b"calls no model" in answer.body, (path, answer.body)
            tried += 1
    assert tried >= 10
    assert each.router("usage", "show") == before


def test_it_sees_which_models_a_key_could_be_made_for(gateway: Gateway, ours: Tenant) -> None:
    listed = json.loads(request(gateway, "GET", "/v1/models", key=ours.management).body)["data"]
    assert "openai/gpt-4o" in {one["id"] for one in listed}


def test_a_key_that_calls_no_model_takes_no_terms_of_calls(gateway: Gateway, ours: Tenant) -> None:
    for option in (["--budget", "5"], ["--scope", "openai/gpt-4o"], ["--idempotent"]):
        with pytest.raises(Exception, match="calls no model"):
            gateway.router("keys", "create", "--account", ours.account, "--management", *option)
    made = gateway.router("keys", "create", "--account", ours.account, "--management")
    assert (made["kind"], made["account"]) == ("management", ours.account)
    with pytest.raises(Exception, match="calls no model"):
        gateway.router("keys", "limit", made["id"], "--budget", "5")
    rotated = gateway.router("keys", "rotate", made["id"], "--grace", "0s")
    assert rotated["kind"] == "management"
    assert request(gateway, "POST", "/v1/chat/completions", BODY, key=rotated["api_key"]).status == 403


def test_an_operators_key_has_no_account(gateway: Gateway) -> None:
    made = gateway.router("keys", "create", "--operator", "--name", "cron", "--expires", "1d")
    assert (made["kind"], made["account"]) == ("operator", None)
    assert "acct_operators" not in json.dumps(gateway.router("accounts", "list"))
    for refused in (
        ["accounts", "show", "acct_operators"],
        ["accounts", "suspend", "acct_operators"],
        ["credits", "grant", "acct_operators", "5", "--reason", "none"],
        ["keys", "create", "--account", "acct_operators"],
        ["limits", "set", "--account", "acct_operators", "--concurrent", "1"],
    ):
        with pytest.raises(Exception, match="no account 'acct_operators'"):
            gateway.router(*refused)
    for wrong in (["--operator", "--account", "x"], ["--operator", "--management"], []):
        with pytest.raises(Exception, match="exited with 2"):
            gateway.router("keys", "create", *wrong)
    entry = gateway.router("audit", "show", "--limit", "1", "--action", "keys create")[0]
    assert (entry["subject"], entry["detail"]["kind"]) == (made["id"], "operator")


def test_a_hidden_key_calls_and_is_in_no_list(gateway: Gateway) -> None:
    tenant = settled(gateway, "with a playground")
    with_office = assemble(Path(gateway.config_path))
    try:
        person = Actor("person", "pers_1")
        made = create_key(with_office.office, person, tenant.account, "playground", kind="hidden")
    finally:
        with_office.close()
    assert made.row.made_by == "pers_1"
    assert request(gateway, "POST", "/v1/chat/completions", BODY, key=made.text).status == 200
    listed = {row["id"] for row in gateway.router("keys", "list", "--account", tenant.account)}
    assert tenant.key_id in listed and made.row.id not in listed
    assert gateway.router("keys", "show", made.row.id)["kind"] == "hidden"
    with pytest.raises(Exception, match="no key"):
        gateway.router("keys", "show", "playground")
