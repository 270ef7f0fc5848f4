"""OpenRouter's wire: "Streaming", "Errors and debugging" and "Usage accounting" of its documentation."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from router.testing.upstream.scripts import Answer, Stream
from router.testing.upstream.wire import ToolCall, chunks, completion, token_usage
from router.testing.upstream.wires.shape import ErrorRow, Wire
from router.types.records import Usage

__all__ = ["OPENROUTER"]

_MODEL = "anthropic/claude-x"
_USAGE = token_usage(100, 40, cached_tokens=64, reasoning_tokens=25) | {
    "cost": 0.00123,
    "is_byok": False,
    "cost_details": {"upstream_inference_cost": None},
}
_PROCESSING = b": OPENROUTER PROCESSING\n\n"
_FROM: Mapping[str, Any] = {"id": "gen-1790-abc", "provider": "Anthropic"}


def _plain(*words: str, reasoning: Sequence[str] = (), tool_calls: Sequence[ToolCall] = (), **delivery: Any) -> Answer:
    """White space before the JSON; reasoning as a text and in its parts."""
    body = completion("".join(words), model=_MODEL, tool_calls=tool_calls, usage=_USAGE, **_FROM)
    body["choices"][0]["message"] |= _reasoning("".join(reasoning)) if reasoning else {"reasoning": None}
    return Answer(b"\n   \n" + json.dumps(body).encode(), **delivery)


def _stream(*words: str, reasoning: Sequence[str] = (), tool_calls: Sequence[ToolCall] = (), **delivery: Any) -> Stream:
    """Comments in between; usage in a last chunk without choices, asked for or not."""
    made = chunks(*[""] * len(reasoning), *words, model=_MODEL, tool_calls=tool_calls, **_FROM)
    for chunk, text in zip(made[1:], reasoning, strict=False):
        chunk["choices"][0]["delta"] = {"role": "assistant", "content": "", **_reasoning(text)}
    last = made[-1] | {"choices": [], "usage": _USAGE}
    return Stream([_PROCESSING, *made[:1], _PROCESSING, *made[1:], last], **delivery)


def _reasoning(text: str) -> dict[str, Any]:
    part = {"type": "reasoning.text", "text": text, "signature": "c2ln", "format": "anthropic-claude-v1", "index": 0}
    return {"reasoning": text, "reasoning_details": [part]}


def _error(code: int, message: str, error_type: str = "", **more: Any) -> dict[str, Any]:
    metadata = {"error_type": error_type} if error_type else {}
    return {"error": {"code": code, "message": message, "metadata": metadata, **more}, "user_id": "user_1"}


_CAPACITY = {"code": "capacity_exhausted", "retryable": True, "retry_after": 12}
_MODERATED: Mapping[str, Any] = {
    "metadata": {"reasons": ["violence"], "flagged_input": "...", "provider_name": "OpenAI"}
}
_TOO_LONG = "This endpoint's context is 200000 tokens. However, you requested about 250000 tokens."
_AFTER_12 = {"Retry-After": "12"}

_ERRORS = (
    ErrorRow("bad value", 400, _error(400, "Invalid prompt", "invalid_prompt"), "bad_request"),
    ErrorRow("prompt too long", 400, _error(400, _TOO_LONG, "context_length_exceeded"), "context_length"),
    ErrorRow("refused", 400, _error(400, "Refused.", "content_policy_violation"), "content"),
    ErrorRow("wrong key", 401, _error(401, "No auth credentials found", "authentication"), "auth"),
    ErrorRow("no credits", 402, _error(402, "Insufficient credits", "payment_required"), "billing"),
    ErrorRow("denied", 403, _error(403, "Key limit", "permission_denied"), "auth"),
    ErrorRow("moderated", 403, _error(403, "Input was flagged", **_MODERATED), "content"),
    ErrorRow("no model", 404, _error(404, "No endpoints found", "not_found"), "not_found"),
    ErrorRow("took too long", 408, _error(408, "Timed out", "timeout"), "timeout"),
    ErrorRow("too large", 413, _error(413, "Too large", "payload_too_large"), "bad_request", shown=413),
    ErrorRow("limit", 429, _error(429, "Slow down", "rate_limit_exceeded"), "rate_limit", wait_s=12, headers=_AFTER_12),
    ErrorRow(
        "limit, in the body",
        429,
        _error(429, "Slow down", "rate_limit_exceeded", availability=_CAPACITY),
        "rate_limit",
        wait_s=12,
    ),
    ErrorRow("fault", 500, _error(500, "Internal Server Error", "unmapped"), "server"),
    ErrorRow("provider down", 502, _error(502, "Provider returned error", "provider_unavailable"), "server"),
    ErrorRow("provider busy", 503, _error(503, "Overloaded", "provider_overloaded"), "overloaded"),
    ErrorRow("edge", 524, b"", "timeout"),
    ErrorRow("upstream busy", 529, _error(529, "Overloaded"), "overloaded"),
    ErrorRow("limit, in a 200", 200, _error(429, "Slow down", "rate_limit_exceeded"), "rate_limit"),
    ErrorRow("provider down, in a 200", 200, _error(502, "Provider returned error"), "server"),
)

OPENROUTER = Wire(
    "openrouter",
    _MODEL,
    Usage(100, 40, 64, reasoning_tokens=25),
    _plain,
    _stream,
    _ERRORS,
    embedding_model="openai/text-embedding-3-small",
)
"""OpenRouter, with one of its providers behind it."""
