"""Ollama's messages as turns."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from typing import Any

from router import BadRequest
from router.surfaces import CallPairing, CallPart, ImagePart, Part, ReasoningPart, ResultPart, TextPart, Turn

__all__ = ["turns_of"]

_ROLES = ("system", "user", "assistant", "tool")
_KINDS = ((b"\x89PNG", "png"), (b"\xff\xd8\xff", "jpeg"), (b"GIF8", "gif"), (b"RIFF", "webp"))
_HEAD = 16  # of a picture in base64: enough to tell what it is


def turns_of(messages: Any) -> Iterator[Turn]:
    """The turns of ``messages``.

    Raises:
        BadRequest: naming the message at fault.
    """
    if not messages:
        raise _bad("messages", "must hold at least one message: models are not loaded here beforehand")
    pairing = CallPairing()
    for index, message in enumerate(messages):
        where = f"messages[{index}]"
        if not isinstance(message, Mapping) or message.get("role") not in _ROLES:
            raise _bad(f"{where}.role", f"must be one of {', '.join(_ROLES)}")
        yield _turn(message, where, pairing)


def _turn(message: Mapping[str, Any], where: str, pairing: CallPairing) -> Turn:
    role, text = message["role"], _text(message, "content", where)
    if role == "tool":
        call_id, name = _text(message, "tool_call_id", where), _text(message, "tool_name", where)
        name = name or _text(message, "name", where)
        return Turn(role, (ResultPart(pairing.result(call_id, name, where), (TextPart(text),)),))
    parts: list[Part] = []
    thinking = _text(message, "thinking", where)
    if thinking and role == "assistant":
        parts.append(ReasoningPart(thinking))
    images = _list(message, "images", where)
    calls = _list(message, "tool_calls", where) if role == "assistant" else []
    if text or not (images or calls):
        parts.append(TextPart(text))
    parts += [_image(image, f"{where}.images[{index}]") for index, image in enumerate(images)]
    parts += [_call(call, f"{where}.tool_calls[{index}]", pairing) for index, call in enumerate(calls)]
    return Turn(role, tuple(parts))


def _call(call: Any, where: str, pairing: CallPairing) -> CallPart:
    function = call.get("function") if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping):
        raise _bad(f"{where}.function", "must be an object")
    name, arguments = _text(function, "name", f"{where}.function"), function.get("arguments") or {}
    if not name or not isinstance(arguments, Mapping):
        raise _bad(f"{where}.function", "must have a 'name', and 'arguments' that are an object")
    made = json.dumps(arguments, ensure_ascii=False, separators=(",", ":"))
    return CallPart(pairing.call(_text(call, "id", where), name), name, made)


def _image(image: Any, where: str) -> ImagePart:
    if isinstance(image, str):
        try:
            head = base64.b64decode(image[:_HEAD], validate=True)
        except (binascii.Error, ValueError):
            head = b""
        kind = next((kind for magic, kind in _KINDS if head.startswith(magic)), None)
        if kind is not None:
            return ImagePart(f"data:image/{kind};base64,{image}")
    raise _bad(where, "must be a PNG, JPEG, GIF or WebP picture in base64")


def _text(given: Mapping[str, Any], name: str, where: str) -> str:
    value = given.get(name)
    if value is not None and not isinstance(value, str):
        raise _bad(f"{where}.{name}", "must be a text")
    return value or ""


def _list(given: Mapping[str, Any], name: str, where: str) -> list[Any]:
    value = given.get(name)
    if value is not None and not isinstance(value, list):
        raise _bad(f"{where}.{name}", "must be a list")
    return value or []


def _bad(param: str, problem: str) -> BadRequest:
    return BadRequest(f"'{param}' {problem}.", code="invalid_value", param=param)
