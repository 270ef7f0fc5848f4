"""Strategies in a running gateway: which the configuration names, what they decide, and how they are explained."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from router.app.config_rules import check_chosen
from router.app.installed import registry_of_settings
from router.cli.commands.routes import lines
from router.config.file import load_settings
from router.errors import ConfigError
from router.testing import Answer, Gateway, ScriptedUpstream, completion

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def upstreams() -> Iterator[list[ScriptedUpstream]]:
    with ScriptedUpstream() as one, ScriptedUpstream() as two:
        for number, upstream in enumerate((one, two), 1):
            upstream.on("/v1/chat/completions", Answer(completion(f"From {number}")))
            upstream.on("/v1/embeddings", Answer({"data": [], "usage": {"prompt_tokens": 1, "total_tokens": 1}}))
        yield [one, two]


def made(folder: Any, upstreams: list[ScriptedUpstream], **config: Any) -> Gateway:
    kind = {"kind": "compatible", "api_key": "k", "unlisted": True}
    names = zip(("one", "two"), upstreams, strict=True)
    sections = {name: {**kind, "base_url": upstream.url} for name, upstream in names}
    prices = {"one/x": {"input": "1", "output": "8"}, "two/x": {"input": "2", "output": "2"}, "one/y": {"input": "1"}}
    return Gateway(
        folder,
        providers=sections,
        config={"prices": prices, "fallback": {"one/x": ["two/x"]}, "aliases": {"quick": "one/x"}, **config},
    )


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, upstreams: list[ScriptedUpstream]) -> Iterator[Gateway]:
    config = {
        "routing": {"strategy": ["weighted", "price"], "strategy_for": {"quick": ["latency"]}},
        "plugins": {"weighted": {"weights": {"two": 3}}, "latency": {"explore": 0.0}, "strict": True},
    }
    with made(tmp_path_factory.mktemp("gateway"), upstreams, **config) as running:
        yield running


def served(gateway: Gateway, model: str = "one/x", **fields: Any) -> str:
    body = {"model": model, "messages": [{"role": "user", "content": "Hi"}], **fields}
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {gateway.api_key}"}
    request = urllib.request.Request(f"{gateway.url}/v1/chat/completions", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as response:
        response.read()
        return str(response.headers["x-router-provider"])


def test_the_price_of_a_call_of_its_size_decides(gateway: Gateway) -> None:
    assert served(gateway, max_tokens=500) == "two"  # much output: one costs 8 for it
    assert served(gateway, max_tokens=1, messages=[{"role": "user", "content": "Hi " * 4000}]) == "one"


def test_latency_is_learnt_from_finished_calls(gateway: Gateway, upstreams: list[ScriptedUpstream]) -> None:
    one = upstreams[0]
    try:
        one.on("/v1/chat/completions", Answer(completion("Slow"), delay_s=0.4))
        served(gateway, "two/x")
        assert served(gateway, max_tokens=1, messages=[{"role": "user", "content": "Hi " * 4000}]) == "one"
        deadline = time.monotonic() + 30
        while served(gateway, "quick") != "two":
            assert time.monotonic() < deadline, "nothing was learnt"
    finally:
        one.on("/v1/chat/completions", Answer(completion("From 1")))


def test_a_target_that_fails_leads_to_the_next_of_the_strategy(
    gateway: Gateway, upstreams: list[ScriptedUpstream]
) -> None:
    two = upstreams[1]
    try:
        two.on("/v1/chat/completions", Answer({"error": {"message": "down"}}, status=500))
        assert served(gateway, max_tokens=500) == "one"
    finally:
        two.on("/v1/chat/completions", Answer(completion("From 2")))


def test_the_order_is_explained(gateway: Gateway) -> None:
    told = gateway.router("routes", "explain", "one/x")
    assert [row["strategy"] for row in told["strategies"]] == ["weighted", "price"]
    assert [one["id"] for one in told["strategies"][1]["order"]] == ["two/x", "one/x"]
    weights = {one["id"]: one["reason"] for one in told["strategies"][0]["order"]}
    assert weights["two/x"] == "weight 3 of 4: the first of 75 % of the calls"
    assert all(one["reason"].startswith("charged: 0.00") for one in told["strategies"][1]["order"])
    assert [target["id"] for target in told["targets"]] == ["two/x", "one/x"] and "1,000 tokens" in told["sample"]
    quick = gateway.router("routes", "explain", "quick")
    assert [row["strategy"] for row in quick["strategies"]] == ["latency"]
    assert gateway.router("routes", "explain", "two/x")["strategies"] == []


def test_the_order_is_explained_in_words(gateway: Gateway) -> None:
    text = "\n".join(lines(gateway.router("routes", "explain", "one/x")))
    assert "the strategy 'price' tries two/x (charged: 0.00" in text and "told of a call of about" in text
    assert text.index("the strategy 'weighted'") < text.index("the strategy 'price'") < text.index("TARGET")


def test_plugins_are_listed_with_their_place(gateway: Gateway) -> None:
    listed = {row["name"]: row for row in gateway.router("plugins", "list")}
    assert listed["weighted"]["asked"] == ["strategy 1"] and listed["price"]["asked"] == ["strategy 2"]
    assert listed["latency"]["asked"] == ["strategy for some models"]


def test_a_strategy_that_nobody_names_is_off(tmp_path: Path, upstreams: list[ScriptedUpstream]) -> None:
    with made(tmp_path, upstreams) as gateway:
        assert served(gateway, max_tokens=500) == "one"
        listed = {row["name"]: row for row in gateway.router("plugins", "list")}
        assert (listed["price"]["state"], listed["price"]["asked"]) == ("off", [])
        assert listed["price"]["problem"] == '[routing] strategy = ["price"] turns it on'
        assert "route_targets" in listed["price"]["hooks"]
        assert gateway.router("routes", "explain", "one/x")["strategies"] == []


@pytest.mark.parametrize(
    ("routing", "problem"),
    [
        ({"strategy": "prize"}, "no plugin is called 'prize'; did you mean 'price'?"),
        ({"strategy": ["windows"]}, "the plugin 'windows' has no hook route_targets; those that do are latency"),
        ({"strategy": ["price", "price"]}, "strategy names a plugin twice"),
        ({"strategy_for": {"one/x": ["nothing"]}}, "no plugin is called 'nothing'"),
        ({"strategies": ["price"]}, "did you mean 'strategy'"),
    ],
)
def test_a_wrong_name_is_refused(routing: dict[str, Any], problem: str) -> None:
    text = "".join(f"{key} = {json.dumps(value)}\n" for key, value in routing.items() if not isinstance(value, dict))
    for key, value in routing.items():
        if isinstance(value, dict):
            text += f"[routing.{key}]\n" + "".join(f"{json.dumps(one)} = {json.dumps(value[one])}\n" for one in value)
    with pytest.raises(ConfigError, match=r"router\.toml, line") as caught:
        settings = load_settings(Path("router.toml"), {}, content=f"[routing]\n{text}".encode())
        check_chosen(settings, registry_of_settings(settings))
    assert problem in str(caught.value)


def test_what_plugins_leaves_out_cannot_be_named() -> None:
    text = b'[routing]\nstrategy = "price"\n[plugins]\ndisabled = ["price"]\n'
    settings = load_settings(Path("router.toml"), {}, content=text)
    with pytest.raises(ConfigError, match="leaves 'price' out"):
        check_chosen(settings, registry_of_settings(settings))
