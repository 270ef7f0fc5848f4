"""Plugins on a call's way: each is asked where it should be, and its faults are its own."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from third_party_kit import Heard, ask

from router.testing import Answer, Gateway, ScriptedUpstream, completion

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def second() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as scripted:
        scripted.on("/v1/chat/completions", Answer(completion("From the second")))
        yield scripted


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory,
    upstream: ScriptedUpstream,
    second: ScriptedUpstream,
    site: Callable[..., dict[str, str]],
) -> Iterator[Gateway]:
    config = {
        "plugins": {"gatekeeper": {"order": ["two", "one"]}, "strict": True},
        "prices": {f"{name}/x": {"input": "1", "output": "2"} for name in ("one", "two")},
        "fallback": {"one/x": ["two/x"]},
        "limits": {"requests_per_minute": 1000},
    }
    kind = {"kind": "compatible", "api_key": "k", "unlisted": True}
    sections = {"one": {**kind, "base_url": upstream.url}, "two": {**kind, "base_url": second.url}}
    folder = tmp_path_factory.mktemp("gateway")
    with Gateway(folder, providers=sections, config=config, env=site("gatekeeper")) as running:
        yield running


def chat(gateway: Gateway, text: str, *, model: str = "two/x", secret: str | None = None, **more: Any) -> Heard:
    body = {"model": model, "messages": [{"role": "user", "content": text}], **more}
    return ask(gateway, "/v1/chat/completions", body, secret=gateway.api_key if secret is None else secret)


def code_of(heard: Heard) -> tuple[int, str]:
    return heard.status, heard.json["error"]["code"]


def test_a_guest_is_served_as_the_key_that_the_plugin_names(gateway: Gateway) -> None:
    (key,) = gateway.router("keys", "list")
    assert chat(gateway, "Hi", secret=f"guest-of-{key['id']}").status == 200
    assert gateway.router("usage", "show")[0]["key"] == key["id"]
    gateway.router("keys", "disable", key["id"])
    assert code_of(chat(gateway, "Hi", secret=f"guest-of-{key['id']}")) == (401, "api_key_disabled")
    gateway.router("keys", "enable", key["id"])


@pytest.mark.parametrize(
    ("secret", "status", "code"),
    [
        ("stranger", 401, "invalid_api_key"),
        ("guest-of-key_none", 401, "invalid_api_key"),
        ("breaks", 500, "authentication_failed"),
        ("dawdles", 500, "authentication_failed"),
    ],
)
def test_whoever_nobody_knows_is_refused(gateway: Gateway, secret: str, status: int, code: str) -> None:
    assert code_of(chat(gateway, "Hi", secret=secret)) == (status, code)


@pytest.mark.parametrize(
    ("text", "status", "code"),
    [
        ("a forbidden word", 400, "guarded"),
        ("break the guard", 500, "guard_failed"),
        ("let the guard dawdle", 500, "guard_failed"),
        ("invent a field", 400, "invalid_request"),
    ],
)
def test_a_guard_refuses_and_what_it_makes_is_checked(
    gateway: Gateway, second: ScriptedUpstream, text: str, status: int, code: str
) -> None:
    before = len(second.requests)
    found = chat(gateway, text)
    assert found.status == status and found.json["error"]["code"] in (code, "invalid_type", "invalid_value")
    assert len(second.requests) == before


def test_a_guard_changes_what_is_sent(gateway: Gateway, second: ScriptedUpstream) -> None:
    assert chat(gateway, "keep it short").status == 200
    sent = second.last.json()
    assert 7 in (sent.get("max_tokens"), sent.get("max_completion_tokens"))


def test_a_strategy_orders_the_targets_and_a_broken_one_changes_nothing(gateway: Gateway) -> None:
    assert chat(gateway, "Hi", model="one/x").headers["x-router-provider"] == "two"
    assert chat(gateway, "break the strategy", model="one/x").headers["x-router-provider"] == "one"
    text = gateway.log_path.read_text()
    assert "route_targets names 'none/such', which is no target of the call" in text
    assert "plugin gatekeeper failed in hook route_targets" in text


def test_a_kept_answer_costs_nothing_and_reaches_no_upstream(gateway: Gateway, second: ScriptedUpstream) -> None:
    first = chat(gateway, "remember this")
    deadline = time.monotonic() + 60
    while (found := chat(gateway, "remember this")).headers.get("x-router-cache") != "gatekeeper":
        assert time.monotonic() < deadline, "nothing was kept"
        time.sleep(0.1)
    assert first.status == found.status == 200 and found.json["choices"] == first.json["choices"]
    before, rows = len(second.requests), len(gateway.router("usage", "show"))
    assert chat(gateway, "remember this").body == found.body
    assert len(second.requests) == before and len(gateway.router("usage", "show")) == rows
    assert "x-router-cache" not in chat(gateway, "remember this", stream=True).headers
    events = [json.loads(line)["event"] for line in gateway.log_path.read_text().splitlines() if line.startswith("{")]
    assert "cached" in events


def test_a_kept_answer_is_for_those_alone_who_may_use_the_model(gateway: Gateway) -> None:
    chat(gateway, "remember this")
    account = gateway.router("accounts", "list")[0]["id"]
    made = gateway.router("keys", "create", "--account", account, "--name", "narrow", "--scope", "one/x")
    assert chat(gateway, "remember this", secret=made["api_key"]).status == 403


def test_a_session_opens_a_route(gateway: Gateway) -> None:
    assert code_of(ask(gateway, "/plugins/gatekeeper/me")) == (401, "no_session")
    assert ask(gateway, "/plugins/gatekeeper/me", secret="of-acct_7").json == {"account": "acct_7"}


@pytest.mark.parametrize("text", ["let the strategy dawdle", "let the cache dawdle"])
def test_one_that_runs_out_of_its_own_time_has_no_say(gateway: Gateway, text: str) -> None:
    assert chat(gateway, text, model="one/x").headers["x-router-provider"] in ("one", "two")


@pytest.mark.parametrize("path", ["late?dawdle=1", "me?dawdle=1"])
def test_a_route_whose_plugin_runs_out_of_its_own_time_is_answered(gateway: Gateway, path: str) -> None:
    assert code_of(ask(gateway, f"/plugins/gatekeeper/{path}")) == (500, "plugin_failed")


def test_a_route_with_a_slash_at_its_end_is_found_without_it_and_sends_nobody_elsewhere(gateway: Gateway) -> None:
    found = urllib.request.Request(f"{gateway.url}/plugins/gatekeeper/folder", headers={"Host": "evil.example"})
    with urllib.request.urlopen(found, timeout=30) as response:
        assert (response.status, response.read()) == (200, b"found")
