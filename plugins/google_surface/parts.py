"""What contents, their parts and tools may hold: what checks them, and describes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from router.surfaces import DEPENDS, Either, JsonField, ListOf, Members, OneOf, TextField, Typed

__all__ = ["BESIDE", "KINDS", "ROLES", "SPOKEN", "TEXTS", "THOUGHT", "TOOL", "contents_shape"]

ROLES: Mapping[str, str] = {"user": "user", "model": "assistant", "function": "user", "tool": "user", "": "user"}
"""Role of a content -> a chat's."""

BESIDE = frozenset({"thought", "thoughtSignature", "videoMetadata", "mediaResolution", "partMetadata"})
"""Members that a part may have besides the one that says what it is."""
THOUGHT = Typed("true or false", bool)

_INLINE: Mapping[str, JsonField] = {
    "mimeType": TextField('a type such as "image/png"', pattern=r"[^/]*/[\s\S]*", required=True),
    "data": TextField("base64 text", least=1, required=True),
    "displayName": TextField(),
}
_LINK = "the link of an image: nothing else can be fetched here, so send the data inline, as 'inlineData'"
_NAME = TextField("the name of a function", least=1, required=True)
_INLINE_PART = Members({"inlineData": Members(_INLINE, required=True)})

KINDS: Mapping[str, JsonField] = {
    "text": TextField(),
    "inlineData": Members(_INLINE),
    "fileData": Members(
        {
            "fileUri": TextField(_LINK, pattern=r"https?://[\s\S]*", required=True),
            "mimeType": TextField('a type such as "image/png"', pattern=r"image/[\s\S]*", required=True),
        }
    ),
    "functionCall": Members({"name": _NAME, "args": Members(), "id": TextField()}),
    "functionResponse": Members(
        {"name": _NAME, "response": Members(), "id": TextField(), "parts": ListOf(_INLINE_PART)},
        depends="the call before it",
    ),
}
"""What a part can be -> its value; names of members in camel case."""


def _texts(text: TextField) -> Either:
    part = Members({"text": text})
    parts = Either("a list of parts that are texts", ListOf(part, 1 if text.least else 0), part, required=True)
    return Either("a text, or an object with parts", TextField(least=text.least), Members({"parts": parts}))


TEXTS = _texts(TextField(required=True))
"""A content of texts alone."""
SPOKEN = _texts(TextField(least=1, required=True))
"""The same, none of them empty."""

_DECLARED = Members(
    {"name": _NAME, "description": TextField(), "parameters": Members(), "parametersJsonSchema": Members()}
)
TOOL = Members(
    {"functionDeclarations": ListOf(_DECLARED)},
    others="is a tool that Google runs, and is not there: offer functions of your own",
)


def contents_shape() -> dict[str, Any]:
    """JSON Schema of ``contents``: calls and thoughts are a model's."""
    by_model = _content({**OneOf("model").shape(), "type": "string"}, KINDS, THOUGHT.json_schema())
    by_model["required"] = ["role", "parts"]
    users = [role for role in ROLES if role != "model"]
    by_user = _content({"enum": [*users, None]}, KINDS.keys() - {"functionCall"}, {"enum": [False, None]})
    return {"type": "array", "minItems": 1, "items": {"anyOf": [by_user, by_model, {"type": "string"}]}}


def _content(role: Mapping[str, Any], kinds: Iterable[str], thought: Mapping[str, Any]) -> dict[str, Any]:
    part = {"anyOf": [_part(kind, thought) for kind in KINDS if kind in kinds] + [_SIGNATURE]}
    parts = {"anyOf": [{"type": "array", "minItems": 1, "items": part}, _NO_PARTS, part]}
    return {"type": "object", "required": ["parts"], "properties": {"role": role, "parts": parts}}


def _part(kind: str, thought: Mapping[str, Any]) -> dict[str, Any]:
    value = KINDS[kind].shape()
    depends = {DEPENDS: value.pop(DEPENDS)} if DEPENDS in value else {}
    shapes: dict[str, Any] = {**dict.fromkeys(sorted(BESIDE), True), "thought": thought, kind: value}
    closed: dict[str, Any] = {"additionalProperties": {"type": "null"}}
    return {"type": "object", "required": [kind], "properties": shapes, **closed, **depends}


_ANOTHER = "another part, or another content's: it is nothing by itself"
_SIGNATURE: Mapping[str, Any] = {
    "type": "object",
    "required": ["thoughtSignature"],
    "properties": dict.fromkeys(sorted(BESIDE), True),
    "additionalProperties": {"type": "null"},
    DEPENDS: _ANOTHER,
}
_NO_PARTS: Mapping[str, Any] = {"type": "array", "maxItems": 0, DEPENDS: _ANOTHER}
