"""Answers and streams in Google's wire."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from router_plugins.google_surface.signatures import signature_of

from router import RouterError
from router.surfaces import (
    STREAM_HEADERS,
    AnnotationSeen,
    CallPart,
    ChatEvents,
    Event,
    PlainFace,
    ReasoningDelta,
    ReasoningPart,
    RefusalDelta,
    RefusalPart,
    TextDelta,
    TextPart,
    TranslatingFace,
    answer_events,
    fold,
    keepsake_of,
)
from router.upstream import arguments_of, dump_json, object_at

__all__ = ["ContentFace", "EmbeddingFace"]

_REASONS = {"length": "MAX_TOKENS", "content_filter": "SAFETY"}
_AS_LIST = {**STREAM_HEADERS, "Content-Type": "application/json"}


class ContentFace(TranslatingFace):
    """One call's face.

    Args:
        request_id: the call's.
        thoughts: whether they are shown.
        events: whether a stream is one of server-sent events; else it is a JSON list.
        failed: what a client is told of an error, in Google's envelope.
        sealed: plugin, members -> the wrapper of what a provider of that kind wants back.
    """

    def __init__(
        self,
        request_id: str,
        model: str,
        *,
        thoughts: bool,
        events: bool,
        failed: Callable[[RouterError], Mapping[str, Any]],
        sealed: Callable[[str, Mapping[str, Any]], str],
    ) -> None:
        self._head = {"modelVersion": model, "responseId": request_id}
        self._thoughts, self._as_events, self._failed, self._sealed = thoughts, events, failed, sealed
        self._plugin = ""
        self._thought: list[str] = []  # of a stream
        self._chat = ChatEvents()
        self._seen: list[Event] = []  # but for text, which is out already
        self._begun = False
        self.stream_headers = None if events else _AS_LIST
        self.framing = "sse" if events else ""

    def serves(self, plugin: str) -> None:
        """See ``TranslatingFace``."""
        self._plugin = plugin

    def body(self, answer: Mapping[str, Any]) -> Mapping[str, Any]:
        """See ``TranslatingFace``."""
        return self._whole(answer_events(answer))

    def frames(self, chunks: Sequence[bytes], /) -> bytes:
        """See ``TranslatingFace``."""
        shown: list[dict[str, Any]] = []
        for chunk in chunks:
            for event in self._chat.feed(json.loads(chunk)):
                if isinstance(event, TextDelta | RefusalDelta):
                    _say(shown, {"text": event.text})
                elif isinstance(event, ReasoningDelta):
                    self._thought.append(event.text)
                    if self._thoughts:
                        _say(shown, {"text": event.text, "thought": True})
                elif not isinstance(event, AnnotationSeen):
                    self._seen.append(event)
        if not shown:
            return b""
        return self._frame(self._answer({"content": {"role": "model", "parts": shown}, "index": 0}))

    def end_frame(self) -> bytes:
        """See ``TranslatingFace``. Calls and usage stand in the last piece."""
        self._seen += self._chat.end()
        last = self._frame(self._whole(self._seen))
        return last if self._as_events else last + b"]"

    def error_frame(self, error: RouterError, /) -> bytes:
        """See ``TranslatingFace``."""
        last = self._frame(self._failed(error))
        return last if self._as_events else last + b"]"

    def heartbeat(self) -> bytes:
        """White space, in a list and between events: Google's clients know no comments, and take one for an answer."""
        return b"\n"

    def _whole(self, events: Iterable[Event]) -> dict[str, Any]:
        """The answer that some events are."""
        found = fold(events)
        parts = [made for part in found.parts for made in self._part(part)] or [{"text": ""}]
        told = [part.text for part in found.parts if isinstance(part, ReasoningPart)]
        kept = keepsake_of(found.parts, "".join([*self._thought, *told]))
        if kept:
            _sign(parts, signature_of(self._sealed(self._plugin, kept)))
        reason = _REASONS.get(found.finish, "STOP")
        candidate = {"content": {"role": "model", "parts": parts}, "finishReason": reason, "index": 0}
        return self._answer(candidate) | ({"usageMetadata": _usage(found.usage)} if found.usage else {})

    def _part(self, part: Any) -> Iterable[dict[str, Any]]:
        if isinstance(part, CallPart):
            yield {"functionCall": {"id": part.id, "name": part.name, "args": arguments_of(part.arguments)}}
        elif isinstance(part, TextPart | RefusalPart) and part.text:
            yield {"text": part.text}
        elif isinstance(part, ReasoningPart) and part.text and self._thoughts:
            yield {"text": part.text, "thought": True}

    def _answer(self, candidate: Mapping[str, Any]) -> dict[str, Any]:
        return {"candidates": [candidate], **self._head}

    def _frame(self, value: Mapping[str, Any]) -> bytes:
        if self._as_events:
            return b"data: %b\n\n" % dump_json(value)
        before = b",\n" if self._begun else b"["
        self._begun = True
        return before + dump_json(value)


class EmbeddingFace(PlainFace):
    """The face of ``embedContent``, or of ``batchEmbedContents``."""

    def __init__(self, *, batch: bool) -> None:
        self._batch = batch

    def body(self, answer: Mapping[str, Any]) -> Mapping[str, Any]:
        """See ``TranslatingFace``."""
        vectors = [{"values": one.get("embedding")} for one in answer["data"]]
        usage = {"promptTokenCount": object_at(answer, "usage").get("prompt_tokens", 0)}
        return (
            {"embeddings": vectors, "usageMetadata": usage}
            if self._batch
            else {"embedding": vectors[0], "usageMetadata": usage}
        )


def _say(shown: list[dict[str, Any]], part: dict[str, Any]) -> None:
    """Add a text, to the last part where that is of its kind."""
    if shown and shown[-1].keys() == part.keys():
        shown[-1]["text"] += part["text"]
    else:
        shown.append(part)


def _sign(parts: list[dict[str, Any]], signature: str) -> None:
    """Let a turn's first call have its signature, as Google has it; else its last part."""
    signed = next((part for part in parts if "functionCall" in part), parts[-1])
    signed["thoughtSignature"] = signature


def _usage(usage: Mapping[str, Any]) -> dict[str, int]:
    """Google counts thoughts apart from the answer."""
    prompt, output = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
    thoughts = min(_count(object_at(usage, "completion_tokens_details"), "reasoning_tokens"), output)
    cached = _count(object_at(usage, "prompt_tokens_details"), "cached_tokens")
    found = {"promptTokenCount": prompt, "candidatesTokenCount": output - thoughts, "totalTokenCount": prompt + output}
    found |= {"thoughtsTokenCount": thoughts} if thoughts else {}
    return found | ({"cachedContentTokenCount": cached} if cached else {})


def _count(usage: Mapping[str, Any], name: str) -> int:
    value = usage.get(name)
    return value if type(value) is int else 0
