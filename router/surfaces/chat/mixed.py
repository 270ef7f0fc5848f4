"""Bodies of other shapes on the path of chat: clients send them there, and want a chat's answer (Cursor does)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from router.errors import BadRequest
from router.surfaces.responses.request import ask, check_body, items_of
from router.surfaces.responses.tools import SPARED_TYPES

__all__ = ["chat_shaped"]

_CHATS = (
    "function_call",
    "functions",
    "max_completion_tokens",
    "max_tokens",
    "n",
    "reasoning_effort",
    "response_format",
    "verbosity",
)
"""Fields of a chat that Responses have under other names, or not at all."""
_LOGPROBS = "message.output_text.logprobs"


def chat_shaped(body: Mapping[str, Any]) -> tuple[Mapping[str, Any], Sequence[str]]:
    """A body with ``messages``, and with functions nested as a chat has them; and what was left out.

    A body that has ``input`` in place of ``messages`` is one of Responses; tools may be flat, nested, or some of each.

    Raises:
        BadRequest: naming the field of what came.
    """
    if "messages" not in body and "input" in body:
        check_body(body, _CHATS)
        if body.get("previous_response_id") is not None:
            message = (
                "'previous_response_id' cannot be honoured here: post to /v1/responses, where answers are kept, or "
                "send the whole conversation in 'input'."
            )
            raise BadRequest(message, code="unsupported_parameter", param="previous_response_id")
        nested = [tool for tool in _list(body.get("tools")) if _is_nested(tool)]
        flat = [tool for tool in _list(body.get("tools")) if not _is_nested(tool)]
        given = {**body, "tools": flat} if nested else body
        asked = ask(given, items_of(body), _no_proof, SPARED_TYPES)
        chat = {**asked.chat, **{name: body[name] for name in _CHATS if body.get(name) is not None}}
        if nested:
            chat["tools"] = [*nested, *chat.get("tools", ())]
        chat.pop("stream_options", None)
        if isinstance(body.get("stream_options"), Mapping):
            chat["stream_options"] = body["stream_options"]
        return chat, [*(name for name in asked.dropped if name != "stream_options"), *_without_a_place(body)]
    tools = _list(body.get("tools"))
    if any(_is_flat(tool) for tool in tools):
        return {**body, "tools": [_nested(tool) if _is_flat(tool) else tool for tool in tools]}, ()
    return body, ()


def _without_a_place(body: Mapping[str, Any]) -> list[str]:
    """Names of fields that Responses honour, and an answer of chat cannot."""
    asked = {
        "store": body.get("store"),
        "metadata": body.get("metadata"),
        "include": [one for one in body.get("include") or () if one != _LOGPROBS],
    }
    return [name for name, value in asked.items() if value]


def _no_proof(text: str) -> None:
    """Proofs belong to the surface that gave them."""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _is_nested(tool: Any) -> bool:
    return isinstance(tool, Mapping) and isinstance(tool.get("function"), Mapping)


def _is_flat(tool: Any) -> bool:
    return (
        isinstance(tool, Mapping)
        and tool.get("type") == "function"
        and "function" not in tool
        and isinstance(tool.get("name"), str)
    )


def _nested(tool: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "function", "function": {name: value for name, value in tool.items() if name != "type"}}
