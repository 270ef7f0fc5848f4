"""A real model server on OpenAI's wire that none of us wrote, through ``compatible``: the gateway changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import openai
import pytest
from real_server import RealServer, python_with_server, serving

from router.testing import Gateway

ASK: Any = [{"role": "user", "content": "hello"}]
MODEL = f"local/{RealServer.model}"
GREEDY: Any = {"messages": ASK, "temperature": 0, "max_tokens": 24}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1000)]  # once, where it is told to build the server


@pytest.fixture(scope="module")
def python() -> Path:
    try:
        return python_with_server()
    except RuntimeError as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def server(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    with serving(python, tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="module")
def gateway(server: RealServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    providers = {"local": {"kind": "compatible", "base_url": server.base_url}}
    with Gateway(tmp_path_factory.mktemp("gateway"), providers=providers, billing=False) as running:
        yield running


@pytest.fixture(scope="module")
def client(gateway: Gateway) -> openai.OpenAI:
    return gateway.client()


@pytest.fixture(scope="module")
def expected(server: RealServer) -> Any:
    """The server's own answer."""
    return server.post("/chat/completions", {"model": server.model, **GREEDY})


def test_a_chat(client: openai.OpenAI, gateway: Gateway, expected: Any) -> None:
    reply = client.chat.completions.create(model=MODEL, **GREEDY)
    choice = expected["choices"][0]
    assert len(choice["message"]["content"]) == 24
    assert (reply.choices[0].message.content, reply.choices[0].finish_reason) == (
        choice["message"]["content"],
        "length",
    )
    assert reply.model == MODEL
    assert reply.usage and reply.usage.model_dump(exclude_none=True) == expected["usage"]
    row = gateway.router("usage", "show", "--limit", "1")[0]
    counts = {name: row[name] for name in ("prompt_tokens", "completion_tokens")}
    assert counts == {name: expected["usage"][name] for name in counts}
    assert row["estimated"] is False


@pytest.mark.parametrize("include_usage", [True, False])
def test_a_stream(client: openai.OpenAI, expected: Any, include_usage: bool) -> None:
    options: Any = {"stream_options": {"include_usage": True}} if include_usage else {}
    chunks = list(client.chat.completions.create(model=MODEL, stream=True, **GREEDY, **options))
    choices = [choice for chunk in chunks for choice in chunk.choices]
    assert "".join(choice.delta.content or "" for choice in choices) == expected["choices"][0]["message"]["content"]
    assert choices[-1].finish_reason == "length"
    assert {chunk.model for chunk in chunks} == {MODEL}


def test_streams_at_once(client: openai.OpenAI, expected: Any) -> None:
    def text(_: int) -> str:
        with client.chat.completions.create(model=MODEL, stream=True, **GREEDY) as chunks:
            return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)

    with ThreadPoolExecutor(4) as threads:
        texts = list(threads.map(text, range(8)))
    assert texts == [expected["choices"][0]["message"]["content"]] * 8


def test_a_stream_that_is_left_leaves_the_server_usable(client: openai.OpenAI, expected: Any) -> None:
    with client.chat.completions.create(model=MODEL, stream=True, messages=ASK, max_tokens=200) as chunks:
        next(iter(chunks))
    reply = client.chat.completions.create(model=MODEL, **GREEDY)
    assert reply.choices[0].message.content == expected["choices"][0]["message"]["content"]


def test_embeddings(client: openai.OpenAI, server: RealServer) -> None:
    own = server.post("/embeddings", {"model": server.model, "input": "hello"})
    reply = client.embeddings.create(model=MODEL, input="hello")
    assert reply.data[0].embedding == own["data"][0]["embedding"]
    assert reply.data[0].embedding
    assert reply.usage.prompt_tokens == own["usage"]["prompt_tokens"]


TOO_LONG: Any = [{"role": "user", "content": "hello" * 90}]


def test_a_prompt_that_is_too_long(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="maximum context length is 256 tokens") as caught:
        client.chat.completions.create(model=MODEL, messages=TOO_LONG, max_tokens=8)
    assert caught.value.code == "context_length_exceeded"


def test_a_stream_that_ends_without_a_word_is_a_failure(client: openai.OpenAI) -> None:
    """What this server does with a prompt that is too long: a status of 200 and nothing else."""
    with pytest.raises(openai.InternalServerError, match="before any output"):
        client.chat.completions.create(model=MODEL, messages=TOO_LONG, max_tokens=8, stream=True)


def test_its_list_of_models(gateway: Gateway) -> None:
    [result] = gateway.router("models", "sync", "local")
    assert (result["added"], result["error"]) == ([MODEL], None)
