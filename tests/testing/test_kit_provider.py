"""The builders and the unscripted behaviour, judged by OpenAI's own SDK."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import openai
import pydantic
import pytest
from openai.types import CreateEmbeddingResponse
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from router.testing import ScriptedUpstream, Stream, chunks, completion, embeddings, error, stream, token_usage, vector

pytestmark = pytest.mark.slow

TOOLS: list[Any] = [
    {"type": "function", "function": {"name": "first", "parameters": {"type": "object", "properties": {}}}},
    {
        "type": "function",
        "function": {
            "name": "weather",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}, "days": {"type": "integer"}, "unit": {"enum": ["C", "F"]}},
            },
        },
    },
]


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as running:
        yield running


@pytest.fixture
def client(upstream: ScriptedUpstream) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=upstream.url, api_key="sk-test", max_retries=0, timeout=10) as made:
        yield made


def ask(text: str) -> list[Any]:
    return [{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}]


def test_chat_echoes_the_last_user_message(client: openai.OpenAI, upstream: ScriptedUpstream) -> None:
    reply = client.chat.completions.create(model="m-1", messages=ask("Hello  there"), extra_body={"surprise": [1]})
    assert reply.choices[0].message.content == "Hello  there"
    assert reply.model == "m-1"
    assert reply.usage and (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (4, 2)
    assert upstream.last.json()["surprise"] == [1]
    assert upstream.last.headers["authorization"] == "Bearer sk-test"


def test_text_parts_are_read(client: openai.OpenAI) -> None:
    parts: list[Any] = [{"type": "text", "text": "one"}, {"type": "image_url", "image_url": {"url": "data:,"}}]
    reply = client.chat.completions.create(model="m", messages=[{"role": "user", "content": parts}])
    assert reply.choices[0].message.content == "one"


@pytest.mark.parametrize("include_usage", [True, False])
def test_a_stream_has_usage_only_if_asked(client: openai.OpenAI, include_usage: bool) -> None:
    with client.chat.completions.create(
        model="m", messages=ask("a b c"), stream=True, n=2, stream_options={"include_usage": include_usage}
    ) as events:
        got = list(events)
    texts = ["", ""]
    for chunk in got:
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
    assert texts == ["a b c", "a b c"]
    usages = [chunk.usage for chunk in got if chunk.usage]
    assert [usage.completion_tokens for usage in usages] == ([6] if include_usage else [])


def test_every_piece_carries_the_nonce(client: openai.OpenAI) -> None:
    with client.chat.completions.create(model="m", messages=ask("nonce=q7 chunks=3"), stream=True) as events:
        pieces = [chunk.choices[0].delta.content for chunk in events if chunk.choices[0].delta.content]
    assert pieces == ["q7.0 ", "q7.1 ", "q7.2 "]


def test_output_ends_at_the_cap(client: openai.OpenAI) -> None:
    reply = client.chat.completions.create(model="m", messages=ask("a b c d"), max_tokens=2)
    assert (reply.choices[0].message.content, reply.choices[0].finish_reason) == ("a b", "length")
    assert reply.usage and reply.usage.completion_tokens == 2


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "weather"}}])
def test_a_demanded_tool_is_called(client: openai.OpenAI, choice: Any) -> None:
    reply = client.chat.completions.create(model="m", messages=ask("Oslo"), tools=TOOLS, tool_choice=choice)
    call: Any = (reply.choices[0].message.tool_calls or [])[0]
    assert reply.choices[0].finish_reason == "tool_calls"
    assert call.function.name == ("first" if choice == "required" else "weather")
    wanted = {} if choice == "required" else {"city": "Oslo", "days": 1, "unit": "C"}
    assert json.loads(call.function.arguments) == wanted


def test_a_tool_call_streams(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(
        model="m", messages=ask("Oslo"), tools=TOOLS[1:], tool_choice="required"
    ) as events:
        final = events.get_final_completion()
    call: Any = (final.choices[0].message.tool_calls or [])[0]
    assert json.loads(call.function.arguments)["city"] == "Oslo"


def test_structured_output_fits_its_schema(client: openai.OpenAI) -> None:
    class City(pydantic.BaseModel):
        name: str
        twins: list[str]
        area: float
        capital: bool

    reply = client.chat.completions.parse(model="m", messages=ask("Oslo"), response_format=City)
    assert reply.choices[0].message.parsed == City(name="Oslo", twins=["Oslo"], area=1.5, capital=True)
    plain = client.chat.completions.create(model="m", messages=ask("x"), response_format={"type": "json_object"})
    assert json.loads(plain.choices[0].message.content or "") == {"echo": "x"}


def test_logprobs_come_if_asked(client: openai.OpenAI) -> None:
    reply = client.chat.completions.create(model="m", messages=ask("a b"), logprobs=True, top_logprobs=2)
    odds = reply.choices[0].logprobs
    assert odds and odds.content and [len(one.top_logprobs) for one in odds.content] == [2, 2]


@pytest.mark.parametrize("inputs", ["one text", ["a", "b"], [1, 2, 3], [[1, 2], [3]]])
def test_embeddings_are_the_same_in_both_encodings(client: openai.OpenAI, inputs: Any) -> None:
    packed = client.embeddings.create(model="e", input=inputs, dimensions=5)
    plain = client.embeddings.create(model="e", input=inputs, dimensions=5, encoding_format="float")
    assert [one.embedding for one in packed.data] == [one.embedding for one in plain.data]
    single = isinstance(inputs, str) or isinstance(inputs[0], int)
    assert packed.data[0].embedding == vector(inputs if single else inputs[0], 5)
    assert len(packed.data) == (1 if single else 2)


def test_models_are_listed(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["gpt-4o", "gpt-4o-mini", "text-embedding-3-small"]


def test_requests_that_openai_refuses_are_refused(client: openai.OpenAI, upstream: ScriptedUpstream) -> None:
    with pytest.raises(openai.BadRequestError, match="'messages'"):
        client.chat.completions.create(model="m", messages=[])
    with pytest.raises(openai.BadRequestError, match="'input'"):
        client.embeddings.create(model="m", input="")
    with pytest.raises(openai.BadRequestError, match="could not parse"):
        client.post("/chat/completions", cast_to=object, content=b"{")
    with pytest.raises(openai.NotFoundError, match="Invalid URL"):
        client.get("/nowhere", cast_to=object)
    with pytest.raises(openai.APIStatusError) as caught:
        client.get("/embeddings", cast_to=object)
    assert caught.value.status_code == 405


def test_only_the_right_key_is_served_where_one_is_set() -> None:
    with ScriptedUpstream(api_key="sk-right") as upstream:
        with openai.OpenAI(base_url=upstream.url, api_key="sk-wrong", max_retries=0) as wrong:
            with pytest.raises(openai.AuthenticationError) as caught:
                wrong.models.list()
            assert caught.value.code == "invalid_api_key"
        with openai.OpenAI(base_url=upstream.url, api_key="sk-right", max_retries=0) as right:
            assert len(right.models.list().data) == 3


@pytest.mark.parametrize(
    "body",
    [
        completion(),
        completion(None, tool_calls=[("f", "{}")], n=3),
        completion("a b", logprobs=True, top_logprobs=1, reasoning_content="hm", usage=None, service_tier="default"),
    ],
)
def test_completions_are_openais(body: dict[str, Any]) -> None:
    ChatCompletion.model_validate(body, strict=True)


def test_chunks_are_openais_and_tool_calls_interleave() -> None:
    calls = [("f", '{"a":1}'), ("g", '{"b":2}')]
    events = chunks("x", tool_calls=calls, reasoning_content=["hm"], logprobs=True, n=2, include_usage=True)
    parsed = [ChatCompletionChunk.model_validate(event, strict=True) for event in events]
    order = [
        piece.index
        for chunk in parsed
        for choice in chunk.choices
        if choice.index == 0
        for piece in choice.delta.tool_calls or []
    ]
    assert order == [0, 1, 0, 1, 0, 1]
    assert [event["usage"] for event in events[:-1]] == [None] * (len(events) - 1)
    assert (events[-1]["choices"], events[-1]["usage"]) == ([], token_usage())
    assert all("usage" not in event for event in chunks("x"))


def test_embeddings_and_errors_are_openais() -> None:
    CreateEmbeddingResponse.model_validate(embeddings(["a", [1, 2]]), strict=True)
    assert embeddings(["a b", [1, 2]])["usage"] == {"prompt_tokens": 4, "total_tokens": 4}
    assert error(404, "No.", param="model") == {
        "error": {"message": "No.", "type": "invalid_request_error", "param": "model", "code": "model_not_found"}
    }
    assert error(503, type="t", code="c")["error"] | {"message": ""} == {
        "message": "",
        "type": "t",
        "param": None,
        "code": "c",
    }


def test_a_stream_without_an_end_is_seen_as_cut(client: openai.OpenAI, upstream: ScriptedUpstream) -> None:
    upstream.script(stream("Hello", " there", cut_after=2), Stream(chunks("x"), done=False))
    with (
        pytest.raises(openai.APIConnectionError),
        client.chat.completions.create(model="m", messages=ask("x"), stream=True) as events,
    ):
        list(events)
    with client.chat.completions.create(model="m", messages=ask("x"), stream=True) as events:
        assert [chunk.choices[0].finish_reason for chunk in events][-1] == "stop"
