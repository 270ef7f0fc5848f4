"""Google's contents as turns."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from router_plugins.google_surface.fields import camel

from router import BadRequest
from router.surfaces import (
    AudioPart,
    CallPairing,
    CallPart,
    FilePart,
    ImagePart,
    Part,
    ReasoningPart,
    ResultPart,
    TextPart,
    Turn,
)

__all__ = ["instruction", "texts_of", "turns_of"]

_ROLES = {"user": "user", "model": "assistant", "function": "user", "tool": "user", "": "user"}
_SOUNDS = {"audio/wav": "wav", "audio/x-wav": "wav", "audio/mp3": "mp3", "audio/mpeg": "mp3"}
_BESIDE = frozenset({"thought", "thoughtSignature", "videoMetadata", "mediaResolution", "partMetadata"})
_KINDS = frozenset({"text", "inlineData", "fileData", "functionCall", "functionResponse"})


def instruction(given: Any) -> list[Turn]:
    """The turn of a ``systemInstruction``; none where it holds nothing."""
    text = given if isinstance(given, str) else "".join(texts_of(given, "systemInstruction"))
    return [Turn("system", (TextPart(text),))] if text else []


def texts_of(content: Any, where: str) -> Iterator[str]:
    """The texts of a content that may hold nothing else."""
    for index, part in enumerate(_parts_of(content, where)):
        place = f"{where}.parts[{index}]"
        if not isinstance(part.get("text"), str):
            raise _bad(place, "must be a text: nothing else can stand here")
        yield part["text"]


def turns_of(contents: list[Any]) -> Iterator[Turn]:
    """The turns of ``contents``. Results of calls stand in turns of their own, before what was said with them.

    Raises:
        BadRequest: naming the part at fault.
    """
    if not contents:
        raise _bad("contents", "must hold at least one content")
    pairing = CallPairing()
    for index, content in enumerate(contents):
        where = f"contents[{index}]"
        role = content.get("role") or "" if isinstance(content, Mapping) else ""
        if not isinstance(role, str) or role not in _ROLES:
            raise _bad(f"{where}.role", 'must be "user" or "model"')
        given = _parts_of(content, where)
        parts = [_part(part, f"{where}.parts[{number}]", pairing) for number, part in enumerate(given)]
        yield from _turns(_ROLES[role], [part for part in parts if part is not None], where)


def _turns(role: str, parts: list[Part], where: str) -> Iterator[Turn]:
    results = tuple(part for part in parts if isinstance(part, ResultPart))
    others = tuple(part for part in parts if not isinstance(part, ResultPart))
    if results:
        yield Turn("tool", results)
    if role == "user" and any(isinstance(part, CallPart | ReasoningPart) for part in others):
        raise _bad(f"{where}.role", 'must be "model" where there are calls or thoughts')
    if others:
        yield Turn(role, others)


def _parts_of(content: Any, where: str) -> list[dict[str, Any]]:
    parts = (
        [{"text": content}]
        if isinstance(content, str)
        else content.get("parts")
        if isinstance(content, Mapping)
        else None
    )
    if isinstance(parts, Mapping):
        parts = [parts]
    if not isinstance(parts, list):
        raise _bad(f"{where}.parts", "must be a list of parts")
    found = []
    for index, part in enumerate(parts):
        if not isinstance(part, Mapping):
            raise _bad(f"{where}.parts[{index}]", "must be an object")
        found.append({name: value for name, value in camel(part).items() if value is not None})
    return found


def _part(part: Mapping[str, Any], where: str, pairing: CallPairing) -> Part | None:
    kinds = sorted(part.keys() - _BESIDE)
    if not kinds and "thoughtSignature" in part:
        return None
    if len(kinds) != 1 or kinds[0] not in _KINDS:
        raise _bad(where, f"must have one of {', '.join(sorted(_KINDS))}; it has {', '.join(kinds) or 'none'}")
    kind, value = kinds[0], part[kinds[0]]
    if kind == "text":
        if not isinstance(value, str):
            raise _bad(f"{where}.text", "must be a text")
        return ReasoningPart(value) if part.get("thought") is True else TextPart(value)
    if not isinstance(value, Mapping):
        raise _bad(f"{where}.{kind}", "must be an object")
    value = camel(value)
    if kind == "functionCall":
        return _call(value, f"{where}.{kind}", pairing)
    if kind == "functionResponse":
        return _result(value, f"{where}.{kind}", pairing)
    return _medium(kind, value, f"{where}.{kind}")


def _medium(kind: str, value: Mapping[str, Any], where: str) -> Part:
    mime = value.get("mimeType") or ""
    if not isinstance(mime, str) or (kind == "inlineData" and "/" not in mime):
        raise _bad(f"{where}.mimeType", 'must be a type such as "image/png"')
    if kind == "fileData":
        uri = value.get("fileUri")
        if isinstance(uri, str) and uri.startswith(("http://", "https://")) and mime.startswith("image/"):
            return ImagePart(uri)
        raise _bad(where, "cannot be fetched here: send the data inline, as 'inlineData'")
    data = value.get("data")
    if not isinstance(data, str) or not data:
        raise _bad(f"{where}.data", "must be base64 text")
    data = data.translate({ord("-"): "+", ord("_"): "/"})  # Google's clients write the alphabet of URLs
    if mime in _SOUNDS:
        return AudioPart(data, _SOUNDS[mime])
    url = f"data:{mime};base64,{data}"
    return ImagePart(url) if mime.startswith("image/") else FilePart(url, value.get("displayName") or "file")


def _call(value: Mapping[str, Any], where: str, pairing: CallPairing) -> CallPart:
    name, arguments = _name(value, where), value.get("args") or {}
    if not isinstance(arguments, Mapping):
        raise _bad(f"{where}.args", "must be an object")
    return CallPart(pairing.call(_id(value, where), name), name, _json(arguments))


def _result(value: Mapping[str, Any], where: str, pairing: CallPairing) -> ResultPart:
    name, response = _name(value, where), value.get("response") or {}
    if not isinstance(response, Mapping):
        raise _bad(f"{where}.response", "must be an object")
    found = pairing.result(_id(value, where), name, where)
    parts: list[Part] = [TextPart(_said(response))]
    for index, part in enumerate(value.get("parts") or ()):
        place = f"{where}.parts[{index}]"
        given = camel(part) if isinstance(part, Mapping) else {}
        data = given.get("inlineData")
        if not isinstance(data, Mapping):
            raise _bad(place, "must be an object with 'inlineData'")
        parts.append(_medium("inlineData", camel(data), f"{place}.inlineData"))
    return ResultPart(found, tuple(parts), is_error=response.keys() == {"error"})


def _said(response: Mapping[str, Any]) -> str:
    """What a tool gave: Google's clients wrap a text as ``output`` or ``result``, and a failure as ``error``."""
    if len(response) == 1:
        name, value = next(iter(response.items()))
        if name in ("output", "result", "error"):
            return value if isinstance(value, str) else _json(value)
    return _json(response)


def _name(value: Mapping[str, Any], where: str) -> str:
    name = value.get("name")
    if not isinstance(name, str) or not name:
        raise _bad(f"{where}.name", "must be the name of a function")
    return name


def _id(value: Mapping[str, Any], where: str) -> str:
    given = value.get("id") or ""
    if not isinstance(given, str):
        raise _bad(f"{where}.id", "must be a text")
    return given


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _bad(param: str, problem: str) -> BadRequest:
    return BadRequest(f"'{param}' {problem}.", code="invalid_value", param=param)
