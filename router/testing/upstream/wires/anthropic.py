"""Anthropic's Messages API: "Create a Message", "Streaming messages" and "Errors" of its documentation, and its SDK."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from router.testing.upstream.connection import ReceivedRequest
from router.testing.upstream.scripts import Answer, Stream
from router.testing.upstream.server import ScriptedUpstream
from router.testing.upstream.wire import ToolCall
from router.testing.upstream.wires.shape import ErrorRow, Wire
from router.types.records import Usage

__all__ = ["ANTHROPIC", "SIGNATURE", "echo", "event", "events", "message", "serve_anthropic", "thinking", "tool_use"]

_MODEL = "claude-sonnet-5-5"
_MESSAGE_ID = "msg_01scripted"
_LIMITS = {"request-id": "req_01scripted", "anthropic-ratelimit-requests-remaining": "49"}
SIGNATURE = "EqQBCgIYAhIkc2lnbmVk"
"""The signature of the thinking in the replies here."""
_USAGE: Mapping[str, Any] = {
    "input_tokens": 12,
    "cache_creation_input_tokens": 2000,
    "cache_read_input_tokens": 8000,
    "cache_creation": {"ephemeral_5m_input_tokens": 2000, "ephemeral_1h_input_tokens": 0},
    "output_tokens": 90,
    "output_tokens_details": {"thinking_tokens": 40},
    "service_tier": "standard",
}

Block = Mapping[str, Any]


def thinking(text: str, signature: str = SIGNATURE) -> dict[str, Any]:
    """A block of thinking."""
    return {"type": "thinking", "thinking": text, "signature": signature}


def tool_use(number: int, name: str, arguments: str) -> dict[str, Any]:
    """A call of a tool; ``arguments`` is JSON text."""
    return {"type": "tool_use", "id": f"toolu_{number}", "name": name, "input": json.loads(arguments)}


def message(
    *blocks: Block, stop_reason: str = "end_turn", usage: Mapping[str, Any] | None = _USAGE, **extra: Any
) -> dict[str, Any]:
    """A whole message; ``usage=None`` leaves the counts out."""
    body: dict[str, Any] = {"id": _MESSAGE_ID, "type": "message", "role": "assistant", "model": _MODEL}
    body |= {"content": list(blocks), "stop_reason": stop_reason, "stop_sequence": None}
    return body | ({} if usage is None else {"usage": dict(usage)}) | extra


def event(kind: str, **fields: Any) -> bytes:
    """One named event."""
    data = json.dumps({"type": kind, **fields}, ensure_ascii=False, separators=(",", ":"))
    return f"event: {kind}\ndata: {data}\n\n".encode()


def events(
    *pieces: Sequence[Block], stop_reason: str = "end_turn", usage: Mapping[str, Any] | None = _USAGE
) -> list[bytes]:
    """The events of a message.

    Args:
        pieces: of each block: the block as it starts, then its deltas.
        usage: counted in ``message_start`` but for the output, whose whole comes in ``message_delta``.
    """
    begun = message(stop_reason="", usage=None if usage is None else {**usage, "output_tokens": 1})
    made = [event("message_start", message={**begun, "stop_reason": None}), event("ping")]
    for index, (block, *deltas) in enumerate(pieces):
        made.append(event("content_block_start", index=index, content_block=block))
        made += [event("content_block_delta", index=index, delta=delta) for delta in deltas]
        made.append(event("content_block_stop", index=index))
    counts = {} if usage is None else {"usage": {"output_tokens": usage.get("output_tokens")}}
    made.append(event("message_delta", delta={"stop_reason": stop_reason, "stop_sequence": None}, **counts))
    return [*made, event("message_stop")]


def _plain(
    *words: str,
    reasoning: Sequence[str] = (),
    tool_calls: Sequence[ToolCall] = (),
    stop_reason: str | None = None,
    usage: Mapping[str, Any] | None = _USAGE,
    **delivery: Any,
) -> Answer:
    blocks = [thinking("".join(reasoning))] if reasoning else []
    blocks += [{"type": "text", "text": "".join(words)}] if words else []
    blocks += [tool_use(number, *call) for number, call in enumerate(tool_calls)]
    reason = stop_reason or ("tool_use" if tool_calls else "end_turn")
    return Answer(message(*blocks, stop_reason=reason, usage=usage), headers=_LIMITS, **delivery)


def _stream(
    *words: str,
    reasoning: Sequence[str] = (),
    tool_calls: Sequence[ToolCall] = (),
    stop_reason: str | None = None,
    usage: Mapping[str, Any] | None = _USAGE,
    **delivery: Any,
) -> Stream:
    """Thinking with its signature last, text, and each tool call with its arguments in two halves."""
    pieces = list(_pieces(words, reasoning, tool_calls))
    reason = stop_reason or ("tool_use" if tool_calls else "end_turn")
    return Stream(events(*pieces, stop_reason=reason, usage=usage), done=False, headers=_LIMITS, **delivery)


def _pieces(
    words: Sequence[str], reasoning: Sequence[str], tool_calls: Sequence[ToolCall]
) -> Iterator[Sequence[Block]]:
    if reasoning:
        thoughts = [{"type": "thinking_delta", "thinking": text} for text in reasoning]
        yield [thinking("", ""), *thoughts, {"type": "signature_delta", "signature": SIGNATURE}]
    if words:
        yield [{"type": "text", "text": ""}, *({"type": "text_delta", "text": word} for word in words)]
    for number, (name, text) in enumerate(tool_calls):
        half = len(text) // 2
        parts = ("", text[:half], text[half:])
        deltas = [{"type": "input_json_delta", "partial_json": part} for part in parts]
        yield [{**tool_use(number, name, "{}")}, *deltas]


def _error(status: int, kind: str, text: str, meaning: str, **fields: Any) -> ErrorRow:
    wait_s = fields.pop("wait_s", None)
    shown = fields.pop("shown", None)
    headers = {"request-id": "req_01failed", **fields.pop("headers", {})}
    body = {"type": "error", "error": {"type": kind, "message": text, **fields}, "request_id": "req_01failed"}
    return ErrorRow(f"{status} {kind}: {text[:24]}", status, body, meaning, shown, wait_s, headers)


_TOO_LONG = "prompt is too long: 210000 tokens > 200000 maximum"
_TOO_MUCH = "input length and `max_tokens` exceed context limit: 190000 + 64000 > 200000, decrease input length"
_POOR = "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing."
_FILTERED = "Output blocked by content filtering policy"
_TEMPERATURE = "`temperature` is deprecated for this model."
_BUSY = "Number of request tokens has exceeded your per-minute rate limit"
_SPENT = {"details": {"error_code": "enforced_spend_limit_reached"}}

_ERRORS = (
    _error(400, "invalid_request_error", _TEMPERATURE, "bad_request"),
    _error(400, "invalid_request_error", _TOO_LONG, "context_length"),
    _error(400, "invalid_request_error", _TOO_MUCH, "context_length"),
    _error(400, "invalid_request_error", _POOR, "billing"),
    _error(400, "invalid_request_error", _FILTERED, "content"),
    _error(401, "authentication_error", "invalid x-api-key", "auth"),
    _error(402, "billing_error", "There is an issue with your billing.", "billing"),
    _error(403, "permission_error", "Your API key may not use this resource.", "auth"),
    _error(404, "not_found_error", "model: claude-nosuch", "not_found"),
    _error(409, "conflict_error", "The request conflicts with another.", "overloaded"),
    _error(413, "request_too_large", "Request exceeds the maximum size", "bad_request", shown=413),
    _error(429, "rate_limit_error", _BUSY, "rate_limit", headers={"retry-after": "7"}, wait_s=7),
    _error(429, "rate_limit_error", "You have reached your specified usage limits.", "billing", **_SPENT),
    _error(500, "api_error", "Internal server error", "server"),
    _error(504, "timeout_error", "The request timed out.", "timeout"),
    _error(529, "overloaded_error", "Overloaded", "overloaded"),
    _error(200, "overloaded_error", "Overloaded", "overloaded"),
    _error(200, "api_error", "Internal server error", "server"),
    _error(200, "rate_limit_error", _BUSY, "rate_limit"),
    _error(200, "invalid_request_error", _TOO_LONG, "context_length"),
)


def serve_anthropic(upstream: ScriptedUpstream) -> None:
    """Let an upstream answer as a well-behaved Anthropic: it echoes, counts words, and lists two models."""
    upstream.on("/v1/messages", echo)
    upstream.on("/v1/models", Answer({"data": [_listed(_MODEL), _listed("claude-next")], "has_more": False}))


def echo(request: ReceivedRequest) -> Answer | Stream:
    """The answer to ``POST /v1/messages`` that repeats the last text, up to ``max_tokens`` words."""
    body = request.json()
    texts = [block["text"] for turn in body["messages"] for block in turn["content"] if block["type"] == "text"]
    words = texts[-1].split(" ") if texts else ["nothing"]
    pieces = [words[0], *(f" {word}" for word in words[1:])][: body["max_tokens"]]
    usage = {"input_tokens": sum(len(text.split()) for text in texts), "output_tokens": len(pieces)}
    reason = "max_tokens" if len(pieces) < len(words) else "end_turn"
    return (_stream if body.get("stream") else _plain)(*pieces, usage=usage, stop_reason=reason)


def _listed(name: str) -> dict[str, Any]:
    return {"type": "model", "id": name, "display_name": name.title(), "created_at": "2026-02-19T00:00:00Z"}


ANTHROPIC = Wire(
    "anthropic",
    _MODEL,
    Usage(10_012, 90, 8_000, 2_000, reasoning_tokens=40),
    _plain,
    _stream,
    _ERRORS,
    openai_shaped=False,
    late_error=event("error", error={"type": "api_error", "message": "Internal server error"}),
    uncounted={"usage": None},
    prepare=serve_anthropic,
    places={"stop": "stop_sequences"},
)
"""Anthropic's Messages API, whose ``input_tokens`` leave out what was read from the cache and written to it."""
