"""Alerts of a real gateway: what its calls met is listed, and told by the doctor, which asks the gateway that runs."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import requests

from router.testing import Answer, Gateway, ScriptedUpstream
from router.testing.gateway import CommandFailed

pytestmark = pytest.mark.slow

CONFIG = {"prices": {"openai/gpt-4o": {"input": "1", "output": "1"}}}
PROVIDER = {"openai": {"api_key": "env:THE_KEY", "models": ["gpt-4o", "gpt-unheard"]}}


def call(gateway: Gateway, model: str) -> int:
    body = {"model": model, "messages": [{"role": "user", "content": "x"}], "max_tokens": 5}
    headers = {"Authorization": f"Bearer {gateway.api_key}"}
    return requests.post(f"{gateway.base_url}/chat/completions", json=body, headers=headers, timeout=60).status_code


def wait_for(gateway: Gateway, kinds: set[str]) -> None:
    deadline = time.monotonic() + 60
    while {one["kind"] for one in gateway.router("alerts", "list")} < kinds:
        assert time.monotonic() < deadline, kinds
        time.sleep(0.3)


def doctor(gateway: Gateway) -> list[dict[str, str]]:
    try:
        found = gateway.router("doctor")
    except CommandFailed as failed:
        pytest.fail(str(failed))
    return [one for one in found["findings"] if one["check"] in ("alerts", "providers")]


def test_what_calls_met_is_listed_and_told_by_the_doctor(tmp_path: Path) -> None:
    with ScriptedUpstream() as upstream:
        providers = {"openai": {**PROVIDER["openai"], "base_url": upstream.url}}
        gateway = Gateway(tmp_path, providers=providers, config=CONFIG, env={"THE_KEY": "sk-upstream"}, start=False)
        with gateway:
            gateway.start()
            assert gateway.router("alerts", "list") == []
            upstream.script(Answer.error(401))
            assert call(gateway, "openai/gpt-4o") == 502
            assert call(gateway, "openai/gpt-unheard") == 404, "it has no price"
            wait_for(gateway, {"unpriced"})  # by the worker's next beat
            gateway.stop()
            gateway.start()  # who comes up looks at once
            wait_for(gateway, {"upstream_key", "unpriced"})
            del gateway._env["THE_KEY"]  # a shell that lacks what the gateway has
            told = doctor(gateway)
            assert {one["detail"] for one in told if one["check"] == "alerts"} == {
                "openai refuses our key",
                "openai/gpt-unheard was asked for and refused, since it has no price",
            }
            assert any("openai is active" in one["detail"] for one in told)
