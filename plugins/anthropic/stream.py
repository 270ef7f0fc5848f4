"""Anthropic's stream events -> OpenAI's chunks."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

from router_plugins.anthropic.reply import FINISH_REASONS, call_of, keepsakes, usage_shown

from router import Usage
from router.upstream import usage_of

__all__ = ["Answer", "ends"]


def ends(event: Mapping[str, Any]) -> bool:
    """Whether an event is the last of a stream."""
    return event.get("type") == "message_stop"


class Answer:
    """One answer in the making.

    Args:
        request_id: ours; the answer's ID is made of it where Anthropic gives none.
        model: shown in the answer.

    Attributes:
        usage_so_far: what the stream's beginning said of the prompt, for a stream that is cut before its end; its count
            of output is doubtful, since it says nothing of what follows.
    """

    def __init__(self, request_id: str, model: str) -> None:
        self._head = {"id": f"chatcmpl-{request_id}", "created": int(time.time()), "model": model}
        self._blocks: dict[Any, dict[str, Any]] = {}  # by their index
        self._arguments: dict[Any, list[str]] = {}
        self._calls: dict[Any, int] = {}  # OpenAI counts tool calls, Anthropic all blocks
        self._usage: dict[str, Any] = {}
        self.usage_so_far: Usage | None = None

    def head(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """ID, time and model, for Anthropic's message."""
        given = message.get("id")
        if isinstance(given, str) and given:
            self._head["id"] = given
        served = message.get("model")
        if isinstance(served, str) and served:
            self._head["model"] = served
        return self._head

    def chunks(self, event: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The ``chat.completion.chunk`` objects that one event makes. Pings and unknown events make none."""
        make = {
            "message_start": self._start,
            "content_block_start": self._block,
            "content_block_delta": self._delta,
            "content_block_stop": self._stop,
            "message_delta": self._end,
        }.get(event.get("type", ""))
        return iter(()) if make is None else make(event)

    def _start(self, event: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        message = event.get("message")
        if isinstance(message, dict):
            self.head(message)
            self._note(message.get("usage"))
            shown = usage_shown(self._usage)
            self.usage_so_far = None if shown is None else usage_of({**shown, "completion_tokens": None})
        yield self._chunk({"role": "assistant", "content": ""})

    def _block(self, event: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        index, given = event.get("index"), event.get("content_block")
        if not isinstance(given, dict):
            return
        block = self._blocks[index] = dict(given)
        self._arguments[index] = []
        kind = block.get("type")
        if kind == "tool_use":
            place = self._calls[index] = len(self._calls)
            yield self._chunk({"tool_calls": [{"index": place, **call_of(block, "")}]})
        elif kind in ("text", "thinking") and block.get(kind):
            yield self._said(kind, block[kind])

    def _delta(self, event: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        index, delta = event.get("index"), event.get("delta")
        block = self._blocks.get(index)
        if block is None or not isinstance(delta, dict):
            return
        kind = str(delta.get("type")).removesuffix("_delta")
        piece = delta.get("partial_json" if kind == "input_json" else kind)
        if kind in ("text", "thinking", "signature") and isinstance(piece, str):
            block[kind] = f"{block.get(kind) or ''}{piece}"
            if piece and kind != "signature":
                yield self._said(kind, piece)
        elif kind == "input_json" and isinstance(piece, str):
            self._arguments[index].append(piece)
            if piece and index in self._calls:
                yield self._called(index, piece)
        elif kind == "citations":
            block["citations"] = [*(block.get("citations") or ()), delta.get("citation")]

    def _stop(self, event: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        index = event.get("index")
        block = self._blocks.get(index)
        if block is None or "input" not in block:
            return
        text = "".join(self._arguments[index])
        if index in self._calls and not text:
            text = call_of(block)["function"]["arguments"]
            yield self._called(index, text)
        if text:
            block["input"] = _decoded(text)

    def _end(self, event: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        delta = event.get("delta")
        reason = delta.get("stop_reason") if isinstance(delta, dict) else None
        if reason is not None:
            chunk = self._chunk(keepsakes(list(self._blocks.values())), FINISH_REASONS.get(reason, "stop"))
            chunk["choices"][0]["native_finish_reason"] = reason
            yield chunk
        usage = usage_shown(self._usage) if self._note(event.get("usage")) else None
        if usage is not None:
            yield {**self._head, "object": "chat.completion.chunk", "choices": [], "usage": usage}

    def _note(self, usage: Any) -> bool:
        """Take over the counts that are given: each is the whole so far."""
        if not isinstance(usage, dict):
            return False
        self._usage |= {name: value for name, value in usage.items() if value is not None}
        return True

    def _said(self, kind: str, text: str) -> dict[str, Any]:
        return self._chunk({"content" if kind == "text" else "reasoning_content": text})

    def _called(self, index: Any, arguments: str) -> dict[str, Any]:
        return self._chunk({"tool_calls": [{"index": self._calls[index], "function": {"arguments": arguments}}]})

    def _chunk(self, delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return {**self._head, "object": "chat.completion.chunk", "choices": [choice]}


def _decoded(text: str) -> Any:
    """The decoded arguments; as text where they are no JSON, which a cut answer's are not."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
