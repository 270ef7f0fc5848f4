"""Builders of what OpenAI's API answers: completions, chunks, embeddings, the models list, errors.

Everything is a plain dict, ready to be changed by a test before it is sent. Names are those of OpenAI's API reference.
"""

from __future__ import annotations

import base64
import json
import random
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

__all__ = ["USAGE", "chunks", "completion", "embeddings", "error", "models", "split_inputs", "token_usage", "vector"]

ToolCall = tuple[str, str]
"""Name of the function, and its arguments as JSON text."""

_CREATED = 1_700_000_000
_ERRORS = {
    400: ("invalid_request_error", None),
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("invalid_request_error", "unsupported_country_region_territory"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
}


def token_usage(
    prompt_tokens: int = 9, completion_tokens: int = 12, *, cached_tokens: int = 0, reasoning_tokens: int = 0
) -> dict[str, Any]:
    """A ``usage`` object of chat completions with its details."""
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
        "prompt_tokens_details": {"cached_tokens": cached_tokens, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": reasoning_tokens, "audio_tokens": 0},
    }


USAGE: Mapping[str, Any] = token_usage()
"""The usage of a builder that was given none: 9 prompt tokens, 12 completion tokens."""


def completion(
    content: str | None = "Hello there",
    *,
    model: str = "gpt-4o",
    n: int = 1,
    tool_calls: Sequence[ToolCall] = (),
    reasoning_content: str | None = None,
    logprobs: bool = False,
    top_logprobs: int = 0,
    finish_reason: str | None = None,
    usage: Mapping[str, Any] | None = USAGE,
    **extra: Any,
) -> dict[str, Any]:
    """A ``chat.completion`` with ``n`` equal choices.

    Args:
        content: the answer; None as OpenAI sends it beside tool calls.
        tool_calls: pairs of function name and JSON arguments.
        finish_reason: ``tool_calls`` where there are any, else ``stop``, unless given.
        usage: None leaves the field out.
        extra: further top-level fields (``id=...``, ``service_tier=...``).
    """
    message: dict[str, Any] = {"role": "assistant", "content": content, "refusal": None}
    if reasoning_content is not None:
        message["reasoning_content"] = reasoning_content
    if tool_calls:
        message["tool_calls"] = [_tool_call(number, *call) for number, call in enumerate(tool_calls)]
    choice = {
        "message": message,
        "logprobs": _logprobs((content or "").split(), top_logprobs) if logprobs else None,
        "finish_reason": finish_reason or ("tool_calls" if tool_calls else "stop"),
    }
    body = _envelope("chat.completion", model)
    body["choices"] = [{"index": index, **choice} for index in range(n)]
    if usage is not None:
        body["usage"] = dict(usage)
    return body | extra


def chunks(
    *words: str,
    model: str = "gpt-4o",
    n: int = 1,
    tool_calls: Sequence[ToolCall] = (),
    reasoning_content: Sequence[str] = (),
    logprobs: bool = False,
    top_logprobs: int = 0,
    finish_reason: str | None = None,
    include_usage: bool = False,
    usage: Mapping[str, Any] = USAGE,
    **extra: Any,
) -> list[dict[str, Any]]:
    """The ``chat.completion.chunk`` objects of one stream, without ``[DONE]``.

    In order: a role chunk, the reasoning, the words, the tool calls (their arguments in two halves, interleaved), the
    ``finish_reason``; each of them once per choice. With ``include_usage`` every chunk carries ``usage: null`` and a
    last one, without choices, carries the usage.
    """
    deltas: list[tuple[dict[str, Any], Any, str | None]] = [({"role": "assistant", "content": ""}, None, None)]
    deltas += [({"reasoning_content": text}, None, None) for text in reasoning_content]
    deltas += [({"content": word}, _logprobs([word], top_logprobs) if logprobs else None, None) for word in words]
    deltas += [({"tool_calls": [piece]}, None, None) for piece in _tool_call_pieces(tool_calls)]
    deltas.append(({}, None, finish_reason or ("tool_calls" if tool_calls else "stop")))
    envelope = _envelope("chat.completion.chunk", model) | extra
    ending = {"usage": None} if include_usage else {}
    result = [
        envelope | {"choices": [{"index": index, "delta": delta, "logprobs": odds, "finish_reason": reason}]} | ending
        for delta, odds, reason in deltas
        for index in range(n)
    ]
    if include_usage:
        result.append(envelope | {"choices": [], "usage": dict(usage)})
    return result


def embeddings(
    inputs: Any = ("Hello",),
    *,
    model: str = "text-embedding-3-small",
    dimensions: int = 8,
    encoding_format: str = "float",
    usage: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """An embeddings list: one vector for each input, always the same for the same input.

    Args:
        inputs: what a request's ``input`` may be: a text, a token list, or a list of either.
        encoding_format: ``float`` or ``base64`` (little-endian float32).
        usage: where None, one token per word or per token ID.
    """
    each = split_inputs(inputs)
    tokens = sum(len(one.split()) if isinstance(one, str) else len(one) for one in each)
    vectors = [vector(one, dimensions) for one in each]
    shown = [_packed(floats) if encoding_format == "base64" else floats for floats in vectors]
    return {
        "object": "list",
        "data": [{"object": "embedding", "index": index, "embedding": value} for index, value in enumerate(shown)],
        "model": model,
        "usage": dict(usage) if usage is not None else {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def models(*names: str, owned_by: str = "scripted") -> dict[str, Any]:
    """The answer of ``GET /models``."""
    cards = [{"id": name, "object": "model", "created": _CREATED, "owned_by": owned_by} for name in names]
    return {"object": "list", "data": cards}


def error(
    status: int,
    message: str = "The scripted upstream says no.",
    type: str | None = None,
    code: str | None = None,
    param: str | None = None,
) -> dict[str, Any]:
    """OpenAI's error body. The status is not sent, it only picks the usual ``type`` and ``code``."""
    usual_type, usual_code = _ERRORS.get(status, ("server_error", None) if status >= 500 else _ERRORS[400])
    return {"error": {"message": message, "type": type or usual_type, "param": param, "code": code or usual_code}}


def split_inputs(inputs: Any) -> list[Any]:
    """The single inputs of an embeddings request: texts, or lists of token IDs."""
    if isinstance(inputs, str) or (inputs and isinstance(inputs[0], int)):
        return [inputs]
    return list(inputs)


def vector(text: Any, dimensions: int = 8) -> list[float]:
    """The vector that stands for an input: float32 values in [-1, 1), so that both encodings carry the same."""
    source = random.Random(json.dumps(text))  # noqa: S311 (not for secrets)
    exact = [source.uniform(-1, 1) for _ in range(dimensions)]
    return list(struct.unpack(f"<{dimensions}f", struct.pack(f"<{dimensions}f", *exact)))


def _envelope(kind: str, model: str) -> dict[str, Any]:
    return {
        "id": "chatcmpl-scripted",
        "object": kind,
        "created": _CREATED,
        "model": model,
        "system_fingerprint": "fp_scripted",
    }


def _packed(floats: Sequence[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(floats)}f", *floats)).decode("ascii")


def _tool_call(number: int, name: str, arguments: str) -> dict[str, Any]:
    return {"id": f"call_{number}", "type": "function", "function": {"name": name, "arguments": arguments}}


def _tool_call_pieces(calls: Sequence[ToolCall]) -> Iterator[dict[str, Any]]:
    for index, (name, _) in enumerate(calls):
        yield {"index": index, **_tool_call(index, name, "")}
    for half in range(2):
        for index, (_, arguments) in enumerate(calls):
            middle = len(arguments) // 2
            piece = arguments[middle:] if half else arguments[:middle]
            yield {"index": index, "function": {"arguments": piece}}


def _logprobs(tokens: Iterable[str], top: int) -> dict[str, Any]:
    return {"content": [_odds(token) | {"top_logprobs": [_odds(token)] * top} for token in tokens], "refusal": None}


def _odds(token: str) -> dict[str, Any]:
    return {"token": token, "logprob": -0.25, "bytes": list(token.encode("utf-8"))}
