"""OpenAI's SDK for Python, against the scripted upstream itself and through the gateway."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import openai
import pydantic
import pytest
from sdk_target import Target

from router.testing import Answer, Stream, chunks, completion, stream, vector

pytestmark = pytest.mark.slow

TOOL: Any = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}


@pytest.fixture
def client(target: Target) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=target.base_url, api_key=target.api_key, max_retries=0, timeout=20) as made:
        yield made


@pytest.fixture
def model(target: Target) -> str:
    return f"{target.prefix}gpt-4o"


def ask(text: str) -> list[Any]:
    return [{"role": "user", "content": text}]


def test_chat(client: openai.OpenAI, model: str) -> None:
    raw = client.chat.completions.with_raw_response.create(model=model, messages=ask("Hello there"))
    reply = raw.parse()
    assert (reply.choices[0].message.content, reply.model) == ("Hello there", model)
    assert reply.usage and (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (2, 2)
    assert raw.headers["x-request-id"]


@pytest.mark.parametrize("include_usage", [True, False])
def test_stream(client: openai.OpenAI, model: str, include_usage: bool) -> None:
    options: Any = {"stream_options": {"include_usage": True}} if include_usage else {}
    with client.chat.completions.create(
        model=model, messages=ask("nonce=n1 chunks=20"), stream=True, **options
    ) as events:
        got = list(events)
    pieces = [choice.delta.content for chunk in got for choice in chunk.choices if choice.delta.content]
    assert pieces == [f"n1.{number} " for number in range(20)]
    assert {chunk.model for chunk in got} == {model}
    assert [chunk.usage.completion_tokens for chunk in got if chunk.usage] == ([20] if include_usage else [])
    assert all(chunk.choices for chunk in got) is not include_usage


def test_interleaved_tool_calls(client: openai.OpenAI, model: str, target: Target) -> None:
    calls = [("weather", '{"city":"Oslo"}'), ("weather", '{"city":"Rome"}')]
    target.upstream.script(Stream(chunks(tool_calls=calls)))
    with client.chat.completions.stream(model=model, messages=ask("x"), tools=[TOOL]) as events:
        choice = events.get_final_completion().choices[0]
    made: list[Any] = list(choice.message.tool_calls or [])
    assert choice.finish_reason == "tool_calls"
    assert [(call.function.name, call.function.arguments) for call in made] == calls
    assert target.upstream.last.json()["tools"] == [TOOL]


def test_structured_output(client: openai.OpenAI, model: str) -> None:
    class City(pydantic.BaseModel):
        name: str

    reply = client.chat.completions.parse(model=model, messages=ask("Oslo"), response_format=City)
    assert reply.choices[0].message.parsed == City(name="Oslo")


def test_logprobs_reasoning_and_choices(client: openai.OpenAI, model: str, target: Target) -> None:
    target.upstream.script(Stream(chunks("a", "b", reasoning_content=["hm"], logprobs=True, n=2)))
    with client.chat.completions.create(model=model, messages=ask("x"), stream=True, n=2, logprobs=True) as events:
        choices = [choice for chunk in events for choice in chunk.choices]
    assert {choice.index for choice in choices} == {0, 1}
    assert [choice.delta.model_extra for choice in choices].count({"reasoning_content": "hm"}) == 2
    assert sum(choice.logprobs is not None for choice in choices) == 4


@pytest.mark.parametrize("inputs", ["one", ["one", "two words"], [1, 2], [[1, 2], [3]]])
def test_embeddings(client: openai.OpenAI, target: Target, inputs: Any) -> None:
    reply = client.embeddings.create(model=f"{target.prefix}text-embedding-3-small", input=inputs)
    first = inputs if isinstance(inputs, str) or isinstance(inputs[0], int) else inputs[0]
    assert reply.data[0].embedding == pytest.approx(vector(first))
    assert target.upstream.last.json()["encoding_format"] == "base64"


def test_models(client: openai.OpenAI, model: str) -> None:
    assert model in [card.id for card in client.models.list()]


@pytest.mark.row("ST-3")
def test_errors_have_their_classes(client: openai.OpenAI, model: str) -> None:
    with pytest.raises(openai.AuthenticationError) as wrong_key:
        client.with_options(api_key="sk-wrong").models.list()
    assert wrong_key.value.code == "invalid_api_key"
    with pytest.raises(openai.BadRequestError) as no_messages:
        client.chat.completions.create(model=model, messages=[])
    assert no_messages.value.param == "messages"
    with pytest.raises(openai.NotFoundError):
        client.get("/no/such/path", cast_to=object)


@pytest.mark.parametrize(
    ("status", "kind", "shown"),
    [
        (400, openai.BadRequestError, 400),
        (429, openai.RateLimitError, 429),
        (500, openai.InternalServerError, 502),
    ],
)
def test_refusals_of_the_upstream(
    client: openai.OpenAI, model: str, target: Target, status: int, kind: type[openai.APIStatusError], shown: int
) -> None:
    target.upstream.script(Answer.error(status, "No."))
    with pytest.raises(kind) as caught:
        client.chat.completions.create(model=model, messages=ask("x"))
    assert caught.value.status_code == (shown if target.is_gateway else status)


def test_a_stream_that_is_cut_fails(client: openai.OpenAI, model: str, target: Target) -> None:
    target.upstream.script(stream("Hello", " there", cut_after=2))
    text = ""
    with (
        client.chat.completions.create(model=model, messages=ask("x"), stream=True) as events,
        pytest.raises(openai.APIError),
    ):
        for chunk in events:
            text += chunk.choices[0].delta.content or ""
    assert text == "Hello"


def test_unknown_fields_travel_both_ways(client: openai.OpenAI, model: str, target: Target) -> None:
    target.upstream.script(Answer(completion("x", x_new={"a": [None, 1.5]})))
    reply = client.chat.completions.create(model=model, messages=ask("x"), extra_body={"unheard_of": {"deep": [1]}})
    assert reply.model_extra == {"x_new": {"a": [None, 1.5]}}
    assert target.upstream.last.json()["unheard_of"] == {"deep": [1]}


def test_retries_end_with_the_answer(client: openai.OpenAI, model: str, target: Target) -> None:
    target.upstream.script(Answer.error(500), Answer(completion("at last")))
    reply = client.with_options(max_retries=2).chat.completions.create(model=model, messages=ask("x"))
    assert reply.choices[0].message.content == "at last"
    assert len(target.upstream.requests) == 2


def test_many_streams_at_once_stay_apart(model: str, target: Target) -> None:
    async def one(client: openai.AsyncOpenAI, number: int) -> None:
        messages = ask(f"nonce=n{number} chunks=30")
        pieces = []
        async with await client.chat.completions.create(model=model, messages=messages, stream=True) as events:
            async for chunk in events:
                pieces += [choice.delta.content for choice in chunk.choices if choice.delta.content]
        assert pieces == [f"n{number}.{piece} " for piece in range(30)]

    async def all_of_them() -> None:
        async with openai.AsyncOpenAI(base_url=target.base_url, api_key=target.api_key, max_retries=0) as client:
            await asyncio.gather(*(one(client, number) for number in range(40)))

    asyncio.run(all_of_them())
