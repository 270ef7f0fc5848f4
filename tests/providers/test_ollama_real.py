"""The same calls to a scripted Ollama and to a real one, where one answers on this machine."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import openai
import pytest

from router.testing import Gateway, ScriptedUpstream
from router.testing.upstream.wires.ollama import EMBEDDING_MODELS, serve_ollama

REAL = "http://localhost:11434"
ASK: Any = [{"role": "user", "content": '{"word":"hello"}'}]  # which the scripted one says again
SCHEMA = {"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # a real model may have to be loaded first


@dataclass(frozen=True)
class Served:
    """A gateway before an Ollama, and what is installed there: model ID -> kind."""

    client: openai.OpenAI
    installed: dict[str, str]

    def model(self, kind: str, name: str = "") -> str:
        """An installed model; the test is skipped where there is none."""
        for model_id, its_kind in self.installed.items():
            if its_kind == kind and name in model_id:
                return model_id
        pytest.skip(f"this Ollama has no {name or kind} model installed")


def real_answers() -> bool:
    try:
        with urllib.request.urlopen(f"{REAL}/api/version", timeout=1) as reply:
            return "version" in json.load(reply)
    except (OSError, ValueError):
        return False


@pytest.fixture(scope="module", params=["scripted", "real"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "real":
        if not real_answers():
            pytest.skip(f"no Ollama answers at {REAL}: the scripted one was used alone")
        yield REAL
        return
    with ScriptedUpstream() as upstream:
        serve_ollama(upstream)
        yield upstream.url.removesuffix("/v1")


@pytest.fixture(scope="module")
def served(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    section = {"ollama": {"base_url": url, "num_ctx": 2048}}
    with Gateway(tmp_path_factory.mktemp("ollama"), providers=section, billing=False) as gateway:
        gateway.router("models", "sync", "ollama")
        rows = gateway.router("models", "list", "--provider", "ollama")
        yield Served(gateway.client(timeout=600), {row["id"]: row["kind"] for row in rows})


def test_plain(served: Served) -> None:
    reply = served.client.chat.completions.create(model=served.model("chat"), messages=ASK, max_tokens=64)
    assert reply.choices[0].finish_reason in ("stop", "length")
    assert reply.usage and reply.usage.prompt_tokens > 0 and reply.usage.completion_tokens > 0


def test_stream(served: Served) -> None:
    options: Any = {"stream_options": {"include_usage": True}}
    chunks = list(
        served.client.chat.completions.create(
            model=served.model("chat"), messages=ASK, max_tokens=64, stream=True, **options
        )
    )
    deltas = [choice.delta for chunk in chunks for choice in chunk.choices]
    assert any(delta.content or (delta.model_extra or {}).get("reasoning_content") for delta in deltas)
    assert chunks[-1].usage and chunks[-1].usage.completion_tokens > 0


def test_structured_output(served: Served) -> None:
    reply = served.client.chat.completions.create(
        model=served.model("chat"),
        messages=ASK,
        max_tokens=512,
        response_format={"type": "json_schema", "json_schema": {"name": "word", "schema": SCHEMA}},
    )
    assert isinstance(json.loads(reply.choices[0].message.content or "")["word"], str)


@pytest.mark.parametrize("name", EMBEDDING_MODELS)
def test_embeddings(served: Served, name: str) -> None:
    model = served.model("embeddings", name)
    texts = ["one", "two words", "and three of them"]
    packed = served.client.embeddings.create(model=model, input=texts)
    plain = served.client.embeddings.create(model=model, input=texts, encoding_format="float")
    assert [len(one.embedding) for one in packed.data] == [EMBEDDING_MODELS[name]] * 3
    for ours, theirs in zip(packed.data, plain.data, strict=True):
        assert ours.embedding == pytest.approx(theirs.embedding, abs=1e-3)
    assert packed.usage.prompt_tokens > 0


def test_a_model_that_is_not_there(served: Served) -> None:
    with pytest.raises(openai.NotFoundError):
        served.client.chat.completions.create(model="ollama/no-such-model:1b", messages=ASK)
