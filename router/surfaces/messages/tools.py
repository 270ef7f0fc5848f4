"""Tools and their choice -> canonical ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from router.surfaces.canonical.tools import Tool, ToolChoice
from router.surfaces.messages.checking import bad, object_in, text_in
from router.surfaces.messages.walking import Findings

__all__ = ["choice_of", "tool_of"]

_MODES = {"auto": "auto", "any": "required", "none": "none"}


def tool_of(tool: Mapping[str, Any], where: str, found: Findings) -> Tool:
    """A tool that the client runs.

    Raises:
        BadRequest: it is broken.
    """
    name = text_in(tool, "name", where)
    if not name:
        raise bad(f"{where}.name", "must not be empty")
    schema = object_in(tool.get("input_schema"), f"{where}.input_schema")
    strict = tool.get("strict")
    if strict is not None and type(strict) is not bool:
        raise bad(f"{where}.strict", "must be true or false", "invalid_type")
    description = text_in(tool, "description", where, required=False)
    found.drop_beside(tool, ("type", "name", "input_schema", "strict", "description"))
    return Tool(name, description=description, parameters=schema, strict=strict)


def choice_of(choice: Any, tools: Sequence[Tool]) -> tuple[ToolChoice | None, bool | None]:
    """Which tools are to be called, and whether several at once: None for either where nothing is said.

    Raises:
        BadRequest: it is no choice, or names a tool that is not offered.
    """
    if choice is None:
        return None, None
    kind = object_in(choice, "tool_choice").get("type")
    one = choice.get("disable_parallel_tool_use")
    if one is not None and type(one) is not bool:
        raise bad("tool_choice.disable_parallel_tool_use", "must be true or false", "invalid_type")
    parallel = False if one else None
    if kind == "tool":
        name = text_in(choice, "name", "tool_choice")
        if tools and all(tool.name != name for tool in tools):
            raise bad("tool_choice.name", "must be the name of one of 'tools'")
        return ToolChoice("required", (("", name),)), parallel
    if type(kind) is not str or kind not in _MODES:
        raise bad("tool_choice.type", "must be auto, any, tool or none")
    return ToolChoice(_MODES[kind]), parallel
