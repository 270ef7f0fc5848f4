"""OpenAI's messages -> Ollama's (``Message``: role, content, images, thinking, tool_calls, tool_name)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from router import BadRequest
from router.upstream import arguments_of

__all__ = ["native_messages"]

_HEAD_MAX = 256  # characters of a data URL before its data
_DATA_URL = re.compile(r"data:[^,]*;base64,", re.IGNORECASE)
_ROLES: Mapping[str, str] = {"developer": "system"}
_TRANSLATED = frozenset({"role", "content", "tool_calls", "reasoning_content", "reasoning"})


def native_messages(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The messages as Ollama takes them. Fields that need no translation are passed on.

    Raises:
        BadRequest: naming the message and its field: a part that is neither text nor an image, an image that is not
            sent along, tool arguments that are no JSON object.
    """
    names: dict[Any, Any] = {}  # of the functions called so far, by the call's ID: a tool's result names its function
    return [_native(message, f"messages[{index}]", names) for index, message in enumerate(messages)]


def _native(message: Mapping[str, Any], where: str, names: dict[Any, Any]) -> dict[str, Any]:
    native = {name: value for name, value in message.items() if name not in _TRANSLATED and value is not None}
    text, images = _content(message.get("content"), f"{where}.content")
    native |= {"role": _ROLES.get(message["role"], message["role"]), "content": text}
    if images:
        native["images"] = images
    thinking = message.get("reasoning_content") or message.get("reasoning")
    if isinstance(thinking, str):
        native.setdefault("thinking", thinking)
    if message.get("tool_calls"):
        native["tool_calls"] = _calls(message["tool_calls"], f"{where}.tool_calls", names)
    if message["role"] == "tool":
        name = message.get("name") or _name_of(message.get("tool_call_id"), names)
        if name:
            native.setdefault("tool_name", name)
    return native


def _name_of(call_id: Any, names: Mapping[Any, Any]) -> Any:
    return names.get(call_id) if isinstance(call_id, str) else None


def _content(content: Any, where: str) -> tuple[str, list[str]]:
    """The text, and the images in base64."""
    if not isinstance(content, list):
        return content or "", []
    texts: list[str] = []
    images: list[str] = []
    for index, part in enumerate(content):
        if part["type"] == "image_url":
            images.append(_image(part.get("image_url"), f"{where}[{index}].image_url"))
            continue
        text = part.get(part["type"]) if part["type"] in ("text", "refusal") else None
        if not isinstance(text, str):
            _refuse(f"{where}[{index}]", "must be text or an image: Ollama takes nothing else", "unsupported_content")
        texts.append(text)
    return "\n".join(texts), images


def _image(image: Any, where: str) -> str:
    url = image.get("url") if isinstance(image, dict) else image
    text = url if isinstance(url, str) else ""
    match = _DATA_URL.match(text, 0, _HEAD_MAX)
    if match is None:
        problem = 'must be a data URL ("data:image/png;base64,..."): images are not fetched from the network here'
        _refuse(where, problem, "invalid_value")
    return text[match.end() :]


def _calls(calls: Any, where: str, names: dict[Any, Any]) -> list[dict[str, Any]]:
    if not isinstance(calls, list):
        _refuse(where, "must be a list", "invalid_type")
    return [_call(call, f"{where}[{index}]", names) for index, call in enumerate(calls)]


def _call(call: Any, where: str, names: dict[Any, Any]) -> dict[str, Any]:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict):
        _refuse(
            where,
            'must be a call of a function: {"id": ..., "function": {"name": ..., "arguments": ...}}',
            "invalid_type",
        )
    if isinstance(call.get("id"), str):
        names[call["id"]] = function.get("name")
    arguments = _arguments(function.get("arguments"), f"{where}.function.arguments")
    return {**call, "function": {**function, "arguments": arguments}}


def _arguments(arguments: Any, where: str) -> dict[str, Any]:
    """Ollama takes an object where OpenAI has its JSON text."""
    try:
        return arguments_of(arguments)
    except ValueError:
        _refuse(where, "must be a text, or an object", "invalid_value")


def _refuse(where: str, problem: str, code: str) -> NoReturn:
    raise BadRequest(f"'{where}' {problem}.", code=code, param=where)
