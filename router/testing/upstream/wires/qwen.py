"""Qwen's wire: "OpenAI compatible - Chat", "Deep thinking" and "Error codes" of Model Studio's documentation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from router.testing.upstream.scripts import Answer, Stream
from router.testing.upstream.wire import ToolCall, chunks, completion
from router.testing.upstream.wires.shape import ErrorRow, Wire
from router.types.records import Usage

__all__ = ["QWEN"]

_MODEL = "qwen3.8-max"
_USAGE = {
    "prompt_tokens": 3019,
    "completion_tokens": 104,
    "total_tokens": 3123,
    "prompt_tokens_details": {"cached_tokens": 2048, "cache_creation_input_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 80},
}


def _plain(*words: str, reasoning: Sequence[str] = (), tool_calls: Sequence[ToolCall] = (), **delivery: Any) -> Answer:
    text = "".join(reasoning) or None
    body = completion("".join(words), model=_MODEL, reasoning_content=text, tool_calls=tool_calls, usage=_USAGE)
    return Answer(body, **delivery)


def _stream(*words: str, reasoning: Sequence[str] = (), tool_calls: Sequence[ToolCall] = (), **delivery: Any) -> Stream:
    """Usage in a chunk of its own and null on all others; a finish reason that is none is the text ``null``."""
    made = chunks(
        *words, model=_MODEL, reasoning_content=reasoning, tool_calls=tool_calls, include_usage=True, usage=_USAGE
    )
    made[0]["choices"][0]["finish_reason"] = "null"
    return Stream(made, **delivery)


def _error(code: str, message: str, type: str = "invalid_request_error") -> dict[str, Any]:
    return {"error": {"code": code, "param": None, "message": message, "type": type}, "request_id": "4c7a91c5"}


def _native(code: str, message: str) -> dict[str, Any]:
    return {"code": code, "message": message, "request_id": "933f"}


_TOO_LONG = "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 131072]"
_NO_STREAM = "parameter.enable_thinking must be set to false for non-streaming calls"
_OVERDUE = "Access denied, please make sure your account is in good standing."
_TOKENS = "Allocated quota exceeded, please increase your quota limit."
_BURST = "Request rate increased too quickly."
_INSPECTED = "Input data may contain inappropriate content."

_ERRORS = (
    ErrorRow("bad value", 400, _error("invalid_parameter_error", _NO_STREAM), "bad_request"),
    ErrorRow("prompt too long", 400, _error("invalid_parameter_error", _TOO_LONG), "context_length"),
    ErrorRow("overdue", 400, _error("Arrearage", _OVERDUE, "Arrearage"), "billing"),
    ErrorRow("inspected", 400, _error("data_inspection_failed", _INSPECTED), "content"),
    ErrorRow("inspected, native", 400, _native("DataInspectionFailed", _INSPECTED), "content"),
    ErrorRow("wrong key", 401, _error("invalid_api_key", "Incorrect API key provided."), "auth"),
    ErrorRow("wrong key, native", 401, _native("InvalidApiKey", "Invalid API-key provided."), "auth"),
    ErrorRow("denied", 403, _error("access_denied", "Access denied."), "auth"),
    ErrorRow("free quota used", 403, _native("AllocationQuota.FreeTierOnly", "The free tier is exhausted."), "billing"),
    ErrorRow("no model", 404, _error("model_not_found", "The model does not exist."), "not_found"),
    ErrorRow("requests", 429, _error("limit_requests", "You exceeded your current requests list."), "rate_limit"),
    ErrorRow("burst", 429, _native("Throttling.BurstRate", _BURST), "rate_limit"),
    ErrorRow("tokens a minute", 429, _error("insufficient_quota", _TOKENS, "insufficient_quota"), "rate_limit"),
    ErrorRow("bill overdue", 429, _native("PostpaidBillOverdue", "The bill is overdue."), "billing"),
    ErrorRow("fault", 500, _error("internal_error", "An internal error has occured.", "internal_error"), "server"),
    ErrorRow("busy", 503, _native("ModelServingError", "Too many requests."), "overloaded"),
    ErrorRow("inspected, in a 200", 200, _native("DataInspectionFailed", _INSPECTED), "content"),
)

QWEN = Wire(
    "qwen",
    _MODEL,
    Usage(3019, 104, 2048, reasoning_tokens=80),
    _plain,
    _stream,
    _ERRORS,
    embedding_model="text-embedding-v4",
)
"""Qwen in compatible mode."""
