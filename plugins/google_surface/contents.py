"""Google's contents as turns."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from router_plugins.google_surface.fields import camel
from router_plugins.google_surface.parts import BESIDE, KINDS, ROLES, THOUGHT
from router_plugins.google_surface.signatures import wrapper_of

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
    check_part,
    with_keepsakes,
)

__all__ = ["Opener", "instruction", "texts_of", "turns_of"]

Opener = Callable[[str], Mapping[str, Any] | None]
"""Gives what a wrapper holds; None for one that is not for this call."""

_SOUNDS = {"audio/wav": "wav", "audio/x-wav": "wav", "audio/mp3": "mp3", "audio/mpeg": "mp3"}


def instruction(given: Any) -> list[Turn]:
    """The turn of a ``systemInstruction`` that was checked; none where it holds nothing."""
    text = "".join(texts_of(given))
    return [Turn("system", (TextPart(text),))] if text else []


def texts_of(content: Any) -> list[str]:
    """The texts of a content that was checked, and holds nothing else."""
    if not isinstance(content, Mapping):
        return [content or ""]
    parts = content["parts"]
    return [part["text"] for part in (parts if isinstance(parts, list) else [parts])]


def turns_of(contents: list[Any], opens: Opener) -> Iterator[Turn]:
    """The turns of ``contents``. Results of calls stand in turns of their own, before what was said with them.

    Args:
        opens: what signatures stand for.

    Raises:
        BadRequest: naming the part at fault.
    """
    if not contents:
        raise _bad("contents", "must hold at least one content")
    pairing = CallPairing()
    for index, content in enumerate(contents):
        where = f"contents[{index}]"
        role = content.get("role") if isinstance(content, Mapping) else None
        role = "" if role is None else role
        if not isinstance(role, str) or role not in ROLES:
            raise _bad(f"{where}.role", 'must be "user" or "model"')
        given = _parts_of(content, where)
        parts = [_part(part, f"{where}.parts[{number}]", pairing) for number, part in enumerate(given)]
        said = [part for part in parts if part is not None]
        if role == "model":
            wrappers = filter(None, (wrapper_of(part.get("thoughtSignature")) for part in given))
            kept = [found for found in map(opens, wrappers) if found is not None]
            said = list(with_keepsakes(said, kept)) if kept else said
        yield from _turns(ROLES[role], said, where)


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
    kinds = sorted(part.keys() - BESIDE)
    if "thought" in part:
        check_part(f"{where}.thought", part["thought"], THOUGHT)
    if not kinds and "thoughtSignature" in part:
        return None
    if len(kinds) != 1 or kinds[0] not in KINDS:
        raise _bad(where, f"must have one of {', '.join(sorted(KINDS))}; it has {', '.join(kinds) or 'none'}")
    kind = kinds[0]
    place, value = f"{where}.{kind}", _settled(part[kind])
    check_part(place, value, KINDS[kind])
    if kind == "text":
        return ReasoningPart(value) if part.get("thought") is True else TextPart(value)
    if kind == "fileData":
        return ImagePart(value["fileUri"])
    if kind == "inlineData":
        return _medium(value)
    id, name = value.get("id") or "", value["name"]
    if kind == "functionCall":
        return CallPart(pairing.call(id, name), name, _json(value.get("args") or {}))
    return _result(value, pairing.result(id, name, place))


def _settled(value: Any) -> Any:
    """A part's value with its names in camel case, and those of the parts within."""
    if not isinstance(value, Mapping):
        return value
    found = camel(value)
    if isinstance(found.get("parts"), list):
        found["parts"] = [_settled(one) for one in found["parts"]]
    if isinstance(found.get("inlineData"), Mapping):
        found["inlineData"] = camel(found["inlineData"])
    return found


def _medium(value: Mapping[str, Any]) -> Part:
    mime = value["mimeType"]
    data = value["data"].translate({ord("-"): "+", ord("_"): "/"})  # Google's clients write the alphabet of URLs
    if mime in _SOUNDS:
        return AudioPart(data, _SOUNDS[mime])
    url = f"data:{mime};base64,{data}"
    return ImagePart(url) if mime.startswith("image/") else FilePart(url, value.get("displayName") or "file")


def _result(value: Mapping[str, Any], id: str) -> ResultPart:
    response = value.get("response") or {}
    media = [_medium(part["inlineData"]) for part in value.get("parts") or ()]
    return ResultPart(id, (TextPart(_said(response)), *media), is_error=response.keys() == {"error"})


def _said(response: Mapping[str, Any]) -> str:
    """What a tool gave: Google's clients wrap a text as ``output`` or ``result``, and a failure as ``error``."""
    if len(response) == 1:
        name, value = next(iter(response.items()))
        if name in ("output", "result", "error"):
            return value if isinstance(value, str) else _json(value)
    return _json(response)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _bad(param: str, problem: str) -> BadRequest:
    return BadRequest(f"'{param}' {problem}.", code="invalid_value", param=param)
