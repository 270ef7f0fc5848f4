"""What the readers of native lanes have in common: items of a wire with typed events, passed on as they came.

A subclass knows the wire: which events tell of usage, which are output, which is the last.
"""

from __future__ import annotations

import logging
import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from json.encoder import encode_basestring_ascii
from typing import Any

from router.errors import UpstreamError, faults
from router.surfaces.chat.plain_replies import ID_MAX, shown_name
from router.surfaces.counts import fault_of_usage, higher, sound
from router.surfaces.measuring import json_bytes
from router.surfaces.reader import NativeReader, bad_items, told_error
from router.surfaces.remarks import remarks_of
from router.surfaces.surface import ServedCall
from router.types.records import Item, Reply, Usage

__all__ = ["EventReader", "kind_of_event"]

_log = logging.getLogger("router.surfaces")
_BYTES_PER_TOKEN = 4
_KIND = re.compile(rb'\s*\{\s*"type"\s*:\s*"([A-Za-z0-9_.]+)"')
_ONE_LINE = bytes.maketrans(b"\r\n", b"  ")  # in JSON text a line break is only ever white space


def kind_of_event(item: Item) -> str:
    """The ``type`` of an event, which stands first in nearly all; empty where it has none.

    Raises:
        ValueError: it is no JSON.
    """
    match = _KIND.match(item.data)
    if match is not None:
        return match[1].decode("ascii")
    value = item.json()
    kind = value.get("type") if isinstance(value, dict) else None
    return kind if isinstance(kind, str) else ""


def _event_name(kind: str) -> bytes:
    """A ``type`` as the name of an event: whatever it says, it stays on its line."""
    return kind.encode("ascii", "replace").translate(_ONE_LINE)


class EventReader(NativeReader):
    """Passes a provider's events on, and notes what they tell.

    Args:
        call: whose.
    """

    def __init__(self, call: ServedCall) -> None:
        self._call = call
        self._model = encode_basestring_ascii(call.model).encode("ascii")
        self.begin(None)

    def begin(self, reply: Reply | None, plugin: str = "") -> None:
        """See ``Reader``."""
        self._reply, self._plugin = reply, plugin
        self.usage: Usage | None = None
        self.output = False
        self.finished = False
        self.marks: set[str] = set()
        self.reported_model = self.answer_id = ""
        self.failure: UpstreamError | None = None
        self._said = 0

    @abstractmethod
    def _event(self, kind: str, item: Item) -> bytes:
        """What the client sees of one event: its data, mostly as it came.

        Raises:
            UpstreamError: it is an error.
        """

    def frames(self, batch: Sequence[Item]) -> bytes:
        """See ``Reader``."""
        shown: list[bytes] = []
        try:
            for item in batch:
                if self.finished:
                    break
                kind = self._kind(item)
                data = self._event(kind, item)
                if b"\n" in data or b"\r" in data:
                    data = data.translate(_ONE_LINE)
                shown.append(b"event: %b\ndata: %b\n\n" % (_event_name(kind), data))
        except UpstreamError as error:
            if not self.output:
                raise
            self.failure = error
        except (AttributeError, TypeError):  # looked at only now: items are many
            self.failure = bad_items(batch, self._plugin)
            if not self.output:
                raise self.failure from None
        return b"".join(shown)

    def end(self) -> None:
        """See ``Reader``."""
        if not self.output:
            raise self._malformed("ended its answer before any output")
        if not self.finished:
            raise UpstreamError("connection", "The provider's stream was cut off before its end.")

    def estimate(self, unseen_bytes: int = 0) -> Usage:
        """See ``Reader``: four bytes a token."""
        prompt = max(map(json_bytes, (self._call.source, self._call.body))) // _BYTES_PER_TOKEN
        said = (self._said + unseen_bytes) // _BYTES_PER_TOKEN
        return Usage(prompt, max(1, said) if self.output or unseen_bytes else 0)

    # What a subclass uses.

    def _value(self, item: Item) -> dict[str, Any]:
        """The decoded object of an item.

        Raises:
            UpstreamError: it is none.
        """
        try:
            value = item.json()
        except (ValueError, RecursionError):
            raise self._malformed("sent something that is not JSON" if item.data else "sent an empty answer") from None
        if not isinstance(value, dict):
            raise self._malformed("sent JSON that is not an object")
        return value

    def _kind(self, item: Item) -> str:
        try:
            return kind_of_event(item)
        except (ValueError, RecursionError):
            raise self._malformed("sent something that is not JSON") from None

    def _note(self, value: Mapping[str, Any]) -> None:
        """Take over what an answer, or a part of one, says of its model, its price and its usage."""
        if self._reply is None:
            return
        if not self.reported_model and isinstance(value.get("model"), str):
            self.reported_model = shown_name(value["model"])
        id = value.get("id")
        if not self.answer_id and isinstance(id, str) and len(id) <= ID_MAX and id.isprintable():
            self.answer_id = id
        self.marks.update(remarks_of(value))
        self._prove(self._read_usage(value))

    def _read_usage(self, value: Mapping[str, Any]) -> Usage | None:
        """What the plugin reads; what it gives that is none is named in the log, and estimated."""
        assert self._reply is not None
        try:
            usage: Any = self._reply.read_usage(value)
        except faults():
            said = {"said": self._call.source}  # none of it is shown
            _log.exception("provider plugin %s failed in read_usage: the usage is estimated", self._plugin, extra=said)
            self.marks.add("bad_usage")
            return None
        fault = "" if usage is None else fault_of_usage(usage)
        if fault:
            _log.error("provider plugin %s gave a bad Usage, which is estimated: %s", self._plugin, fault)
            self.marks.add("bad_usage")
        given: Usage | None = sound(usage) if fault and isinstance(usage, Usage) else None if fault else usage
        return given

    def _prove(self, usage: Usage | None) -> None:
        """One more reading."""
        if usage is None:
            return
        if self.usage is not None:
            proven = higher(self.usage, usage)
            if proven is not usage and not usage.doubtful:
                self.marks.add("usage_fell")
            usage = proven
        self.usage = usage

    def _error(self, value: Any) -> UpstreamError:
        """What an error inside a success means, as the plugin has it."""
        return told_error(self._reply, value, self._plugin, self._call.source)

    def _malformed(self, what: str) -> UpstreamError:
        return UpstreamError("malformed", f"The provider {what}.")
