"""Reads answers that are one JSON object: judgements, rankings, images, transcripts."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from router.errors import UpstreamError, faults
from router.surfaces.chat.plain_replies import ID_MAX, shown_name
from router.surfaces.counts import fault_of_usage, sound
from router.surfaces.reader import Reader, bad_items, is_item, told_error
from router.surfaces.splice import put_member
from router.surfaces.surface import ServedCall
from router.types.records import Item, Reply, Units, Usage

__all__ = ["PlainReader"]

_log = logging.getLogger("router.surfaces")


class PlainReader(Reader):
    """The reader of one call whose answer is never a stream.

    Args:
        holds: the member that makes an object an answer.
        asked: what the call uses where its provider does not say.
    """

    def __init__(self, call: ServedCall, holds: str, asked: Usage) -> None:
        self._model = json.dumps(call.model).encode("ascii")
        self._said = call.body
        self._holds = holds
        self._asked = asked
        self.begin(None)

    def begin(self, reply: Reply | None, plugin: str = "") -> None:
        """See ``Reader``."""
        self._reply = reply
        self._plugin = plugin
        self.usage: Usage | None = None
        self.output = self.finished = False
        self.marks: set[str] = set()
        self.reported_model = self.answer_id = ""
        self.failure: UpstreamError | None = None

    def frames(self, batch: Sequence[Item]) -> bytes:
        """See ``Reader``; such calls have no stream."""
        raise UpstreamError("malformed", "The provider sent a stream that nobody asked for.")

    def end(self) -> None:
        """See ``Reader``."""

    def body(self, item: Item) -> bytes:
        """See ``Reader``."""
        if not is_item(item):
            raise bad_items([item], self._plugin)
        try:
            value = item.json()
        except (ValueError, RecursionError):
            raise _malformed("sent something that is not JSON" if item.data else "sent an empty answer") from None
        if not isinstance(value, dict):
            raise _malformed("sent JSON that is not an object")
        if value.get("error") and self._holds not in value:
            raise told_error(self._reply, value, self._plugin, self._said)
        if self._holds not in value:
            raise _malformed(f"gave an answer without {self._holds!r}")
        self.output = self.finished = True
        self.usage = self._used(value)
        name, id = value.get("model"), value.get("id")
        if isinstance(id, str) and len(id) <= ID_MAX and id.isprintable():
            self.answer_id = id
        if not isinstance(name, str):
            return item.data
        self.reported_model = shown_name(name)
        return put_member(item.data, "model", self._model)

    def estimate(self, unseen_bytes: int = 0) -> Usage:
        """See ``Reader``: what was asked for."""
        return self._asked

    def _used(self, value: dict[str, Any]) -> Usage | None:
        """What the plugin reads, with the units that were asked for where it tells of none."""
        assert self._reply is not None
        try:
            told: Any = self._reply.read_usage(value)
        except faults():
            _log.exception("provider plugin %s failed in read_usage", self._plugin, extra={"said": self._said})
            self.marks.add("bad_usage")
            return None
        if told is None:
            return None
        fault = fault_of_usage(told)
        if fault:
            _log.error("provider plugin %s gave a bad Usage: %s", self._plugin, fault)
            self.marks.add("bad_usage")
            told = sound(told) if isinstance(told, Usage) else self._asked
        used: Usage = told
        return replace(used, units=self._asked.units or Units()) if used.units is None else used


def _malformed(what: str) -> UpstreamError:
    return UpstreamError("malformed", f"The provider {what}.")
