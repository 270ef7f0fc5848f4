"""Reads legacy completions of models that give them: as chat's answers, but for texts in place of messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router.errors import RouterError
from router.surfaces.chat.relay import Relay
from router.surfaces.reader import NativeReader
from router.surfaces.splice import cut_member
from router.surfaces.surface import ServedCall
from router.surfaces.text.completion_face import CompletionFace
from router.types.dialect import Dialect
from router.types.records import Item, Reply, Usage
from router.upstream.wire import choices_of

__all__ = ["CompletionReader"]

_BYTES_PER_TOKEN = 4


class CompletionReader(Relay, NativeReader):
    """One call's items; each chunk is looked at.

    Args:
        face: of the call, for what ends a stream.
    """

    def __init__(self, call: ServedCall, face: CompletionFace) -> None:
        self._ends = face
        super().__init__(call, Dialect())

    def begin(self, reply: Reply | None, plugin: str = "") -> None:
        """See ``Reader``."""
        super().begin(reply, plugin)
        self._strides = False
        self._told_bytes = 0

    def body(self, item: Item) -> bytes:
        """See ``Reader``."""
        shown = super().body(item)
        self._told_bytes = _text_bytes(item.json())
        return shown

    def estimate(self, unseen_bytes: int = 0) -> Usage:
        """See ``Reader``: four bytes a token."""
        prompt = super().estimate().prompt_tokens
        said = self._told_bytes + unseen_bytes
        return Usage(prompt, max(1, said // _BYTES_PER_TOKEN) if self.output or unseen_bytes else 0)

    def end_frame(self) -> bytes:
        """See ``NativeReader``."""
        return self._ends.end_frame()

    def error_frame(self, error: RouterError, /) -> bytes:
        """See ``NativeReader``."""
        return self._ends.error_frame(error)

    def heartbeat(self) -> bytes:
        """See ``NativeReader``."""
        return self._ends.heartbeat()

    def _in_stride(self, data: bytes) -> bytes | None:
        return None

    def _chunk(self, item: Item) -> bytes | None:
        value = self._value(item)
        self._note(value)
        size = _text_bytes(value)
        self._told_bytes += size
        self.output = self.output or size > 0
        data = item.data
        if not self._ends.include_usage and "usage" in value:
            if not value.get("choices"):
                return None
            data = cut_member(data, "usage")
        return self._with_model(data, value)


def _text_bytes(value: Mapping[str, Any]) -> int:
    texts = (choice.get("text") for choice in choices_of(value))
    return sum(len(text.encode("utf-8", "surrogatepass")) for text in texts if isinstance(text, str))
