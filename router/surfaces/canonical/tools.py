"""Tools: function, custom and namespaced ones, and the names under which a chat knows them, there and back."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Tool", "ToolChoice", "ToolNames", "raw_input", "wrapped_input"]

_NAME_MAX = 64
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_-]")
_PLAIN_NAMESPACE = "functions"
"""The namespace whose tools go by their bare names: models were taught them so."""
_INPUT = "input"
_INPUT_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {_INPUT: {"type": "string"}},
    "required": [_INPUT],
    "additionalProperties": False,
}
_HASHED = 8


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that the client runs.

    Attributes:
        name: without its namespace.
        kind: ``function``, called with a JSON object; or ``custom``, called with raw text.
        namespace: what it belongs to; empty for none.
        parameters: a function's JSON schema; None where the client gave none.
        strict: None where the client said nothing.
        format: what a custom tool's text must look like: ``{"type": "grammar", "syntax", "definition"}``.
        extra: members beside it, such as ``cache_control``.
    """

    name: str
    kind: str = "function"
    namespace: str = ""
    description: str = ""
    parameters: Mapping[str, Any] | None = None
    strict: bool | None = None
    format: Mapping[str, Any] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """Which tools a model may or must call.

    Attributes:
        mode: ``auto``, ``none`` or ``required``.
        only: (namespace, name) of the tools that it may call; None for all.
    """

    mode: str
    only: tuple[tuple[str, str], ...] | None = None


class ToolNames:
    """The names of one request's tools in a chat, which has functions alone, without namespaces.

    Args:
        tools: of the request; of two with the same name in one namespace the later one counts.
    """

    def __init__(self, tools: Iterable[Tool] = ()) -> None:
        self._tools: dict[tuple[str, str], Tool] = {}
        self._names: dict[tuple[str, str], str] = {}
        self._back: dict[str, tuple[str, str]] = {}
        for tool in tools:
            self._tools[tool.namespace, tool.name] = tool
        for namespace, name in sorted(self._tools):  # bare names first: they stay as they are
            self.chat_name(namespace, name)

    @property
    def tools(self) -> list[Tool]:
        """Those that count, in their order."""
        return list(self._tools.values())

    def chat_name(self, namespace: str, name: str) -> str:
        """The function that stands for a tool, be it one of the request's or one that was called before."""
        known = self._names.get((namespace, name))
        if known is not None:
            return known
        made = _joined(namespace, name)
        if made in self._back:
            made = _hashed(made, f"{namespace}\0{name}")
        self._names[namespace, name] = made
        self._back[made] = (namespace, name)
        return made

    def tool_of(self, chat_name: str) -> Tool:
        """The tool that a model called; one of that name, where there is no such tool."""
        place = self._back.get(chat_name, ("", chat_name))
        return self._tools.get(place) or Tool(place[1], namespace=place[0])

    def function_of(self, tool: Tool) -> dict[str, Any]:
        """The tool of a chat body that stands for ``tool``."""
        function: dict[str, Any] = {"name": self.chat_name(tool.namespace, tool.name)}
        description = _described(tool)
        if description:
            function["description"] = description
        if tool.kind == "custom":
            function["parameters"] = dict(_INPUT_SCHEMA)
        else:
            if tool.parameters is not None:
                function["parameters"] = tool.parameters
            if tool.strict is not None:
                function["strict"] = tool.strict
        return {"type": "function", "function": function, **tool.extra}


def wrapped_input(text: str) -> str:
    """The arguments of the function that stands for a custom tool, which was called with ``text``."""
    return json.dumps({_INPUT: text}, ensure_ascii=False, separators=(",", ":"))


def raw_input(arguments: str) -> str:
    """The text that a custom tool is called with; all that the model wrote, where it kept to no schema."""
    try:
        value = json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments
    text = value.get(_INPUT) if isinstance(value, dict) else None
    return text if isinstance(text, str) else arguments


def _described(tool: Tool) -> str:
    """What a model reads of a tool: a grammar has no other place in a function."""
    if tool.kind != "custom":
        return tool.description
    told = [tool.description] if tool.description else []
    told.append(f"Give the whole input as one raw text in '{_INPUT}', not as JSON.")
    form = tool.format or {}
    if form.get("type") == "grammar":
        told.append(f"The text must follow this {form.get('syntax')} grammar:\n{form.get('definition')}")
    return "\n\n".join(told)


def _joined(namespace: str, name: str) -> str:
    if namespace in ("", _PLAIN_NAMESPACE):
        return name
    whole = f"{namespace}__{name}"
    fitting = _NOT_IN_A_NAME.sub("_", whole)
    return fitting if fitting == whole and len(whole) <= _NAME_MAX else _hashed(fitting, whole)


def _hashed(name: str, told_by: str) -> str:
    """A name of its own for what ``told_by`` says, of a length that all providers take."""
    digest = hashlib.blake2b(told_by.encode("utf-8", "surrogatepass"), digest_size=_HASHED // 2).hexdigest()
    return f"{_NOT_IN_A_NAME.sub('_', name)[: _NAME_MAX - _HASHED - 1]}_{digest}"
