"""A chat's chunks -> events. Tolerant: what upstreams leave out, repeat or reorder makes the same events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from router.surfaces.canonical.call_deltas import CallDeltas
from router.surfaces.canonical.details import Details
from router.surfaces.canonical.events import (
    AnnotationSeen,
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
from router.surfaces.canonical.tools import ToolNames
from router.upstream.wire import choices_of

__all__ = ["PROOFS", "ChatEvents", "answer_events"]

PROOFS = ("thinking_blocks", "content_blocks", "extra_content")
"""Members of a message that its provider wants back whole; ``reasoning_details`` come in pieces."""
_REASONS: Mapping[Any, str] = {
    "length": "length",
    "content_filter": "content_filter",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
}


class ChatEvents:
    """One stream of chat chunks, decoded, as events. Choices but the first are left out.

    Args:
        names: of the request's tools, so that calls are told in their own words.
    """

    def __init__(self, names: ToolNames | None = None) -> None:
        self._started = False
        self._next = 0
        self._open: tuple[str, int] | None = None  # text, refusal or reasoning, and its part
        self._text = -1  # the last part that was text
        self._calls = CallDeltas(names or ToolNames(), self._new_part)
        self._details = Details()
        self._reason = self._tier = ""
        self._ended = False

    def feed(self, chunk: Mapping[str, Any]) -> Iterator[Event]:
        """The events of one chunk."""
        if not self._started:
            self._started = True
            yield Started(_word(chunk.get("id")), _word(chunk.get("model")), _whole(chunk.get("created")))
        self._tier = _word(chunk.get("service_tier")) or self._tier
        for choice in choices_of(chunk):
            if choice.get("index") in (None, 0):
                yield from self._choice(choice)
        if isinstance(chunk.get("usage"), Mapping):
            yield UsageSeen(chunk["usage"])

    def end(self) -> Iterator[Event]:
        """The events of a stream that came to its end; none when told again."""
        if self._ended:
            return
        self._ended = True
        if not self._started:
            yield Started("", "", 0)
        yield from self._close()
        yield from self._calls.end()
        if self._details.found:
            part = self._new_part()
            yield ProofSeen(part, {"reasoning_details": self._details.found})
            yield PartEnd(part)
        reason = self._reason or "stop"
        yield Finish("tool_calls" if self._calls.any and reason == "stop" else reason, self._tier)

    def _choice(self, choice: Mapping[str, Any]) -> Iterator[Event]:
        said = choice.get("delta") or choice.get("message")
        if isinstance(said, Mapping):
            yield from self._thought(said)
            yield from self._said(said, choice.get("logprobs"))
            if any(map(said.get, ("tool_calls", "function_call"))):
                yield from self._close()
                yield from self._calls.feed(said, whole="message" in choice)
            yield from self._proven(said)
        reason = choice.get("finish_reason")
        if reason:
            self._reason = _REASONS.get(reason, "stop")

    def _thought(self, said: Mapping[str, Any]) -> Iterator[Event]:
        detailed = self._details.feed(said.get("reasoning_details"))
        text = said.get("reasoning_content") or said.get("reasoning") or detailed
        if not isinstance(said.get("content"), str | None):
            text = text or "".join(_texts(said["content"], "thinking"))
        if isinstance(text, str) and text:
            yield from self._begin("reasoning")
            yield ReasoningDelta(self._part, text)

    def _said(self, said: Mapping[str, Any], logprobs: Any) -> Iterator[Event]:
        content = said.get("content")
        text = content if isinstance(content, str) else "".join(_texts(content, "text"))
        if text:
            yield from self._begin("text")
            self._text = self._part
            told = logprobs.get("content") if isinstance(logprobs, Mapping) else None
            yield TextDelta(self._part, text, told if isinstance(told, list) else ())
        notes = said.get("annotations")
        if self._text >= 0 and isinstance(notes, list):
            yield from (AnnotationSeen(self._text, note) for note in notes if isinstance(note, Mapping))
        refusal = said.get("refusal")
        if isinstance(refusal, str) and refusal:
            yield from self._begin("refusal")
            yield RefusalDelta(self._part, refusal)

    def _proven(self, said: Mapping[str, Any]) -> Iterator[Event]:
        proof = {name: said[name] for name in PROOFS if said.get(name)}
        if not proof:
            return
        if self._open is not None and self._open[0] == "reasoning":
            yield ProofSeen(self._part, proof)
            return
        part = self._new_part()
        yield ProofSeen(part, proof)
        yield PartEnd(part)

    def _begin(self, kind: str) -> Iterator[Event]:
        if self._open is None or self._open[0] != kind:
            yield from self._close()
            self._open = (kind, self._new_part())

    def _close(self) -> Iterator[Event]:
        if self._open is not None:
            part, self._open = self._part, None
            yield PartEnd(part)

    @property
    def _part(self) -> int:
        assert self._open is not None
        return self._open[1]

    def _new_part(self) -> int:
        self._next += 1
        return self._next - 1


def answer_events(body: Mapping[str, Any], names: ToolNames | None = None) -> list[Event]:
    """The events of a plain answer, as its stream would have told them."""
    stream = ChatEvents(names)
    return [*stream.feed(body), *stream.end()]


def _texts(content: Any, kind: str) -> Iterator[str]:
    """The text of those parts of a content list that are of one type."""
    parts: Iterable[Any] = content if isinstance(content, list) else ()
    for part in parts:
        if isinstance(part, Mapping) and part.get("type") == kind:
            text = part.get(kind)
            yield text if isinstance(text, str) else "".join(_texts(text, "text"))


def _word(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _whole(value: Any) -> int:
    return value if type(value) is int and value >= 0 else 0
