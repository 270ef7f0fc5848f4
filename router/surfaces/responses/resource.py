"""The response object: the request told again, usage, status, output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["ENDINGS", "Echo", "usage_shown"]

_DEFAULTS: Mapping[str, Any] = {
    "instructions": None,
    "previous_response_id": None,
    "tool_choice": "auto",
    "parallel_tool_calls": True,
    "temperature": 1.0,
    "top_p": 1.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
    "top_logprobs": 0,
    "truncation": "disabled",
    "user": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "background": False,
    "service_tier": "default",
    "metadata": {},
    "safety_identifier": None,
    "prompt_cache_key": None,
}
"""What a request says that does not say anything: the object has all of it."""

ENDINGS: Mapping[str, tuple[str, str]] = {
    "length": ("incomplete", "max_output_tokens"),
    "content_filter": ("incomplete", "content_filter"),
}
"""A chat's ``finish_reason`` -> status, and why an answer is incomplete; completed for all others."""


class Echo:
    """What every answer to one request says of it.

    Args:
        body: as the client sent it.
        id: of the response.
        model: the public one.
        created_at: Unix seconds.
        stored: whether the answer will be kept.
    """

    def __init__(self, body: Mapping[str, Any], id: str, model: str, created_at: int, *, stored: bool) -> None:
        told = {name: _or(body.get(name), default) for name, default in _DEFAULTS.items()}
        reasoning, text = (body.get(name) or {} for name in ("reasoning", "text"))
        self.id = id
        self._told = told | {
            "model": model,
            "tools": [_tool(tool) for tool in body.get("tools") or ()],
            "reasoning": {"effort": reasoning.get("effort"), "summary": reasoning.get("summary")},
            "text": {"verbosity": text["verbosity"]} if text.get("verbosity") else {},
            "store": stored,
        }
        self._told["text"]["format"] = text.get("format") or {"type": "text"}
        self._created_at = created_at

    def response(self, status: str, output: Sequence[Mapping[str, Any]] = (), **more: Any) -> dict[str, Any]:
        """The object.

        Args:
            more: members that say how it ended.
        """
        return {
            "id": self.id,
            "object": "response",
            "created_at": self._created_at,
            "completed_at": None,
            "status": status,
            "error": None,
            "incomplete_details": None,
            "output": list(output),
            "usage": None,
            **self._told,
            **more,
        }


def usage_shown(usage: Mapping[str, Any]) -> dict[str, Any] | None:
    """A chat's usage in this wire's names; whole numbers everywhere, which some readers insist on."""
    if not usage:
        return None
    prompt, output = (_count(usage.get(name)) for name in ("prompt_tokens", "completion_tokens"))
    read, answered = (usage.get(name) or {} for name in ("prompt_tokens_details", "completion_tokens_details"))
    return {
        "input_tokens": prompt,
        "input_tokens_details": {
            "cached_tokens": _count(read.get("cached_tokens")),
            "cache_write_tokens": _count(read.get("cache_write_tokens")),
        },
        "output_tokens": output,
        "output_tokens_details": {"reasoning_tokens": _count(answered.get("reasoning_tokens"))},
        "total_tokens": prompt + output,
    }


def _tool(tool: Any) -> Any:
    """A tool as the object has it: a function's members are all there."""
    if isinstance(tool, Mapping) and tool.get("type") == "function":
        return {"description": None, "parameters": None, "strict": None, **tool}
    return tool


def _or(value: Any, default: Any) -> Any:
    return default if value is None else value


def _count(value: Any) -> int:
    return value if type(value) is int and value >= 0 else 0
