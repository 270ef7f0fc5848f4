"""Answers and streams in Ollama's wire: an object, or a line of JSON for each piece."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from router_plugins.ollama_surface.messages import SIGNATURE

from router import RouterError
from router.surfaces import (
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

__all__ = ["ChatFace", "EmbedFace"]


class ChatFace(TranslatingFace):
    """One call's face.

    Args:
        received_at: of the request, Unix seconds: durations count from there.
        said: what a client may read of an error.
        sealed: plugin, members -> the wrapper of what a provider of that kind wants back.
    """

    def __init__(
        self,
        model: str,
        received_at: float,
        said: Callable[[RouterError], str],
        sealed: Callable[[str, Mapping[str, Any]], str],
    ) -> None:
        self._model, self._received_at, self._said, self._sealed = model, received_at, said, sealed
        self._plugin = ""
        self._chat = ChatEvents()
        self._seen: list[Event] = []  # but for text, which is out already

    def serves(self, plugin: str) -> None:
        """See ``TranslatingFace``."""
        self._plugin = plugin

    def body(self, answer: Mapping[str, Any]) -> Mapping[str, Any]:
        """See ``TranslatingFace``."""
        return self._whole(answer_events(answer))

    def frames(self, chunks: Sequence[bytes], /) -> bytes:
        """See ``TranslatingFace``."""
        content = thinking = ""
        for chunk in chunks:
            for event in self._chat.feed(json.loads(chunk)):
                if isinstance(event, TextDelta | RefusalDelta):
                    content += event.text
                elif isinstance(event, ReasoningDelta):
                    thinking += event.text
                elif not isinstance(event, AnnotationSeen):
                    self._seen.append(event)
        pieces = [{"content": "", "thinking": thinking}] if thinking else []
        pieces += [{"content": content}] if content else []
        return b"".join(map(self._piece, pieces))

    def end_frame(self) -> bytes:
        """See ``TranslatingFace``. Calls stand in the piece before the last, as Ollama has them."""
        self._seen += self._chat.end()
        whole = self._whole(self._seen)
        calls = whole["message"].pop("tool_calls", None)
        before = self._piece({"content": "", "tool_calls": calls}) if calls else b""
        return before + _line(whole)

    def error_frame(self, error: RouterError, /) -> bytes:
        """See ``TranslatingFace``."""
        return _line({"error": self._said(error)})

    def heartbeat(self) -> bytes:
        """A piece without text: readers of lines know no comments."""
        return self._piece({"content": ""})

    def _whole(self, events: Iterable[Event]) -> dict[str, Any]:
        found = fold(events)
        message: dict[str, Any] = {"role": "assistant"}
        message["content"] = "".join(part.text for part in found.parts if isinstance(part, TextPart | RefusalPart))
        thinking = "".join(part.text for part in found.parts if isinstance(part, ReasoningPart))
        if thinking:
            message["thinking"] = thinking
        calls = [part for part in found.parts if isinstance(part, CallPart)]
        if calls:
            message["tool_calls"] = [_call(part, index) for index, part in enumerate(calls)]
        kept = keepsake_of(found.parts)
        if kept:
            (message["tool_calls"][0] if calls else message)[SIGNATURE] = self._sealed(self._plugin, kept)
        return {
            **self._head(),
            "message": message,
            "done": True,
            "done_reason": "length" if found.finish == "length" else "stop",
            "total_duration": _nanoseconds(self._received_at),
            **_counts(found.usage),
        }

    def _piece(self, message: Mapping[str, Any]) -> bytes:
        return _line({**self._head(), "message": {"role": "assistant", **message}, "done": False})

    def _head(self) -> dict[str, Any]:
        now = datetime.now(UTC).isoformat(timespec="microseconds")
        return {"model": self._model, "created_at": now.replace("+00:00", "Z")}


class EmbedFace(PlainFace):
    """The face of ``/api/embed``."""

    def __init__(self, model: str, received_at: float) -> None:
        self._model, self._received_at = model, received_at

    def body(self, answer: Mapping[str, Any]) -> Mapping[str, Any]:
        """See ``TranslatingFace``."""
        counts = _counts(object_at(answer, "usage"))
        counts.pop("eval_count", None)
        vectors = [one.get("embedding") for one in answer["data"]]
        duration = _nanoseconds(self._received_at)
        return {"model": self._model, "embeddings": vectors, "total_duration": duration, **counts}


def _call(part: CallPart, index: int) -> dict[str, Any]:
    function = {"index": index, "name": part.name, "arguments": arguments_of(part.arguments)}
    return {"id": part.id, "function": function}


def _counts(usage: Mapping[str, Any]) -> dict[str, int]:
    names = {"prompt_eval_count": "prompt_tokens", "eval_count": "completion_tokens"}
    return {name: usage[chat] for name, chat in names.items() if type(usage.get(chat)) is int}


def _nanoseconds(since: float) -> int:
    return max(1, round((time.time() - since) * 1e9))


def _line(value: Mapping[str, Any]) -> bytes:
    return dump_json(value) + b"\n"
