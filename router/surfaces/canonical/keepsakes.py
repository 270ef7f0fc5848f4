"""What a provider wants back with an answer as one value, for wires that have one place a turn for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from router.surfaces.canonical.chat_events import PROOFS
from router.surfaces.canonical.parts import CallPart, Part, ReasoningPart

__all__ = ["keepsake_of", "merged_proofs", "with_keepsakes"]

_PROOFS = frozenset({*PROOFS, "reasoning_details"})
_BESIDE_CALLS = frozenset({"extra_content"})


def merged_proofs(parts: Sequence[Part]) -> dict[str, Any]:
    """The members of a chat message that hold what is wanted back with some reasoning, one after the other."""
    made: dict[str, Any] = {}
    for part in parts:
        for name, value in (part.proof or {}).items() if isinstance(part, ReasoningPart) else ():
            known = made.get(name)
            made[name] = [*known, *value] if isinstance(known, list) and isinstance(value, list) else value
    return made


def keepsake_of(parts: Sequence[Part], thought: str = "") -> dict[str, Any]:
    """What belongs to a turn and has no place of its own on a wire; empty where there is nothing of the kind.

    Args:
        parts: of the whole turn.
        thought: its reasoning, where that may not come back with the rest.
    """
    made = merged_proofs(parts)
    if thought:
        made["text"] = thought
    calls = [(part.id, dict(part.extra)) for part in parts if isinstance(part, CallPart)]
    if any(extra for _, extra in calls):
        made["calls"] = calls
    return made


def with_keepsakes(parts: Sequence[Part], kept: Sequence[Mapping[str, Any]]) -> tuple[Part, ...]:
    """The parts of a turn that came back, with all that ``keepsake_of`` has told of it.

    Args:
        kept: from the client, in any order: whatever is none of it is left out.
    """
    before: list[Part] = []
    found = list(parts)
    for one in kept:
        text, calls = one.get("text"), one.get("calls")
        proof = {name: value for name, value in one.items() if name in _PROOFS}
        if isinstance(text, str):  # the whole of what the client may have been shown
            found = [part for part in found if not isinstance(part, ReasoningPart)]
        if isinstance(calls, list):
            found = _with_extras(found, [one for one in calls if isinstance(one, list) and len(one) == 2])
        if proof or isinstance(text, str):
            before.append(ReasoningPart(text if isinstance(text, str) else "", proof or None))
    return (*before, *found)


def _with_extras(parts: list[Part], calls: list[list[Any]]) -> list[Part]:
    """Calls with what stood beside them, by their IDs; by their places, where none of the IDs came back."""
    by_id = {id: extra for id, extra in calls if isinstance(id, str)}
    places = [place for place, part in enumerate(parts) if isinstance(part, CallPart)]
    known = any(part.id in by_id for part in parts if isinstance(part, CallPart))
    made = list(parts)
    for number, place in enumerate(places):
        part = parts[place]
        assert isinstance(part, CallPart)
        extra = by_id.get(part.id) if known else calls[number][1] if number < len(calls) else None
        if isinstance(extra, Mapping):
            beside = {name: value for name, value in extra.items() if name in _BESIDE_CALLS}
            made[place] = replace(part, extra={**part.extra, **beside})
    return made
