"""``transport = "requests"`` in a provider's section: the same calls through the HTTP proxy of the environment."""

from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest
from connect_proxy import ConnectProxy

from router.testing import Answer, Gateway, ScriptedUpstream


@pytest.fixture(scope="module")
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as running:
        yield running


@pytest.fixture(scope="module")
def proxy() -> Iterator[ConnectProxy]:
    with ConnectProxy() as running:
        yield running


@pytest.fixture(scope="module")
def client(
    tmp_path_factory: pytest.TempPathFactory, upstream: ScriptedUpstream, proxy: ConnectProxy
) -> Iterator[openai.OpenAI]:
    providers = {"openai": {"base_url": upstream.url, "api_key": "sk-upstream", "transport": "requests"}}
    folder, env = tmp_path_factory.mktemp("gateway"), {"http_proxy": proxy.url}
    with Gateway(folder, providers=providers, billing=False, env=env) as gateway:
        yield gateway.client()


def test_chat_stream_and_embeddings(client: openai.OpenAI, upstream: ScriptedUpstream, proxy: ConnectProxy) -> None:
    messages = [{"role": "user", "content": "one two three"}]
    plain = client.chat.completions.create(model="openai/gpt-4o", messages=messages)  # type: ignore[arg-type]
    assert plain.choices[0].message.content == "one two three"
    stream = client.chat.completions.create(model="openai/gpt-4o", messages=messages, stream=True)  # type: ignore[call-overload]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices) == "one two three"
    vectors = client.embeddings.create(model="openai/text-embedding-3-small", input=["a", "b"])
    assert len(vectors.data) == 2
    assert {request.headers["authorization"] for request in upstream.requests} == {"Bearer sk-upstream"}
    assert proxy.heads[0].startswith(f"POST {upstream.url}/chat/completions HTTP/1.1\r\n")


def test_an_error_of_the_upstream(client: openai.OpenAI, upstream: ScriptedUpstream) -> None:
    upstream.script(Answer.error(429, "slow down", headers={"Retry-After": "3"}))
    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(model="openai/gpt-4o", messages=[{"role": "user", "content": "x"}])
    assert caught.value.response.headers["retry-after"] == "3"
