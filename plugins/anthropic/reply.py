"""Anthropic's message -> OpenAI's ``chat.completion``: content, thinking, tool calls, usage."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from router import Item, Units, UpstreamError, Usage
from router.upstream import dump_json, object_at

__all__ = ["FINISH_REASONS", "call_of", "keepsakes", "plain_item", "usage_shown", "with_searches"]

FINISH_REASONS: Mapping[Any, str] = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "pause_turn": "length",
    "refusal": "content_filter",
    "tool_use": "tool_calls",
}
"""``stop_reason`` -> ``finish_reason``; ``stop`` for all others."""
_THINKING = frozenset({"thinking", "redacted_thinking"})
_ORDER: Mapping[Any, int] = {"thinking": 0, "redacted_thinking": 0, "text": 1, "tool_use": 2}
"""The order in which a client's fields are put together again: thinking, text, tool calls."""
_SEARCHES_MAX = 2**31
_CACHE_COUNTS = ("cache_read_input_tokens", "cache_creation_input_tokens")


def plain_item(data: bytes, head: Callable[[Mapping[str, Any]], dict[str, Any]]) -> Item:
    """A whole body as an item; an error, or what is no JSON object, as it came.

    Args:
        head: what stands at the top of a completion, for Anthropic's message.

    Raises:
        UpstreamError: it is no message (``malformed``).
    """
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict) or value.get("error"):
        return Item(data, value)
    content = value.get("content")
    if not isinstance(content, list):
        raise UpstreamError("malformed", "The upstream gave an answer without content.")
    blocks = [block for block in content if isinstance(block, dict)]
    choice = {"index": 0, "message": _message(blocks), "logprobs": None}
    choice |= {"finish_reason": FINISH_REASONS.get(value.get("stop_reason"), "stop")}
    choice |= {"native_finish_reason": value.get("stop_reason")}
    body = {**head(value), "object": "chat.completion", "choices": [choice]}
    usage = usage_shown(value.get("usage"))
    if usage is not None:
        body["usage"] = usage
    try:
        return Item(dump_json(body), body)
    except ValueError:
        raise UpstreamError("malformed", "The upstream sent a number that JSON does not have.") from None


def call_of(block: Mapping[str, Any], arguments: str | None = None) -> dict[str, Any]:
    """OpenAI's tool call for a ``tool_use`` block.

    Args:
        arguments: their JSON text, if it is not the block's ``input``.
    """
    if arguments is None:
        arguments = json.dumps(block.get("input") or {}, ensure_ascii=False, separators=(",", ":"))
    function = {"name": block.get("name") or "", "arguments": arguments}
    return {"id": block.get("id") or "", "type": "function", "function": function}


def keepsakes(blocks: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The fields that a client sends back untouched so that the next call has all of this answer.

    ``thinking_blocks`` holds the thinking with its signatures. ``content_blocks`` holds everything, where blocks are of
    other types, in another order, or with citations.
    """
    found: dict[str, Any] = {}
    thinking = [block for block in blocks if block.get("type") in _THINKING]
    if thinking:
        found["thinking_blocks"] = thinking
    places = [_ORDER.get(block.get("type"), -1) for block in blocks]
    if -1 in places or places != sorted(places) or any(block.get("citations") for block in blocks):
        found["content_blocks"] = list(blocks)
    return found


def usage_shown(usage: Any) -> dict[str, Any] | None:
    """OpenAI's ``usage``: the prompt with what was read from the cache and written to it. Anthropic's other members
    stay beside it. None where there are no counts.

    A count that is no whole number stands as it came, so that it is seen to be none.
    """
    if not isinstance(usage, Mapping) or all(usage.get(name) is None for name in ("input_tokens", "output_tokens")):
        return None
    cached, written = (usage.get(name) or 0 for name in _CACHE_COUNTS)
    prompt = _sum(usage.get("input_tokens"), cached, written)
    output = usage.get("output_tokens")
    details = usage.get("output_tokens_details")
    thinking = details.get("thinking_tokens") if isinstance(details, Mapping) else None
    shown = {
        "prompt_tokens": prompt,
        "completion_tokens": output,
        "total_tokens": _sum(prompt, output),
        "prompt_tokens_details": {"cached_tokens": cached, "cache_write_tokens": written},
    }
    if thinking is not None:
        shown["completion_tokens_details"] = {"reasoning_tokens": thinking}
    return shown | {name: value for name, value in usage.items() if name not in ("input_tokens", "output_tokens")}


def with_searches(usage: Usage) -> Usage:
    """The usage with the web searches that Anthropic tells of beside the tokens: it bills them one by one."""
    told = object_at(usage.raw, "server_tool_use").get("web_search_requests")
    return replace(usage, units=Units(searches=told)) if type(told) is int and 0 < told < _SEARCHES_MAX else usage


def _message(blocks: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": "".join(_texts(blocks, "text")), "refusal": None}
    thought = "".join(_texts(blocks, "thinking"))
    if thought:
        message["reasoning_content"] = thought
    calls = [call_of(block) for block in blocks if block.get("type") == "tool_use"]
    if calls:
        message["tool_calls"] = calls
        message["content"] = message["content"] or None
    return message | keepsakes(blocks)


def _texts(blocks: Sequence[Mapping[str, Any]], kind: str) -> Iterator[str]:
    found = (block.get(kind) for block in blocks if block.get("type") == kind)
    return (text for text in found if isinstance(text, str))


def _sum(*counts: Any) -> Any:
    """The sum; the first that is no count where there is one."""
    odd = [count for count in counts if type(count) is not int or count < 0]
    return odd[0] if odd else sum(counts)
