"""A chat's usage in Anthropic's names: there, what the cache gave and took is no part of the input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router.upstream.wire import object_at

__all__ = ["usage_shown"]


def usage_shown(usage: Mapping[str, Any]) -> dict[str, Any]:
    """The ``usage`` of a message.

    Args:
        usage: of a chat; a count that it does not give, or that is none, is left out: zero would be a lie.
    """
    details = object_at(usage, "prompt_tokens_details")
    read = _count(details.get("cached_tokens")) or 0
    written = _count(details.get("cache_write_tokens")) or 0
    prompt, output = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    thinking = _count(object_at(usage, "completion_tokens_details").get("reasoning_tokens"))
    shown: dict[str, Any] = {}
    if prompt is not None:
        shown["input_tokens"] = max(0, prompt - read - written)
        shown["cache_creation_input_tokens"] = written
        shown["cache_read_input_tokens"] = read
    shown["output_tokens"] = output or 0
    if thinking:
        shown["output_tokens_details"] = {"thinking_tokens": thinking}
    return shown


def _count(value: Any) -> int | None:
    return value if type(value) is int and value >= 0 else None
