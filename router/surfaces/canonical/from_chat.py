"""The body of a chat -> a request in canonical form."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from router.surfaces.canonical.chat_events import PROOFS
from router.surfaces.canonical.parts import (
    AudioPart,
    CallPart,
    FilePart,
    ImagePart,
    OpaquePart,
    Part,
    ReasoningPart,
    RefusalPart,
    ResultPart,
    TextPart,
    Turn,
)
from router.surfaces.canonical.prompt import Prompt
from router.surfaces.canonical.tools import Tool, ToolChoice
from router.upstream.wire import object_at

__all__ = ["from_chat"]

_KEPT_BACK = (*PROOFS, "reasoning_details")
_READ = frozenset(
    {"role", "name", "content", "refusal", "tool_calls", "tool_call_id", "reasoning_content", "reasoning", *_KEPT_BACK}
)
_NO_FIELDS = ("model", "messages", "tools", "tool_choice")


def from_chat(body: Mapping[str, Any]) -> Prompt:
    """The request of a chat's body whose fields and messages were checked.

    What has no place in canonical form stands as an ``OpaquePart``, in ``extra`` or in ``fields``.
    """
    tools = body.get("tools")
    return Prompt(
        model=body["model"],
        turns=tuple(map(_turn, body["messages"])),
        tools=tuple(_tool(tool) for tool in tools if isinstance(tool, Mapping)) if isinstance(tools, list) else (),
        choice=_choice(body.get("tool_choice")),
        fields={name: value for name, value in body.items() if name not in _NO_FIELDS},
    )


def _turn(message: Mapping[str, Any]) -> Turn:
    role = message["role"]
    parts: tuple[Part, ...] = tuple(_parts(message.get("content")))
    if role == "tool":
        parts = (ResultPart(str(message.get("tool_call_id") or ""), parts),)
    elif role == "assistant":
        parts = (*_reasoning(message), *parts, *_refusal(message), *_calls(message.get("tool_calls")))
    extra = {name: value for name, value in message.items() if name not in _READ}
    return Turn(role, parts, message.get("name") or "", extra)


def _parts(content: Any) -> Iterator[Part]:
    if isinstance(content, str):
        yield TextPart(content)
    for part in content if isinstance(content, list) else ():
        yield _part(part)


def _part(part: Mapping[str, Any]) -> Part:
    kind = part.get("type")
    value = part.get(kind) if isinstance(kind, str) else None
    extra = {name: one for name, one in part.items() if name not in ("type", kind)}
    if kind == "text" and isinstance(value, str):
        return TextPart(value, extra)
    if kind == "refusal" and isinstance(value, str):
        return RefusalPart(value)
    if not isinstance(value, Mapping):
        return OpaquePart(part)
    if kind == "image_url" and isinstance(value.get("url"), str) and value.keys() <= {"url", "detail"}:
        return ImagePart(value["url"], value.get("detail") or "", extra)
    if kind == "file" and isinstance(value.get("file_data"), str) and value.keys() <= {"file_data", "filename"}:
        return FilePart(value["file_data"], value.get("filename") or "", extra)
    if kind == "input_audio" and value.keys() == {"data", "format"} and not extra:
        return AudioPart(value["data"], value["format"])
    return OpaquePart(part)


def _reasoning(message: Mapping[str, Any]) -> Iterator[Part]:
    text = message.get("reasoning_content") or message.get("reasoning")
    proof = {name: message[name] for name in _KEPT_BACK if message.get(name)}
    if isinstance(text, str) or proof:
        yield ReasoningPart(text if isinstance(text, str) else "", proof or None)


def _refusal(message: Mapping[str, Any]) -> Iterator[Part]:
    if isinstance(message.get("refusal"), str):
        yield RefusalPart(message["refusal"])


def _calls(calls: Any) -> Iterator[Part]:
    for call in calls if isinstance(calls, list) else ():
        function = object_at(call, "function")
        extra = {name: value for name, value in call.items() if name not in ("id", "type", "function", "index")}
        arguments = function.get("arguments")
        if not isinstance(arguments, str):
            arguments = "" if arguments is None else json.dumps(arguments, ensure_ascii=False)
        yield CallPart(str(call.get("id") or ""), str(function.get("name") or ""), arguments, extra=extra)


def _tool(tool: Mapping[str, Any]) -> Tool:
    kind = "custom" if "custom" in tool else "function"
    given = object_at(tool, kind)
    return Tool(
        name=str(given.get("name") or ""),
        kind=kind,
        description=str(given.get("description") or ""),
        parameters=given.get("parameters"),
        strict=given.get("strict"),
        format=given.get("format"),
        extra={name: value for name, value in tool.items() if name not in ("type", kind)},
    )


def _choice(choice: Any) -> ToolChoice | None:
    if isinstance(choice, str):
        return ToolChoice(choice)
    name = object_at(choice, "function").get("name")
    return ToolChoice("required", (("", name),)) if isinstance(name, str) else None
