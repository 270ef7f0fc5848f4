"""Gemini: thoughts out of the content, signatures kept, tool calls numbered, counts that hold the thinking."""

from __future__ import annotations

from typing import Any

import openai
import pytest
from provider_kit import ASK, MODES, Rig

from router.testing import Answer, Stream, chunks, completion, models
from router.testing.upstream.wires import GEMINI
from router.testing.upstream.wires.gemini import quota_error

MODEL = f"gemini/{GEMINI.model}"
SIGNATURE = {"google": {"thought_signature": "c2lnbmF0dXJl"}}
CALLS: Any = [
    {"id": f"c{number}", "type": "function", "function": {"name": "f", "arguments": "{}"}} for number in (1, 2)
]


def said(replies: list[Any], field: str) -> str:
    parts = [getattr(choice, "delta", None) or choice.message for reply in replies for choice in reply.choices]
    return "".join(getattr(part, field, None) or "" for part in parts)


@pytest.mark.parametrize("mode", MODES)
def test_no_trace_of_the_tags_or_the_flag(rig: Rig, mode: str) -> None:
    rig.upstream.script((GEMINI.stream if mode == "stream" else GEMINI.plain)("391", reasoning=["Plan", " it"]))
    replies = rig.ask(MODEL, mode)
    assert (said(replies, "content"), said(replies, "reasoning_content")) == ("391", "Plan it")
    assert not any("extra_content" in reply.to_json() for reply in replies)


@pytest.mark.parametrize("mode", MODES)
def test_text_without_the_flag_is_no_thought(rig: Rig, mode: str) -> None:
    text = "<thought>is a tag</thought>"
    rig.upstream.script((GEMINI.stream if mode == "stream" else GEMINI.plain)(text))
    replies = rig.ask(MODEL, mode)
    assert (said(replies, "content"), said(replies, "reasoning_content")) == (text, "")


def test_a_whole_answer_of_thought_alone(rig: Rig) -> None:
    body = completion("<thought>Hm", finish_reason="length")
    body["choices"][0]["message"]["extra_content"] = {"google": {"thought": True, "thought_signature": "eA=="}}
    rig.upstream.script(Answer(body))
    message = rig.ask(MODEL)[0].choices[0].message
    assert (message.content, message.reasoning_content) == (None, "Hm")
    assert message.extra_content == {"google": {"thought_signature": "eA=="}}


def test_signatures_come_and_go_unchanged(rig: Rig) -> None:
    body = completion(None, tool_calls=[("f", "{}")], finish_reason="stop")
    body["choices"][0]["message"]["tool_calls"][0]["extra_content"] = SIGNATURE
    rig.upstream.script(Answer(body), GEMINI.plain("x"))
    choice = rig.ask(MODEL)[0].choices[0]
    assert choice.finish_reason == "tool_calls"
    turn = choice.message.to_dict() | {"reasoning_content": "what we made of thoughts"}
    rig.ask(MODEL, messages=[*ASK, turn, {"role": "tool", "tool_call_id": "call_0", "content": "1"}])
    sent = rig.sent()["messages"][1]
    assert sent["tool_calls"][0]["extra_content"] == SIGNATURE
    assert "reasoning_content" not in sent


@pytest.mark.parametrize(("model", "stands_in"), [(GEMINI.model, True), ("gemini-2.5-pro", False)])
def test_calls_that_another_provider_made_are_let_in(rig: Rig, model: str, stands_in: bool) -> None:
    rig.upstream.script(GEMINI.plain("x"))
    results = [{"role": "tool", "tool_call_id": call["id"], "content": "1"} for call in CALLS]
    rig.ask(f"gemini/{model}", messages=[*ASK, {"role": "assistant", "tool_calls": CALLS}, *results])
    first, second = rig.sent()["messages"][1]["tool_calls"]
    assert second == CALLS[1]
    assert ("extra_content" in first) is stands_in


def test_calls_of_a_stream_are_numbered(rig: Rig) -> None:
    rig.upstream.script(GEMINI.stream(tool_calls=[("f", "{}"), ("g", "{}")]))
    replies = rig.ask(MODEL, "stream")
    calls = [call for reply in replies for choice in reply.choices for call in choice.delta.tool_calls or ()]
    assert [(call.index, call.function.name) for call in calls] == [(0, "f"), (1, "g")]
    assert replies[-1].choices[0].finish_reason == "tool_calls"


@pytest.mark.parametrize(
    ("counts", "shown"),
    [
        ((16, 9, 627), (16, 611, 602)),
        ((16, 9, 25), (16, 9, 0)),
        ((16, 9, 3), (16, 9, 0)),
        ((16, 0, 16), (16, 0, 0)),
    ],
    ids=["left out", "none", "a total that is none", "nothing said"],
)
def test_counts_hold_the_thinking(rig: Rig, counts: tuple[int, ...], shown: tuple[int, ...]) -> None:
    names = ("prompt_tokens", "completion_tokens", "total_tokens")
    rig.upstream.script(Answer(completion("x", usage=dict(zip(names, counts, strict=True)))))
    usage = rig.ask(MODEL)[0].usage
    details = usage.completion_tokens_details
    assert (usage.prompt_tokens, usage.completion_tokens, details.reasoning_tokens if details else 0) == shown


@pytest.mark.parametrize("mode", MODES)
def test_an_answer_that_was_dropped_is_a_failure(rig: Rig, mode: str) -> None:
    reason = "function_call_filter: MALFORMED_FUNCTION_CALL"
    plain = Answer(completion("", finish_reason=reason))
    rig.upstream.script(Stream(chunks(finish_reason=reason)) if mode == "stream" else plain)
    with pytest.raises(openai.InternalServerError, match="MALFORMED_FUNCTION_CALL"):
        rig.ask(f"{rig.spare('gemini')}/{GEMINI.model}", mode)


def test_a_limit_inside_a_stream_says_how_long(rig: Rig) -> None:
    [error] = quota_error("GenerateRequestsPerMinutePerProjectPerModel", delay="2.1s")
    rig.upstream.script(Stream([error], done=False))
    with pytest.raises(openai.RateLimitError) as caught:
        rig.ask(f"{rig.spare('gemini')}/{GEMINI.model}", "stream")
    assert caught.value.response.headers["retry-after"] == "3"


def test_names_in_a_list_have_no_prefix(rig: Rig) -> None:
    rig.upstream.on("/v1/models", Answer(models("models/gemini-9-flash", "models/gemini-3.8-flash")))
    [result] = rig.gateway.router("models", "sync", "gemini")
    assert (result["added"], result["known"]) == (["gemini/gemini-9-flash"], 1)
