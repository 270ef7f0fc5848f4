"""``router providers disable`` and ``enable``, and what callers of the running gateway meet."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from router.testing import Gateway, ScriptedUpstream

pytestmark = pytest.mark.slow


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream(api_key="sk-right") as server:
        yield server


def soon(ask: Callable[[], Any], wanted: Any) -> None:
    """Wait for workers to have seen a change, which takes them a second."""
    ends = time.monotonic() + 10
    while (found := ask()) != wanted:
        assert time.monotonic() < ends, (found, wanted)
        time.sleep(0.05)


def test_a_provider_is_off_and_on_again(router) -> None:
    assert router.json("providers", "disable", "echo", "--reason", "its bill") == {
        "name": "echo",
        "state": "off",
        "reason": "its bill",
        "since": router.json("providers", "disable", "echo", "--reason", "again")["since"],
    }
    (row,) = [one for one in router.json("providers", "list") if one["name"] == "echo"]
    assert (row["active"], row["state"]) == (False, "turned off: its bill")
    refused = router.refused("routes", "explain", "echo/echo")
    assert "turned off" in refused and "router providers enable echo" in refused
    assert router.json("providers", "enable", "echo")["state"] == "on"
    assert router.json("routes", "explain", "echo/echo")["targets"]
    told = [(one["action"], one["subject"], one["detail"]) for one in router.json("audit", "show")]
    assert [one for one in told if one[0].startswith("providers")] == [
        ("providers enable", "echo", {}),
        ("providers disable", "echo", {"reason": "its bill"}),
    ]
    assert "no provider 'ecco'" in router.refused("providers", "disable", "ecco")


def test_calls_go_to_the_fallback_or_are_refused(router, upstream: ScriptedUpstream) -> None:
    router.write(
        f'\n[providers.acme]\nkind = "compatible"\nbase_url = "{upstream.url}"\napi_key = "sk-right"\n'
        'models = ["one", "two"]\n\n[prices."acme/one"]\nfree = true\n\n[prices."acme/two"]\nfree = true\n'
    )
    router.json("fallbacks", "set", "acme/one", "echo/echo")
    with Gateway(router.folder) as gateway:
        key = router.first["api_key"]

        def call(model: str) -> tuple[int, str]:
            body = {"model": model, "messages": [{"role": "user", "content": "hello"}]}
            headers = {"Authorization": f"Bearer {key}"}
            answer = requests.post(f"{gateway.url}/v1/chat/completions", json=body, headers=headers, timeout=20)
            return answer.status_code, answer.headers.get("x-router-provider", "")

        assert call("acme/one") == (200, "acme")
        router.json("providers", "disable", "acme")
        soon(lambda: call("acme/one"), (200, "echo"))
        assert call("acme/two")[0] == 503
        headers = {"Authorization": f"Bearer {key}"}
        listed = requests.get(f"{gateway.url}/v1/models", headers=headers, timeout=20).json()
        assert not [one["id"] for one in listed["data"] if one["id"].startswith("acme/")]
        router.json("providers", "enable", "acme")
        soon(lambda: call("acme/two"), (200, "acme"))
