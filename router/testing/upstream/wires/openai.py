"""OpenAI's own wire: "Chat completions", "Embeddings" and "Error codes" of its API reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from router.testing.upstream.scripts import Answer, Stream
from router.testing.upstream.wire import ToolCall, chunks, completion, error, token_usage
from router.testing.upstream.wires.shape import ErrorRow, Wire
from router.types.records import Usage

__all__ = ["COMPATIBLE", "ECHO", "OPENAI"]

_MODEL = "gpt-4o"
_USAGE = token_usage(1117, 46, cached_tokens=1024, reasoning_tokens=32)
_LIMITS = {"x-request-id": "req_scripted", "x-ratelimit-remaining-requests": "9999"}


def _plain(*words: str, reasoning: Sequence[str] = (), tool_calls: Sequence[ToolCall] = (), **delivery: Any) -> Answer:
    text = "".join(reasoning) or None
    body = completion("".join(words) or None, reasoning_content=text, tool_calls=tool_calls, usage=_USAGE)
    return Answer(body, **{"headers": _LIMITS, **delivery})


def _stream(*words: str, reasoning: Sequence[str] = (), tool_calls: Sequence[ToolCall] = (), **delivery: Any) -> Stream:
    """``usage: null`` on every chunk, and a last one, without choices, with the usage."""
    made = chunks(*words, reasoning_content=reasoning, tool_calls=tool_calls, include_usage=True, usage=_USAGE)
    return Stream(made, **{"headers": _LIMITS, **delivery})


def _row(name: str, status: int, kind: str, message: str, type: str, code: str | None = None) -> ErrorRow:
    return ErrorRow(name, status, error(status, message, type, code), kind)


_INVALID = "invalid_request_error"
_TOO_LONG = "This model's maximum context length is 128000 tokens. However, your messages resulted in 130000 tokens."
_QUOTA = "You exceeded your current quota, please check your plan and billing details."
_REFUSED = "Your request was rejected as a result of our safety system."

_ERRORS = (
    _row("bad value", 400, "bad_request", "Invalid value for 'temperature'.", _INVALID, "invalid_value"),
    _row("too long", 400, "context_length", _TOO_LONG, _INVALID, "context_length_exceeded"),
    _row("refused", 400, "content", _REFUSED, "image_generation_user_error", "content_policy_violation"),
    _row("wrong key", 401, "auth", "Incorrect API key provided.", _INVALID, "invalid_api_key"),
    _row("country", 403, "auth", "Country, region, or territory not supported", "request_forbidden", "unsupported"),
    _row("no model", 404, "not_found", "The model 'gpt-9' does not exist.", _INVALID, "model_not_found"),
    ErrorRow("too large", 413, error(413, "The request is too large."), "bad_request", shown=413),
    _row("quota", 429, "billing", _QUOTA, "insufficient_quota", "insufficient_quota"),
    ErrorRow(
        "limit",
        429,
        error(429, "Rate limit reached for gpt-4o."),
        "rate_limit",
        wait_s=7,
        headers={"Retry-After": "7"},
    ),
    _row("fault", 500, "server", "The server had an error while processing your request.", "server_error"),
    _row("gateway", 502, "server", "Bad gateway.", "server_error"),
    _row("overloaded", 503, "overloaded", "The engine is currently overloaded.", "server_error"),
    _row("late", 504, "timeout", "The request timed out.", "server_error"),
)

OPENAI = Wire(
    "openai",
    _MODEL,
    Usage(1117, 46, 1024, reasoning_tokens=32),
    _plain,
    _stream,
    _ERRORS,
    embedding_model="text-embedding-3-small",
)
"""OpenAI. Also what a plugin is played that names no wire of its own."""

COMPATIBLE = replace(OPENAI, name="compatible", settings={"surfaces": ["responses"]})
"""The same from an upstream that has Responses too."""

ECHO = Wire("echo", "echo", Usage(0), _plain, _stream, (), no_upstream="it has no upstream: it answers itself")
"""No wire at all."""
