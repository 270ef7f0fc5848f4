"""One gateway for all tests of a process: paid calls, and every provider played by one upstream."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from responses_wire import TRANSLATED, WIRES, Hall, sections

from router.testing import Gateway, ScriptedUpstream

OLLAMA = f"ollama/{WIRES['ollama'].model}"  # whose window nobody knows, so that a picture there has no bound
OWN = {f"own{number}": {"kind": "openai"} for number in range(8)}  # failures bring a rest
SEALED = {"ROUTER_MASTER_KEY": "a master key of some length"}
MORE = {
    **OWN,
    "first": {"kind": "openai", "fallback": ["deepseek/deepseek-chat"]},
    "second": {"kind": "anthropic", "fallback": ["spoken/gpt-4o"]},
    "spoken": {"kind": "compatible", "surfaces": ["responses"]},
    "chatting": {"kind": "compatible"},
}


@pytest.fixture(scope="session")
def running_hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    folder = tmp_path_factory.mktemp("responses")
    config = {
        "gateway": {"heartbeat_s": 0.1},
        "responses": {"drop_tools": ["image_generation"]},
        "prices": {OLLAMA: {"free": True}},
    }
    with (
        ScriptedUpstream() as upstream,
        Gateway(folder, providers=sections(upstream, **MORE), config=config, env=SEALED) as gateway,
    ):
        hall = Hall(gateway, upstream)
        models = [hall.model_of(plugin) for plugin in TRANSLATED if plugin != "ollama"]
        models += [f"{name}/gpt-4o" for name in ("openai", "first", "spoken", "chatting", *OWN)]
        models += [hall.model_of("anthropic").replace("anthropic/", "second/"), "deepseek/deepseek-chat"]
        for model in dict.fromkeys(models):
            gateway.router("models", "price", model, "--input", "2", "--output", "10")
        yield hall


@pytest.fixture
def hall(running_hall: Hall) -> Hall:
    running_hall.upstream.reset()
    return running_hall
