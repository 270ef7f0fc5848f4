"""Models of a provider without a list of its own: described, they are sold whole, with images, a cap and a cost."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from router.testing import Answer, Gateway, ScriptedUpstream, completion

pytestmark = pytest.mark.slow

IMAGE = "data:image/png;base64,iVBORw0KGgo="
LOOK = [
    {
        "role": "user",
        "content": [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": IMAGE}}],
    }
]
COST = {"input": "0.5", "output": "1"}
USED = {"prompt_tokens": 800, "completion_tokens": 10, "total_tokens": 810}
CHARGE, SPENT = "0.00082", "0.00041"
"""Twice the cost; the cost."""


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as running:
        running.on("/v1/chat/completions", Answer({**completion("A dot."), "usage": USED}))
        running.on(
            "/v1/models", Answer({"object": "list", "data": [{"id": "new", "max_model_len": 8192, "object": "model"}]})
        )
        yield running


def section(upstream: ScriptedUpstream, models: Any) -> Mapping[str, Any]:
    return {"kind": "compatible", "base_url": upstream.url, "api_key": "sk-upstream", "models": models}


def look(gateway: Gateway, model: str) -> None:
    answer = gateway.client().chat.completions.create(model=model, messages=LOOK)  # type: ignore[arg-type]
    assert answer.choices[0].message.content == "A dot."


@pytest.mark.parametrize("way", ["table", "added", "listed", "public"])
def test_a_described_model_is_sold_at_its_cost_times_the_markup(
    tmp_path: Path, upstream: ScriptedUpstream, way: str
) -> None:
    name = {"listed": "new", "public": "meta-llama/Llama-3.3-70B-Instruct"}.get(way, "large")
    table = {"context_window": 8192, "max_output": 1024, "image_tokens": 800, "cost": COST, "capabilities": ["images"]}
    models: Any = {"table": {name: table}, "public": {name: {"cost": COST}}}.get(way, {"other": {}})
    with Gateway(
        tmp_path, providers={"acme": section(upstream, models)}, config='[billing]\nmarkup = "2"\n', start=False
    ) as gateway:
        if way == "added":
            described = ["--context-window", "8192", "--max-output", "1024", "--image-tokens", "800"]
            cost = ["--cost-input", "0.5", "--cost-output", "1", "--capability", "images"]
            gateway.router("models", "add", f"acme/{name}", "--provider", "acme", "--model", name, *described, *cost)
        if way == "listed":
            (synced,) = gateway.router("models", "sync", "acme")
            assert synced["unpriced"] == [{"id": "acme/new", "why": "its provider's list tells no price"}]
            gateway.router("models", "price", "acme/new", "--input", "1", "--output", "2")
        gateway.start()
        look(gateway, f"acme/{name}")
        sent = upstream.last.json()
        (row,) = gateway.router("usage", "show")
        assert row["charge"] == CHARGE
        assert row["cost"] == (None if way == "listed" else SPENT)
        shown = gateway.router("models", "show", f"acme/{name}")
        assert shown["context_window"] == (131_072 if way == "public" else 8192)
        caps = [sent.get(name) or 0 for name in ("max_tokens", "max_completion_tokens")]
        assert max(caps) < shown["context_window"]
        (margin,) = gateway.router("usage", "margin")
        assert margin["margin"] == (None if way == "listed" else SPENT)


def test_the_readmes_example_works_as_pasted(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    readme = Path(__file__).parents[2].joinpath("README.md").read_text(encoding="utf-8")
    (example,) = [block for block in re.findall(r"```toml\n(.*?)```", readme, re.DOTALL) if "[providers.acme]" in block]
    pasted = example.replace("https://api.acme.example/v1", upstream.url)
    with Gateway(tmp_path, config=pasted, env={"ACME_API_KEY": "sk-upstream"}) as gateway:
        look(gateway, "acme/acme-large")
        (row,) = gateway.router("usage", "show")
        assert row["charge"] == row["cost"] == "0.000415"


def test_a_wrong_description_is_refused_with_its_place(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    with Gateway(tmp_path, providers={"acme": section(upstream, ["large"])}, start=False) as gateway:
        wrong = {"models": {"large": {"context_window": 10, "max_output": 20}}}
        gateway.configure({"providers": {"acme": wrong}})
        with pytest.raises(Exception, match="more than the context window of 10 tokens"):
            gateway.router("models", "list")
