"""A body of ``POST /v1/responses`` -> a chat body, and what the answer needs to know of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from router.errors import BadRequest
from router.surfaces.canonical.ladder import check_ladder, dropped_by
from router.surfaces.canonical.parts import TextPart, Turn
from router.surfaces.canonical.prompt import Prompt
from router.surfaces.canonical.to_chat import to_chat
from router.surfaces.canonical.tools import ToolNames
from router.surfaces.field_kinds import short
from router.surfaces.known_fields import dropped_fields, passed_on
from router.surfaces.responses.fields import LADDER, TYPES
from router.surfaces.responses.items import turns_of
from router.surfaces.responses.native import passed_natively
from router.surfaces.responses.tools import added_tools, choice_of, spared_types, tools_of

__all__ = ["AskedResponse", "ask", "check_body", "items_of"]

_KNOWN = {rung.name for rung in LADDER}
_SAME_NAME = tuple(rung.name for rung in LADDER if rung.rung == "pass" and rung.name != "model")
_NOT_NATIVE = {rung.name for rung in LADDER if not rung.native}
_LOGPROBS = "message.output_text.logprobs"


@dataclass(frozen=True, slots=True)
class AskedResponse:
    """What a body asks for.

    Attributes:
        chat: the chat body.
        passed: the body for providers that speak this wire, but for what each target decides: model, cap, names.
        names: of its tools, for the way back.
        dropped, dropped_natively: fields, items and tools that are left out.
    """

    chat: dict[str, Any]
    passed: dict[str, Any]
    names: ToolNames
    dropped: list[str]
    dropped_natively: list[str]


def check_body(body: Mapping[str, Any], but_for: Collection[str] = ()) -> None:
    """See that a body's fields are of their types, and ask for nothing that is not done here.

    Args:
        but_for: fields that mean something to whoever asks, though nothing here.

    Raises:
        BadRequest: naming the field, and what to do.
    """
    check_ladder(body, [rung for rung in LADDER if rung.name not in but_for] if but_for else LADDER, TYPES)


def items_of(body: Mapping[str, Any], most: int | None = None) -> list[Any]:
    """The items of ``input``; a text is one of a user's.

    Args:
        most: that there may be; None for any number.

    Raises:
        BadRequest: it is neither a text nor a list, or longer than that.
    """
    given = body.get("input")
    if given is None:
        return []
    if isinstance(given, str):
        return [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": given}]}]
    if not isinstance(given, list):
        raise _bad("input", f"must be a string or a list of items, not {short(given)}", "invalid_type")
    if most is not None and len(given) > most:
        problem = f"may hold {most} items, not {len(given)}: leave old ones out, or go on from 'previous_response_id'"
        raise _bad("input", problem, "too_many_items")
    return given


def ask(
    body: Mapping[str, Any],
    items: Sequence[Any],
    open_proof: Callable[[str], Mapping[str, Any] | None],
    dropped_types: Collection[str] = (),
) -> AskedResponse:
    """What a checked body asks for.

    Args:
        items: of its input, with those that are kept put in.
        open_proof: gives what the proof of a reasoning item holds; None for one that is not for this call.
        dropped_types: types of hosted tools that are left out, besides those of ``spared_types``.

    Raises:
        BadRequest: naming the field, and what to do.
    """
    foreign = dropped_fields(body)
    body = passed_on(body)
    dropped_types = {*dropped_types, *spared_types(body, items)}
    turns, left_out = turns_of(items, open_proof)
    tools, hosted = tools_of(body.get("tools"), dropped_types)
    added, hosted_too = added_tools(items, dropped_types)
    tools += added
    hosted += hosted_too
    fields = dropped_by(body, LADDER)
    dropped = [*foreign, *fields, *left_out, *hosted]
    natively = [*foreign, *(name for name in fields if name in _NOT_NATIVE), *hosted]
    names = ToolNames(tools)
    if not turns:
        raise _bad("input", "must hold at least one item that is a turn", "missing_required_parameter")
    instructions = body.get("instructions")
    if instructions:
        turns.insert(0, Turn("system", (TextPart(instructions),)))
    choice = choice_of(body.get("tool_choice"), names.tools, dropped_types)
    prompt = Prompt(str(body.get("model") or ""), tuple(turns), tuple(tools), choice, _fields(body))
    chat = to_chat(prompt, names)
    if "tools" not in chat:
        chat.pop("parallel_tool_calls", None)
    return AskedResponse(chat, passed_natively(body, items, dropped_types), names, dropped, natively)


def _fields(body: Mapping[str, Any]) -> dict[str, Any]:
    """All but the conversation and its tools, under a chat's names."""
    found = {name: value for name, value in body.items() if name not in _KNOWN}
    found |= {name: body[name] for name in _SAME_NAME if body.get(name) is not None}
    made = {
        "max_completion_tokens": body.get("max_output_tokens"),
        "reasoning_effort": (body.get("reasoning") or {}).get("effort"),
        "verbosity": (body.get("text") or {}).get("verbosity"),
        "response_format": _format((body.get("text") or {}).get("format")),
        **_logprobs(body),
    }
    found |= {name: value for name, value in made.items() if value is not None}
    if found.get("stream"):
        found["stream_options"] = {"include_usage": True}
    return found


def _logprobs(body: Mapping[str, Any]) -> dict[str, Any]:
    wanted = body.get("top_logprobs")
    if _LOGPROBS in (body.get("include") or ()):
        return {"logprobs": True, "top_logprobs": wanted}
    return {"logprobs": True, "top_logprobs": wanted} if wanted else {}


def _format(given: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """``response_format``, whose schema is nested."""
    if given is None or given["type"] == "text":
        return None
    kind = given["type"]
    if kind == "json_object":
        return {"type": kind}
    named = {name: given[name] for name in ("description", "schema", "strict") if given.get(name) is not None}
    return {"type": kind, "json_schema": {"name": given.get("name") or "answer", **named}}


def _bad(where: str, problem: str, code: str) -> BadRequest:
    return BadRequest(f"'{where}' {problem}.", code=code, param=where)
