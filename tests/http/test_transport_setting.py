"""``transport = "requests"`` in a provider's section: the same calls by the other road."""

from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest

from router.testing import Answer, Gateway, ScriptedUpstream


@pytest.fixture(scope="module")
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as running:
        yield running


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, upstream: ScriptedUpstream) -> Iterator[openai.OpenAI]:
    providers = {"openai": {"base_url": upstream.url, "api_key": "sk-upstream", "transport": "requests"}}
    with Gateway(tmp_path_factory.mktemp("gateway"), providers=providers, billing=False) as gateway:
        yield gateway.client()


def test_chat_stream_and_embeddings(client: openai.OpenAI, upstream: ScriptedUpstream) -> None:
    messages = [{"role": "user", "content": "one two three"}]
    plain = client.chat.completions.create(model="openai/gpt-4o", messages=messages)  # type: ignore[arg-type]
    assert plain.choices[0].message.content == "one two three"
    stream = client.chat.completions.create(model="openai/gpt-4o", messages=messages, stream=True)  # type: ignore[call-overload]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices) == "one two three"
    vectors = client.embeddings.create(model="openai/text-embedding-3-small", input=["a", "b"])
    assert len(vectors.data) == 2
    assert {request.headers["authorization"] for request in upstream.requests} == {"Bearer sk-upstream"}


def test_an_error_of_the_upstream(client: openai.OpenAI, upstream: ScriptedUpstream) -> None:
    upstream.script(Answer.error(429, "slow down", headers={"Retry-After": "3"}))
    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(model="openai/gpt-4o", messages=[{"role": "user", "content": "x"}])
    assert caught.value.response.headers["retry-after"] == "3"
