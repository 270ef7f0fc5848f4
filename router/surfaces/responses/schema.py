"""How a call is described in ``/openapi.json``: its request is what the ladder lets in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router.surfaces.known_fields import MODEL_SHAPE
from router.surfaces.responses.fields import LADDER
from router.surfaces.surface import SurfaceSchema

__all__ = ["SCHEMA"]

_Json = Mapping[str, Any]
_TYPES: Mapping[type, str] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    list: "array",
    dict: "object",
}
_ITEM: _Json = {"type": "object", "properties": {"type": {"type": "string"}}}
_OUTPUT: _Json = {"type": "array", "items": {"type": "object", "required": ["type"]}}


def _request() -> _Json:
    known: dict[str, Any] = {
        rung.name: {"type": [*(_TYPES[one] for one in rung.types), "null"]}
        for rung in LADDER
        if rung.types and "." not in rung.name
    }
    known |= {rung.name: {"enum": [None, *rung.harmless]} for rung in LADDER if rung.rung == "refuse"}
    known = {name: shape for name, shape in known.items() if "." not in name}
    known["model"] = MODEL_SHAPE
    known["input"] = {"anyOf": [{"type": "string"}, {"type": "array", "items": _ITEM}]}
    return {"type": "object", "required": ["model"], "properties": known}


_ANSWER: _Json = {
    "type": "object",
    "required": ["id", "object", "created_at", "status", "model", "output", "usage", "error", "incomplete_details"],
    "properties": {
        "id": {"type": "string"},
        "object": {"const": "response"},
        "created_at": {"type": "integer"},
        "status": {"enum": ["completed", "incomplete", "failed", "in_progress"]},
        "model": {"type": "string"},
        "output": _OUTPUT,
        "usage": {"type": ["object", "null"]},
    },
}
_EVENTS: _Json = {
    "type": "string",
    "description": "Events with a `sequence_number`, `response.created` to `response.completed`, `.incomplete` or "
    "`.failed`, by name.",
}

SCHEMA = SurfaceSchema(
    "createResponse",
    "OpenAI's Responses API, for every model: passed on to providers that speak it, translated for all others.",
    _request(),
    {"application/json": _ANSWER, "text/event-stream": _EVENTS},
    {"input": "What is six times seven?", "max_output_tokens": 64},
)
