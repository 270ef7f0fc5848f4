"""Texts are found in bodies and put back; in streams they are told apart, cut anywhere, and stay what they were."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.guarding.json_strings import JsonStrings
from router.guarding.streams import Filtered, folded, refolded
from router.guarding.texts import mapped, texts_of


class Restoring:
    """Writes a value for ``[E]``, and keeps what may begin one."""

    def __init__(self, value: str = 'a"b\\c\n@é') -> None:
        self._value, self._kept = value, ""

    def feed(self, text: str) -> str:
        text, self._kept = self._kept + text, ""
        place = text.rfind("[", max(0, len(text) - 2))
        if place >= 0 and "]" not in text[place:]:
            text, self._kept = text[:place], text[place:]
        return text.replace("[E]", self._value)

    def flush(self) -> str:
        kept, self._kept = self._kept, ""
        return kept


def test_what_people_wrote_is_text_and_names_are_none() -> None:
    body = {
        "model": "m",
        "messages": [
            {"role": "user", "content": "one", "name": "n"},
            {"role": "user", "content": [{"type": "text", "text": "two"}, {"image_url": {"url": "http://x"}}]},
            {
                "role": "assistant",
                "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": '{"name": "three", "n": ["four"]}'}}],
            },
        ],
        "tools": [
            {"type": "function", "function": {"name": "f", "description": "five", "parameters": {"type": "object"}}}
        ],
        "what_nobody_knows": {"deep": ["six", "data:image/png;base64,AAAA"]},
        "input": {"id": "seven"},
    }
    assert texts_of(body) == ["one", "two", "three", "four", "five", "six", "seven"]
    assert mapped(body, lambda text: text) is body
    changed = mapped(body, lambda text: 'a "quote"' if text == "three" else text)
    inner = changed["messages"][2]["tool_calls"][0]["function"]
    assert json.loads(inner["arguments"])["name"] == 'a "quote"' and changed["messages"][0] is body["messages"][0]


@pytest.mark.parametrize("depth", [100, 900, 100_000])
@pytest.mark.parametrize(("opens", "closes"), [("[", "]"), ('{"a":', "}")])
def test_arguments_of_any_depth_are_guarded(depth: int, opens: str, closes: str) -> None:
    text = opens * depth + '"secret"' + closes * depth
    body = {"arguments": text}
    assert "secret" in texts_of(body)[0]
    assert "secret" not in mapped(body, lambda text: text.replace("secret", "x"))["arguments"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.just("x [E] y"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, st.booleans(), st.lists(st.integers(1, 6), min_size=1, max_size=30))
def test_json_in_pieces_stays_json(value: Any, ascii_only: bool, sizes: list[int]) -> None:
    whole = json.dumps(value, ensure_ascii=ascii_only)
    one, shown, place, turn = JsonStrings(Restoring), "", 0, 0
    while place < len(whole):
        size = sizes[turn % len(sizes)]
        shown, place, turn = shown + one.feed(whole[place : place + size]), place + size, turn + 1
    expected = json.loads(json.dumps(value).replace("[E]", json.dumps('a"b\\c\n@é')[1:-1]))
    assert json.loads(shown + one.flush()) == expected


def chunk(delta: dict[str, Any], finish: str | None = None, place: int = 0, **more: Any) -> bytes:
    choice = {"index": place, "delta": delta, "finish_reason": finish}
    return json.dumps({"id": "x", "choices": [choice], **more}).encode()


def test_texts_of_a_stream_are_told_apart_and_end_in_their_places() -> None:
    chunks = [
        chunk({"reasoning_content": "think ["}),
        chunk({"content": "mail [E"}),
        chunk({"content": "other [E"}, place=1),
        chunk({"content": "] and ["}),
        chunk({"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": '{"to": "[E'}}]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": ']"}'}}]}),
        chunk({}, "tool_calls"),
        chunk({"content": "]!"}, "stop", place=1, usage={"n": 1}),
    ]
    filtered = Filtered(Restoring)
    shown = [one for data in chunks for one in filtered.chunk(data)] + filtered.rest()
    texts = [next(iter(one.values())) for one in folded(shown)]
    value = 'a"b\\c\n@é'
    assert texts[0] == "think [" and texts[1] == f"mail {value} and [" and texts[2] == f"other {value}!"
    assert json.loads(texts[3]) == {"to": value}
    order = [json.loads(data)["choices"][0] for data in shown]
    reasons = [one["finish_reason"] for one in order if one["index"] == 0]
    assert reasons[-1] == "tool_calls" and reasons.count("tool_calls") == 1
    assert sum(b'"usage"' in data for data in shown) == 1


def test_a_folded_stream_is_written_again_with_other_texts() -> None:
    chunks = [chunk({"content": "Hel"}), chunk({"content": "lo"}), chunk({}, "stop")]
    again = refolded(chunks, [{"text": "Bye"}])
    assert folded(again) == [{"text": "Bye"}] and len(again) == 3


@pytest.mark.parametrize("data", [b"[1]", b"{", b"nonsense"])
def test_what_is_no_chunk_is_the_providers_fault(data: bytes) -> None:
    with pytest.raises(Exception, match="not a JSON object"):
        Filtered(Restoring).chunk(data)


@pytest.mark.parametrize(
    "delta", [{"tool_calls": {"index": []}}, {"content": [1, {"text": 2}]}, {"tool_calls": [{"index": []}]}]
)
def test_odd_deltas_pass(delta: dict[str, Any]) -> None:
    data = chunk(delta)
    assert Filtered(Restoring).chunk(data) == [data]
