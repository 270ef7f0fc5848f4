"""The items of ``input`` -> turns of a conversation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from router.errors import BadRequest
from router.surfaces.canonical.parts import (
    AudioPart,
    CallPart,
    FilePart,
    ImagePart,
    Part,
    ReasoningPart,
    RefusalPart,
    ResultPart,
    TextPart,
    Turn,
)
from router.surfaces.field_kinds import short
from router.surfaces.known_fields import check_part
from router.surfaces.responses.item_fields import FINISHED, ITEM

__all__ = ["Conversation", "turns_of"]

Opener = Callable[[str], Mapping[str, Any] | None]
"""Gives what a proof holds; None for one that is not ours, or not for this call."""


class Conversation:
    """Turns that grow item by item.

    What an assistant says and calls between two others' turns is one turn, its reasoning among it.

    Args:
        open_proof: of reasoning items.

    Attributes:
        turns: so far.
        dropped: types of items that were left out.
    """

    def __init__(self, open_proof: Opener) -> None:
        self._open_proof = open_proof
        self.turns: list[Turn] = []
        self.dropped: list[str] = []
        self._said: list[Part] = []
        self._spoke = False
        self._places: dict[str, list[int]] = {}  # of calls in what is said
        self._calls: set[str] = set()
        self._answered: set[str] = set()

    def add(self, item: Any, where: str) -> None:
        """One item.

        Raises:
            BadRequest: naming the item's place, and what to do.
        """
        if not isinstance(item, Mapping):
            raise _bad(where, f"must be an object, not {short(item)}", "invalid_type")
        kind = item.get("type")
        if kind is None and "role" in item:
            kind = ITEM.usual
        read = _READERS.get(kind) if isinstance(kind, str) else None
        if isinstance(kind, str) and read is not None:
            check_part(where, item, ITEM.kinds[kind])
            read(self, item, where)
        elif isinstance(kind, str) and kind in FINISHED:
            self.dropped.append(f"{where} ({kind})")
        elif kind != "additional_tools":
            raise _bad(
                f"{where}.type",
                f"{short(kind) if not isinstance(kind, str) else repr(kind[:40])} is no item that can be sent on: "
                "send messages, reasoning, function and custom calls and their outputs",
                "unsupported_item",
            )

    def end(self) -> list[Turn]:
        """All turns."""
        self._close()
        if self._spoke and not self.turns:  # without a word
            self.turns.append(Turn("assistant", (TextPart(""),)))
        return self.turns

    def _close(self) -> None:
        if self._said:
            if any(not isinstance(part, ReasoningPart) for part in self._said):
                self.turns.append(Turn("assistant", tuple(self._said)))
            self._said = []
            self._places = {}

    def _message(self, item: Mapping[str, Any], where: str) -> None:
        role, parts = item["role"], tuple(_parts(item["content"]))
        if role == "assistant":
            self._spoke = True
            texts = "".join(part.text for part in parts if isinstance(part, TextPart))
            self._said += [part for part in parts if not isinstance(part, TextPart)]
            if texts:
                self._said.append(TextPart(texts))
            return
        self._close()
        self.turns.append(Turn(role, parts))

    def _reasoning(self, item: Mapping[str, Any], where: str) -> None:
        told = [*_listed(item.get("summary")), *_listed(item.get("content"))]
        texts = [part["text"] for part in told if isinstance(part.get("text"), str)]
        sealed = item.get("encrypted_content")
        held = self._open_proof(sealed) if isinstance(sealed, str) else None
        text = (held or {}).get("text") or "\n".join(texts)
        members = {name: value for name, value in (held or {}).items() if name not in ("text", "calls")}
        if text or members:
            self._said.append(ReasoningPart(str(text), members or None))
        calls = (held or {}).get("calls")
        if isinstance(calls, Mapping):
            for id in calls:
                for place in self._places.pop(id, ()):
                    self._said[place] = _with_extra(self._said[place], calls)

    def _call(self, item: Mapping[str, Any], where: str) -> None:
        custom = item.get("type") == "custom_tool_call"
        call_id, name, given = item["call_id"], item["name"], item["input" if custom else "arguments"]
        namespace = item.get("namespace")
        namespace = namespace if isinstance(namespace, str) else ""
        self._calls.add(call_id)
        self._places.setdefault(call_id, []).append(len(self._said))
        self._said.append(CallPart(call_id, name, given, namespace, "custom" if custom else "function"))

    def _result(self, item: Mapping[str, Any], where: str) -> None:
        call_id = item["call_id"]
        if call_id not in self._calls:
            raise _bad(
                where,
                f"is the output of a call {call_id[:64]!r} that is not in the input: send the call before it, or "
                "'previous_response_id'",
                "invalid_value",
            )
        if call_id in self._answered:
            raise _bad(where, f"is a second output of the call {call_id[:64]!r}: send one", "invalid_value")
        self._answered.add(call_id)
        self._close()
        self.turns.append(Turn("tool", (ResultPart(call_id, tuple(_parts(item["output"]))),)))


_READERS: Mapping[str, Callable[[Conversation, Mapping[str, Any], str], None]] = {
    "message": Conversation._message,
    "reasoning": Conversation._reasoning,
    "function_call": Conversation._call,
    "custom_tool_call": Conversation._call,
    "function_call_output": Conversation._result,
    "custom_tool_call_output": Conversation._result,
}


def turns_of(items: Sequence[Any], open_proof: Opener, where: str = "input") -> tuple[list[Turn], list[str]]:
    """The turns of some items, and the places of those that were left out.

    Raises:
        BadRequest: naming the item's place, and what to do.
    """
    made = Conversation(open_proof)
    for index, item in enumerate(items):
        made.add(item, f"{where}[{index}]")
    return made.end(), made.dropped


def _parts(content: Any) -> list[Part]:
    """The parts of a content that was checked."""
    return [TextPart(content)] if isinstance(content, str) else [_PARTS[part["type"]](part) for part in content]


def _image(part: Mapping[str, Any]) -> Part:
    url, detail = part["image_url"], part.get("detail")
    return ImagePart(url["url"] if isinstance(url, Mapping) else url, detail if isinstance(detail, str) else "")


def _file(part: Mapping[str, Any]) -> Part:
    name = part.get("filename")
    return FilePart(part["file_data"], name if isinstance(name, str) else "")


_PARTS: Mapping[str, Callable[[Mapping[str, Any]], Part]] = {
    "input_audio": lambda part: AudioPart(part["input_audio"]["data"], part["input_audio"]["format"]),
    "input_file": _file,
    "input_image": _image,
    "input_text": lambda part: TextPart(part["text"]),
    "output_text": lambda part: TextPart(part["text"]),
    "refusal": lambda part: RefusalPart(part["refusal"]),
    "text": lambda part: TextPart(part["text"]),
}


def _with_extra(part: Part, calls: Mapping[str, Any]) -> Part:
    """A call with what its provider wants back with it."""
    if isinstance(part, CallPart) and isinstance(calls.get(part.id), Mapping):
        return CallPart(part.id, part.name, part.arguments, part.namespace, part.kind, calls[part.id])
    return part


def _listed(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _bad(where: str, problem: str, code: str) -> BadRequest:
    return BadRequest(f"'{where}' {problem}.", code=code, param=where)
