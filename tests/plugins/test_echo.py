"""The local stand-in: sensible answers, sensible counts, and every failure on request."""

from __future__ import annotations

import base64
import struct
from typing import Any

import pytest
from driver import usage_in, values_of
from router_plugins.echo import plugin

from router import BadRequest, CallContext, ChatCall, EmbeddingsCall, Reply, UpstreamError
from router.errors import KINDS
from router.plugin_host.registry import registry_of

HOOKS = registry_of(echo=plugin).plugins["echo"].hooks
CONTEXT: Any = CallContext("echo", "echo", None, None, None)  # type: ignore[arg-type]


def chat(content: Any, **fields: Any) -> Reply:
    body = {"messages": [{"role": "system", "content": "Be kind"}, {"role": "user", "content": content}], **fields}
    call = ChatCall("req_1", "echo/echo", body, bool(fields.get("stream")))
    reply: Reply = HOOKS["chat"](call=call, context=CONTEXT)
    return reply


def embed(**body: Any) -> list[Any]:
    reply: Reply = HOOKS["embeddings"](call=EmbeddingsCall("req_1", "echo/embed", body), context=CONTEXT)
    vectors: list[Any] = [one["embedding"] for one in values_of(reply)[0]["data"]]
    return vectors


def text_of(values: list[Any]) -> str:
    return "".join(choice["delta"].get("content") or "" for value in values for choice in value["choices"])


def test_it_says_the_last_words_back() -> None:
    value = values_of(chat("Hello,  gateway\n"))[0]
    assert value["choices"][0]["message"]["content"] == "Hello,  gateway\n"
    assert value["choices"][0]["finish_reason"] == "stop"


def test_a_stream_has_a_role_word_by_word_and_an_end() -> None:
    values = values_of(chat("one two three", stream=True))
    deltas = [value["choices"][0]["delta"] for value in values if value["choices"]]
    assert deltas == [
        {"role": "assistant", "content": ""},
        {"content": "one"},
        {"content": " two"},
        {"content": " three"},
        {},
    ]
    assert values[-2]["choices"][0]["finish_reason"] == "stop"
    assert values[-1]["choices"] == [] and values[-1]["usage"]["completion_tokens"] == 3


@pytest.mark.parametrize("streamed", [False, True])
def test_usage_adds_up(streamed: bool) -> None:
    usage = usage_in(chat("one two three", stream=streamed))
    assert usage is not None and usage.raw is not None
    assert usage.completion_tokens == 3 and usage.prompt_tokens > 3
    assert usage.raw["total_tokens"] == usage.prompt_tokens + usage.completion_tokens


@pytest.mark.parametrize("cap", ["max_tokens", "max_completion_tokens"])
def test_the_cap_is_kept(cap: str) -> None:
    value = values_of(chat("one two three", **{cap: 2}))[0]
    assert value["choices"][0]["message"]["content"] == "one two"
    assert value["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize("content", ["", None, [], [{"type": "image_url", "image_url": {"url": "data:,"}}]])
def test_content_without_text(content: Any) -> None:
    assert values_of(chat(content))[0]["choices"][0]["message"]["content"] == ""


def test_text_parts_are_joined() -> None:
    parts = [{"type": "text", "text": "Hello"}, {"type": "image_url"}, {"type": "text", "text": "there"}]
    assert text_of(values_of(chat(parts, stream=True))) == "Hello there"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("streamed", [False, True])
def test_it_can_be_told_to_fail(kind: str, streamed: bool) -> None:
    with pytest.raises(UpstreamError) as caught:
        values_of(chat("one two", stream=streamed, echo={"fail": kind}))
    assert caught.value.kind == kind


def test_it_fails_after_as_many_words() -> None:
    seen = []
    with pytest.raises(UpstreamError):
        for batch in chat("one two three", stream=True, echo={"fail": "server", "fail_after": 2}):
            seen += [item.json() for item in batch]
    assert text_of(seen) == "one two"


@pytest.mark.parametrize(
    "directions",
    [
        "slowly",
        {"delay_s": "1"},
        {"delay_s": -1},
        {"delay_s": 1e9},
        {"delay_s": float("nan")},
        {"fail": "nonsense"},
        {"fail": []},
        {"fail_after": 1.5},
        {"unheard_of": 1},
        [],
    ],
)
def test_directions_that_are_wrong_are_the_clients_fault(directions: Any) -> None:
    with pytest.raises(BadRequest) as caught:
        chat("x", echo=directions)
    assert (caught.value.param or "").startswith("echo")


def test_pauses_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("router_plugins.echo.time.sleep", pauses.append)
    values_of(chat("one two three", stream=True, echo={"delay_s": 0.5, "word_delay_s": 0.25, "stall_s": 2}))
    assert pauses == [0.5, 2, 0.25, 0.25]


@pytest.mark.parametrize("given", ["text", [1, 2, 3], ["a", "b"], [[1], [2, 3]]])
def test_embeddings_of_every_input(given: Any) -> None:
    vectors = embed(input=given)
    assert len(vectors) == (len(given) if isinstance(given, list) and not isinstance(given[0], int) else 1)
    assert all(len(vector) == 256 and sum(x * x for x in vector) == pytest.approx(1) for vector in vectors)


def test_embeddings_depend_on_the_input_alone() -> None:
    assert embed(input="a") == embed(input="a") != embed(input="b")


def test_base64_is_the_same_vector_in_single_precision() -> None:
    [packed], [plain] = embed(input="a", dimensions=8, encoding_format="base64"), embed(input="a", dimensions=8)
    assert struct.unpack("<8f", base64.b64decode(packed)) == pytest.approx(plain)


def test_too_many_dimensions() -> None:
    with pytest.raises(BadRequest, match="at most 4096"):
        embed(input="a", dimensions=4097)
    with pytest.raises(BadRequest, match="at most 16,384 numbers"):
        embed(input=["a"] * 257, dimensions=256)


def test_its_models_cost_nothing() -> None:
    cards = HOOKS["models"](context=None)
    assert {card.model: (card.kind, card.price.input) for card in cards} == {
        "echo": ("chat", 0),
        "embed": ("embeddings", 0),
    }
