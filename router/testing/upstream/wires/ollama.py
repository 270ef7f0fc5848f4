"""Ollama's native wire: ``docs/api.md``, ``docs/api/errors.mdx`` and ``api/types.go`` of ollama/ollama."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from router.testing.upstream.connection import ReceivedRequest
from router.testing.upstream.scripts import Answer, Raw, Script, Stream
from router.testing.upstream.server import Handler, ScriptedUpstream
from router.testing.upstream.wire import ToolCall, vector
from router.testing.upstream.wires.shape import ErrorRow, Wire
from router.types.records import Usage

__all__ = ["EMBEDDING_MODELS", "OLLAMA", "line", "native_call", "ndjson", "serve_ollama", "tags"]

_MODEL = "qwen3:8b"
_COUNTERS = {"prompt_eval_count": 26, "eval_count": 298}
_DURATIONS = {"total_duration": 5_191_566_416, "load_duration": 2_154_458, "eval_duration": 4_799_921_000}
_HEAD = {"model": _MODEL, "created_at": "2026-08-21T10:00:00.123456Z"}
EMBEDDING_MODELS: Mapping[str, int] = {"nomic-embed-text": 768, "mxbai-embed-large": 1024}
"""Model -> dimensions."""

_SHOWN: Mapping[str, Any] = {
    _MODEL: {
        "details": {"family": "qwen3", "families": ["qwen3"], "parameter_size": "8.2B", "quantization_level": "Q4_K_M"},
        "model_info": {"general.architecture": "qwen3", "qwen3.context_length": 40960},
        "capabilities": ["completion", "tools", "thinking"],
    },
    "nomic-embed-text:latest": {
        "details": {"family": "nomic-bert", "families": ["nomic-bert"]},
        "model_info": {"general.architecture": "nomic-bert", "nomic-bert.context_length": 2048},
        "capabilities": ["embedding"],
    },
    "mxbai-embed-large:latest": {
        "details": {"family": "bert", "families": ["bert"]},
        "model_info": {"general.architecture": "bert", "bert.context_length": 512, "bert.pooling_type": 2},
    },
}
"""What is installed: name -> the answer of ``/api/show``; the last as a server without ``capabilities`` gives it."""


def line(message: Mapping[str, Any] | None = None, **fields: Any) -> bytes:
    """One line of a stream; not the last unless ``fields`` say ``done=True``."""
    value = _HEAD | {"message": {"role": "assistant", "content": "", **(message or {})}, "done": False} | fields
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def ndjson(*lines: bytes, **delivery: Any) -> Stream:
    """These lines as a stream; ``delivery`` is any field of ``Stream``."""
    return Stream(lines, done=False, headers={"Content-Type": "application/x-ndjson"}, **delivery)


def native_call(name: str, arguments: Any, call_id: str | None = "call_x", index: int = 0) -> dict[str, Any]:
    """A tool call, its arguments an object; old servers send no ID."""
    call = {"function": {"index": index, "name": name, "arguments": arguments}}
    return call if call_id is None else {"id": call_id, **call}


def tags() -> dict[str, Any]:
    """The answer of ``/api/tags``."""
    return {"models": [{"name": name, "model": name, "size": 1, "digest": "sha256:0"} for name in _SHOWN]}


def _end(counters: Mapping[str, int], done_reason: str) -> dict[str, Any]:
    return {"done": True, "done_reason": done_reason, **_DURATIONS, **counters}


def _calls(calls: Sequence[ToolCall]) -> list[dict[str, Any]]:
    return [native_call(name, json.loads(text), f"call_{number}", number) for number, (name, text) in enumerate(calls)]


def _plain(
    *words: str,
    reasoning: Sequence[str] = (),
    tool_calls: Sequence[ToolCall] = (),
    counters: Mapping[str, int] = _COUNTERS,
    done_reason: str = "stop",
    **delivery: Any,
) -> Answer:
    message: dict[str, Any] = {"role": "assistant", "content": "".join(words)}
    if reasoning:
        message["thinking"] = "".join(reasoning)
    if tool_calls:
        message["tool_calls"] = _calls(tool_calls)
    return Answer(_HEAD | {"message": message} | _end(counters, done_reason), **delivery)


def _stream(
    *words: str,
    reasoning: Sequence[str] = (),
    tool_calls: Sequence[ToolCall] = (),
    counters: Mapping[str, int] = _COUNTERS,
    done_reason: str = "stop",
    **delivery: Any,
) -> Stream:
    """Thinking, content, each tool call whole in a line of its own, and the last line with the counters."""
    lines = [line({"thinking": text}) for text in reasoning]
    lines += [line({"content": word}) for word in words]
    lines += [line({"tool_calls": [call]}) for call in _calls(tool_calls)]
    return ndjson(*lines, line(**_end(counters, done_reason)), **delivery)


def _error(status: int, message: str, kind: str, **fields: Any) -> ErrorRow:
    return ErrorRow(f"{status} {message[:30]}", status, {"error": message, **fields}, kind)


_BUSY = "server busy, please try again.  maximum pending requests exceeded"
_TOO_LONG = "the input length exceeds the context length"
_SIGN_IN = "https://ollama.com/connect"

_ERRORS = (
    _error(400, "invalid options: temperature", "bad_request"),
    _error(400, "registry.ollama.ai/library/tinyllama:latest does not support tools", "bad_request"),
    _error(400, '"tinyllama" does not support thinking', "bad_request"),
    _error(400, '"nomic-embed-text" does not support chat', "bad_request"),
    _error(400, _TOO_LONG, "context_length"),
    _error(500, _TOO_LONG, "context_length"),
    _error(401, "unauthorized", "auth", signin_url=_SIGN_IN),
    _error(403, "ollama cloud is disabled", "auth"),
    _error(404, "model 'nosuch' not found", "not_found"),
    _error(404, 'model "nosuch" not found, try pulling it first', "not_found"),
    _error(429, "you have reached your hourly usage limit", "rate_limit"),
    _error(499, "request cancelled", "server"),
    _error(500, "llama runner process has terminated: exit status 2", "server"),
    _error(500, "model requires more system memory (20.1 GiB) than is available (7.5 GiB)", "server"),
    _error(502, "upstream unreachable", "server"),
    _error(503, _BUSY, "overloaded"),
    ErrorRow("inside a 200", 200, {"error": "an error was encountered while running the model"}, "server"),
    ErrorRow("too long, inside a 200", 200, {"error": _TOO_LONG}, "context_length"),
    ErrorRow("no tools, inside a 200", 200, {"error": "tinyllama does not support tools"}, "bad_request"),
    ErrorRow("busy, inside a 200", 200, {"error": _BUSY}, "overloaded"),
    ErrorRow("no model, inside a 200", 200, {"error": "model 'nosuch' not found"}, "not_found"),
    ErrorRow("signed out, inside a 200", 200, {"error": "unauthorized", "signin_url": _SIGN_IN}, "auth"),
)


def serve_ollama(upstream: ScriptedUpstream) -> None:
    """Let an upstream answer every native endpoint as a well-behaved Ollama: it echoes, and counts words."""
    upstream.on("/api/chat", _installed(_chat))
    upstream.on("/api/embed", _installed(_embed))
    upstream.on("/api/tags", Answer(tags()))
    upstream.on("/api/show", _installed(_show))
    upstream.on("/api/version", Answer({"version": "0.12.11"}))


def _chat(request: ReceivedRequest) -> Answer | Stream:
    body = request.json()
    words = body["messages"][-1]["content"].split(" ")
    pieces = [words[0], *(f" {word}" for word in words[1:])]
    cap = body.get("options", {}).get("num_predict", len(pieces))
    counters = {
        "prompt_eval_count": sum(len(message["content"].split()) for message in body["messages"]),
        "eval_count": min(cap, len(pieces)),
    }
    make = _stream if body.get("stream", True) else _plain
    return make(*pieces[:cap], counters=counters, done_reason="length" if cap < len(pieces) else "stop")


def _embed(request: ReceivedRequest) -> Answer:
    body = request.json()
    inputs = [body["input"]] if isinstance(body["input"], str) else body["input"]
    dimensions = body.get("dimensions") or EMBEDDING_MODELS.get(body["model"], 8)
    words = sum(len(one.split()) for one in inputs)
    found = {"model": body["model"], "embeddings": [vector(one, dimensions) for one in inputs], **_DURATIONS}
    return Answer(found | ({"prompt_eval_count": words} if words else {}))


def _show(request: ReceivedRequest) -> Answer:
    name = request.json()["model"]
    return Answer(_SHOWN.get(name) or _SHOWN[f"{name}:latest"])


def _installed(handler: Handler) -> Handler:
    """The handler, for models that are there."""

    def answer(request: ReceivedRequest) -> Script | Raw:
        name = request.json()["model"]
        if name in _SHOWN or f"{name}:latest" in _SHOWN:
            return handler(request)
        return Answer({"error": f"model '{name}' not found"}, status=404)

    return answer


OLLAMA = Wire(
    "ollama",
    _MODEL,
    Usage(26, 298),
    _plain,
    _stream,
    _ERRORS,
    openai_shaped=False,
    base_path="",
    late_error=b'{"error":"an error was encountered while running the model"}\n',
    uncounted={"counters": {}},
    embedding_model="nomic-embed-text",
    prepare=serve_ollama,
    places={"stop": "options.stop", "max_tokens": "options.num_predict"},
)
"""Ollama's native API."""
