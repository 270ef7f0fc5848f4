"""DeepSeek's wire: "Create Chat Completion", "Rate Limit & Isolation" and "Error Codes" of its API documentation."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from router.testing.upstream.scripts import Answer, Stream
from router.testing.upstream.wire import ToolCall, chunks, completion
from router.testing.upstream.wires.shape import ErrorRow, Wire
from router.types.records import Usage

__all__ = ["DEEPSEEK"]

_MODEL = "deepseek-v4-pro"
_USAGE = {
    "prompt_tokens": 1300,
    "prompt_cache_hit_tokens": 1024,
    "prompt_cache_miss_tokens": 276,
    "completion_tokens": 80,
    "total_tokens": 1380,
    "completion_tokens_details": {"reasoning_tokens": 60},
}
_KEEP_ALIVE = b": keep-alive\n\n"


def _plain(*words: str, reasoning: Sequence[str] = (), tool_calls: Sequence[ToolCall] = (), **delivery: Any) -> Answer:
    """Blank lines keep the connection alive until the JSON is there."""
    text = "".join(reasoning) or None
    body = completion("".join(words), model=_MODEL, reasoning_content=text, tool_calls=tool_calls, usage=_USAGE)
    return Answer(b"\n\n\n" + json.dumps(body).encode(), **{"framing": "chunked", **delivery})


def _stream(
    *words: str,
    reasoning: Sequence[str] = (),
    tool_calls: Sequence[ToolCall] = (),
    finish_reason: str | None = None,
    **delivery: Any,
) -> Stream:
    """Keep-alive comments; ``usage: null`` on every chunk but that with the finish reason, which carries it."""
    made = chunks(*words, model=_MODEL, reasoning_content=reasoning, tool_calls=tool_calls, finish_reason=finish_reason)
    events: list[Any] = [chunk | {"usage": None} for chunk in made[:-1]]
    return Stream([_KEEP_ALIVE, *events[:1], _KEEP_ALIVE, *events[1:], made[-1] | {"usage": _USAGE}], **delivery)


def _error(message: str, type: str = "invalid_request_error") -> dict[str, Any]:
    """``code`` is the same whatever the cause."""
    return {"error": {"message": message, "type": type, "param": None, "code": "invalid_request_error"}}


_TOO_LONG = "This model's maximum context length is 1048576 tokens. However, you requested 1300000 tokens."
_NO_REASONING = "The `reasoning_content` in the thinking mode must be passed back to the API."
_BAD_KEY = "Authentication Fails, Your api key: ****abcd is invalid"

_ERRORS = (
    ErrorRow("malformed", 400, _error("Failed to deserialize the JSON body into the target type"), "bad_request"),
    ErrorRow("prompt too long", 400, _error(_TOO_LONG), "context_length"),
    ErrorRow("reasoning not sent back", 400, _error(_NO_REASONING), "bad_request"),
    ErrorRow("retired model, 400", 400, _error("Model Not Exist"), "not_found"),
    ErrorRow("retired model, 404", 404, _error("Model Not Exist"), "not_found"),
    ErrorRow("wrong key", 401, _error(_BAD_KEY, "authentication_error"), "auth"),
    ErrorRow("no balance", 402, _error("Insufficient Balance", "unknown_error"), "billing"),
    ErrorRow("bad value", 422, _error("Invalid max_tokens value"), "bad_request", shown=422),
    ErrorRow("too many at once", 429, _error("Rate limit reached for concurrent requests"), "rate_limit"),
    ErrorRow("fault", 500, _error("Internal Server Error", "internal_server_error"), "server"),
    ErrorRow("overloaded", 503, _error("Service is too busy", "service_unavailable_error"), "overloaded"),
)

DEEPSEEK = Wire("deepseek", _MODEL, Usage(1300, 80, 1024, reasoning_tokens=60), _plain, _stream, _ERRORS)
"""DeepSeek, without ``prompt_tokens_details``, as older models answer."""
