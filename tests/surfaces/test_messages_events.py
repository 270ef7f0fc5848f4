"""Chat's chunks as the events of a message: whatever the upstream sends, the framing is Anthropic's own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.surfaces.canonical.chat_events import ChatEvents, answer_events
from router.surfaces.messages.answer import folded
from router.surfaces.messages.events import MessageEvents

Wire = dict[str, Any]
DELTAS = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "signature_delta": "thinking",
    "input_json_delta": "tool_use",
}
USAGE = {"prompt_tokens": 30, "completion_tokens": 9, "prompt_tokens_details": {"cached_tokens": 10}}


def sealed(text: str, proof: Mapping[str, Any]) -> str:
    return json.dumps([text, dict(proof)]) if text or proof else ""


def writer() -> MessageEvents:
    return MessageEvents("msg_1", "p/m", 21, sealed)


def chunk(delta: Mapping[str, Any], finish: str | None = None) -> Wire:
    return {"id": "c1", "model": "p/m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def calls(*pieces: Mapping[str, Any]) -> Wire:
    return chunk({"tool_calls": list(pieces)})


def piece(index: int, arguments: str = "", name: str | None = None, call_id: str | None = None) -> Wire:
    return {"index": index, "id": call_id, "function": {"name": name, "arguments": arguments}}


END = [chunk({}, "stop"), {"choices": [], "usage": USAGE}]


def written(chunks: Sequence[Wire]) -> list[Wire]:
    """The events of a whole stream, each of which keeps the rules."""
    chat, message = ChatEvents(), writer()
    events = [event for one in chunks for event in message.feed(chat.feed(one))]
    events += message.feed(chat.end())
    check_framing(events)
    return events


def check_framing(events: Sequence[Wire]) -> None:
    """One block open at a time, numbered without gaps, deltas of its kind alone, one end with its usage."""
    assert [events[0]["type"], events[-2]["type"], events[-1]["type"]] == [
        "message_start",
        "message_delta",
        "message_stop",
    ]
    open_kind, seen = "", -1
    for event in events[1:-2]:
        if event["type"] == "content_block_start":
            assert (open_kind, event["index"]) == ("", seen + 1)
            open_kind, seen = event["content_block"]["type"], event["index"]
        else:
            assert event["index"] == seen
            if event["type"] == "content_block_stop":
                assert open_kind
                open_kind = ""
            else:
                assert event["type"] == "content_block_delta"
                assert DELTAS[event["delta"]["type"]] == open_kind
    assert not open_kind
    assert "output_tokens" in events[-2]["usage"]


def content(chunks: Sequence[Wire]) -> list[Any]:
    found: list[Any] = folded(written(chunks))["content"]
    return found


def test_text_is_one_block_and_the_true_counts_stand_at_the_end() -> None:
    events = written(
        [chunk({"role": "assistant", "content": ""}), chunk({"content": "Hi "}), chunk({"content": "there"}), *END]
    )
    assert [event["type"] for event in events].count("content_block_start") == 1
    assert events[0]["message"]["usage"]["input_tokens"] == 21
    assert events[-2]["usage"] == {
        "input_tokens": 20,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 10,
        "output_tokens": 9,
    }
    assert folded(events) == {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "p/m",
        "content": [{"type": "text", "text": "Hi there"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": events[-2]["usage"],
    }


def test_parallel_calls_whose_pieces_mix_come_one_after_the_other() -> None:
    mixed = [
        calls(piece(0, '{"a"', "f", "x"), piece(1, "", "g", "y")),
        calls(piece(1, '{"b":2}')),
        calls(piece(0, ":1}")),
        *END,
    ]
    events = written(mixed)
    assert folded(events)["content"] == [
        {"type": "tool_use", "id": "x", "name": "f", "input": {"a": 1}},
        {"type": "tool_use", "id": "y", "name": "g", "input": {"b": 2}},
    ]
    assert events[-2]["delta"]["stop_reason"] == "tool_use"


def test_reasoning_has_a_signature_at_its_end_and_may_come_back() -> None:
    found = content([chunk({"reasoning_content": "Hm"}), chunk({"content": "A"}), chunk({"reasoning": "Oh"}), *END])
    assert found == [
        {"type": "thinking", "thinking": "Hm", "signature": '["Hm", {}]'},
        {"type": "text", "text": "A"},
        {"type": "thinking", "thinking": "Oh", "signature": '["Oh", {}]'},
    ]


def test_what_a_provider_wants_back_with_a_call_follows_in_a_block_of_its_own() -> None:
    given = {**piece(0, "{}", "f", "x"), "extra_content": {"google": {"thought_signature": "s"}}}
    found = content([calls(given), *END])
    assert [block["type"] for block in found] == ["tool_use", "redacted_thinking"]
    assert json.loads(found[1]["data"])[1] == {"call": "x", "extra_content": given["extra_content"]}


def test_text_after_a_call_waits_for_it() -> None:
    found = content([calls(piece(0, "{", "f", "x")), chunk({"content": "so"}), calls(piece(0, "}")), *END])
    assert [block["type"] for block in found] == ["tool_use", "text"]
    assert found[0]["input"] == {}


def test_a_call_without_arguments_has_an_empty_object_and_a_delta_for_it() -> None:
    events = written([calls(piece(0, "", "f", "x")), *END])
    deltas = [event["delta"] for event in events if event["type"] == "content_block_delta"]
    assert deltas == [{"type": "input_json_delta", "partial_json": "{}"}]


def test_arguments_that_are_cut_are_kept_in_one_member() -> None:
    found = content([calls(piece(0, '{"a": "b', "f", "x")), chunk({}, "length")])
    assert found[0]["input"] == {"arguments": '{"a": "b'}


def test_an_empty_answer_has_no_block() -> None:
    assert content([chunk({"content": ""}), *END]) == []


@pytest.mark.parametrize(
    ("finish", "reason"),
    [("stop", "end_turn"), ("length", "max_tokens"), ("tool_calls", "tool_use"), ("content_filter", "refusal")],
)
def test_how_it_ends(finish: str, reason: str) -> None:
    assert written([chunk({"content": "A"}), chunk({}, finish)])[-2]["delta"]["stop_reason"] == reason


def test_a_refusal_is_said_as_text_and_ends_as_one() -> None:
    events = written([chunk({"refusal": "No."}), *END])
    assert folded(events)["content"] == [{"type": "text", "text": "No."}]
    assert events[-2]["delta"]["stop_reason"] == "refusal"


def test_counts_that_nobody_gave_are_left_out() -> None:
    assert written([chunk({"content": "A"}), chunk({}, "stop")])[-2]["usage"] == {"output_tokens": 0}


WHOLE = {
    "id": "c1",
    "model": "p/m",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "Look.",
                "reasoning_content": "Hm.",
                "tool_calls": [
                    {"id": "x", "type": "function", "function": {"name": "f", "arguments": '{"a":[1,"é"]}'}}
                ],
            },
            "finish_reason": "tool_calls",
        }
    ],
    "usage": USAGE,
}


def streamed(sizes: Sequence[int]) -> Iterator[Wire]:
    """The same answer as chunks, its texts cut in pieces of some sizes."""
    message: Any = WHOLE["choices"][0]["message"]  # type: ignore[index]
    for name in ("reasoning_content", "content"):
        for text in cut(message[name], sizes):
            yield chunk({name: text})
    call = message["tool_calls"][0]
    yield calls(piece(0, "", "f", "x"))
    for text in cut(call["function"]["arguments"], sizes):
        yield calls(piece(0, text))
    yield chunk({}, "tool_calls")
    yield {"choices": [], "usage": USAGE}


def cut(text: str, sizes: Sequence[int]) -> Iterator[str]:
    place = 0
    for size in sizes:
        yield text[place : place + size]
        place += size
    yield text[place:]


@given(st.lists(st.integers(0, 6), max_size=6))
def test_the_plain_answer_is_the_fold_of_the_stream_however_it_is_cut(sizes: list[int]) -> None:
    plain = folded(writer().feed(answer_events(WHOLE)))
    assert plain == folded(written(list(streamed(sizes))))
