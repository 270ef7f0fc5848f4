"""Ollama's replies -> OpenAI's: a whole body, lines of JSON as chunks, vectors."""

from __future__ import annotations

import base64
import json
import struct
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from uuid import uuid4

from router import Item, Reply, UpstreamError
from router.upstream import AnswerTooLong, Response, dump_json

__all__ = ["Chat", "Lines", "embeddings_list", "plain_item"]

_COUNTERS = ("prompt_eval_count", "eval_count")


class Lines:
    """Batches of chunks from a stream of lines. An iterator object: unlike a generator it needs no start.

    A line that is an error, or no JSON object, becomes an item as it is: the gateway knows what to say of it.
    """

    def __init__(self, response: Response, chat: Chat, limit_bytes: int) -> None:
        self._pieces = response.chunks()
        self._chat = chat
        self._limit_bytes = limit_bytes
        self._rest: list[bytes] = []
        self._rest_bytes = 0
        self._over = False
        self.reply: Reply | None = None

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> Sequence[Item]:
        while not self._over:
            piece = next(self._pieces, None)
            self._over = piece is None
            lines = self._last() if piece is None else self._lines(piece)
            batch = [item for line in lines for item in self._items(line)]
            if batch:
                return batch
        raise StopIteration

    def _lines(self, piece: bytes) -> list[bytes]:
        head, newline, tail = piece.rpartition(b"\n")
        whole = b"".join((*self._rest, head)).split(b"\n") if newline else []
        if newline:
            self._rest, self._rest_bytes = [], 0
        self._rest.append(tail)
        self._rest_bytes += len(tail)
        if self._rest_bytes > self._limit_bytes:
            raise AnswerTooLong("A line of the provider's stream", self._limit_bytes)
        return whole

    def _last(self) -> list[bytes]:
        """The line that no newline ended, if it is whole; a part of one means that the stream was cut."""
        line = b"".join(self._rest)
        return [line] if _decoded(line) is not None else []

    def _items(self, line: bytes) -> Iterator[Item]:
        line = line.strip()
        if not line:
            return
        value = _decoded(line)
        if not isinstance(value, dict) or "error" in value:
            yield Item(line, value)
            return
        yield from map(_item, self._chat.chunks(value))
        if value.get("done") is True:
            self._over = True
            if self.reply is not None:
                self.reply.ended = True


