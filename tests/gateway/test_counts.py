"""What a reply says of its tokens and of itself: readings completed by what they prove, and what operators are told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from test_relay import item, relay

from router.surfaces.counts import fault_of_usage, higher, shown_usage, sound, whole
from router.surfaces.output_size import Said, said_bytes
from router.surfaces.remarks import REMARKS, remarks_of
from router.testing import chunks, completion
from router.types.records import Reply, Usage
from router.upstream.wire import dump_json, usage_of


def told(prompt: int = 1000, completion: int = 40, reasoning: int = 0, cached: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "prompt_tokens_details": {"cached_tokens": cached},
        "completion_tokens_details": {"reasoning_tokens": reasoning},
        **more,
    }


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (told(), (1000, 40, 0)),
        (told(total_tokens=1040), (1000, 40, 0)),
        (told(reasoning=30, total_tokens=1040), (1000, 40, 30)),
        (told(reasoning=660, total_tokens=1700), (1000, 700, 660)),
        (told(reasoning=660), (1000, 700, 660)),
        (told(reasoning=660, total_tokens=1040), (1000, 700, 660)),
        (told(reasoning=30, total_tokens=1070), (1000, 70, 30)),
        (told(total_tokens=1700), (1000, 700, 660)),
        (told(100, 10, cached=900, total_tokens=1010), (1000, 10, 0)),
        (told(100, 10, cached=900), (1000, 10, 0)),
        (told(1000, 10, cached=900, total_tokens=1910), (1900, 10, 0)),
        (told(total_tokens="many"), (1000, 40, 0)),
        (told(total_tokens=2**70), (1000, 40, 0)),
        (told(-1, total_tokens=1700), (0, 40, 0)),
    ],
)
def test_a_part_beside_its_whole_is_counted_whatever_the_provider(
    usage: dict[str, Any], expected: tuple[int, ...]
) -> None:
    read = usage_of(usage)
    assert read is not None
    found = whole(read)
    assert (found.prompt_tokens, found.completion_tokens, found.reasoning_tokens) == expected
    assert whole(found) == found
    shown = shown_usage(usage, found)
    assert (shown is None) is (found == read)
    if shown is not None:
        assert shown["total_tokens"] == shown["prompt_tokens"] + shown["completion_tokens"]


@pytest.mark.parametrize(
    ("before", "after", "proven"),
    [
        (Usage(90, 1), Usage(90, 3), Usage(90, 3)),
        (Usage(90, 3, 7), Usage(0, 0), Usage(90, 3, 7)),
        (Usage(90, 0, doubtful=("completion_tokens",)), Usage(90, 5), Usage(90, 5)),
        (Usage(90, 3), Usage(0, 5, doubtful=("prompt_tokens",)), Usage(90, 5)),
        (Usage(90, 3), Usage(95, 0, doubtful=("completion_tokens",)), Usage(95, 3)),
    ],
)
def test_later_zeros_take_nothing_away(before: Usage, after: Usage, proven: Usage) -> None:
    assert higher(before, after) == proven


def test_zeros_after_real_counts_are_marked_and_the_client_sees_the_real_ones() -> None:
    made = relay(include_usage=True)
    first, last = {"choices": [{"index": 0, "delta": {"content": "x"}, "usage": told(9, 4)}]}, {"choices": []}
    made.frames([item(first)])
    out = made.frames([item({**last, "usage": told(0, 0, total_tokens=0)})])
    assert made.usage == Usage(9, 4) and made.marks == {"usage_fell"}
    assert b'"prompt_tokens":9,"completion_tokens":4' in out and b'"total_tokens":13' in out


@pytest.mark.parametrize(
    "bad",
    [
        {"prompt_tokens": 7.0},
        {"completion_tokens": -1},
        {"cached_tokens": True},
        {"reasoning_tokens": None},
        {"prompt_tokens": 2**70},
        {"cost_nano": 1.5},
        {"doubtful": ["prompt_tokens"]},
        {"raw": [1]},
    ],
)
def test_what_a_plugin_gives_as_usage_is_checked_and_estimated(
    bad: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    (name,) = bad
    usage = Usage(**{"prompt_tokens": 7, "completion_tokens": 8, **bad})
    assert name in fault_of_usage(usage)
    repaired = sound(usage)
    assert not fault_of_usage(repaired)
    assert (name in repaired.doubtful) is name.endswith("tokens")
    made = relay()
    made.begin(Reply([], read_usage=lambda value: usage, read_error=lambda value: None), "acme")  # type: ignore[arg-type, return-value]
    made.body(item(completion("x")))
    assert made.usage == repaired and made.marks == {"bad_usage"}
    assert "acme" in caplog.text and name in caplog.text


@pytest.mark.parametrize("given", [{"prompt_tokens": 3}, 5, (1, 2)])
def test_what_is_no_usage_at_all_is_none(given: Any, caplog: pytest.LogCaptureFixture) -> None:
    made = relay()
    made.begin(Reply([], read_usage=lambda value: given, read_error=lambda value: None), "acme")  # type: ignore[arg-type, return-value]
    made.body(item(completion("x")))
    assert made.usage is None and made.marks == {"bad_usage"} and "acme" in caplog.text


@pytest.mark.parametrize(
    ("value", "marks"),
    [
        ({"service_tier": "default", "usage": {"service_tier": "standard", "server_tool_use": None}}, set()),
        ({"usage": {"server_tool_use": {"web_search_requests": 0}, "num_sources_used": 0, "cost": 0.01}}, set()),
        ({"choices": [{"message": {"annotations": []}}], "citations": []}, set()),
        ({"service_tier": "priority"}, {"service_tier"}),
        ({"usage": {"service_tier": "flex"}}, {"service_tier"}),
        ({"usage": {"server_tool_use": {"web_search_requests": 2}}}, {"unpriced_search"}),
        ({"usage": {"server_side_tool_usage_details": {"code_execution_calls": 1}}}, {"unpriced_tool"}),
        ({"usage": {"num_sources_used": 3}}, {"unpriced_search"}),
        ({"choices": [{"message": {"annotations": [{"type": "url_citation"}]}}]}, {"unpriced_search"}),
        ({"usage": {"prompt_tokens_details": {"audio_tokens": 9}}}, {"unpriced_audio"}),
        ({"usage": {"cache_creation": {"ephemeral_1h_input_tokens": 300}}}, {"hour_cache"}),
    ],
)
def test_what_has_no_price_marks_the_row(value: dict[str, Any], marks: set[str]) -> None:
    assert set(remarks_of(value)) == marks <= REMARKS.keys()


_TEXTS = ["word", 'say "hi"\n', "größer \u2603", "", 'a"content": "b', "\\"]


@pytest.mark.parametrize("field", ["content", "reasoning_content", "refusal", "arguments"])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_the_size_of_what_is_said_does_not_depend_on_the_framing(field: str, ascii_only: bool) -> None:
    """One text, cut anywhere, escaped or not, with odds and padding beside it, is as long as the whole of it."""
    text = "".join(_TEXTS) * 50
    dump = json.dumps if ascii_only else lambda value: dump_json(value).decode()

    def delta(piece: str) -> dict[str, Any]:
        if field == "arguments":
            return {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}
        return {field: piece}

    def chunk(piece: str) -> bytes:
        odds = {"content": [{"token": piece, "logprob": -0.1}]}
        choice = {"index": 0, "delta": delta(piece), "logprobs": odds, "finish_reason": None}
        return dump({"id": "c", "choices": [choice], "obfuscation": "z" * len(piece)}).encode()

    for size in (1, 7, len(text)):
        said = Said()
        for start in range(0, len(text), size):
            said.add(chunk(text[start : start + size]))
        assert said.size == len(text.encode())
    assert said_bytes(dump({"choices": [{"message": delta(text)}]}).encode()) == len(text.encode())


@pytest.mark.parametrize("parts", [["word"] * 500, ["word " * 40] * 10, ["word " * 400]])
def test_a_stream_is_estimated_like_the_plain_reply_of_its_text(parts: list[str]) -> None:
    made, plain = relay(messages=[]), relay(messages=[])
    for one in chunks(*parts):
        made.frames([item(one)])
    plain.body(item(completion("".join(parts), usage=None)))
    assert made.estimate() == plain.estimate()
    assert plain.estimate().completion_tokens == len("".join(parts)) // 4


@pytest.mark.parametrize(
    ("finished", "ended", "whole_answer"),
    [({0, 1}, False, True), ({0}, False, False), ({0}, True, False), ({0, 1}, True, True)],
)
def test_a_stream_is_whole_when_each_choice_is(finished: set[int], ended: bool, whole_answer: bool) -> None:
    made = relay(n=2, ended=ended)
    for index in (0, 1):
        made.frames([item({"choices": [{"index": index, "delta": {"content": "x"}, "finish_reason": None}]})])
    for index in finished:
        made.frames([item({"choices": [{"index": index, "delta": {}, "finish_reason": "stop"}]})])
    if whole_answer:
        made.end()
    else:
        with pytest.raises(Exception, match="cut off"):
            made.end()
