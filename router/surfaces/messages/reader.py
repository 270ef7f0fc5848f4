"""The native lane: what Anthropic's own API answers, passed on byte for byte but for the model's name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from router.errors import RouterError
from router.surfaces.event_reader import EventReader
from router.surfaces.messages.face import PING
from router.surfaces.splice import find_member, put_member
from router.types.records import Item

__all__ = ["MessagesReader"]

_TEXT = re.compile(rb'"(?:text|thinking|partial_json)"\s*:\s*"([^"\\]*+(?:\\.[^"\\]*+)*+)"', re.DOTALL)
_SILENT = frozenset({"text", "thinking"})
"""Blocks that say nothing by their beginning."""


class MessagesReader(EventReader):
    """Reads messages and their events."""

    def body(self, item: Item) -> bytes:
        """See ``Reader``."""
        value = self._value(item)
        if value.get("type") == "error" or (value.get("error") and "content" not in value):
            raise self._error(value)
        if not isinstance(value.get("content"), list):
            raise self._malformed("gave an answer without 'content'")
        self.output = self.finished = True
        self._said = _said(item.data)
        self._note(value)
        return self._named(item.data, value)

    def end_frame(self) -> bytes:
        """Nothing: the upstream's own end has passed."""
        return b""

    def error_frame(self, error: RouterError, /) -> bytes:
        """As the translated lane has it."""
        return self._call.face.error_frame(error)

    def heartbeat(self) -> bytes:
        """A ping."""
        return PING

    def _event(self, kind: str, item: Item) -> bytes:
        if kind == "content_block_delta":
            self.output = True
            self._said += _said(item.data)
            return item.data
        if kind == "message_start":
            return self._started(item)
        if kind == "content_block_start":
            block = self._value(item).get("content_block")
            if isinstance(block, dict) and block.get("type") not in _SILENT:
                self.output = True
        elif kind == "message_delta":
            value = self._value(item)
            self._note(value)
            delta = value.get("delta")
            if isinstance(delta, dict) and delta.get("stop_reason") is not None:
                self.output = True
        elif kind == "message_stop":
            self.finished = True
        elif kind == "error" or not kind:
            value = self._value(item)
            if value.get("error"):
                raise self._error(value)
        return item.data

    def _started(self, item: Item) -> bytes:
        message = self._value(item).get("message")
        if not isinstance(message, dict):
            return item.data
        self._note(message)
        place = find_member(item.data, "message")
        if place is None:
            return item.data
        named = self._named(item.data[place.value : place.end], message)
        return item.data[: place.value] + named + item.data[place.end :]

    def _named(self, data: bytes, value: Mapping[str, Any]) -> bytes:
        """A message's text with the public model."""
        return put_member(data, "model", self._model) if isinstance(value.get("model"), str) else data


def _said(data: bytes) -> int:
    """Bytes of what a delta or a message says."""
    return sum(len(match[1]) for match in _TEXT.finditer(data))
