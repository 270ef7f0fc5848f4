"""Mistral: fields of other names, IDs of nine letters, thoughts as parts of the content, finishes of its own."""

from __future__ import annotations

from typing import Any

import openai
import pytest
from provider_kit import ASK, MODES, Rig

from router.testing import Answer, completion
from router.testing.upstream.wires import MISTRAL

MODEL = f"mistral/{MISTRAL.model}"


def turn(call_id: str, **fields: Any) -> list[Any]:
    """An assistant's turn with a tool call, and the tool's result."""
    call = {"id": call_id, "type": "function", "function": {"name": "f", "arguments": "{}"}}
    return [
        {"role": "assistant", "content": "", "tool_calls": [call], **fields},
        {"role": "tool", "tool_call_id": call_id, "content": "rain"},
    ]


def test_fields_and_the_role_under_their_names_there(rig: Rig) -> None:
    rig.upstream.script(MISTRAL.stream("x"))
    messages: Any = [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "Hello"}]
    rig.ask(MODEL, "stream", messages=messages, max_completion_tokens=50, seed=7)
    assert rig.sent() == {
        "model": MISTRAL.model,
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}],
        "max_tokens": 50,
        "random_seed": 7,
        "stream": True,
    }


def test_ids_of_other_providers_calls(rig: Rig) -> None:
    rig.upstream.script(MISTRAL.plain("x"), MISTRAL.plain("x"))
    given = [*ASK, *turn("call_PTLP8xhu3uwZk4l3nlnrrJha"), *turn("weather:0"), *turn("D681PevKs")]
    rounds = []
    for _ in range(2):
        rig.ask(MODEL, messages=given)
        sent = rig.sent()["messages"]
        rounds.append([sent[place]["tool_calls"][0]["id"] for place in (1, 3, 5)])
        assert [sent[place]["tool_call_id"] for place in (2, 4, 6)] == rounds[-1]
    assert rounds[0] == rounds[1], "the same ID is always the same"
    assert all(len(one) == 9 and one.isalnum() and one.isascii() for one in rounds[0])
    assert rounds[0][2] == "D681PevKs"
    assert len(set(rounds[0])) == 3


@pytest.mark.parametrize(
    ("content", "sent"),
    [
        ("It rains", [{"type": "text", "text": "It rains"}]),
        ("", []),
        (None, []),
    ],
)
def test_reasoning_goes_back_as_what_it_was(rig: Rig, content: Any, sent: list[Any]) -> None:
    rig.upstream.script(MISTRAL.plain("x"))
    first, second = turn("D681PevKs", reasoning_content="Hm \u2602", content=content)
    rig.ask(MODEL, messages=[*ASK, first, second])
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm \u2602"}], "closed": True}
    got = rig.sent()["messages"][1]
    assert got["content"] == [thinking, *sent]
    assert "reasoning_content" not in got


def test_fields_that_must_survive(rig: Rig) -> None:
    rig.upstream.script(MISTRAL.plain("wet"))
    messages = [*ASK, *turn("D681PevKs"), {"role": "assistant", "content": "It is", "prefix": True}]
    rig.client.post(
        "/chat/completions", cast_to=object, body={"model": MODEL, "messages": messages, "safe_prompt": True}
    )
    assert (rig.sent()["messages"], rig.sent()["safe_prompt"]) == (messages, True)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("reason", "shown"), [("model_length", "length"), ("stop", "stop")])
def test_finish_reasons(rig: Rig, mode: str, reason: str, shown: str) -> None:
    build = MISTRAL.stream if mode == "stream" else MISTRAL.plain
    rig.upstream.script(build("x", finish_reason=reason))
    assert rig.ask(MODEL, mode)[-1].choices[0].finish_reason == shown


@pytest.mark.parametrize("mode", MODES)
def test_a_finish_that_is_an_error_is_a_failure(rig: Rig, mode: str) -> None:
    build = MISTRAL.stream if mode == "stream" else MISTRAL.plain
    rig.upstream.script(build(finish_reason="error"))
    with pytest.raises(openai.InternalServerError, match="broke off") as caught:
        rig.ask(f"{rig.spare('mistral')}/{MISTRAL.model}", mode)
    assert (caught.value.status_code, caught.value.code) == (502, "upstream_server_error")


@pytest.mark.parametrize("mode", MODES)
def test_tool_calls_are_whole(rig: Rig, mode: str) -> None:
    build = MISTRAL.stream if mode == "stream" else MISTRAL.plain
    rig.upstream.script(build(tool_calls=[("f", "{}"), ("g", '{"a":1}')]))
    [choice] = rig.ask(MODEL, mode)[-1].choices
    calls = (getattr(choice, "delta", None) or choice.message).tool_calls
    assert [(call.type, call.function.name) for call in calls] == [("function", "f"), ("function", "g")]
    if mode == "stream":
        assert [call.index for call in calls] == [0, 1]


def test_odd_parts_of_an_answer(rig: Rig) -> None:
    body = completion(tool_calls=[("f", "")], usage=None)
    message = body["choices"][0]["message"]
    reference = {"type": "reference", "reference_ids": [1]}
    message["content"] = [{"type": "text", "text": "It "}, {"type": "text", "text": "rains"}, reference]
    message["tool_calls"][0]["function"]["arguments"] = {"city": "Oslo"}
    rig.upstream.script(Answer(body))
    got = rig.ask(MODEL)[0].choices[0].message
    assert (got.content, got.content_parts) == ("It rains", [reference])
    assert got.tool_calls[0].function.arguments == '{"city":"Oslo"}'


@pytest.mark.parametrize(
    "place",
    [
        {"num_cached_tokens": 64},
        {"prompt_token_details": {"cached_tokens": 64}},
        {"prompt_tokens_details": {"cached_tokens": 64}, "num_cached_tokens": 3},
    ],
)
def test_cached_tokens_wherever_they_are(rig: Rig, place: dict[str, Any]) -> None:
    usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120, **place}
    rig.upstream.script(Answer(completion("x", usage=usage)))
    assert rig.ask(MODEL)[0].usage.prompt_tokens_details.cached_tokens == 64


def test_the_field_that_was_refused_is_named(rig: Rig) -> None:
    detail = [{"loc": ["body", "messages", 0, "role"], "msg": "Field required", "type": "missing"}]
    rig.upstream.script(Answer({"detail": detail}, status=422))
    with pytest.raises(openai.UnprocessableEntityError) as caught:
        rig.ask(MODEL)
    assert caught.value.param == "messages.0.role"


def test_the_list_tells_windows_and_kinds(rig: Rig) -> None:
    entries = [
        {"id": "ministral-99", "capabilities": {"completion_chat": True}, "max_context_length": 262144},
        {"id": "mistral-ocr", "capabilities": {"completion_chat": False}, "max_context_length": "much"},
    ]
    rig.upstream.on("/v1/models", Answer({"data": entries}))
    [result] = rig.gateway.router("models", "sync", "mistral")
    assert result["added"] == ["mistral/ministral-99", "mistral/mistral-ocr"]
    card = rig.gateway.router("models", "show", "mistral/ministral-99")
    assert (card["kind"], card["context_window"]) == ("chat", 262144)
