"""JSON Schema of the answers that have OpenAI's shape in every dialect: what its SDKs rely on.

What a provider sends besides passes through, so no object is closed, and no word of a provider's is enumerated.
"""

from __future__ import annotations

from typing import Any

from router.surfaces.known_fields import MODEL_SHAPE

__all__ = ["MODEL_IN_PATH", "REPLIES"]

_TEXT = {"type": "string"}
_TEXT_OR_NULL = {"type": ["string", "null"]}
_COUNT = {"type": "integer", "minimum": 0}


def _object(required: dict[str, Any], **optional: Any) -> dict[str, Any]:
    needed = {"required": list(required)} if required else {}
    return {"type": "object", "properties": {**required, **optional}, **needed}


def _list_of(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _reference(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


_FUNCTION = _object({}, name=_TEXT, arguments=_TEXT)
_TOOL_CALL = _object({}, id=_TEXT, type=_TEXT, function=_FUNCTION)
_TOOL_CALLS = {"type": ["array", "null"], "items": _TOOL_CALL}
_HEAD = {"id": _TEXT, "created": {"type": "integer", "description": "Unix seconds."}, "model": _TEXT}
_CHOICE = _object(
    {
        "index": _COUNT,
        "message": _object({"role": _TEXT}, content=_TEXT_OR_NULL, tool_calls=_TOOL_CALLS),
        "finish_reason": _TEXT_OR_NULL,
    }
)
_CHUNK_CHOICE = _object(
    {"index": _COUNT, "delta": _object({}, role=_TEXT_OR_NULL, content=_TEXT_OR_NULL, tool_calls=_TOOL_CALLS)},
    finish_reason=_TEXT_OR_NULL,
)
_VECTOR = {
    "description": "Numbers, or with `encoding_format` `base64` one text of little-endian 32-bit floats.",
    "anyOf": [_list_of({"type": "number"}), _TEXT],
}

REPLIES: dict[str, dict[str, Any]] = {
    "ChatCompletion": _object(
        {**_HEAD, "object": {"const": "chat.completion"}, "choices": _list_of(_CHOICE)}, usage=_reference("Usage")
    ),
    "ChatCompletionChunk": _object(
        {**_HEAD, "object": {"const": "chat.completion.chunk"}, "choices": _list_of(_CHUNK_CHOICE)},
        usage={"anyOf": [_reference("Usage"), {"type": "null"}]},
    ),
    "Embeddings": _object(
        {
            "object": {"const": "list"},
            "data": _list_of(_object({"object": {"const": "embedding"}, "index": _COUNT, "embedding": _VECTOR})),
            "model": _TEXT,
            "usage": _object({"prompt_tokens": _COUNT, "total_tokens": _COUNT}),
        }
    ),
    "Usage": _object({"prompt_tokens": _COUNT, "completion_tokens": _COUNT, "total_tokens": _COUNT}),
    "Directions": _object({"message": _TEXT, "base_url": _TEXT, "description": _TEXT, "paths": _list_of(_TEXT)}),
    "Health": _object({"status": {"const": "ok"}, "version": _TEXT}),
    "Readiness": _object(
        {
            "status": {"enum": ["ready", "unavailable"]},
            "problems": _list_of(_TEXT),
            "warnings": _list_of(_object({"code": _TEXT, "message": _TEXT})),
        }
    ),
}
"""Name -> schema, as in the ``components`` of an OpenAPI description."""

MODEL_IN_PATH: dict[str, Any] = {
    "name": "model",
    "in": "path",
    "required": True,
    "description": "The model's ID, slashes and all.",
    "schema": MODEL_SHAPE,
}
"""The parameter of a path that names the model."""
