"""Canonical events -> the events of a message: one block open at a time, numbered without gaps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from router.surfaces.canonical.events import (
    CallDelta,
    CallStart,
    Event,
    Finish,
    PartEnd,
    ProofSeen,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    UsageSeen,
)
from router.surfaces.messages.usage import usage_shown

__all__ = ["STOP_REASONS", "MessageEvents", "Sealer", "WireEvent"]

WireEvent = dict[str, Any]
"""One event's data; its name is its ``type``."""

Sealer = Callable[[str, Mapping[str, Any]], str]
"""Makes a signature of a thinking's text and what its provider wants back with it; empty where there is nothing."""

STOP_REASONS: Mapping[str, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}
"""How a chat ends -> how a message does."""


@dataclass
class _Part:
    """A part that has begun. What comes while another block is open waits.

    Attributes:
        kind: ``text``, ``thinking`` or ``tool_use``.
        waiting: pieces that no event has told yet.
        told: whether any piece was told.
        ended: whether it is whole.
    """

    kind: str
    head: dict[str, Any] = field(default_factory=dict)
    waiting: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    proof: dict[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    told: bool = False
    ended: bool = False


_DELTAS = {"text": ("text_delta", "text"), "thinking": ("thinking_delta", "thinking")}
_ARGUMENTS = ("input_json_delta", "partial_json")


class MessageEvents:
    """One answer.

    Args:
        message_id: shown as the answer's.
        model: the public model.
        input_tokens: what the prompt is estimated to come to: its true size is known only at the end.
        seal: makes signatures.

    Attributes:
        begun: whether ``message_start`` was told.
    """

    def __init__(self, message_id: str, model: str, input_tokens: int, seal: Sealer) -> None:
        self._id, self._model, self._input_tokens, self._seal = message_id, model, input_tokens, seal
        self._parts: dict[int, _Part] = {}
        self._queue: list[_Part] = []  # the first of them has the open block
        self._open = False
        self._index = -1
        self._usage: Mapping[str, Any] = {}
        self._refused = False
        self.begun = False

    def feed(self, events: Iterable[Event]) -> Iterator[WireEvent]:
        """The events of a message that canonical ones make."""
        for event in events:
            if not self.begun:
                self.begun = True
                yield self._start()
            match event:
                case TextDelta():
                    yield from self._piece(event.part, "text", event.text)
                case RefusalDelta():
                    self._refused = True
                    yield from self._piece(event.part, "text", event.text)
                case ReasoningDelta():
                    yield from self._piece(event.part, "thinking", event.text)
                case CallStart():
                    head = {"id": event.id, "name": event.name, "input": {}}
                    self._begin(event.part, "tool_use").head.update(head)
                    yield from self._flush()
                case CallDelta():
                    yield from self._piece(event.part, "tool_use", event.text)
                case ProofSeen():
                    self._begin(event.part, "thinking").proof.update(event.proof)
                case PartEnd():
                    yield from self._end_part(event)
                case UsageSeen():
                    self._usage = event.usage
                case Finish():
                    yield from self._finish(event)
                case Started():
                    pass
                case _:  # notes on a text have no place in a message
                    pass

    def _start(self) -> WireEvent:
        message: dict[str, Any] = {"id": self._id, "type": "message", "role": "assistant", "model": self._model}
        usage = {"input_tokens": self._input_tokens, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
        message |= {"content": [], "stop_reason": None, "stop_sequence": None}
        return {"type": "message_start", "message": message | {"usage": usage | {"output_tokens": 1}}}

    def _begin(self, number: int, kind: str) -> _Part:
        part = self._parts.get(number)
        if part is None:
            part = self._parts[number] = _Part(kind)
            self._queue.append(part)
        return part

    def _piece(self, number: int, kind: str, text: str) -> Iterator[WireEvent]:
        part = self._begin(number, kind)
        if text:
            part.waiting.append(text)
            yield from self._flush()

    def _end_part(self, event: PartEnd) -> Iterator[WireEvent]:
        part = self._parts.get(event.part)
        if part is not None:
            part.ended, part.extra = True, event.extra
            yield from self._flush()

    def _flush(self) -> Iterator[WireEvent]:
        """Tell what can be told: of the part whose block is open, and of those after it once that is whole."""
        while self._queue:
            part = self._queue[0]
            if part.kind == "thinking" and not part.waiting and not self._open:
                if not part.ended:
                    return
                yield from self._sealed(part.proof)  # there is no text to show
            else:
                yield from self._told(part)
                if not part.ended:
                    return
                yield from self._closed(part)
            self._queue.pop(0)

    def _told(self, part: _Part) -> Iterator[WireEvent]:
        if not self._open:
            if part.kind == "text" and not part.waiting:
                return
            self._open = True
            self._index += 1
            head = {"type": part.kind, **part.head}
            head |= {"text": {"text": ""}, "thinking": {"thinking": "", "signature": ""}}.get(part.kind, {})
            yield {"type": "content_block_start", "index": self._index, "content_block": head}
        kind, member = _DELTAS.get(part.kind, _ARGUMENTS)
        for text in part.waiting:
            yield self._delta({"type": kind, member: text})
        if part.kind == "thinking":
            part.said += part.waiting
        part.told = part.told or bool(part.waiting)
        part.waiting = []

    def _closed(self, part: _Part) -> Iterator[WireEvent]:
        if not self._open:
            return
        self._open = False
        if part.kind == "thinking":
            signature = self._seal("".join(part.said), part.proof)
            if signature:
                yield self._delta({"type": "signature_delta", "signature": signature})
        elif part.kind == "tool_use" and not part.told:
            yield self._delta({"type": _ARGUMENTS[0], _ARGUMENTS[1]: "{}"})
        yield {"type": "content_block_stop", "index": self._index}
        if part.extra and part.kind == "tool_use":  # known only now, and a block of its own has no other place for it
            yield from self._sealed({"call": part.head["id"], **part.extra})

    def _sealed(self, proof: Mapping[str, Any]) -> Iterator[WireEvent]:
        """A block that a client sends back as it came."""
        data = self._seal("", proof)
        if data:
            self._index += 1
            block = {"type": "redacted_thinking", "data": data}
            yield {"type": "content_block_start", "index": self._index, "content_block": block}
            yield {"type": "content_block_stop", "index": self._index}

    def _delta(self, delta: dict[str, Any]) -> WireEvent:
        return {"type": "content_block_delta", "index": self._index, "delta": delta}

    def _finish(self, event: Finish) -> Iterator[WireEvent]:
        for part in self._queue:
            part.ended = True
        yield from self._flush()
        reason = STOP_REASONS.get(event.reason, "end_turn")
        if self._refused and reason == "end_turn":
            reason = "refusal"
        delta = {"stop_reason": reason, "stop_sequence": None}
        yield {"type": "message_delta", "delta": delta, "usage": usage_shown(self._usage)}
        yield {"type": "message_stop"}
