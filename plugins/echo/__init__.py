"""A local stand-in for a provider: it answers with what was asked, without any key. For a first call, and for tests.

A request may tell it how to behave in a field of its own::

    {"model": "echo/echo", "messages": [...], "echo": {"delay_s": 0.2, "fail": "rate_limit", "fail_after": 3}}
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import struct
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from router import (
    KINDS,
    BadRequest,
    CallContext,
    ChatCall,
    EmbeddingsCall,
    Item,
    ModelCard,
    Price,
    Reply,
    UpstreamError,
    Usage,
    hookimpl,
)
from router.upstream import usage_of

__all__ = ["plugin"]

_FREE = Price(input=0, output=0)
_CARDS = (
    ModelCard("echo", owned_by="router", context_window=128_000, max_output=16_384, price=_FREE),
    ModelCard("embed", kind="embeddings", owned_by="router", context_window=8_192, price=_FREE),
)
_DELAY_MAX_S = 120.0
_DIMENSIONS = 256
_DIMENSIONS_MAX = 4096
_NUMBERS_MAX = 16_384  # of one answer: it is made on the event loop, which has others to serve


@dataclass(frozen=True)
class Directions:
    """The request field ``echo``.

    Attributes:
        delay_s: pause before the first word.
        word_delay_s: pause before each further word.
        stall_s: pause in the middle of the answer.
        fail: a kind of failure (``router.errors.KINDS``) to end with.
        fail_after: words that go out before the failure.
    """

    delay_s: float = 0.0
    word_delay_s: float = 0.0
    stall_s: float = 0.0
    fail: str = ""
    fail_after: int = 0


class Echo:
    """The provider ``echo``."""

    @hookimpl
    def models(self) -> Iterable[ModelCard]:
        return _CARDS

    @hookimpl
    def chat(self, call: ChatCall, context: CallContext) -> Reply:
        directions = _directions(call.body.get("echo"))
        words = _words(call.body["messages"])
        cap = call.body.get("max_completion_tokens") or call.body.get("max_tokens") or len(words)
        said = words[:cap]
        usage = _usage(_count(call.body["messages"]), len(said))
        answer = _Answer(call, context.model, said, "stop" if len(said) == len(words) else "length", usage)
        batches = answer.stream(directions) if call.stream else answer.plain(directions)
        return Reply(batches, read_usage=_read_usage, read_error=_read_error)

    @hookimpl
    def embeddings(self, call: EmbeddingsCall, context: CallContext) -> Reply:
        inputs = _inputs(call.body["input"])
        wanted = call.body.get("dimensions") or _DIMENSIONS
        if wanted > _DIMENSIONS_MAX:
            raise BadRequest(
                f"'dimensions' must be at most {_DIMENSIONS_MAX} here.", code="invalid_value", param="dimensions"
            )
        if len(inputs) * wanted > _NUMBERS_MAX:
            message = f"'input' times 'dimensions' must be at most {_NUMBERS_MAX:,} numbers here."
            raise BadRequest(message, code="invalid_value", param="input")
        as_text = call.body.get("encoding_format") == "base64"
        data = [
            {"object": "embedding", "index": index, "embedding": _vector(one, wanted, as_text)}
            for index, one in enumerate(inputs)
        ]
        tokens = sum(_count(one) for one in inputs)
        body = {
            "object": "list",
            "data": data,
            "model": context.model,
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }
        return Reply([[Item.of(body)]], read_usage=_read_usage, read_error=_read_error)


class _Answer:
    """One answer, plain or word by word."""

    def __init__(self, call: ChatCall, model: str, words: list[str], finish: str, usage: dict[str, Any]) -> None:
        self._words = words
        self._finish = finish
        self._usage = usage
        self._head = {"id": f"chatcmpl-{call.request_id}", "created": int(time.time()), "model": model}

    def plain(self, directions: Directions) -> Iterator[Sequence[Item]]:
        _pause(directions.delay_s + directions.stall_s + directions.word_delay_s * (len(self._words) - 1))
        if directions.fail:
            raise _failure(directions.fail)
        message = {"role": "assistant", "content": "".join(self._words), "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self._finish}
        yield [Item.of({**self._head, "object": "chat.completion", "choices": [choice], "usage": self._usage})]

    def stream(self, directions: Directions) -> Iterator[Sequence[Item]]:
        _pause(directions.delay_s)
        yield [self._chunk({"role": "assistant", "content": ""})]
        for position, word in enumerate(self._words):
            if directions.fail and position == directions.fail_after:
                raise _failure(directions.fail)
            _pause(directions.stall_s if position == len(self._words) // 2 else 0)
            _pause(directions.word_delay_s if position else 0)
            yield [self._chunk({"content": word})]
        if directions.fail:
            raise _failure(directions.fail)
        yield [self._chunk({}, self._finish)]
        yield [Item.of({**self._head, "object": "chat.completion.chunk", "choices": [], "usage": self._usage})]

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> Item:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return Item.of({**self._head, "object": "chat.completion.chunk", "choices": [choice]})


def _directions(given: Any) -> Directions:
    if given is None:
        return Directions()
    try:
        directions = Directions(**given)
        delays = (directions.delay_s, directions.word_delay_s, directions.stall_s)
        kinds = (type(directions.fail), type(directions.fail_after))
        if kinds != (str, int) or not all(0 <= delay <= _DELAY_MAX_S for delay in delays):
            raise TypeError
    except TypeError:
        known = ", ".join(Directions.__dataclass_fields__)
        message = f"'echo' must be an object with some of {known}; delays are from 0 to {_DELAY_MAX_S:g} seconds."
        raise BadRequest(message, code="invalid_value", param="echo") from None
    if directions.fail and directions.fail not in KINDS:
        raise BadRequest(f"'echo.fail' must be one of {', '.join(KINDS)}.", code="invalid_value", param="echo.fail")
    return directions


def _pause(delay_s: float) -> None:
    if delay_s > 0:
        time.sleep(min(delay_s, _DELAY_MAX_S))


def _failure(kind: str) -> UpstreamError:
    return UpstreamError(
        kind, f"echo was told to fail with {kind!r}.", retry_after_s=1 if kind == "rate_limit" else None
    )


def _words(messages: Sequence[dict[str, Any]]) -> list[str]:
    """The last user message, each word with the space before it."""
    said = next((_text(message.get("content")) for message in reversed(messages) if message["role"] == "user"), "")
    parts = said.split(" ")
    return [word if position == 0 else f" {word}" for position, word in enumerate(parts)]


def _text(content: Any) -> str:
    if isinstance(content, list):
        return " ".join(part["text"] for part in content if isinstance(part.get("text"), str))
    return content if isinstance(content, str) else ""


def _count(value: Any) -> int:
    """Tokens as a stand-in counts them: four characters each, a token list by its length."""
    if isinstance(value, list) and value and isinstance(value[0], int):
        return len(value)
    return max(1, len(value if isinstance(value, str) else json.dumps(value)) // 4)


def _usage(prompt: int, completion: int) -> dict[str, Any]:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


def _inputs(value: Any) -> list[Any]:
    return value if isinstance(value, list) and not isinstance(value[0], int) else [value]


def _vector(value: Any, dimensions: int, as_text: bool) -> str | list[float]:
    """A unit vector that depends on the input alone."""
    seed = hashlib.sha256(json.dumps(value).encode()).digest()  # once: the input may be long
    raw = b"".join(hashlib.sha256(seed + bytes(str(n), "ascii")).digest() for n in range(-(-dimensions // 16)))
    numbers = [number / 32768 for number in itertools.islice(struct.unpack(f"<{len(raw) // 2}h", raw), dimensions)]
    length = sum(number * number for number in numbers) ** 0.5 or 1.0
    unit = [number / length for number in numbers]
    return base64.b64encode(struct.pack(f"<{dimensions}f", *unit)).decode("ascii") if as_text else unit


def _read_usage(value: Any) -> Usage | None:
    return usage_of(value.get("usage"))


def _read_error(value: Any) -> UpstreamError:
    return UpstreamError("server", "echo sent an error.")


plugin = Echo()
