"""The calls of a stream: which piece belongs to which, whatever their index, ID and name say or do not say."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from router.surfaces.canonical.events import CallDelta, CallStart, Event, PartEnd
from router.surfaces.canonical.tools import ToolNames, raw_input

__all__ = ["CallDeltas"]


@dataclass
class _Open:
    """A call that has begun; ``waiting`` is what it was given before its name was known."""

    id: str
    part: int = -1
    name: str = ""
    kind: str = "function"
    raw: bool = False
    waiting: list[str] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)


class CallDeltas:
    """One answer's calls.

    Args:
        names: of the request's tools.
        new_part: gives the number of the next part.

    Attributes:
        any: whether there was a call.
    """

    def __init__(self, names: ToolNames, new_part: Callable[[], int]) -> None:
        self._names = names
        self._new_part = new_part
        self._calls: list[_Open] = []
        self._by_index: dict[int, _Open] = {}
        self.any = False

    def feed(self, said: Mapping[str, Any], *, whole: bool = False) -> Iterator[Event]:
        """The events of a delta's calls, or of a whole message's, where each stands for itself."""
        pieces = said.get("tool_calls")
        for place, piece in enumerate(pieces if isinstance(pieces, list) else ()):
            if isinstance(piece, Mapping):
                yield from self._piece({**piece, "index": place} if whole else piece)
        if isinstance(said.get("function_call"), Mapping):
            yield from self._piece({"index": 0, "function": said["function_call"]})

    def end(self) -> Iterator[Event]:
        """All calls are whole."""
        for call in self._calls:
            if call.part < 0 and call.waiting:
                yield self._start(call)
            if call.part < 0:
                continue
            if call.kind == "custom":
                text = "".join(call.waiting)
                yield CallDelta(call.part, text if call.raw else raw_input(text))
            elif call.waiting:
                yield CallDelta(call.part, "".join(call.waiting))
            yield PartEnd(call.part, call.extra)

    def _piece(self, piece: Mapping[str, Any]) -> Iterator[Event]:
        given = piece.get("function")
        raw = not isinstance(given, Mapping) and isinstance(piece.get("custom"), Mapping)
        function = piece["custom"] if raw else given if isinstance(given, Mapping) else {}
        name = function.get("name")
        name = name if isinstance(name, str) else ""
        call = self._call_of(piece, name)
        call.raw = call.raw or raw
        if isinstance(piece.get("extra_content"), Mapping):
            call.extra["extra_content"] = piece["extra_content"]
        if name and call.part < 0:
            call.name = name
            yield self._start(call)
        text = function.get("input" if raw else "arguments")
        if isinstance(text, Mapping):
            text = json.dumps(text, ensure_ascii=False, separators=(",", ":"))
        if isinstance(text, str) and text:
            call.waiting.append(text)
        if call.part >= 0 and call.kind != "custom" and call.waiting:
            text, call.waiting = "".join(call.waiting), []
            yield CallDelta(call.part, text)

    def _start(self, call: _Open) -> CallStart:
        self.any = True
        tool = self._names.tool_of(call.name)
        call.part = self._new_part()
        call.kind = "custom" if call.raw else tool.kind
        return CallStart(call.part, call.id, tool.name, tool.namespace, call.kind)

    def _call_of(self, piece: Mapping[str, Any], name: str) -> _Open:
        """The call that a piece belongs to, by its index, else by its ID, else the last one; a new one where a name
        begins it.
        """
        index, given = piece.get("index"), piece.get("id")
        given = given if isinstance(given, str) else ""
        if type(index) is int:
            known = self._by_index.get(index)
            if known is None or (name and known.name and given and given != known.id):
                known = self._by_index[index] = self._new(given)
            return known
        same = [call for call in self._calls if given and call.id == given]
        if same:
            return same[-1]
        last = self._calls[-1] if self._calls else None
        return self._new(given) if last is None or given or (name and last.name) else last

    def _new(self, given: str) -> _Open:
        call = _Open(given or f"call_{uuid.uuid4().hex[:24]}")
        self._calls.append(call)
        return call
