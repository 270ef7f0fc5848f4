"""xAI's wire: "Chat completions" and "Debugging errors" of its documentation, and its SDK."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from router.testing.upstream.scripts import Answer, Stream
from router.testing.upstream.wire import ToolCall, chunks, completion
from router.testing.upstream.wires.shape import ErrorRow, Wire
from router.types.records import Usage

__all__ = ["XAI"]

_MODEL = "grok-4.6"
_USAGE = {
    "prompt_tokens": 120,
    "completion_tokens": 5,
    "total_tokens": 425,
    "prompt_tokens_details": {"text_tokens": 120, "audio_tokens": 0, "image_tokens": 0, "cached_tokens": 64},
    "completion_tokens_details": {"reasoning_tokens": 300, "audio_tokens": 0},
    "num_sources_used": 0,
    "cost_in_usd_ticks": 4250000,
}


def _plain(
    *words: str,
    reasoning: Sequence[str] = (),
    tool_calls: Sequence[ToolCall] = (),
    finish_reason: str | None = None,
    **delivery: Any,
) -> Answer:
    body = completion(
        "".join(words),
        model=_MODEL,
        reasoning_content="".join(reasoning) or None,
        tool_calls=tool_calls,
        usage=_USAGE,
        service_tier="default",
    )
    if finish_reason is not None:
        body["choices"][0]["finish_reason"] = finish_reason
    return Answer(body, **delivery)


def _stream(
    *words: str,
    reasoning: Sequence[str] = (),
    tool_calls: Sequence[ToolCall] = (),
    finish_reason: str | None = None,
    early_usage: Mapping[str, Any] | None = None,
    **delivery: Any,
) -> Stream:
    """Each tool call whole, in the chunk that ends the choice; usage in a last chunk, and perhaps earlier as well."""
    made = chunks(*words, model=_MODEL, reasoning_content=reasoning)
    if early_usage is not None:
        made[0]["usage"] = early_usage
    ending = made[-1]["choices"][0]
    if tool_calls:
        whole = completion(tool_calls=tool_calls)["choices"][0]["message"]["tool_calls"]
        ending["delta"] = {"tool_calls": [{"index": index, **call} for index, call in enumerate(whole)]}
        ending["finish_reason"] = "tool_calls"
    if finish_reason is not None:
        ending["finish_reason"] = finish_reason
    return Stream([*made, made[-1] | {"choices": [], "usage": _USAGE}], **delivery)


def _flat(code: str, error: str) -> dict[str, Any]:
    return {"code": code, "error": error}


_INVALID = "Client specified an invalid argument"
_DENIED = "The caller does not have permission to execute the specified operation"
_EXHAUSTED = "Some resource has been exhausted"
_UNAVAILABLE = "The service is currently unavailable"
_TOO_LONG = "This model's maximum prompt length is 131072 but the request contains 537812 tokens."
_NO_CREDITS = "Your team has used all available credits or reached its monthly spending limit."
_NEW_TEAM = "Your newly created team doesn't have any credits yet."
_NO_EFFORT = "Model grok-4-fast does not support parameter reasoningEffort."
_NO_MODEL = {"error": {"message": "The model does not exist.", "type": "invalid_request_error", "code": "not_found"}}

_ERRORS = (
    ErrorRow("bad value", 400, _flat(_INVALID, _NO_EFFORT), "bad_request"),
    ErrorRow("wrong key", 400, _flat(_INVALID, "Incorrect API key provided: xa***yz."), "auth"),
    ErrorRow("prompt too long", 400, _flat(_INVALID, _TOO_LONG), "context_length"),
    ErrorRow("no key", 401, _flat("unauthenticated:no-credentials", "No credentials were sent."), "auth"),
    ErrorRow("denied", 403, _flat(_DENIED, "The team is blocked."), "auth"),
    ErrorRow("no credits, 403", 403, _flat(_DENIED, _NEW_TEAM), "billing"),
    ErrorRow("no model", 404, _NO_MODEL, "not_found"),
    ErrorRow("feature gone", 410, _flat("gone", "Live Search has been removed."), "bad_request", shown=410),
    ErrorRow("invalid", 422, _flat(_INVALID, "Failed to deserialize the body."), "bad_request", shown=422),
    ErrorRow("no credits, 429", 429, _flat(_EXHAUSTED, _NO_CREDITS), "billing"),
    ErrorRow("at capacity", 429, _flat(_EXHAUSTED, "The model is temporarily at capacity."), "overloaded"),
    ErrorRow("limit", 429, _flat(_EXHAUSTED, "Too many requests for the team."), "rate_limit"),
    ErrorRow("fault", 500, _flat("internal", "Internal error."), "server"),
    ErrorRow("unavailable", 503, _flat(_UNAVAILABLE, "Please try again."), "overloaded"),
    ErrorRow("unavailable, in a 200", 200, _flat(_UNAVAILABLE, "Please try again."), "overloaded"),
    ErrorRow("wrong key, in a 200", 200, _flat(_INVALID, "Incorrect API key provided: xa***yz."), "auth"),
    ErrorRow("bad value, in a 200", 200, _flat(_INVALID, _NO_EFFORT), "bad_request"),
    ErrorRow("no credits, in a 200", 200, _flat(_EXHAUSTED, _NO_CREDITS), "billing"),
    ErrorRow("limit, in a 200", 200, _flat(_EXHAUSTED, "Too many requests for the team."), "rate_limit"),
)

XAI = Wire("xai", _MODEL, Usage(120, 305, 64, reasoning_tokens=300), _plain, _stream, _ERRORS)
"""xAI, whose ``completion_tokens`` leave reasoning out."""
