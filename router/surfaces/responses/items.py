"""The items of ``input`` -> turns of a conversation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
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

__all__ = ["Conversation", "turns_of"]

Opener = Callable[[str], Mapping[str, Any] | None]
"""Gives what a proof holds; None for one that is not ours, or not for this call."""

_ROLES = ("user", "assistant", "system", "developer")
_FINISHED = frozenset(
    {
        "code_interpreter_call",
        "file_search_call",
        "image_generation_call",
        "mcp_approval_request",
        "mcp_approval_response",
        "mcp_call",
        "mcp_list_tools",
        "web_search_call",
    }
)
"""Calls of hosted tools that are over: what they found stands in the message behind them."""


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
        kind = item.get("type") or ("message" if "role" in item else None)
        read = _READERS.get(kind) if isinstance(kind, str) else None
        if read is not None:
            read(self, item, where)
        elif isinstance(kind, str) and kind in _FINISHED:
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
        return self.turns

    def _close(self) -> None:
        if self._said:
            if any(not isinstance(part, ReasoningPart) for part in self._said):
                self.turns.append(Turn("assistant", tuple(self._said)))
            self._said = []
            self._places = {}

    def _message(self, item: Mapping[str, Any], where: str) -> None:
        role = item.get("role")
        if role not in _ROLES:
            raise _bad(f"{where}.role", f"must be one of {', '.join(_ROLES)}", "invalid_value")
        parts = tuple(_parts(item.get("content"), f"{where}.content"))
        if role == "assistant":
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
        call_id, name = _word(item, "call_id", where), _word(item, "name", where)
        given = item.get("input" if custom else "arguments")
        if not isinstance(given, str):
            name = "input" if custom else "arguments"
            raise _bad(f"{where}.{name}", f"must be a string, not {short(given)}", "invalid_type")
        namespace = item.get("namespace")
        namespace = namespace if isinstance(namespace, str) else ""
        self._calls.add(call_id)
        self._places.setdefault(call_id, []).append(len(self._said))
        self._said.append(CallPart(call_id, name, given, namespace, "custom" if custom else "function"))

    def _result(self, item: Mapping[str, Any], where: str) -> None:
        call_id = _word(item, "call_id", where)
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
        given = item.get("output")
        if given is None:
            raise _bad(f"{where}.output", "is required", "missing_required_parameter")
        self.turns.append(Turn("tool", (ResultPart(call_id, tuple(_parts(given, f"{where}.output"))),)))


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


def _parts(content: Any, where: str) -> Iterator[Part]:
    if isinstance(content, str):
        yield TextPart(content)
        return
    if not isinstance(content, list):
        raise _bad(where, f"must be a string or a list of parts, not {short(content)}", "invalid_type")
    for index, part in enumerate(content):
        yield _part(part, f"{where}[{index}]")


def _part(part: Any, where: str) -> Part:
    kind = part.get("type") if isinstance(part, Mapping) else None
    make = _PARTS.get(kind) if isinstance(kind, str) else None
    if make is None:
        kinds = ", ".join(sorted(_PARTS))
        raise _bad(f"{where}.type", f"must be one of {kinds}", "unsupported_content")
    return make(part, where)


def _text(part: Mapping[str, Any], where: str) -> Part:
    return TextPart(_word(part, "text", where, empty=True))


def _refusal(part: Mapping[str, Any], where: str) -> Part:
    return RefusalPart(_word(part, "refusal", where, empty=True))


def _image(part: Mapping[str, Any], where: str) -> Part:
    url = part.get("image_url")
    url = url.get("url") if isinstance(url, Mapping) else url
    if not isinstance(url, str) or not url:
        raise _bad(f"{where}.image_url", f"must be a link or a data URL: {_NO_FILES}", "unsupported_content")
    detail = part.get("detail")
    return ImagePart(url, detail if isinstance(detail, str) else "")


def _file(part: Mapping[str, Any], where: str) -> Part:
    data, name = part.get("file_data"), part.get("filename")
    if not isinstance(data, str) or not data:
        problem = f"must be a data URL: {_NO_FILES}, and links are not fetched"
        raise _bad(f"{where}.file_data", problem, "unsupported_content")
    return FilePart(data, name if isinstance(name, str) else "")


def _audio(part: Mapping[str, Any], where: str) -> Part:
    held = part.get("input_audio")
    if not isinstance(held, Mapping):
        raise _bad(f"{where}.input_audio", f"must be an object, not {short(held)}", "invalid_type")
    return AudioPart(*(_word(held, name, f"{where}.input_audio") for name in ("data", "format")))


_NO_FILES = "files are not kept here, so 'file_id' names none"
_PARTS: Mapping[str, Callable[[Mapping[str, Any], str], Part]] = {
    "input_audio": _audio,
    "input_file": _file,
    "input_image": _image,
    "input_text": _text,
    "output_text": _text,
    "refusal": _refusal,
    "text": _text,
}


def _with_extra(part: Part, calls: Mapping[str, Any]) -> Part:
    """A call with what its provider wants back with it."""
    if isinstance(part, CallPart) and isinstance(calls.get(part.id), Mapping):
        return CallPart(part.id, part.name, part.arguments, part.namespace, part.kind, calls[part.id])
    return part


def _listed(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _word(item: Mapping[str, Any], name: str, where: str, *, empty: bool = False) -> str:
    value = item.get(name)
    if not isinstance(value, str) or not (value or empty):
        raise _bad(
            f"{where}.{name}", f"must be a string, not {short(value) if value != '' else 'empty'}", "invalid_type"
        )
    return value


def _bad(where: str, problem: str, code: str) -> BadRequest:
    return BadRequest(f"'{where}' {problem}.", code=code, param=where)
