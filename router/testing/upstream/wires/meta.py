"""The wire of Meta's Model API, as its documentation on chat completions, reasoning and errors is quoted in public."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from router.testing.upstream.scripts import Answer, Stream
from router.testing.upstream.wire import ToolCall, chunks, completion, token_usage
from router.testing.upstream.wires.shape import ErrorRow, Wire
from router.types.records import Usage

__all__ = ["META"]

_MODEL = "muse-spark-1.3"
_USAGE = token_usage(551, 100, cached_tokens=113, reasoning_tokens=97)
_LIMITS = {"x-ratelimit-limit-requests": "3000", "x-ratelimit-remaining-requests": "2999"}


def _plain(*words: str, reasoning: Sequence[str] = (), tool_calls: Sequence[ToolCall] = (), **delivery: Any) -> Answer:
    """``reasoning_content`` is there, and as a rule empty."""
    text = "".join(reasoning)
    body = completion("".join(words), model=_MODEL, reasoning_content=text, tool_calls=tool_calls, usage=_USAGE)
    return Answer(body, **{"headers": _LIMITS, **delivery})


def _stream(*words: str, reasoning: Sequence[str] = (), tool_calls: Sequence[ToolCall] = (), **delivery: Any) -> Stream:
    made = chunks(
        *words, model=_MODEL, reasoning_content=reasoning, tool_calls=tool_calls, include_usage=True, usage=_USAGE
    )
    return Stream(made, **{"headers": _LIMITS, **delivery})


def _error(message: str, type: str, code: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": type, "param": None, "code": code}}


_INVALID = "invalid_request_error"
_REFUSED = _error("The content was blocked.", _INVALID, "content_policy_violation")
_LIMIT = _error("Too many requests.", "rate_limit_error", "rate_limit_exceeded")
_NO_MODEL = _error("The requested model was not found", _INVALID)

_ERRORS = (
    ErrorRow("bad value", 400, _error("The request contains invalid parameters.", _INVALID), "bad_request"),
    ErrorRow("blocked", 400, _REFUSED, "content"),
    ErrorRow("wrong key", 401, _error("Unauthorized", "authentication_error", "invalid_api_key"), "auth"),
    ErrorRow("no credits", 402, _error("Credits are not available.", "billing_error"), "billing"),
    ErrorRow("no access", 403, _error("Forbidden", "permission_error"), "auth"),
    ErrorRow("no model", 404, _NO_MODEL, "not_found"),
    ErrorRow("limit", 429, _LIMIT, "rate_limit"),
    ErrorRow("fault", 500, _error("Internal error", "server_error"), "server"),
    ErrorRow("overloaded", 503, _error("Busy", "server_error", "service_overloaded"), "overloaded"),
    ErrorRow("shutting down", 500, _error("Bye", "server_error", "server_shutting_down"), "overloaded"),
    ErrorRow("backend", 503, _error("Later", "server_error", "backend_unavailable"), "overloaded"),
    ErrorRow("took too long", 504, b"", "timeout"),
)

META = Wire("meta", _MODEL, Usage(551, 100, 113, reasoning_tokens=97), _plain, _stream, _ERRORS)
"""Meta's Model API."""
