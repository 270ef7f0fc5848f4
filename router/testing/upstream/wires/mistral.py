"""Mistral's wire: the models of its official client, and the "Error glossary" of its documentation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from router.testing.upstream.scripts import Answer, Stream
from router.testing.upstream.wire import ToolCall, chunks, completion
from router.testing.upstream.wires.shape import ErrorRow, Wire
from router.types.records import Usage

__all__ = ["MISTRAL"]

_MODEL = "mistral-medium-3.5"
_USAGE = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120, "num_cached_tokens": 64}
_LIMITS = {"x-ratelimit-limit-req-minute": "60", "x-ratelimit-remaining-req-minute": "59"}


def _plain(
    *words: str,
    reasoning: Sequence[str] = (),
    tool_calls: Sequence[ToolCall] = (),
    finish_reason: str | None = None,
    **delivery: Any,
) -> Answer:
    """Content is a list of parts where the model has reasoned; tool calls have no ``type``."""
    text = "".join(words)
    body = completion(text, model=_MODEL, tool_calls=tool_calls, usage=_USAGE, finish_reason=finish_reason)
    message = body["choices"][0]["message"]
    if reasoning:
        message["content"] = [_thinking(*reasoning), {"type": "text", "text": text}]
    for call in message.get("tool_calls", ()):
        del call["type"]
    return Answer(body, **{"headers": _LIMITS, **delivery})


def _stream(
    *words: str,
    reasoning: Sequence[str] = (),
    tool_calls: Sequence[ToolCall] = (),
    finish_reason: str | None = None,
    **delivery: Any,
) -> Stream:
    """Usage on the chunk with the finish reason; each tool call whole, without ``index`` and ``type``."""
    made = chunks(*[""] * len(reasoning), *words, model=_MODEL, finish_reason=finish_reason)
    for chunk, text in zip(made[1:], reasoning, strict=False):
        chunk["choices"][0]["delta"] = {"content": [_thinking(text)]}
    ending = made[-1]["choices"][0]
    if tool_calls:
        whole = completion(tool_calls=tool_calls)["choices"][0]["message"]["tool_calls"]
        ending["delta"] = {"content": "", "tool_calls": [{"id": c["id"], "function": c["function"]} for c in whole]}
        ending["finish_reason"] = finish_reason or "tool_calls"
    return Stream([*made[:-1], made[-1] | {"usage": _USAGE}], **{"headers": _LIMITS, **delivery})


def _thinking(*texts: str) -> dict[str, Any]:
    return {"type": "thinking", "thinking": [{"type": "text", "text": text} for text in texts], "closed": True}


def _flat(message: str, type: str, code: str | None = None) -> dict[str, Any]:
    return {"object": "error", "message": message, "type": type, "param": None, "code": code}


_INVALID = "invalid_request_error"
_BAD_ID = "Tool call id was call_1 but must be a-z, A-Z, 0-9, with a length of 9."
_TOO_LONG = "Prompt contains 300000 tokens and 0 draft tokens, too large for model with 262144 maximum context length"
_MISSING = {"detail": [{"loc": ["body", "messages"], "msg": "Field required", "type": "missing", "input": None}]}
_BUSY = "Service tier capacity exceeded for this model."

_ERRORS = (
    ErrorRow("bad value", 400, _flat("Temperature must be below 1.5", _INVALID), "bad_request"),
    ErrorRow("bad tool call", 400, _flat(_BAD_ID, "invalid_function_call", "3280"), "bad_request"),
    ErrorRow("prompt too long", 400, _flat(_TOO_LONG, _INVALID, "3051"), "context_length"),
    ErrorRow("no model, 400", 400, _flat("Invalid model: mistral-9", "invalid_model", "1500"), "not_found"),
    ErrorRow("wrong key", 401, {"message": "Unauthorized", "request_id": "933f"}, "auth"),
    ErrorRow("wrong key, in detail", 401, {"detail": "Unauthorized"}, "auth"),
    ErrorRow("no plan", 402, _flat("You need a paid plan.", "payment_required"), "billing"),
    ErrorRow("denied", 403, {"detail": "Forbidden"}, "auth"),
    ErrorRow("no model, 404", 404, _flat("No such model", "not_found"), "not_found"),
    ErrorRow("invalid", 422, _MISSING, "bad_request", shown=422),
    ErrorRow("limit", 429, _flat("Rate limit exceeded", "rate_limited", "1300"), "rate_limit"),
    ErrorRow(
        "limit with a wait",
        429,
        _flat("Rate limit exceeded", "rate_limited", "1300"),
        "rate_limit",
        wait_s=7,
        headers={"Retry-After": "7"},
    ),
    ErrorRow("busy", 429, _flat(_BUSY, "service_tier_capacity_exceeded", "3505"), "overloaded"),
    ErrorRow("fault", 500, _flat("Internal server error", "internal_server_error"), "server"),
    ErrorRow("unavailable", 503, _flat("Service unavailable", "service_unavailable"), "overloaded"),
)

MISTRAL = Wire("mistral", _MODEL, Usage(100, 20, 64), _plain, _stream, _ERRORS, embedding_model="mistral-embed")
"""Mistral, with an older place of cached tokens."""
