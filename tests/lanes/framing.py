"""What must hold of every stream that a client of Responses or Messages is sent, however odd its upstream was."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

__all__ = ["CHECKS", "check_messages", "check_responses"]

_ENDS = ("response.completed", "response.incomplete", "response.failed")
_DELTAS = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "signature_delta": "thinking",
    "input_json_delta": "tool_use",
}


def check_responses(events: Sequence[Mapping[str, Any]]) -> str:
    """How the stream ended: ``completed``, ``incomplete`` or ``failed``."""
    kinds = [event["type"] for event in events]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert kinds[-1] in _ENDS and sum(kind in _ENDS for kind in kinds) == 1
    added: dict[int, str] = {}
    done: dict[int, Any] = {}
    parts: set[tuple[int, int]] = set()
    for event in events[2:-1]:
        kind, place = event["type"], event["output_index"]
        if kind == "response.output_item.added":
            assert place == len(added), "indexes go up by one"
            added[place] = event["item"]["id"]
            continue
        assert place in added and place not in done, f"{kind} outside of its item"
        if kind == "response.output_item.done":
            assert event["item"]["id"] == added[place]
            done[place] = event["item"]
            continue
        assert event["item_id"] == added[place]
        if kind == "response.content_part.added":
            parts.add((place, event["content_index"]))
        elif kind.startswith(("response.output_text", "response.refusal", "response.content_part")):
            assert (place, event["content_index"]) in parts, f"{kind} outside of its part"
    last = events[-1]["response"]
    assert {event["response"]["id"] for event in (*events[:2], events[-1])} == {last["id"]}
    end: str = kinds[-1].removeprefix("response.")
    assert last["status"] == end
    if end != "failed":
        assert last["output"] == [done[place] for place in sorted(added)]
    _check_counts(last["usage"], ("input_tokens", "output_tokens", "total_tokens"))
    return end


def check_messages(events: Sequence[Mapping[str, Any]]) -> str:
    """How the stream ended: its ``stop_reason``, or ``error``."""
    events = [event for event in events if event["type"] != "ping"]
    assert events[0]["type"] == "message_start"
    open_block, count, reason = None, 0, ""
    for number, event in enumerate(events[1:], start=2):
        match event["type"]:
            case "content_block_start":
                assert open_block is None and event["index"] == count and not reason
                open_block, count = event["content_block"]["type"], count + 1
            case "content_block_delta":
                assert event["index"] == count - 1 and _DELTAS[event["delta"]["type"]] == open_block
            case "content_block_stop":
                assert open_block is not None and event["index"] == count - 1
                open_block = None
            case "message_delta":
                assert open_block is None and not reason
                reason = event["delta"]["stop_reason"]
                assert type(event["usage"]["output_tokens"]) is int
                _check_counts(event["usage"], ("output_tokens",))
            case "message_stop":
                assert reason and number == len(events)
            case "error":
                assert number == len(events) and event["error"]["message"]
                reason = "error"
            case other:
                raise AssertionError(f"{other} is no event of a message")
    assert events[-1]["type"] in ("message_stop", "error")
    return reason


def _check_counts(usage: Any, names: Sequence[str]) -> None:
    for name in names if usage is not None else ():
        assert type(usage[name]) is int and usage[name] >= 0, usage


CHECKS: Mapping[str, Callable[[Sequence[Mapping[str, Any]]], str]] = {
    "responses": check_responses,
    "messages": check_messages,
}
