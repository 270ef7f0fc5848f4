"""What Mistral's answers have in other places than OpenAI's: parts of the content, tool calls, counts."""

from __future__ import annotations

import json
from typing import Any

from router.upstream import show_cached

__all__ = ["edit_choice", "edit_usage"]


def edit_choice(choice: dict[str, Any], notes: dict[str, Any]) -> None:
    """Change a choice in place.

    Args:
        notes: choice -> how many tool calls of it have been seen.
    """
    said, place = choice.get("message") or choice.get("delta"), str(choice.get("index"))
    if choice.get("finish_reason") == "model_length":
        choice["finish_reason"] = "length"
    if not isinstance(said, dict):
        return
    if isinstance(said.get("content"), list):
        _flatten(said, said["content"])
    if isinstance(said.get("tool_calls"), list):
        for call in said["tool_calls"]:
            if isinstance(call, dict):
                _complete(call, None if "message" in choice else notes.get(place, 0))
                notes[place] = notes.get(place, 0) + 1


def edit_usage(usage: dict[str, Any]) -> None:
    """The cached count where OpenAI has it, from any of the places where Mistral has put it."""
    show_cached(usage, "num_cached_tokens")
    other = usage.get("prompt_token_details")
    if usage.get("prompt_tokens_details") is None and isinstance(other, dict):
        usage["prompt_tokens_details"] = other


def _flatten(said: dict[str, Any], parts: list[Any]) -> None:
    """Text and thoughts out of a list of parts. Parts of another kind, such as references, stay in a list."""
    texts, thoughts, others = [], [], []
    for part in parts:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "text":
            texts.append(str(part.get("text", "")))
        elif kind == "thinking":
            thoughts.append(_text_of(part.get("thinking")))
        else:
            others.append(part)
    said["content"] = "".join(texts) if texts or not thoughts else None
    if thoughts:
        said["reasoning_content"] = "".join(thoughts)
    if others:
        said["content_parts"] = others


def _text_of(thinking: Any) -> str:
    if isinstance(thinking, str):
        return thinking
    parts = thinking if isinstance(thinking, list) else ()
    return "".join(str(part.get("text", "")) for part in parts if isinstance(part, dict))


def _complete(call: dict[str, Any], index: int | None) -> None:
    """``type``, ``index`` in a stream, and arguments as text, where they are missing or an object."""
    if call.get("type") in (None, "null"):
        call["type"] = "function"
    if index is not None and call.get("index") is None:
        call["index"] = index
    function = call.get("function")
    if isinstance(function, dict) and isinstance(function.get("arguments"), dict | list):
        function["arguments"] = json.dumps(function["arguments"], ensure_ascii=False, separators=(",", ":"))
