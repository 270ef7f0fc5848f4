"""The wire of Gemini's OpenAI-compatible endpoint: Google's documentation, and captures in its users' public tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from router.testing.upstream.scripts import Answer, Stream
from router.testing.upstream.wire import ToolCall, chunks, completion
from router.testing.upstream.wires.shape import ErrorRow, Wire
from router.types.records import Usage

__all__ = ["GEMINI", "quota_error"]

_MODEL = "gemini-3.8-flash"
_SENT = f"models/{_MODEL}"
_USAGE = {
    "prompt_tokens": 1469,
    "completion_tokens": 144,
    "total_tokens": 1896,
    "prompt_tokens_details": {"cached_tokens": 1024},
}
_THOUGHT = {"google": {"thought": True}}


def _plain(*words: str, reasoning: Sequence[str] = (), tool_calls: Sequence[ToolCall] = (), **delivery: Any) -> Answer:
    """Thoughts are in the content, between tags, and the message is flagged."""
    thought = f"<thought>{''.join(reasoning)}</thought>" if reasoning else ""
    body = completion(thought + "".join(words), model=_SENT, tool_calls=tool_calls, usage=_USAGE, finish_reason="stop")
    if reasoning:
        body["choices"][0]["message"]["extra_content"] = _THOUGHT
    return Answer(body, **delivery)


def _stream(*words: str, reasoning: Sequence[str] = (), tool_calls: Sequence[ToolCall] = (), **delivery: Any) -> Stream:
    """Each thought is flagged, the tag that ends them is in the first words after them; tool calls come whole and
    without an index; ``stop`` is said after them too.
    """
    texts = ["</thought>" * (not number and bool(reasoning)) + word for number, word in enumerate(words)]
    thoughts = ["<thought>" * (not number) + text for number, text in enumerate(reasoning)]
    made = chunks(*thoughts, *texts, model=_SENT, finish_reason="stop")
    for number, chunk in enumerate(made[1 : 1 + len(thoughts)]):
        chunk["choices"][0]["delta"] = {"role": "assistant", "content": thoughts[number], "extra_content": _THOUGHT}
    for call in completion(tool_calls=tool_calls)["choices"][0]["message"].get("tool_calls", ()):
        delta = {"choices": [{"index": 0, "delta": {"role": "assistant", "tool_calls": [call]}}]}
        made.insert(-1, made[-1] | delta)
    made[-1]["usage"] = _USAGE
    return Stream(made, **delivery)


def _error(code: int, status: str, message: str, *details: dict[str, Any]) -> bytes | list[Any]:
    """A list with one error in it."""
    return [{"error": {"code": code, "message": message, "status": status, "details": list(details)}}]


def quota_error(*quotas: str, delay: str | None = None) -> Any:
    """The body of a 429.

    Args:
        quotas: ``quotaId`` of each limit that was exceeded.
        delay: ``retryDelay``; None for none.
    """
    kind = "type.googleapis.com/google.rpc."
    details: list[dict[str, Any]] = []
    if quotas:
        violations = [{"quotaMetric": "generate_requests", "quotaId": quota} for quota in quotas]
        details.append({"@type": f"{kind}QuotaFailure", "violations": violations})
    if delay is not None:
        details.append({"@type": f"{kind}RetryInfo", "retryDelay": delay})
    text = "You exceeded your current quota, please check your plan and billing details."
    return _error(429, "RESOURCE_EXHAUSTED", text, *details)


_MINUTE, _DAY = (f"GenerateRequestsPer{unit}PerProjectPerModel-FreeTier" for unit in ("Minute", "Day"))
_INVALID, _REFUSED = "INVALID_ARGUMENT", "FAILED_PRECONDITION"
_BAD_KEY = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
_UNKNOWN = 'Invalid JSON payload received. Unknown name "seed": Cannot find field.'
_TOO_LONG = "The input token count (1310720) exceeds the maximum number of tokens allowed (1048576)."
_REGION = "User location is not supported for the API use without a billing account linked."

_ERRORS = (
    ErrorRow("unknown field", 400, _error(400, _INVALID, _UNKNOWN), "bad_request"),
    ErrorRow("wrong key", 400, _error(400, _INVALID, "Please pass a valid API key.", _BAD_KEY), "auth"),
    ErrorRow("prompt too long", 400, _error(400, _INVALID, _TOO_LONG), "context_length"),
    ErrorRow("no free tier", 400, _error(400, _REFUSED, _REGION), "billing"),
    ErrorRow("denied", 403, _error(403, "PERMISSION_DENIED", "The caller does not have permission."), "auth"),
    ErrorRow("no model", 404, _error(404, "NOT_FOUND", "models/gemini-9 is not found."), "not_found"),
    ErrorRow("requests a minute", 429, quota_error(_MINUTE, delay="34.602s"), "rate_limit", wait_s=35),
    ErrorRow("requests a day", 429, quota_error(_MINUTE, _DAY, delay="2s"), "billing"),
    ErrorRow("no quota", 429, quota_error(), "billing"),
    ErrorRow("cancelled", 499, _error(499, "CANCELLED", "The operation was cancelled."), "server"),
    ErrorRow("fault", 500, _error(500, "INTERNAL", "An internal error has occurred."), "server"),
    ErrorRow("overloaded", 503, _error(503, "UNAVAILABLE", "The model is overloaded."), "overloaded"),
    ErrorRow("took too long", 504, _error(504, "DEADLINE_EXCEEDED", "Deadline expired."), "timeout"),
)

GEMINI = Wire(
    "gemini",
    _MODEL,
    Usage(1469, 427, 1024, reasoning_tokens=283),
    _plain,
    _stream,
    _ERRORS,
    embedding_model="gemini-embedding-001",
)
"""Gemini, whose ``completion_tokens`` leave thinking out."""