class Chat:
    """One answer in the making.

    Args:
        request_id: ours; the answer's ID is made of it.
        model: shown in the answer.
    """

    def __init__(self, request_id: str, model: str) -> None:
        self._head = {"id": f"chatcmpl-{request_id}", "created": int(time.time()), "model": model}
        self._begun = False
        self._calls = 0

    def body(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """A whole ``chat.completion``.

        Raises:
            UpstreamError: there is no message in it (``malformed``).
        """
        if not isinstance(value.get("message"), dict):
            raise UpstreamError("malformed", "The upstream gave an answer without a message.")
        message = {"role": "assistant", "content": None, "refusal": None, **self._said(value)}
        if message["content"] is None and "tool_calls" not in message:
            message["content"] = ""
        choice = {"index": 0, "message": message, "logprobs": _logprobs(value), "finish_reason": self._finish(value)}
        usage = _usage(value)
        found = {**self._head, "object": "chat.completion", "choices": [choice]}
        return found if usage is None else {**found, "usage": usage}

    def chunks(self, value: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """The ``chat.completion.chunk`` objects that one line makes: at most a delta, a finish and the usage."""
        delta = self._said(value)
        for index, call in enumerate(delta.get("tool_calls", ())):
            call["index"] = self._calls - len(delta["tool_calls"]) + index
        if not self._begun:
            delta = {"role": "assistant", "content": "", **delta}
            self._begun = True
        logprobs = _logprobs(value)
        if delta or logprobs:
            yield self._chunk(delta, logprobs)
        if value.get("done") is not True:
            return
        yield self._chunk({}, None, self._finish(value))
        usage = _usage(value)
        if usage is not None:
            yield {**self._head, "object": "chat.completion.chunk", "choices": [], "usage": usage}

    def _chunk(self, delta: dict[str, Any], logprobs: Any, finish_reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": finish_reason}
        return {**self._head, "object": "chat.completion.chunk", "choices": [choice]}

    def _said(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """What a line or a body adds to the message: content, reasoning, tool calls."""
        message = value.get("message")
        if not isinstance(message, dict):
            return {}
        said = {"content": message.get("content"), "reasoning_content": message.get("thinking")}
        found: dict[str, Any] = {name: text for name, text in said.items() if isinstance(text, str) and text}
        calls = [_call(call) for call in _objects(message.get("tool_calls"))]
        if calls:
            self._calls += len(calls)
            found["tool_calls"] = calls
        return found

    def _finish(self, value: Mapping[str, Any]) -> str:
        """Ollama ends with ``stop`` after tool calls too."""
        if self._calls:
            return "tool_calls"
        return "length" if value.get("done_reason") == "length" else "stop"


def plain_item(data: bytes, convert: Callable[[dict[str, Any]], dict[str, Any]]) -> Item:
    """A whole body as an item; an error, or anything that is no JSON object, as it came.

    Raises:
        UpstreamError: it holds what cannot be said in OpenAI's shape (``malformed``).
    """
    value = _decoded(data)
    if not isinstance(value, dict) or "error" in value:
        return Item(data, value)
    return _item(convert(value))


def embeddings_list(value: Mapping[str, Any], *, model: str, count: int, as_base64: bool) -> dict[str, Any]:
    """OpenAI's embeddings list for ``{"embeddings": [[...], ...]}``.

    Args:
        count: how many texts were sent.
        as_base64: vectors as little-endian float32, which is what OpenAI's SDK asks for by default.

    Raises:
        UpstreamError: there is not one vector for each text, or a vector holds no numbers (``malformed``).
    """
    vectors = value.get("embeddings")
    if not isinstance(vectors, list) or len(vectors) != count or not all(isinstance(one, list) for one in vectors):
        raise UpstreamError("malformed", f"The upstream did not answer with {count} embeddings.")
    shown = map(_packed, vectors) if as_base64 else vectors
    data = [{"object": "embedding", "index": index, "embedding": one} for index, one in enumerate(shown)]
    found = {"object": "list", "data": data, "model": model}
    tokens = _count(value.get("prompt_eval_count"))
    return (
        found
        if "prompt_eval_count" not in value
        else {**found, "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}
    )


def _packed(vector: Sequence[float]) -> str:
    try:
        return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode("ascii")
    except (struct.error, OverflowError):
        raise UpstreamError("malformed", "The upstream sent an embedding that is not made of numbers.") from None


def _decoded(data: bytes) -> Any:
    """The decoded text; None where it is no JSON."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _item(value: dict[str, Any]) -> Item:
    return Item(_dumped(value), value)


def _dumped(value: Any) -> bytes:
    try:
        return dump_json(value)
    except ValueError:
        raise UpstreamError("malformed", "The upstream sent a number that JSON does not have.") from None


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    """A tool call with its arguments as JSON text; old servers give it no ID."""
    function = call.get("function")
    given = function if isinstance(function, dict) else {}
    arguments = given.get("arguments")
    text = arguments if isinstance(arguments, str) else _dumped(arguments or {}).decode("utf-8")
    made = {"id": call.get("id") or f"call_{uuid4().hex[:24]}", "type": "function"}
    return made | {"function": {"name": given.get("name") or "", "arguments": text}}


def _logprobs(value: Mapping[str, Any]) -> dict[str, Any] | None:
    """``logprobs`` of a line or a body: a list of tokens as OpenAI has them, less the members that are empty."""
    tokens = [_odds(token, top_logprobs=True) for token in _objects(value.get("logprobs"))]
    return {"content": tokens, "refusal": None} if tokens else None


def _odds(token: Mapping[str, Any], *, top_logprobs: bool = False) -> dict[str, Any]:
    found = {"token": "", "logprob": 0.0, "bytes": None, **token}
    if top_logprobs:
        found["top_logprobs"] = [_odds(other) for other in _objects(token.get("top_logprobs"))]
    return found


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """The objects in a list; none where there is no list."""
    yield from (one for one in (value if isinstance(value, list) else ()) if isinstance(one, dict))


def _usage(value: Mapping[str, Any]) -> dict[str, Any] | None:
    """The counters of a last line: a count of zero is left out there; None when it has none at all."""
    if not any(name in value for name in _COUNTERS):
        return None
    prompt, output = (_count(value.get(name)) for name in _COUNTERS)
    return {"prompt_tokens": prompt, "completion_tokens": output, "total_tokens": prompt + output}


def _count(value: Any) -> int:
    return value if type(value) is int and value >= 0 else 0
