"""OpenAI's Responses: "Create a model response" and "Streaming events" of its API reference."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from router.testing.upstream.scripts import Answer, Stream
from router.testing.upstream.wire import ToolCall
from router.testing.upstream.wires.shape import Wire
from router.types.records import Usage

__all__ = ["ID", "RESPONSES", "event", "events", "plain", "response", "stream"]

ID = "resp_upstream01"
"""The ID of the answers here."""
_MODEL = "gpt-4o"
_SERVED = "gpt-4o-2024-08-06"
_USAGE: Mapping[str, Any] = {
    "input_tokens": 30,
    "input_tokens_details": {"cached_tokens": 10},
    "output_tokens": 7,
    "output_tokens_details": {"reasoning_tokens": 3},
    "total_tokens": 37,
}
_NULL = (
    *("error", "incomplete_details", "instructions", "previous_response_id", "user", "max_output_tokens"),
    *("max_tool_calls", "safety_identifier", "prompt_cache_key"),
)
_ECHO: Mapping[str, Any] = {
    "created_at": 1_700_000_000,
    "completed_at": 1_700_000_001,
    "tools": [],
    "tool_choice": "auto",
    "truncation": "disabled",
    "parallel_tool_calls": True,
    "text": {"format": {"type": "text"}},
    "top_p": 1.0,
    "temperature": 1.0,
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "top_logprobs": 0,
    "reasoning": {"effort": None, "summary": None},
    "store": False,
    "background": False,
    "service_tier": "default",
    "metadata": {},
    "a_field_of_tomorrow": {"kept": True},
}


def response(*words: str, calls: Sequence[ToolCall] = (), proof: str = "", **more: Any) -> dict[str, Any]:
    """A whole response object.

    Args:
        proof: the encrypted content of reasoning that comes first; empty for none.
        more: members in place of the usual ones; ``usage=None`` tells of none.
    """
    head = {"id": ID, "object": "response", "status": "completed", "model": _SERVED}
    found: dict[str, Any] = {**head, **dict.fromkeys(_NULL), **_ECHO}
    return {**found, "output": _items(words, calls, proof), "usage": dict(_USAGE), **more}


def plain(*words: str, **more: Any) -> Answer:
    """A plain answer; arguments as those of ``response``."""
    return Answer(response(*words, **more))


def event(kind: str, number: int, **fields: Any) -> bytes:
    """One named event."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields, 'sequence_number': number})}\n\n".encode()


def events(*words: str, end: str = "completed", **more: Any) -> list[bytes]:
    """The events of an answer, numbered.

    Args:
        end: ``completed``, ``incomplete`` or ``failed``.
        more: as of ``response``.
    """
    whole = response(*words, **more)
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    made: list[tuple[str, dict[str, Any]]] = [(name, {"response": begun}) for name in ("created", "in_progress")]
    for index, item in enumerate(whole["output"]):
        place = {"output_index": index}
        made.append(("output_item.added", {**place, "item": _emptied(item)}))
        if item["type"] == "message":
            made += _said(words, item["content"][0], {"item_id": item["id"], **place, "content_index": 0})
        elif item["type"] == "function_call":
            made += _called(item, {"item_id": item["id"], **place})
        made.append(("output_item.done", {**place, "item": item}))
    made.append((end, {"response": whole}))
    return [event(f"response.{kind}", number, **fields) for number, (kind, fields) in enumerate(made)]


def stream(*words: str, **more: Any) -> Stream:
    """A stream, which ends without ``[DONE]``; arguments as those of ``events``."""
    return Stream(events(*words, **more), done=False)


def _items(words: Sequence[str], calls: Sequence[ToolCall], proof: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    if proof:
        items.append({"id": "rs_up", "type": "reasoning", "summary": [], "encrypted_content": proof})
    if words:
        part = {"type": "output_text", "text": "".join(words), "annotations": [], "logprobs": []}
        message = {"id": "msg_up", "type": "message", "role": "assistant", "status": "completed"}
        items.append({**message, "content": [part]})
    for number, (name, arguments) in enumerate(calls):
        call = {"id": f"fc_up{number}", "type": "function_call", "call_id": f"call_up{number}", "name": name}
        items.append({**call, "arguments": arguments, "status": "completed"})
    return items


def _emptied(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item as it begins."""
    empty: dict[str, dict[str, Any]] = {"message": {"content": []}, "function_call": {"arguments": ""}}
    return {**item, **empty.get(item["type"], {})}


def _said(words: Sequence[str], part: Mapping[str, Any], place: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        ("content_part.added", {**place, "part": {**part, "text": ""}}),
        *(("output_text.delta", {**place, "delta": word, "logprobs": []}) for word in words),
        ("output_text.done", {**place, "text": part["text"], "logprobs": []}),
        ("content_part.done", {**place, "part": part}),
    ]


def _called(item: Mapping[str, Any], place: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    name, arguments = "function_call_arguments", item["arguments"]
    whole = {**place, "name": item["name"], "arguments": arguments}
    return [(f"{name}.delta", {**place, "delta": arguments}), (f"{name}.done", whole)]


def _plain(
    *words: str,
    reasoning: Sequence[str] = (),
    tool_calls: Sequence[ToolCall] = (),
    usage: Mapping[str, Any] | None = _USAGE,
    **delivery: Any,
) -> Answer:
    return Answer(response(*words, calls=tool_calls, proof="".join(reasoning), usage=usage), **delivery)


def _stream(
    *words: str,
    reasoning: Sequence[str] = (),
    tool_calls: Sequence[ToolCall] = (),
    usage: Mapping[str, Any] | None = _USAGE,
    **delivery: Any,
) -> Stream:
    made = events(*words, calls=tool_calls, proof="".join(reasoning), usage=usage)
    return Stream(made, done=False, **delivery)


_FAILED = {"id": ID, "object": "response", "status": "failed", "output": []}
_FAULT = {"error": {"code": "server_error", "message": "The model crashed."}}

RESPONSES = Wire(
    "responses",
    _MODEL,
    Usage(30, 7, 10, reasoning_tokens=3),
    _plain,
    _stream,
    (),
    openai_shaped=False,
    late_error=event("response.failed", 9, response={**_FAILED, **_FAULT}),
    uncounted={"usage": None},
)
"""OpenAI's Responses, whose errors are those of its other endpoints."""
