"""From one lane to the other: a provider that speaks the client's surface fails, and one that is asked through chat
serves; and the reverse.
"""

from __future__ import annotations

from typing import Any

import pytest
from lanes_wire import CHAT_USED, LANES, SURFACES, Lanes, chat_answer, events_in, native_answer

from router.testing import Answer, Raw, Result, Stream
from router.testing.upstream.wires.anthropic import ANTHROPIC, thinking
from router.testing.upstream.wires.responses import ID, RESPONSES

WORDS = ("Forty", "-two")
FAULTS = ("status", "cut", "begun")
INPUT, OUTPUT = 1_000, 3_000  # nano-USD a token at the fallbacks


def fault(surface: str, lane: str, how: str, *, stream: bool) -> Any:
    """What the first provider does instead of answering."""
    if how == "status":
        return Answer.error(500)
    if how == "cut" or not stream:
        return Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n")
    script: Any = native_answer(surface, "lost", stream=True) if lane == "native" else chat_answer("lost", stream=True)
    return Stream(list(script.events)[:1], done=False)


def good(surface: str, lane: str, *, stream: bool) -> Any:
    """What the second says."""
    if lane == "native":  # the first was asked through chat
        return chat_answer(*WORDS, stream=stream)
    return native_answer(surface, *WORDS, stream=stream)


def text_of(surface: str, answer: Result, *, stream: bool) -> str:
    """What the client read, of an answer that is framed as it must be."""
    if not stream:
        value = answer.json()
        parts = value["output"][-1]["content"] if surface == "responses" else value["content"]
        return "".join(part["text"] for part in parts)
    events = events_in(answer.body)
    kinds = [one["type"] for one in events if one["type"] != "ping"]
    if surface == "responses":
        assert kinds.count("response.created") == 1 and kinds[0] == "response.created"
        assert kinds[-1] == "response.completed" and kinds.count("response.completed") == 1
        assert [one["sequence_number"] for one in events] == list(range(len(events)))
        return "".join(one["delta"] for one in events if one["type"] == "response.output_text.delta")
    assert kinds.count("message_start") == 1 and kinds[0] == "message_start"
    assert kinds[-1] == "message_stop" and kinds.count("message_delta") == 1
    return "".join(one["delta"]["text"] for one in events if one["type"] == "content_block_delta")


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("lane", LANES)
@pytest.mark.parametrize("how", FAULTS)
@pytest.mark.parametrize("mode", ["plain", "stream"])
def test_the_other_lane_serves_as_if_it_had_been_asked_at_once(
    lanes: Lanes, surface: str, lane: str, how: str, mode: str
) -> None:
    stream, payer, model = mode == "stream", lanes.payer(), lanes.first(surface, lane)
    lanes.upstream.script(fault(surface, lane, how, stream=stream), good(surface, lane, stream=stream))
    answer = lanes.ask(payer, surface, model, stream=stream)
    assert answer.status == 200, answer.body
    assert text_of(surface, answer, stream=stream) == "".join(WORDS)
    assert b"lost" not in answer.body and model.encode() in answer.body
    first, second = (request.path for request in lanes.upstream.requests)
    own = f"/v1/{surface}"
    assert (first, second) == ((own, "/v1/chat/completions") if lane == "native" else ("/v1/chat/completions", own))
    row = lanes.row(answer)
    assert [attempt.kind for attempt in row.attempts][1:] == ["ok"]
    assert (row.route, row.provider, row.ending) == (surface, "chat" if lane == "native" else surface, "ok")
    if lane == "native":
        used = (CHAT_USED["prompt_tokens"], CHAT_USED["completion_tokens"])
    else:
        counts = (RESPONSES if surface == "responses" else ANTHROPIC).counts
        used = (counts.prompt_tokens, counts.completion_tokens)
    assert (row.prompt_tokens, row.completion_tokens, row.estimated) == (*used, False)
    assert row.charge_nano == used[0] * INPUT + used[1] * OUTPUT == lanes.spent(payer)
    lanes.check()


