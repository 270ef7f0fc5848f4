"""What each provider's clients see: answers, streams, tools, reasoning, structured output, usage."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from provider_kit import ASK, MODES, Rig

from router.testing import Answer, embeddings
from router.testing.upstream.wires import WIRES, Wire
from router.types.records import Usage

TOOL: Any = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
CALL = ("weather", '{"city":"Oslo"}')
REWRITTEN = ("gemini", "mistral", "openrouter")
"""Messages have another form there in part."""
EMBEDS = ("gemini", "mistral", "openrouter", "qwen")


@pytest.fixture(params=list(WIRES.values()), ids=list(WIRES))
def wire(request: pytest.FixtureRequest) -> Wire:
    found: Wire = request.param
    return found


@pytest.fixture
def model(wire: Wire) -> str:
    return f"{wire.name}/{wire.model}"


def script(rig: Rig, wire: Wire, mode: str, *words: str, **fields: Any) -> None:
    rig.upstream.script((wire.stream if mode == "stream" else wire.plain)(*words, **fields))


def said(replies: list[Any], field: str) -> str:
    """The text of a field of the message, or of all deltas joined."""
    parts = [getattr(choice, "delta", None) or choice.message for reply in replies for choice in reply.choices]
    return "".join(getattr(part, field, None) or "" for part in parts)


def counts(usage: Any) -> Usage:
    """What the SDK shows of a usage object."""
    prompt, completion = usage.prompt_tokens_details, usage.completion_tokens_details
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    return Usage(
        usage.prompt_tokens,
        usage.completion_tokens,
        (prompt.cached_tokens or 0) if prompt else 0,
        reasoning_tokens=(completion.reasoning_tokens or 0) if completion else 0,
    )


@pytest.mark.parametrize("mode", MODES)
def test_an_answer_with_its_reasoning(rig: Rig, wire: Wire, model: str, mode: str) -> None:
    script(rig, wire, mode, "forty", "-two", reasoning=["six ", "sevens"])
    replies = rig.ask(model, mode)
    assert (said(replies, "content"), said(replies, "reasoning_content")) == ("forty-two", "six sevens")
    assert {reply.model for reply in replies} == {model}
    assert [choice.finish_reason for choice in replies[-1].choices] == ["stop"]
    assert rig.upstream.last.path == "/v1/chat/completions"
    assert rig.upstream.last.headers["authorization"] == f"Bearer sk-{wire.name}-secret"
    assert rig.sent()["model"] == wire.model


@pytest.mark.parametrize("mode", MODES)
def test_tool_calls_with_their_ids(rig: Rig, wire: Wire, model: str, mode: str) -> None:
    script(rig, wire, mode, tool_calls=[CALL])
    if mode == "stream":
        with rig.client.chat.completions.stream(model=model, messages=ASK, tools=[TOOL]) as events:
            choice: Any = events.get_final_completion().choices[0]
    else:
        choice = rig.ask(model, tools=[TOOL])[0].choices[0]
    [call] = choice.message.tool_calls
    assert (call.function.name, call.function.arguments) == CALL
    assert call.id == ("weather:0" if wire.name == "moonshot" else "call_0")
    assert choice.finish_reason == "tool_calls"
    assert rig.sent()["tools"] == [TOOL]


def test_fields_that_must_survive_a_conversation(rig: Rig, wire: Wire, model: str) -> None:
    if wire.name in REWRITTEN:
        pytest.skip("its own tests say what becomes of a conversation")
    calls = [{"id": "weather:0", "type": "function", "function": {"name": "weather", "arguments": "{}"}}]
    turn = {"role": "assistant", "content": "", "reasoning_content": "I need the weather \u2602", "tool_calls": calls}
    result = {"role": "tool", "tool_call_id": "weather:0", "content": "rain"}
    prefix = {"role": "assistant", "content": "It is", "partial": True, "prefix": True, "signature": "c2ln"}
    body = {"model": model, "messages": [*ASK, turn, result, prefix]}
    script(rig, wire, "plain", "wet")
    rig.client.post("/chat/completions", cast_to=object, body=body)
    assert rig.sent()["messages"] == body["messages"]


@pytest.mark.parametrize("mode", MODES)
def test_structured_output_is_passed_on(rig: Rig, wire: Wire, model: str, mode: str) -> None:
    schema = {"name": "n", "strict": True, "schema": {"type": "object", "properties": {"n": {"type": "integer"}}}}
    form: Any = {"type": "json_schema", "json_schema": schema}
    script(rig, wire, mode, '{"n":', "42}")
    replies = rig.ask(model, mode, response_format=form, temperature=0.5, seed=7, extra_body={"unheard_of": [None]})
    assert json.loads(said(replies, "content")) == {"n": 42}
    sent, seed = rig.sent(), "random_seed" if wire.name == "mistral" else "seed"
    assert (sent["response_format"], sent["temperature"], sent[seed], sent["unheard_of"]) == (form, 0.5, 7, [None])


def test_usage_is_what_the_wire_said(rig: Rig, wire: Wire, model: str) -> None:
    asked: list[str] = []
    shown: list[Any] = []
    for stream, fields in ((False, {}), (True, {}), (True, {"stream_options": {"include_usage": True}})):
        script(rig, wire, "stream" if stream else "plain", "42", reasoning=["hm"])
        create: Any = rig.client.chat.completions.with_raw_response.create
        raw = create(model=model, messages=ASK, stream=stream, **fields)
        asked.append(raw.headers["x-request-id"])
        replies = list(raw.parse()) if stream else [raw.parse()]
        shown.append([counts(reply.usage) for reply in replies if reply.usage])
    assert shown == [[wire.counts], [], [wire.counts]]
    rows = {row["request_id"]: row for row in rig.gateway.router("usage", "show", "--limit", "10")}
    for request_id in asked:
        row = rows[request_id]
        kept = (row["prompt_tokens"], row["completion_tokens"], row["cached_tokens"])
        assert Usage(*kept, reasoning_tokens=row["reasoning_tokens"]) == wire.counts
        assert (row["estimated"], row["provider"], row["upstream_model"]) == (False, wire.name, wire.model)


def test_embeddings(rig: Rig, wire: Wire, model: str) -> None:
    if wire.name in EMBEDS:
        rig.upstream.on("/v1/embeddings", Answer(embeddings(["x"])))
        reply = rig.client.embeddings.create(model=f"{wire.name}/embedder", input=["x"], dimensions=8)
        assert (len(reply.data[0].embedding), reply.usage.prompt_tokens) == (8, 1)
        assert rig.sent()["output_dimension" if wire.name == "mistral" else "dimensions"] == 8
        return
    with pytest.raises(openai.BadRequestError, match="does not serve embeddings") as caught:
        rig.client.embeddings.create(model=model, input="x")
    assert caught.value.code == "unsupported_operation"
    assert not rig.upstream.requests
