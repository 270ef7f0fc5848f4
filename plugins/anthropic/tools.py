"""OpenAI's tools, calls and results -> Anthropic's (``ToolParam``, ``ToolUseBlockParam``, ``ToolResultBlockParam``)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from router_plugins.anthropic.content import Block, blocks_of, refused

from router.upstream import arguments_of

__all__ = ["choice_of", "result_block", "tools_of", "use_blocks"]

_NOT_IN_AN_ID = re.compile(r"[^A-Za-z0-9_-]")
_CHOICES: Mapping[Any, str] = {"auto": "auto", "required": "any", "none": "none"}
_OWN_CHOICES = frozenset({"auto", "any", "tool", "none"})
_NO_PARAMETERS: Mapping[str, Any] = {"type": "object", "properties": {}}


def tools_of(tools: Any) -> list[Any]:
    """The tools. Those in Anthropic's own shape, its server tools among them, are passed on as they are.

    Raises:
        BadRequest: naming the tool that is broken.
    """
    if not isinstance(tools, list):
        raise refused("tools", "must be a list", "invalid_type")
    return [_tool(tool, f"tools[{index}]") for index, tool in enumerate(tools)]


def choice_of(choice: Any, parallel: Any, *, has_tools: bool) -> Block | None:
    """``tool_choice``, which also says whether several calls may be made at once; None where neither is asked for.

    Args:
        choice: the client's ``tool_choice``, in OpenAI's or in Anthropic's shape.
        parallel: the client's ``parallel_tool_calls``.

    Raises:
        BadRequest: it is neither.
    """
    made = None if choice is None else _choice(choice)
    if parallel is False and has_tools:
        made = {"type": "auto"} if made is None else made
        if made["type"] != "none":
            made.setdefault("disable_parallel_tool_use", True)
    return made


def use_blocks(calls: Any, where: str) -> list[Block]:
    """The ``tool_use`` blocks of an assistant's ``tool_calls``.

    Raises:
        BadRequest: naming the call that is broken.
    """
    if not isinstance(calls, list):
        raise refused(where, "must be a list", "invalid_type")
    return [_use(call, f"{where}[{index}]") for index, call in enumerate(calls)]


def result_block(message: Mapping[str, Any], where: str) -> Block:
    """The ``tool_result`` block of a message of the role ``tool``.

    Raises:
        BadRequest: it does not say which call it answers, or a part of it has no equivalent.
    """
    call_id = message.get("tool_call_id")
    if not isinstance(call_id, str) or not call_id:
        raise refused(f"{where}.tool_call_id", "must name the call that this answers", "invalid_value")
    block: Block = {"type": "tool_result", "tool_use_id": _id(call_id)}
    content = message.get("content")
    found = content if isinstance(content, str) else blocks_of(content, f"{where}.content")
    if found:
        block["content"] = found
    if isinstance(message.get("is_error"), bool):
        block["is_error"] = message["is_error"]
    return block


def _tool(tool: Any, where: str) -> Any:
    function = tool.get("function") if isinstance(tool, dict) else None
    if not isinstance(function, dict):
        if isinstance(tool, dict) and isinstance(tool.get("custom"), dict):
            problem = "has no equivalent: send a function whose one parameter is a string"
            raise refused(f"{where}.custom", problem, "unsupported_parameter")
        if not isinstance(tool, dict) or (tool.get("type", "function") == "function" and "input_schema" not in tool):
            raise refused(where, 'must be {"type": "function", "function": {"name": ...}}', "invalid_type")
        return tool
    made: Block = {"name": function.get("name"), "input_schema": function.get("parameters") or dict(_NO_PARAMETERS)}
    if function.get("description") is not None:
        made["description"] = function["description"]
    if function.get("strict"):
        made["strict"] = function["strict"]
    if "cache_control" in tool:
        made["cache_control"] = tool["cache_control"]
    return made


def _choice(choice: Any) -> Block:
    if isinstance(choice, str) and choice in _CHOICES:
        return {"type": _CHOICES[choice]}
    if isinstance(choice, dict):
        function = choice.get("function")
        if choice.get("type") == "function" and isinstance(function, dict):
            return {"type": "tool", "name": function.get("name")}
        if choice.get("type") in _OWN_CHOICES:
            return dict(choice)
    raise refused("tool_choice", 'must be "auto", "required", "none" or name one function', "invalid_value")


def _use(call: Any, where: str) -> Block:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict):
        problem = 'must be a call of a function: {"id": ..., "function": {"name": ..., "arguments": ...}}'
        raise refused(where, problem, "invalid_type")
    call_id = call.get("id")
    if not isinstance(call_id, str) or not call_id:
        raise refused(f"{where}.id", "must be a string: results name their call by it", "invalid_value")
    try:
        arguments = arguments_of(function.get("arguments"))
    except ValueError:
        raise refused(f"{where}.function.arguments", "must be a text, or an object", "invalid_value") from None
    return {"type": "tool_use", "id": _id(call_id), "name": function.get("name"), "input": arguments}


def _id(call_id: str) -> str:
    """The ID as Anthropic takes it: those of other providers (``weather:0``) come here with a fallback."""
    return _NOT_IN_AN_ID.sub("_", call_id)
