"""A third party's strategy, cache and authentication by hooks 0.3: each where it is named, its faults its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from third_party_kit import Heard, ask

from router.testing import Answer, Gateway, ScriptedUpstream, completion

pytestmark = pytest.mark.slow

CHOSEN = {
    "routing": {"strategy": "concierge"},
    "cache": {"plugins": ["concierge"], "price_share": "0.5"},
    "authentication": {"plugins": ["concierge"]},
}


def made(folder: Path, env: dict[str, str], upstream: ScriptedUpstream, config: dict[str, Any]) -> Gateway:
    prices = {"one/x": {"input": "1000000", "output": "1000000"}, "two/x": {"input": "2000000", "output": "2000000"}}
    section = {"kind": "compatible", "api_key": "k", "models": ["x"], "base_url": upstream.url}
    shared = {"prices": prices, "fallback": {"one/x": ["two/x"]}, "billing": {"max_output_tokens": 256}}
    first = Gateway(folder, start=False, env=env)
    key = first.router("keys", "list")[0]["id"]
    plugins = {"plugins": {"concierge": {"word": "friend", "guest": key}, "strict": True}}
    first.router("credits", "grant", first.account, "1000000", "--reason", "test")
    running = Gateway(
        folder, providers={"one": section, "two": section}, config={**shared, **plugins, **config}, env=env
    )
    running.api_key = first.api_key
    return running


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory, upstream: ScriptedUpstream, site: Callable[..., dict[str, str]]
) -> Iterator[Gateway]:
    upstream.on("/v1/chat/completions", Answer(completion("Hello")))
    with made(tmp_path_factory.mktemp("gateway"), site("concierge"), upstream, CHOSEN) as running:
        yield running


def chat(gateway: Gateway, text: str, *, secret: str = "", **more: Any) -> Heard:
    body = {"model": "one/x", "messages": [{"role": "user", "content": text}], **more}
    return ask(gateway, "/v1/chat/completions", body, secret=secret or gateway.api_key)


def test_its_order_is_tried_and_explained(gateway: Gateway) -> None:
    assert chat(gateway, "Hi").headers["x-router-provider"] == "two"
    told = gateway.router("routes", "explain", "one/x")["strategies"][0]
    assert told["strategy"] == "concierge" and told["order"][0]["id"] == "two/x"
    assert told["order"][0]["reason"].startswith("the best is never cheap")
    assert chat(gateway, "strategy breaks").headers["x-router-provider"] == "one"


def test_its_guests_are_let_in(gateway: Gateway) -> None:
    assert chat(gateway, "Hi", secret="friend").status == 200
    refusals = [chat(gateway, "Hi", secret=secret) for secret in ("foe", "banned")]
    assert [(one.status, one.json["error"]["code"]) for one in refusals] == [(401, "invalid_api_key"), (401, "banned")]


def test_what_it_remembers_serves_both_forms_for_half_the_price(gateway: Gateway, upstream: ScriptedUpstream) -> None:
    first = chat(gateway, "remember")
    deadline = time.monotonic() + 30
    while chat(gateway, "remember").headers.get("x-router-cache") != "hit":
        assert time.monotonic() < deadline, "nothing was kept"
        time.sleep(0.05)
    before = len(upstream.requests)
    plain, stream = chat(gateway, "remember"), chat(gateway, "remember", stream=True)
    assert plain.json == first.json and b"Hello" in stream.body and len(upstream.requests) == before
    rows = gateway.router("usage", "show")
    assert [row["charge"] for row in rows[:2]] == ["21", "21"] and first.headers["x-router-charge"] == "42"


@pytest.mark.parametrize("text", ["cache breaks", "cache dawdles", "cache lies"])
def test_a_cache_that_fails_has_no_say(gateway: Gateway, text: str) -> None:
    assert chat(gateway, text).status == 200


def test_nothing_of_it_is_on_until_it_is_named(
    tmp_path: Path, upstream: ScriptedUpstream, site: Callable[..., dict[str, str]]
) -> None:
    with made(tmp_path, site("concierge"), upstream, {}) as gateway:
        assert chat(gateway, "Hi").headers["x-router-provider"] == "one"
        assert chat(gateway, "Hi", secret="friend").status == 401
        listed = {row["name"]: row for row in gateway.router("plugins", "list")}["concierge"]
        assert listed["state"] == "off" and "[routing] strategy" in listed["problem"]
