"""The native lane: what a provider that speaks this wire answers, passed on but for the model's name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from router.errors import RouterError, UpstreamError
from router.surfaces.event_reader import EventReader
from router.surfaces.responses.face import ResponsesFace
from router.surfaces.splice import find_member, put_member
from router.surfaces.surface import ServedCall
from router.types.records import Item, Reply

__all__ = ["ResponsesReader"]

_TEXT = re.compile(rb'"(?:delta|text|arguments|input|refusal)"\s*:\s*"([^"\\]*+(?:\\.[^"\\]*+)*+)"', re.DOTALL)
_NUMBER = re.compile(rb'"sequence_number"\s*:\s*(\d{1,18})')
_SILENT = frozenset({"response.created", "response.in_progress", "response.queued"})
_ENDS = frozenset({"response.completed", "response.incomplete"})


class ResponsesReader(EventReader):
    """Reads responses and their events.

    Args:
        call: whose.
        face: where the answer is left, for whoever keeps it.
    """

    def __init__(self, call: ServedCall, face: ResponsesFace) -> None:
        self._face = face
        super().__init__(call)

    def begin(self, reply: Reply | None, plugin: str = "") -> None:
        """See ``Reader``."""
        super().begin(reply, plugin)
        self._items: dict[Any, Any] = {}
        self._number = 0
        self._id = ""

    def body(self, item: Item) -> bytes:
        """See ``Reader``."""
        value = self._value(item)
        if value.get("status") == "failed" or (value.get("error") and "output" not in value):
            raise self._error(value)
        if not isinstance(value.get("output"), list):
            raise self._malformed("gave an answer without 'output'")
        self.output = self.finished = True
        self._said = _said(item.data)
        self._note(value)
        self._face.told = {**value, "model": self._call.model}
        return self._named(item.data, value)

    def end_frame(self) -> bytes:
        """Nothing: the upstream's own end has passed."""
        return b""

    def error_frame(self, error: RouterError, /) -> bytes:
        """``response.failed``, with what there was."""
        output = [self._items[place] for place in sorted(self._items)]
        return self._face.failed(error, output, self._number, self._id)

    def heartbeat(self) -> bytes:
        """A comment."""
        return b": keep-alive\n\n"

    def _event(self, kind: str, item: Item) -> bytes:
        if kind.endswith(".delta"):
            self.output = True
            self._said += _said(item.data)
        elif kind in _SILENT or kind in _ENDS:
            return self._whole(kind, item)
        elif kind in ("response.failed", "error") or not kind:
            value = self._value(item)
            if kind or value.get("error"):
                raise self._failure(value)
        elif kind == "response.output_item.done":
            self.output = True
            value = self._value(item)
            if type(value.get("output_index")) is int:
                self._items[value["output_index"]] = value.get("item")
        self._count(item.data)
        return item.data

    def _whole(self, kind: str, item: Item) -> bytes:
        """An event that holds the whole response.

        Raises:
            UpstreamError: it is an end, and holds none.
        """
        response = self._value(item).get("response")
        if kind in _ENDS and not isinstance(response, dict):
            raise self._malformed("ended its answer without telling what it was")
        self._count(item.data)
        if not isinstance(response, dict):
            return item.data
        if isinstance(response.get("id"), str):
            self._id = response["id"]
        if kind in _ENDS:
            self.output = self.finished = True
            self._note(response)
            self._face.told = {**response, "model": self._call.model}
        place = find_member(item.data, "response")
        if place is None:
            return item.data
        named = self._named(item.data[place.value : place.end], response)
        return item.data[: place.value] + named + item.data[place.end :]

    def _failure(self, value: Mapping[str, Any]) -> UpstreamError:
        """What a failed response, or a flat error, means; its usage counts."""
        response = value.get("response")
        if isinstance(response, Mapping):
            self._note(response)
            return self._error({"error": response.get("error") or {}})
        return self._error(value if isinstance(value.get("error"), Mapping) else {"error": dict(value)})

    def _count(self, data: bytes) -> None:
        found = _NUMBER.search(data)
        self._number = int(found[1]) + 1 if found is not None else self._number + 1

    def _named(self, data: bytes, value: Mapping[str, Any]) -> bytes:
        """A response's text with the public model."""
        return put_member(data, "model", self._model) if isinstance(value.get("model"), str) else data


def _said(data: bytes) -> int:
    """Bytes of what a delta or a response says."""
    return sum(len(match[1]) for match in _TEXT.finditer(data))
