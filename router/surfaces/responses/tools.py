"""Tools and tool choices of a request -> tools in canonical form."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from router.errors import BadRequest
from router.surfaces.canonical.tools import Tool, ToolChoice
from router.surfaces.field_kinds import short
from router.surfaces.known_fields import check_part
from router.surfaces.responses.item_fields import TOOL

__all__ = ["SPARED_TYPES", "added_tools", "choice_of", "spared_types", "tools_of"]

_HOSTED_SHOWN = 40
_MODES = ("auto", "none", "required")


SPARED_TYPES = ("image_generation", "tool_search", "web_search", "web_search_preview")
"""Hosted tools that clients offer of themselves beside their own, and can do without: Codex does so in every call."""


def spared_types(body: Mapping[str, Any], items: Sequence[Any]) -> Collection[str]:
    """The types of hosted tools that may be left out of a request: it has tools of its own, and does not
    insist on a hosted one."""
    lists = [body.get("tools"), *(item.get("tools") for item in items if isinstance(item, Mapping))]
    kinds = {tool.get("type") for tools in lists if isinstance(tools, list) for tool in tools if _typed(tool)}
    if kinds.isdisjoint(("function", "custom", "namespace")):
        return ()
    choice = body.get("tool_choice")
    insisted = choice.get("type") if isinstance(choice, Mapping) else None
    return [kind for kind in SPARED_TYPES if kind in kinds and kind != insisted]


def _typed(tool: Any) -> bool:
    return isinstance(tool, Mapping) and isinstance(tool.get("type"), str)


def tools_of(tools: Any, dropped_types: Collection[str], where: str = "tools") -> tuple[list[Tool], list[str]]:
    """The tools of a list, and the places of those that were left out.

    Args:
        dropped_types: types of hosted tools that are left out, as the operator wants it.

    Raises:
        BadRequest: naming the tool: one that is broken, or that only a provider could run.
    """
    if tools is None:
        return [], []
    if not isinstance(tools, list):
        raise _bad(where, f"must be a list, not {short(tools)}", "invalid_type")
    found: list[Tool] = []
    dropped: list[str] = []
    for index, tool in enumerate(tools):
        place = f"{where}[{index}]"
        kind = tool.get("type") if isinstance(tool, Mapping) else None
        if isinstance(kind, str) and kind in dropped_types:
            dropped.append(f"{place} ({kind})")
        else:
            found += _tool(tool, place)
    return found, dropped


def added_tools(items: Sequence[Any], dropped_types: Collection[str]) -> tuple[list[Tool], list[str]]:
    """The tools of all ``additional_tools`` items, in their order, as ``tools_of`` gives them."""
    found: list[Tool] = []
    dropped: list[str] = []
    for index, item in enumerate(items):
        if isinstance(item, Mapping) and item.get("type") == "additional_tools":
            tools, left_out = tools_of(item.get("tools"), dropped_types, f"input[{index}].tools")
            found += tools
            dropped += left_out
    return found, dropped


def choice_of(choice: Any, tools: Sequence[Tool], dropped_types: Collection[str]) -> ToolChoice | None:
    """``tool_choice``; None where there is none.

    Raises:
        BadRequest: it is none that can be passed on, or names a tool that is not there.
    """
    if choice is None or (isinstance(choice, str) and choice in _MODES):
        return ToolChoice(choice) if isinstance(choice, str) else None
    if not isinstance(choice, Mapping):
        raise _bad("tool_choice", f"must be one of {', '.join(_MODES)}, or an object", "invalid_value")
    kind = choice.get("type")
    if kind == "allowed_tools":
        mode, allowed = choice.get("mode", "auto"), choice.get("tools")
        if mode not in ("auto", "required") or not isinstance(allowed, list):
            raise _bad("tool_choice", 'must have a "mode" of auto or required, and a list of "tools"', "invalid_value")
        kept = [one for one in allowed if not (isinstance(one, Mapping) and one.get("type") in list(dropped_types))]
        places = _places(tools)
        return ToolChoice(mode, tuple(_named(one, places, f"tool_choice.tools[{n}]") for n, one in enumerate(kept)))
    if isinstance(kind, str) and kind in dropped_types:
        return None
    return ToolChoice("required", (_named(choice, _places(tools), "tool_choice"),))


def _places(tools: Sequence[Tool]) -> Mapping[str, list[tuple[str, str]]]:
    """Name -> namespace and name of each tool that has it."""
    found: dict[str, list[tuple[str, str]]] = {}
    for tool in tools:
        found.setdefault(tool.name, []).append((tool.namespace, tool.name))
    return found


def _named(choice: Any, tools: Mapping[str, Sequence[tuple[str, str]]], where: str) -> tuple[str, str]:
    """The tool that a choice names; by its bare name where only one namespace has it."""
    kind, name = (choice.get(member) if isinstance(choice, Mapping) else None for member in ("type", "name"))
    if kind not in ("function", "custom") or not isinstance(name, str):
        raise _bad(where, 'must name a tool of the request: {"type": "function" or "custom", "name": ...}', _HOSTED)
    namespace = choice.get("namespace")
    places = tools.get(name, ())
    if isinstance(namespace, str):
        places = [place for place in places if place[0] == namespace]
    if not places:
        raise _bad(where, f"names {name[:64]!r}, which is none of the request's tools", "invalid_value")
    return places[0]


_HOSTED = "unsupported_tool"


def _tool(tool: Any, where: str) -> Iterator[Tool]:
    if not isinstance(tool, Mapping):
        raise _bad(where, f"must be an object, not {short(tool)}", "invalid_type")
    kind = tool.get("type")
    if isinstance(kind, str) and kind in TOOL.kinds:
        check_part(where, tool, TOOL)
        if kind == "namespace":
            yield from (_one(one, tool["name"]) for one in tool["tools"])
        else:
            yield _one(tool)
    else:
        shown = repr(kind[:_HOSTED_SHOWN]) if isinstance(kind, str) else short(kind)
        raise _bad(
            f"{where}.type",
            f"is {shown}: tools that a provider runs are not offered here. Send functions, custom tools and namespaces "
            "alone, or ask the operator to leave such tools out ([responses] drop_tools)",
            _HOSTED,
        )


def _one(tool: Mapping[str, Any], namespace: str = "") -> Tool:
    return Tool(
        name=tool["name"],
        kind=tool["type"],
        namespace=namespace,
        description=tool.get("description") or "",
        parameters=tool.get("parameters"),
        strict=tool.get("strict"),
        format=tool.get("format"),
    )


def _bad(where: str, problem: str, code: str) -> BadRequest:
    return BadRequest(f"'{where}' {problem}.", code=code, param=where)
