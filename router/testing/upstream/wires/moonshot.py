"""Moonshot's wire: "Chat" and "Errors" of the Kimi Open Platform's documentation, and the official client's tests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from router.testing.upstream.scripts import Answer, Stream
from router.testing.upstream.wire import ToolCall, chunks, completion
from router.testing.upstream.wires.shape import ErrorRow, Wire
from router.types.records import Usage

__all__ = ["MOONSHOT"]

_MODEL = "kimi-k3"
_USAGE = {"prompt_tokens": 900, "completion_tokens": 120, "total_tokens": 1020, "cached_tokens": 768}


def _plain(*words: str, reasoning: Sequence[str] = (), tool_calls: Sequence[ToolCall] = (), **delivery: Any) -> Answer:
    body = completion(
        "".join(words),
        model=_MODEL,
        reasoning_content="".join(reasoning),
        tool_calls=tool_calls,
        usage=_USAGE,
    )
    _rename(body["choices"][0]["message"].get("tool_calls", ()))
    return Answer(body, **delivery)


def _stream(
    *words: str,
    reasoning: Sequence[str] = (),
    tool_calls: Sequence[ToolCall] = (),
    at_the_top: bool = True,
    **delivery: Any,
) -> Stream:
    """The usage inside the choice that carries the finish reason, then, if ``at_the_top``, in a chunk of its own."""
    made = chunks(*words, model=_MODEL, reasoning_content=reasoning, tool_calls=tool_calls)
    for chunk in made:
        _rename(chunk["choices"][0]["delta"].get("tool_calls", ()))
    made[-1]["choices"][0]["usage"] = _USAGE
    last = [made[-1] | {"choices": [], "usage": _USAGE}] if at_the_top else []
    return Stream([*made, *last], **delivery)


def _rename(calls: Iterable[dict[str, Any]]) -> None:
    """Tool-call IDs are made of the function's name and a number."""
    for number, call in enumerate(calls):
        if "id" in call:
            call["id"] = f"{call['function']['name']}:{call.get('index', number)}"


def _error(type: str, message: str) -> dict[str, Any]:
    return {"error": {"type": type, "message": message}}


_INVALID = "invalid_request_error"
_BUSY = "The engine is currently overloaded, please try again later"
_NO_QUOTA = "Your account is suspended, please check your plan and billing details"
_LIMIT = "Your account reached max request: 3, please try again after 2 seconds"
_NO_MODEL = "Not found the model kimi-latest or Permission denied"

_ERRORS = (
    ErrorRow("high risk", 400, _error("content_filter", "The request was considered high risk"), "content"),
    ErrorRow(
        "bad value", 400, _error(_INVALID, "invalid temperature: only 1 is allowed for this model"), "bad_request"
    ),
    ErrorRow("input too long", 400, _error(_INVALID, "Input token length too long"), "context_length"),
    ErrorRow("over the limit", 400, _error(_INVALID, "Your request exceeded model token limit"), "context_length"),
    ErrorRow("no key", 401, _error("invalid_authentication_error", "Invalid Authentication"), "auth"),
    ErrorRow("wrong key", 401, _error("incorrect_api_key_error", "Incorrect API key provided"), "auth"),
    ErrorRow("not open", 403, _error("permission_denied_error", "The API you are accessing is not open"), "auth"),
    ErrorRow("no balance, 403", 403, _error("permission_denied_error", "Insufficient balance"), "billing"),
    ErrorRow("no model", 404, _error("resource_not_found_error", _NO_MODEL), "not_found"),
    ErrorRow("overloaded", 429, _error("engine_overloaded_error", _BUSY), "overloaded"),
    ErrorRow("no balance, 429", 429, _error("exceeded_current_quota_error", _NO_QUOTA), "billing"),
    ErrorRow("limit", 429, _error("rate_limit_reached_error", _LIMIT), "rate_limit", wait_s=2),
    ErrorRow("fault", 500, _error("server_error", "Internal error"), "server"),
)

MOONSHOT = Wire("moonshot", _MODEL, Usage(900, 120, 768), _plain, _stream, _ERRORS)
"""Moonshot, with the cached count at the top of the usage."""
