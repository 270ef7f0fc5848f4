"""Chunks of odd upstreams make the events of straight ones, and a plain answer is the fold of its stream."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.surfaces.canonical.chat_events import ChatEvents, answer_events
from router.surfaces.canonical.events import CallDelta, CallStart, Event, Finish, PartEnd, Started, TextDelta, UsageSeen
from router.surfaces.canonical.folding import FoldedAnswer, fold
from router.surfaces.canonical.parts import CallPart, ReasoningPart, RefusalPart, TextPart
from router.surfaces.canonical.tools import Tool, ToolNames, raw_input, wrapped_input

HEAD = {"id": "chatcmpl-1", "created": 17, "model": "p/m", "object": "chat.completion.chunk"}
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    return {**HEAD, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more}


def call(index: int | None = None, **more: Any) -> dict[str, Any]:
    return {"tool_calls": [({} if index is None else {"index": index}) | more]}


def events_of(*chunks: dict[str, Any], names: ToolNames | None = None) -> list[Event]:
    stream = ChatEvents(names)
    return [event for one in chunks for event in stream.feed(one)] + list(stream.end())


def folded(*chunks: dict[str, Any], names: ToolNames | None = None) -> FoldedAnswer:
    return fold(events_of(*chunks, names=names))


def test_text_makes_one_part_and_usage_comes_before_the_end() -> None:
    found = events_of(
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": "Hi "}),
        chunk({"content": "there"}),
        chunk({}, "stop"),
        {**HEAD, "choices": [], "usage": USAGE},
    )
    assert found == [
        Started("chatcmpl-1", "p/m", 17),
        TextDelta(0, "Hi "),
        TextDelta(0, "there"),
        UsageSeen(USAGE),
        PartEnd(0),
        Finish("stop"),
    ]


def test_empty_deltas_and_nulls_open_nothing() -> None:
    odd = {"role": "assistant", "content": None, "reasoning_content": "", "refusal": None, "tool_calls": None}
    assert folded(chunk(odd), chunk({}), {"choices": []}, chunk({"content": ""}, "stop")).parts == ()


def test_reasoning_may_come_back_after_text() -> None:
    found = folded(
        chunk({"reasoning_content": "a"}),
        chunk({"reasoning": "b"}),
        chunk({"content": "c"}),
        chunk({"reasoning_content": "d"}),
        chunk({"content": "e"}, "stop"),
    )
    assert found.parts == (ReasoningPart("ab"), TextPart("c"), ReasoningPart("d"), TextPart("e"))


def test_nulls_and_empty_words_never_overwrite_a_calls_id_and_name() -> None:
    found = folded(
        chunk(call(0, id="call_a", function={"name": "get", "arguments": ""})),
        chunk(call(0, id=None, function={"name": None, "arguments": '{"q"'})),
        chunk(call(0, id="", function={"name": "", "arguments": ":1}"})),
        chunk({}, "tool_calls"),
    )
    assert found.parts == (CallPart("call_a", "get", '{"q":1}'),)


def test_parallel_calls_may_interleave_and_end_in_their_order() -> None:
    found = events_of(
        chunk(call(0, id="a", function={"name": "f", "arguments": "{"})),
        chunk(call(1, id="b", function={"name": "g", "arguments": "["})),
        chunk(call(0, function={"arguments": "}"})),
        chunk(call(1, function={"arguments": "]"})),
        chunk({}, "tool_calls"),
    )
    assert [event for event in found if isinstance(event, CallStart | PartEnd)] == [
        CallStart(0, "a", "f"),
        CallStart(1, "b", "g"),
        PartEnd(0),
        PartEnd(1),
    ]
    assert fold(found).parts == (CallPart("a", "f", "{}"), CallPart("b", "g", "[]"))


@pytest.mark.parametrize(
    "pieces",
    [
        [call(None, id="a", function={"name": "f", "arguments": "1"}), call(None, function={"arguments": "2"})],
        [call(None, id="a", function={"name": "f", "arguments": "1"}), call(None, id="a", function={"arguments": "2"})],
        [call(3, function={"arguments": "1"}, id="a"), call(3, function={"name": "f", "arguments": "2"})],
        [call(0, id="a", function={"name": "f"}), call(0, function={"arguments": 12})],
    ],
    ids=["no index", "by ID", "name comes late", "arguments that are no text"],
)
def test_pieces_find_their_call(pieces: list[dict[str, Any]]) -> None:
    (part,) = folded(*map(chunk, pieces)).parts
    assert isinstance(part, CallPart) and (part.id, part.name) == ("a", "f")
    assert part.arguments == ("" if "12" in json.dumps(pieces[1]) else "12")


def test_whole_calls_without_index_are_many_calls() -> None:
    both = {
        "tool_calls": [
            {"function": {"name": "f", "arguments": {"a": 1}}},
            {"function": {"name": "f", "arguments": {"a": 2}}},
        ]
    }
    parts = folded(chunk(both, "stop")).parts
    assert [part.arguments for part in parts if isinstance(part, CallPart)] == ['{"a":1}', '{"a":2}']
    assert len({part.id for part in parts if isinstance(part, CallPart)}) == 2


def test_one_index_with_two_ids_is_two_calls() -> None:
    found = folded(
        chunk(call(0, id="a", function={"name": "f", "arguments": "{}"})),
        chunk(call(0, id="b", function={"name": "g", "arguments": "{}"})),
    )
    assert found.parts == (CallPart("a", "f", "{}"), CallPart("b", "g", "{}"))


@pytest.mark.parametrize(
    ("said", "reason"),
    [("stop", "tool_calls"), (None, "tool_calls"), ("function_call", "tool_calls"), ("length", "length")],
)
def test_calls_decide_what_a_missing_or_wrong_finish_means(said: str | None, reason: str) -> None:
    assert folded(chunk(call(0, id="a", function={"name": "f", "arguments": "{}"}), said)).finish == reason


def test_usage_in_the_finish_chunk_and_a_missing_end() -> None:
    found = folded(chunk({"content": "x"}, "length", usage=USAGE, service_tier="flex"))
    assert (found.usage, found.finish, found.tier) == (USAGE, "length", "flex")
    assert fold(ChatEvents().feed(chunk({"content": "x"}))).finish == ""


def test_other_choices_are_left_out() -> None:
    both = {**HEAD, "choices": [{"index": 1, "delta": {"content": "b"}}, {"index": 0, "delta": {"content": "a"}}]}
    assert folded(both).parts == (TextPart("a"),)


def test_proof_that_comes_late_is_a_reasoning_of_its_own() -> None:
    blocks = [{"type": "thinking", "thinking": "t", "signature": "s"}]
    late = folded(
        chunk({"reasoning_content": "t"}), chunk({"content": "x"}), chunk({"thinking_blocks": blocks}, "stop")
    )
    assert late.parts == (ReasoningPart("t"), TextPart("x"), ReasoningPart("", {"thinking_blocks": blocks}))
    soon = folded(
        chunk({"reasoning_content": "t"}), chunk({"thinking_blocks": blocks}), chunk({"content": "x"}, "stop")
    )
    assert soon.parts == (ReasoningPart("t", {"thinking_blocks": blocks}), TextPart("x"))


def test_details_of_reasoning_are_put_together() -> None:
    def told(**more: Any) -> dict[str, Any]:
        return chunk({"reasoning_details": [{"type": "reasoning.text", "index": 0} | more]})

    found = folded(told(text="a"), told(text="b"), told(signature="s"), chunk({"content": "x"}, "stop"))
    whole = {"type": "reasoning.text", "index": 0, "text": "ab", "signature": "s"}
    assert found.parts == (ReasoningPart("ab"), TextPart("x"), ReasoningPart("", {"reasoning_details": [whole]}))


def test_refusals_annotations_logprobs_and_signatures_of_calls() -> None:
    note = {"type": "url_citation", "url_citation": {"url": "https://a"}}
    probable = {**HEAD, "choices": [{"index": 0, "delta": {"content": "x"}, "logprobs": {"content": [{"token": "x"}]}}]}
    assert TextDelta(0, "x", [{"token": "x"}]) in events_of(probable)
    assert folded(probable, chunk({"annotations": [note]}, "stop")).parts == (TextPart("x", {"annotations": [note]}),)
    assert folded(chunk({"refusal": "no"}, "stop")).parts == (RefusalPart("no"),)
    signed = call(0, id="a", function={"name": "f", "arguments": "{}"}, extra_content={"google": {"s": 1}})
    assert folded(chunk(signed)).parts == (CallPart("a", "f", "{}", extra={"extra_content": {"google": {"s": 1}}}),)


def test_lists_of_content_are_text_and_thinking() -> None:
    content = [{"type": "thinking", "thinking": [{"type": "text", "text": "t"}]}, {"type": "text", "text": "x"}]
    assert folded(chunk({"content": content}, "stop")).parts == (ReasoningPart("t"), TextPart("x"))


def test_calls_are_told_in_the_clients_words() -> None:
    names = ToolNames([Tool("exec", "custom", "functions"), Tool("get", namespace="mcp")])
    found = events_of(
        chunk(call(0, id="a", function={"name": "exec", "arguments": '{"inp'})),
        chunk(call(0, function={"arguments": 'ut":"ls"}'})),
        chunk(call(1, id="b", function={"name": "mcp__get", "arguments": "{}"}), "tool_calls"),
        names=names,
    )
    assert fold(found).parts == (CallPart("a", "exec", "ls", "functions", "custom"), CallPart("b", "get", "{}", "mcp"))
    assert [event for event in found if isinstance(event, CallDelta)] == [CallDelta(1, "{}"), CallDelta(0, "ls")]


def test_a_custom_call_that_keeps_to_no_schema_is_its_raw_text() -> None:
    names = ToolNames([Tool("exec", "custom")])
    (part,) = folded(chunk(call(0, id="a", function={"name": "exec", "arguments": "ls -l"})), names=names).parts
    assert isinstance(part, CallPart) and part.arguments == "ls -l"


@given(st.text())
def test_raw_input_is_what_was_wrapped(text: str) -> None:
    assert raw_input(wrapped_input(text)) == text


TEXT = st.text(min_size=1, max_size=12)
CALLS = st.lists(st.tuples(TEXT, st.text(max_size=12)), max_size=3)


@given(st.none() | TEXT, st.none() | TEXT, CALLS, st.sampled_from(["stop", "length", "tool_calls"]), st.data())
def test_a_plain_answer_is_the_fold_of_its_stream_cut_anywhere(
    reasoning: str | None, text: str | None, calls: list[tuple[str, str]], finish: str, data: st.DataObject
) -> None:
    made = [
        {"id": f"call_{place}", "type": "function", "function": {"name": name, "arguments": arguments}}
        for place, (name, arguments) in enumerate(calls)
    ]
    message = {"role": "assistant", "content": text, "reasoning_content": reasoning, "tool_calls": made}
    body = {**HEAD, "choices": [{"index": 0, "message": message, "finish_reason": finish}], "usage": USAGE}

    def cut(whole: str | None) -> list[str]:
        place = data.draw(st.integers(0, len(whole or "")))
        return [(whole or "")[:place], (whole or "")[place:]]

    pieces = [chunk({"reasoning_content": piece}) for piece in cut(reasoning)]
    pieces += [chunk({"content": piece}) for piece in cut(text)]
    for place, one in enumerate(made):
        first, rest = cut(calls[place][1])
        named = {"name": calls[place][0], "arguments": first}
        pieces.append(chunk(call(place, id=one["id"], type="function", function=named)))
        pieces.append(chunk(call(place, id=None, function={"arguments": rest})))
    pieces += [chunk({}, finish), {**HEAD, "choices": [], "usage": USAGE}]
    assert fold(answer_events(body)) == folded(*pieces)
