"""Events of an answer -> the events of this wire, numbered, and the items of ``output`` that they add up to."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from router.surfaces.canonical.events import (
    AnnotationSeen,
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
from router.surfaces.responses.resource import ENDINGS, Echo, usage_shown

__all__ = ["ResponseWriter"]

_Wire = dict[str, Any]
_CALLS = {
    "function": ("function_call", "fc", "arguments", "response.function_call_arguments"),
    "custom": ("custom_tool_call", "ctc", "input", "response.custom_tool_call_input"),
}
"""Kind of a call -> its item's type and the beginning of its ID, the member with its text, its events' name."""


@dataclass
class _Item:
    """One item that grows."""

    index: int
    item: _Wire
    kind: str  # text, refusal, reasoning, function, custom
    text: list[str] = field(default_factory=list)
    proof: dict[str, Any] = field(default_factory=dict)
    notes: list[Any] = field(default_factory=list)
    logprobs: list[Any] = field(default_factory=list)
    done: bool = False


class ResponseWriter:
    """The answer to one request.

    Args:
        echo: what it says of its request.
        seal: seals what a provider wants back.
        clock: Unix seconds.
        fits: whether an answer is small enough to be kept; asked of one that is to be.

    Attributes:
        response: the whole object, once there is an end.
    """

    def __init__(
        self,
        echo: Echo,
        seal: Callable[[Mapping[str, Any]], str],
        clock: Callable[[], float] = time.time,
        *,
        fits: Callable[[Mapping[str, Any]], bool] = lambda response: True,
    ) -> None:
        self._echo = echo
        self._seal = seal
        self._clock = clock
        self._fits = fits
        self._number = 0
        self._items: dict[int, _Item] = {}
        self._usage: Mapping[str, Any] = {}
        self._begun = False
        self._extra: dict[str, Any] = {}
        self.response: _Wire | None = None

    def write(self, events: Iterable[Event]) -> Iterator[_Wire]:
        """This wire's events for some of an answer's."""
        for event in events:
            yield from self._write(event)

    def fail(self, code: str, message: str) -> Iterator[_Wire]:
        """The answer broke off: what there is of it, and why."""
        yield from self._begin()
        told = {"error": {"code": code, "message": message}, "usage": usage_shown(self._usage)}
        self.response = self._echo.response("failed", self._output("incomplete"), **told)
        yield self._event("response.failed", response=self.response)

    def _write(self, event: Event) -> Iterator[_Wire]:
        match event:
            case Started():
                yield from self._begin()
            case TextDelta() | RefusalDelta():
                yield from self._said(event)
            case ReasoningDelta():
                yield from self._thought(event)
            case ProofSeen():
                yield from self._opened(event.part, "reasoning")
                self._items[event.part].proof |= event.proof
            case CallStart():
                yield from self._called(event)
            case CallDelta():
                yield from self._argued(event)
            case AnnotationSeen():
                yield from self._noted(event)
            case PartEnd():
                yield from self._end_part(event)
            case UsageSeen():
                self._usage = event.usage
            case Finish():
                yield from self._finish(event)

    def _begin(self) -> Iterator[_Wire]:
        if not self._begun:
            self._begun = True
            for name in ("created", "in_progress"):
                yield self._event(f"response.{name}", response=self._echo.response("in_progress"))

    def _opened(self, part: int, kind: str) -> Iterator[_Wire]:
        """The item of a part that is no call, where it is new."""
        if part in self._items:
            return
        if kind == "reasoning":
            item: _Wire = {"id": self._id("rs"), "type": "reasoning", "summary": []}
        else:
            item = {"id": self._id("msg"), "type": "message", "status": "in_progress", "role": "assistant"}
            item["content"] = []
        made = self._add(part, item, kind)
        yield self._added(made)
        if kind != "reasoning":
            yield self._event("response.content_part.added", **_place(made), part=_content(made))

    def _said(self, event: TextDelta | RefusalDelta) -> Iterator[_Wire]:
        kind = "text" if isinstance(event, TextDelta) else "refusal"
        yield from self._opened(event.part, kind)
        made = self._items[event.part]
        made.text.append(event.text)
        if isinstance(event, TextDelta):
            made.logprobs += event.logprobs
            told = {"delta": event.text, "logprobs": list(event.logprobs)}
            yield self._event("response.output_text.delta", **_place(made), **told)
        else:
            yield self._event("response.refusal.delta", **_place(made), delta=event.text)

    def _thought(self, event: ReasoningDelta) -> Iterator[_Wire]:
        yield from self._opened(event.part, "reasoning")
        made = self._items[event.part]
        if not made.text:
            yield self._event("response.reasoning_summary_part.added", **_summary(made), part=_summary_text(""))
        made.text.append(event.text)
        yield self._event("response.reasoning_summary_text.delta", **_summary(made), delta=event.text)

    def _called(self, event: CallStart) -> Iterator[_Wire]:
        kind, prefix, member, _ = _CALLS[event.kind]
        item: _Wire = {"id": self._id(prefix), "type": kind, "call_id": event.id, "name": event.name}
        if event.namespace:
            item["namespace"] = event.namespace
        made = self._add(event.part, {**item, member: "", "status": "in_progress"}, event.kind)
        yield self._added(made)

    def _argued(self, event: CallDelta) -> Iterator[_Wire]:
        made = self._items[event.part]
        made.text.append(event.text)
        name = _CALLS[made.kind][3]
        yield self._event(f"{name}.delta", item_id=made.item["id"], output_index=made.index, delta=event.text)

    def _noted(self, event: AnnotationSeen) -> Iterator[_Wire]:
        made = self._items[event.part]
        cited = event.value.get("url_citation")
        note = {"type": "url_citation", **cited} if isinstance(cited, Mapping) else dict(event.value)
        told = {"annotation_index": len(made.notes), "annotation": note}
        made.notes.append(note)
        yield self._event("response.output_text.annotation.added", **_place(made), **told)

    def _end_part(self, event: PartEnd) -> Iterator[_Wire]:
        made = self._items[event.part]
        text = "".join(made.text)
        if made.kind == "reasoning":
            if made.text:
                yield self._event("response.reasoning_summary_text.done", **_summary(made), text=text)
                yield self._event("response.reasoning_summary_part.done", **_summary(made), part=_summary_text(text))
        elif made.kind in _CALLS:
            _, _, member, name = _CALLS[made.kind]
            told = {"item_id": made.item["id"], "output_index": made.index, member: text}
            if made.kind == "function":
                told["name"] = made.item["name"]
            yield self._event(f"{name}.done", **told)
            if event.extra:
                self._extra[made.item["call_id"]] = event.extra
        else:
            what, told = ("output_text", {"text": text, "logprobs": made.logprobs})
            if made.kind == "refusal":
                what, told = ("refusal", {"refusal": text})
            yield self._event(f"response.{what}.done", **_place(made), **told)
            yield self._event("response.content_part.done", **_place(made), part=_content(made))
        made.done = True
        yield self._event("response.output_item.done", output_index=made.index, item=self._whole(made, "completed"))

    def _finish(self, event: Finish) -> Iterator[_Wire]:
        if self._extra:
            part = max(self._items) + 1
            proof = ProofSeen(part, {"calls": self._extra})
            yield from self.write([proof, PartEnd(part)])
        status, why = ENDINGS.get(event.reason, ("completed", ""))
        told: _Wire = {"usage": usage_shown(self._usage)}
        if why:
            told["incomplete_details"] = {"reason": why}
        else:
            told["completed_at"] = int(self._clock())
        if event.tier:
            told["service_tier"] = event.tier
        response = self._echo.response(status, self._output(status), **told)
        if response["store"] and not self._fits(response):
            response["store"] = False
        self.response = response
        yield self._event(f"response.{status}", response=response)

    def _output(self, status: str) -> list[_Wire]:
        """All items; the last of an answer that was cut is the one that was cut."""
        items = sorted(self._items.values(), key=lambda made: made.index)
        cut = items[-1] if items and status == "incomplete" else None
        return [self._whole(made, "incomplete" if made is cut or not made.done else "completed") for made in items]

    def _whole(self, made: _Item, status: str) -> _Wire:
        text = "".join(made.text)
        if made.kind in _CALLS:
            return {**made.item, _CALLS[made.kind][2]: text, "status": status}
        if made.kind != "reasoning":
            return {**made.item, "status": status, "content": [_content(made)]}
        item = {**made.item, "summary": [_summary_text(text)] if made.text else []}
        if made.done or made.proof:
            proof = {**made.proof, "text": text} if text else made.proof
            made.item.setdefault("encrypted_content", self._seal(proof))
            item["encrypted_content"] = made.item["encrypted_content"]
        return item

    def _add(self, part: int, item: _Wire, kind: str) -> _Item:
        made = self._items[part] = _Item(len(self._items), item, kind)
        return made

    def _added(self, made: _Item) -> _Wire:
        return self._event("response.output_item.added", output_index=made.index, item=dict(made.item))

    def _id(self, prefix: str) -> str:
        return f"{prefix}_{self._echo.id.removeprefix('resp_')}{len(self._items):02x}"

    def _event(self, kind: str, **members: Any) -> _Wire:
        self._number += 1
        return {"type": kind, "sequence_number": self._number - 1, **members}


def _place(made: _Item) -> _Wire:
    return {"item_id": made.item["id"], "output_index": made.index, "content_index": 0}


def _summary(made: _Item) -> _Wire:
    return {"item_id": made.item["id"], "output_index": made.index, "summary_index": 0}


def _summary_text(text: str) -> _Wire:
    return {"type": "summary_text", "text": text}


def _content(made: _Item) -> _Wire:
    text = "".join(made.text)
    if made.kind == "refusal":
        return {"type": "refusal", "refusal": text}
    return {"type": "output_text", "text": text, "annotations": list(made.notes), "logprobs": list(made.logprobs)}