@pytest.mark.parametrize("lane", LANES)
@pytest.mark.parametrize("mode", ["plain", "stream"])
def test_what_is_kept_is_the_answer_that_was_given(lanes: Lanes, lane: str, mode: str) -> None:
    stream, payer, model = mode == "stream", lanes.payer(), lanes.first("responses", lane)
    lanes.upstream.script(fault("responses", lane, "begun", stream=stream), good("responses", lane, stream=stream))
    answer = lanes.ask(payer, "responses", model, stream=stream)
    told = events_in(answer.body)[-1]["response"] if stream else answer.json()
    assert (told["id"] == ID) is (lane == "chat")
    assert lanes.get(payer, f"/v1/responses/{told['id']}").json() == told
    assert len(lanes.rows("SELECT id FROM responses WHERE account_id = ?", payer.account)) == 1


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("lane", LANES)
@pytest.mark.parametrize("mode", ["plain", "stream"])
def test_where_both_fail_the_last_failure_is_told_and_nothing_is_charged(
    lanes: Lanes, surface: str, lane: str, mode: str
) -> None:
    stream, payer, model = mode == "stream", lanes.payer(), lanes.first(surface, lane)
    other = "chat" if lane == "native" else "native"
    lanes.upstream.script(fault(surface, lane, "begun", stream=stream), fault(surface, other, "begun", stream=stream))
    answer = lanes.ask(payer, surface, model, stream=stream)
    assert answer.status >= 500 and ("error" in answer.json())
    assert (answer.json().get("type") == "error") is (surface == "messages")
    row = lanes.row(answer)
    assert len(row.attempts) == 2 and row.charge_nano == lanes.spent(payer) == 0
    lanes.check()


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("lane", LANES)
def test_after_output_there_is_no_second_provider(lanes: Lanes, surface: str, lane: str) -> None:
    payer, model = lanes.payer(), lanes.first(surface, lane)
    script: Any = native_answer(surface, "twelve bytes", stream=True)
    if lane == "chat":
        script = chat_answer("twelve bytes", stream=True)
    told = [one for one in script.events if b"twelve bytes" in (one if isinstance(one, bytes) else str(one).encode())]
    place = list(script.events).index(told[0]) + 1
    lanes.upstream.script(Stream(list(script.events)[:place], done=False), good(surface, lane, stream=True))
    answer = lanes.ask(payer, surface, model, stream=True)
    last = events_in(answer.body)[-1]
    assert last["type"] == ("response.failed" if surface == "responses" else "error")
    assert len(lanes.upstream.requests) == 1
    row = lanes.row(answer)
    assert (row.ending, row.completion_tokens) == ("cut", 3)
    assert row.charge_nano == lanes.spent(payer) > 0
    lanes.check()


def test_what_chat_cannot_do_leaves_the_first_failure_standing(lanes: Lanes) -> None:
    payer, model = lanes.payer(), lanes.first("messages", "native")
    lanes.upstream.script(Answer.error(529, type="overloaded_error"))
    tools = [{"type": "bash_20250124", "name": "bash"}]
    answer = lanes.ask(payer, "messages", model, tools=tools)
    assert (answer.status, answer.json()["error"]["type"]) == (529, "overloaded_error")
    assert len(lanes.upstream.requests) == 1 and lanes.spent(payer) == 0
    refused = lanes.ask(payer, "messages", lanes.first("messages", "chat"), tools=tools)
    assert refused.status == 400 and "tools[0]" in refused.json()["error"]["message"]
    assert len(lanes.upstream.requests) == 1


def test_reasoning_after_a_fallback_is_sealed_for_whoever_gave_it(lanes: Lanes) -> None:
    """The turn goes on at the provider that served: what it wants back comes back to it alone."""
    payer, model = lanes.payer(), lanes.first("messages", "chat")
    blocks = [thinking("Hm.", "theirs=="), {"type": "text", "text": "So."}]
    lanes.upstream.script(Answer.error(500), Answer(ANTHROPIC_MESSAGE | {"content": blocks}))
    said = lanes.ask(payer, "messages", model).json()["content"]
    assert said == blocks
    turns: list[Any] = [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": said},
        {"role": "user", "content": "y"},
    ]
    lanes.upstream.script(chat_answer("Fine.", stream=False))
    again = lanes.ask(payer, "messages", lanes.first("messages", "chat"), messages=turns)
    assert again.status == 200 and b"theirs==" not in lanes.upstream.last.body


ANTHROPIC_MESSAGE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude",
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 3, "output_tokens": 2},
}
