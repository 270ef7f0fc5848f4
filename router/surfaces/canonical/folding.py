"""Events -> the answer that they add up to: what a plain answer says is the fold of its stream."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
from router.surfaces.canonical.parts import CallPart, Part, ReasoningPart, RefusalPart, TextPart

__all__ = ["FoldedAnswer", "fold"]


@dataclass(frozen=True, slots=True)
class FoldedAnswer:
    """An answer as far as its events told it.

    Attributes:
        parts: in the order in which they began.
        finish: as in ``Finish``; empty while there is no end.
        usage: the last one told, in a chat's names.
    """

    id: str = ""
    model: str = ""
    created: int = 0
    parts: tuple[Part, ...] = ()
    finish: str = ""
    tier: str = ""
    usage: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class _Growing:
    kind: str
    texts: list[str] = field(default_factory=list)
    members: dict[str, Any] = field(default_factory=dict)
    start: CallStart | None = None

    def part(self) -> Part:
        text = "".join(self.texts)
        if self.start is not None:
            start = self.start
            return CallPart(start.id, start.name, text, start.namespace, start.kind, self.members)
        if self.kind == "text":
            return TextPart(text, self.members)
        return RefusalPart(text) if self.kind == "refusal" else ReasoningPart(text, self.members or None)


_KINDS = {TextDelta: "text", RefusalDelta: "refusal", ReasoningDelta: "reasoning", CallDelta: "call"}


def fold(events: Iterable[Event]) -> FoldedAnswer:
    """The answer of some events, from the first on; they may stop anywhere."""
    parts: dict[int, _Growing] = {}
    told: dict[str, Any] = {}

    for event in events:
        match event:
            case TextDelta() | RefusalDelta() | ReasoningDelta() | CallDelta():
                parts.setdefault(event.part, _Growing(_KINDS[type(event)])).texts.append(event.text)
            case CallStart():
                parts[event.part] = _Growing("call", start=event)
            case ProofSeen():
                parts.setdefault(event.part, _Growing("reasoning")).members.update(event.proof)
            case AnnotationSeen():
                parts[event.part].members.setdefault("annotations", []).append(event.value)
            case PartEnd():
                if event.extra:
                    parts[event.part].members.update(event.extra)
            case UsageSeen():
                told["usage"] = event.usage
            case Started():
                told |= {"id": event.id, "model": event.model, "created": event.created}
            case Finish():
                told |= {"finish": event.reason, "tier": event.tier}
    return FoldedAnswer(parts=tuple(parts[place].part() for place in sorted(parts)), **told)
