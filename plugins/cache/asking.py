"""Which calls may be answered from what is kept, and which of them ask the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from typing import Any

from router import CallRequest

__all__ = ["asks_the_same", "digest_of"]

_NO_MATTER = frozenset(
    {
        *("metadata", "prompt_cache_key", "prompt_cache_retention", "safety_identifier", "session_id", "store"),
        *("stream", "stream_options", "user"),
    }
)
"""Fields that change no answer, only who is told of it and how."""
_TOOLS = ("tools", "functions", "tool_choice", "function_call", "parallel_tool_calls")
_BEYOND = ("web_search_options", "search_parameters", "audio", "plugins", "mcp_servers", "container")
"""What is looked up or done anew with each call, or answered with more than text."""
_MOST_CHOICES = 1


def asks_the_same(call: CallRequest, any_temperature: bool, tools: bool, models: Collection[str]) -> bool:
    """Whether another call with the same body is likely to want the same answer.

    Args:
        any_temperature: also where answers differ from one time to the next.
        tools: also where tools are offered.
        models: whose calls; empty for all.
    """
    body = call.body
    if models and call.model not in models:
        return False
    if any(body.get(name) for name in _BEYOND) or body.get("modalities") not in (None, [], ["text"]):
        return False
    if body.get("n") not in (None, _MOST_CHOICES):
        return False
    if not tools and any(body.get(name) for name in _TOOLS):
        return False
    if any_temperature or "messages" not in body:  # embeddings have no chance in them
        return True
    temperature = body.get("temperature")
    return (isinstance(temperature, int | float) and temperature == 0) or body.get("seed") is not None


def digest_of(call: CallRequest, *, of_account: bool) -> str:
    """What stands for all calls that ask the same.

    Args:
        of_account: of any key of the account, and not of the same key alone.
    """
    whose = [call.account, "" if of_account else call.key]
    told = [*whose, call.surface, call.model, call.variant, _asked(call.body), _asked(call.source)]
    text = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _asked(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in _NO_MATTER}
