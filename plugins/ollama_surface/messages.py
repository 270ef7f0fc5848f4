"""Ollama's messages as turns."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from router import BadRequest
from router.surfaces import (
    CallPairing,
    CallPart,
    ImagePart,
    ListOf,
    Members,
    Part,
    ReasoningPart,
    ResultPart,
    Tagged,
    TextField,
    TextPart,
    Turn,
    check_part,
    with_keepsakes,
)

__all__ = ["MESSAGE", "SIGNATURE", "Opener", "turns_of"]

Opener = Callable[[str], Mapping[str, Any] | None]
"""Gives what a wrapper holds; None for one that is not for this call."""
SIGNATURE = "thought_signature"
"""A member of messages and calls, of ours: what a provider wants back with its reasoning."""

_PICTURES = {"iVBOR[w-z0-9+/]": "png", "/9j/": "jpeg", "R0lGO[A-P]": "gif", "UklGR[g-v]": "webp"}
"""How pictures begin in base64 -> what they are."""
_IMAGE = TextField(
    "a PNG, JPEG, GIF or WebP picture in base64", pattern=f"(?:{'|'.join(_PICTURES)})[A-Za-z0-9+/]*={{0,2}}"
)
_CALLED = Members(
    {"name": TextField("the name of a function", least=1, required=True), "arguments": Members()}, required=True
)
_SAID = {"content": TextField(), "images": ListOf(_IMAGE)}
_CALLS = ListOf(Members({"id": TextField(), "function": _CALLED, SIGNATURE: TextField()}))

MESSAGE = Tagged(
    "role",
    {
        "system": Members(_SAID),
        "user": Members(_SAID),
        "assistant": Members({**_SAID, "thinking": TextField(), "tool_calls": _CALLS, SIGNATURE: TextField()}),
        "tool": Members(
            {"content": TextField(), "tool_call_id": TextField(), "tool_name": TextField(), "name": TextField()},
            depends="the call before it",
        ),
    },
)
"""What checks a message, and describes it."""


def turns_of(messages: Any, opens: Opener) -> Iterator[Turn]:
    """The turns of ``messages``.

    Args:
        opens: what signatures hold.

    Raises:
        BadRequest: naming the message at fault.
    """
    if not messages:
        raise _bad("messages", "must hold at least one message: models are not loaded here beforehand")
    pairing = CallPairing()
    for index, message in enumerate(messages):
        where = f"messages[{index}]"
        check_part(where, message, MESSAGE)
        turn = _turn(message, where, pairing)
        yield replace(turn, parts=_signed(turn.parts, message, opens)) if turn.role == "assistant" else turn


def _signed(parts: tuple[Part, ...], message: Mapping[str, Any], opens: Opener) -> tuple[Part, ...]:
    """The parts of a model's turn with what its signatures hold."""
    given = (one.get(SIGNATURE) for one in (message, *(message.get("tool_calls") or ())))
    kept = [found for text in given if text and (found := opens(text)) is not None]
    return with_keepsakes(parts, kept) if kept else parts


def _turn(message: Mapping[str, Any], where: str, pairing: CallPairing) -> Turn:
    role, text = message["role"], message.get("content") or ""
    if role == "tool":
        name = message.get("tool_name") or message.get("name") or ""
        call_id = pairing.result(message.get("tool_call_id") or "", name, where)
        return Turn(role, (ResultPart(call_id, (TextPart(text),)),))
    parts: list[Part] = []
    if role == "assistant" and message.get("thinking"):
        parts.append(ReasoningPart(message["thinking"]))
    images = message.get("images") or ()
    calls = (message.get("tool_calls") or ()) if role == "assistant" else ()
    if text or not (images or calls):
        parts.append(TextPart(text))
    parts += [_image(image) for image in images]
    parts += [_call(call, pairing) for call in calls]
    return Turn(role, tuple(parts))


def _call(call: Mapping[str, Any], pairing: CallPairing) -> CallPart:
    name, arguments = call["function"]["name"], call["function"].get("arguments") or {}
    made = json.dumps(arguments, ensure_ascii=False, separators=(",", ":"))
    return CallPart(pairing.call(call.get("id") or "", name), name, made)


def _image(image: str) -> ImagePart:
    kind = next(kind for head, kind in _PICTURES.items() if re.match(head, image))
    return ImagePart(f"data:image/{kind};base64,{image}")


def _bad(param: str, problem: str) -> BadRequest:
    return BadRequest(f"'{param}' {problem}.", code="invalid_value", param=param)
