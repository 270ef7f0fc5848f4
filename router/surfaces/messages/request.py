"""A request of the Messages API -> a chat in canonical form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from router.surfaces.canonical.parts import CallPart, Part, ResultPart, TextPart, Turn
from router.surfaces.canonical.prompt import Prompt
from router.surfaces.measuring import json_bytes
from router.surfaces.messages.blocks import Opener, joined, parts_of
from router.surfaces.messages.checking import bad, blocks_in, object_in, role_of, text_in
from router.surfaces.messages.fields import chat_fields
from router.surfaces.messages.ladder import TOOLS
from router.surfaces.messages.tools import choice_of, tool_of
from router.surfaces.messages.walking import Findings, rule_for

__all__ = ["ATTRIBUTION", "prompt_of"]

ATTRIBUTION = "x-anthropic-billing-header:"
"""How a block begins by which Claude Code is told from other clients: it differs with each request, and a prompt that
begins differently each time is in no other provider's cache."""

_BETWEEN = "\n\n"


def prompt_of(body: Mapping[str, Any], found: Findings, opens: Opener) -> Prompt:
    """The chat that a body asks for.

    Args:
        body: whose shape was checked.
        opens: reads signatures.

    Raises:
        BadRequest: naming the field: it is broken, or neither lane takes it.
    """
    turns = [*_system(body.get("system"), found, opens), *_turns(body["messages"], found, opens)]
    tools = []
    for index, given in enumerate(body.get("tools") or ()):
        place = f"tools[{index}]"
        tool = object_in(given, place)
        kind = text_in(tool, "type", place, required=False) or "custom"
        if found.note(place, rule_for(kind, TOOLS), tool, named=kind):
            tools.append(tool_of(tool, place, found))
    if len({tool.name for tool in tools}) < len(tools):
        raise bad("tools", "must each have a name of its own")
    fields = chat_fields(body, found)
    choice, parallel = choice_of(body.get("tool_choice"), tools)
    if parallel is not None and tools:
        fields["parallel_tool_calls"] = parallel
    return Prompt(body["model"], tuple(turns), tuple(tools), choice, fields)


def _system(system: Any, found: Findings, opens: Opener) -> list[Turn]:
    """One message of the role ``system``."""
    if system is None:
        return []
    blocks = blocks_in(system, "system")
    for index, block in enumerate(blocks):
        if block["type"] != "text":
            raise bad(f"system[{index}]", "must be a block of text", "invalid_type")
    own = [block for block in blocks if not str(block.get("text")).startswith(ATTRIBUTION)]
    if len(own) < len(blocks):  # they are passed on to whoever speaks this API
        found.unseen_bytes += sum(map(json_bytes, blocks)) - sum(map(json_bytes, own))
    parts = parts_of(own, "system", "system", found, opens)
    text = _BETWEEN.join(part.text for part in parts if isinstance(part, TextPart))
    return [Turn("system", (TextPart(text),))] if text else []


def _turns(messages: Sequence[Any], found: Findings, opens: Opener) -> list[Turn]:
    said: list[tuple[str, list[Part]]] = []  # neighbours of one role are one message: so the API has it
    waiting: dict[str, str] = {}  # calls without a result, and where they stand
    known: set[str] = set()
    for index, given in enumerate(messages):
        where = f"messages[{index}]"
        message = object_in(given, where)
        role = role_of(message, where)
        blocks = blocks_in(message.get("content"), f"{where}.content")
        if role == "user" and message["content"] in ("", []):
            raise bad(f"{where}.content", "must not be empty")
        parts = parts_of(blocks, f"{where}.content", role, found, opens)
        results = [part for part in parts if isinstance(part, ResultPart)]
        _pair(results, known, waiting, f"{where}.content")
        if waiting and role == "user":
            call, place = next(iter(waiting.items()))
            problem = f"is a call without its result: the user's next message must begin with the tool_result of {call}"
            raise bad(place, problem)
        if results:
            said.append(("tool", [*results]))
        rest = [part for part in parts if not isinstance(part, ResultPart)]
        if rest and said and said[-1][0] == role != "system":
            said[-1][1].extend(rest)
        elif rest:
            said.append((role, [*rest]))
        for number, part in enumerate(rest):
            if isinstance(part, CallPart):
                if part.id in known:
                    raise bad(f"{where}.content", f"holds a second call of the ID {part.id}")
                known.add(part.id)
                waiting[part.id] = f"{where}.content[{number}]"
    if not any(role in ("user", "tool") for role, _ in said):
        raise bad("messages", "must hold a message of the role user")
    return [Turn(role, tuple(parts) if role == "tool" else joined(parts)) for role, parts in said]


def _pair(results: Sequence[ResultPart], known: set[str], waiting: dict[str, str], where: str) -> None:
    """Each result belongs to a call before it, which has no other."""
    for part in results:
        if part.call_id not in known:
            raise bad(where, f"holds a tool_result of {part.call_id}, which no tool_use before it has called")
        if waiting.pop(part.call_id, None) is None:
            raise bad(where, f"holds a second tool_result of {part.call_id}")
