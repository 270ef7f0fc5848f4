"""The provider ``acme`` in a running gateway, before an upstream that plays its part on this machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from openai import OpenAI
from router.testing import Answer, Gateway, ScriptedUpstream, completion, error, stream

MODEL = "acme/large"


@pytest.fixture(scope="module")
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as scripted:
        yield scripted


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, upstream: ScriptedUpstream) -> Iterator[Gateway]:
    section = {"base_url": upstream.url, "api_key": "the-key"}
    failing = {**section, "kind": "acme"}  # of its own, because one that fails is left alone for a while
    sections = {"acme": section, "failing": failing}
    with Gateway(tmp_path_factory.mktemp("gateway"), providers=sections) as running:
        yield running


def say(client: OpenAI, text: str, model: str = MODEL) -> str | None:
    reply = client.chat.completions.create(model=model, messages=[{"role": "user", "content": text}])
    return reply.choices[0].message.content


def test_a_call_is_answered_and_charged(gateway: Gateway, upstream: ScriptedUpstream) -> None:
    upstream.script(Answer(completion("Hello")))
    assert say(gateway.client(), "Hi") == "Hello"
    assert upstream.last.headers["authorization"] == "Bearer the-key"
    assert upstream.last.json()["model"] == "large"
    charges = [row["charge"] for row in gateway.router("usage", "show")]
    assert "0.0000225" in charges  # 9 tokens at 0.50 and 12 at 1.50 per million


def test_a_stream_arrives_word_by_word(gateway: Gateway, upstream: ScriptedUpstream) -> None:
    upstream.script(stream("Hel", "lo", include_usage=True))
    chunks = gateway.client().chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": "Hi"}], stream=True
    )
    words = [choice.delta.content for chunk in chunks for choice in chunk.choices]
    assert [word for word in words if word] == ["Hel", "lo"]


def test_its_own_code_decides_what_a_failure_means(gateway: Gateway, upstream: ScriptedUpstream) -> None:
    upstream.script(Answer(error(400, "No money.", code="out_of_credit"), status=400))
    with pytest.raises(Exception, match="account there is exhausted"):
        say(gateway.client(), "Hi", "failing/large")
