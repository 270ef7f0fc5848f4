"""What happens while an answer is made, whatever wire it comes on.

Parts are numbered in the order in which they begin. Text and reasoning are one at a time; calls may be open together.
Each part's end is told: of text and reasoning before the next part begins, of calls at the end of the answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "AnnotationSeen",
    "CallDelta",
    "CallStart",
    "Event",
    "Finish",
    "PartEnd",
    "ProofSeen",
    "ReasoningDelta",
    "RefusalDelta",
    "Started",
    "TextDelta",
    "UsageSeen",
]


@dataclass(frozen=True, slots=True)
class Started:
    """The first event.

    Attributes:
        id: the upstream's; empty where it gives none.
        model: the public model.
        created: Unix seconds; 0 where it is not said.
    """

    id: str
    model: str
    created: int


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More text of a part; ``logprobs`` as a chat has them for it."""

    part: int
    text: str
    logprobs: Sequence[Any] = ()


@dataclass(frozen=True, slots=True)
class RefusalDelta:
    """More of a refusal."""

    part: int
    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """More reasoning."""

    part: int
    text: str


@dataclass(frozen=True, slots=True)
class ProofSeen:
    """What the provider wants back with the reasoning, as in ``ReasoningPart.proof``.

    It belongs to the reasoning that is open; to a reasoning without text of its own, where none is.
    """

    part: int
    proof: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AnnotationSeen:
    """A note on the text of a part, such as a citation."""

    part: int
    value: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CallStart:
    """A call begins. ``id``, ``name``, ``namespace`` and ``kind`` as in ``CallPart``."""

    part: int
    id: str
    name: str
    namespace: str = ""
    kind: str = "function"


@dataclass(frozen=True, slots=True)
class CallDelta:
    """More of a call's arguments; a custom tool's come in one piece, before its end."""

    part: int
    text: str


@dataclass(frozen=True, slots=True)
class PartEnd:
    """A part is whole; ``extra`` as in ``CallPart``."""

    part: int
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UsageSeen:
    """The usage so far, in a chat's names; a later one is the whole again."""

    usage: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Finish:
    """The last event.

    Attributes:
        reason: ``stop``, ``length``, ``tool_calls`` or ``content_filter``.
        tier: the ``service_tier`` that served; empty where it is not said.
    """

    reason: str
    tier: str = ""


Event = (
    Started
    | TextDelta
    | RefusalDelta
    | ReasoningDelta
    | ProofSeen
    | AnnotationSeen
    | CallStart
    | CallDelta
    | PartEnd
    | UsageSeen
    | Finish
)
"""Any event."""
