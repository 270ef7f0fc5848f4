"""How calls and counts are described in ``/openapi.json``: of requests the plain forms, which are always taken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router.surfaces.known_fields import MODEL_SHAPE
from router.surfaces.responses.fields import LADDER
from router.surfaces.surface import SurfaceSchema

__all__ = ["COUNT_SCHEMA", "SCHEMA"]

_Json = Mapping[str, Any]


def _object(required: Mapping[str, Any], **optional: Any) -> _Json:
    return {"type": "object", "required": list(required), "properties": {**required, **optional}}


def _optional(shape: _Json) -> _Json:
    return {"anyOf": [shape, {"type": "null"}]}


_TEXT: _Json = {"type": "string"}
_PART = _object({"type": {"enum": ["input_text", "output_text"]}, "text": _TEXT})
_MESSAGE = _object(
    {
        "role": {"enum": ["user", "system", "developer"]},
        "content": {"anyOf": [_TEXT, {"type": "array", "minItems": 1, "items": _PART}]},
    },
    type={"const": "message"},
)
_FUNCTION = _object(
    {"type": {"const": "function"}, "name": {"type": "string", "minLength": 1}},
    description=_optional(_TEXT),
    parameters=_optional({"type": "object"}),
    strict={"type": ["boolean", "null"]},
)
_INPUT: _Json = {
    "anyOf": [_TEXT, {"type": "array", "minItems": 1, "items": _MESSAGE}],
    "description": "Besides: calls and their outputs, reasoning, images, files and references, as OpenAI has them.",
}
_SHARE: _Json = {"type": ["number", "null"], "minimum": 0, "maximum": 1}
_PENALTY: _Json = {"type": ["number", "null"], "minimum": -2, "maximum": 2}
_KNOWN: _Json = {
    "model": MODEL_SHAPE,
    "input": _INPUT,
    "instructions": _optional(_TEXT),
    "stream": {"type": ["boolean", "null"]},
    "store": {"type": ["boolean", "null"]},
    "temperature": {**_SHARE, "maximum": 2},
    "top_p": _SHARE,
    "presence_penalty": _PENALTY,
    "frequency_penalty": _PENALTY,
    "max_output_tokens": {"type": ["integer", "null"], "minimum": 1, "maximum": 2**31 - 1},
    "top_logprobs": {"type": ["integer", "null"], "minimum": 0, "maximum": 20},
    "parallel_tool_calls": {"type": ["boolean", "null"]},
    "tools": _optional({"type": "array", "items": _FUNCTION}),
    "tool_choice": {"enum": ["auto", "none", None]},
    "reasoning": _optional(_object({}, effort=_optional(_TEXT))),
    "text": _optional(_object({}, format=_optional(_object({"type": {"enum": ["text", "json_object"]}})))),
    "include": _optional({"type": "array", "items": _TEXT}),
    "metadata": _optional({"type": "object"}),
    "user": _optional(_TEXT),
    "safety_identifier": _optional(_TEXT),
    "prompt_cache_key": _optional(_TEXT),
    "previous_response_id": {"type": "null", "description": "Or the ID of an answer that is kept."},
    "service_tier": {"enum": ["auto", "default", "flex", None]},
}
_REFUSED: _Json = {
    rung.name: {"enum": [None, *rung.harmless]} for rung in LADDER if rung.rung == "refuse" and "." not in rung.name
}
_REQUEST: _Json = {"type": "object", "required": ["model", "input"], "properties": {**_REFUSED, **_KNOWN}}
_RESPONSE = _object(
    {
        "id": _TEXT,
        "object": {"const": "response"},
        "created_at": {"type": "integer"},
        "status": {"enum": ["completed", "incomplete"]},
        "model": _TEXT,
        "output": {"type": "array", "items": _object({"type": _TEXT})},
        "usage": {"type": ["object", "null"]},
        "error": {"type": "null"},
        "incomplete_details": {"type": ["object", "null"]},
    }
)
_EVENTS: _Json = {
    "type": "string",
    "description": "Events with a `sequence_number`, by name, `response.created` to `response.completed`, "
    "`.incomplete` or `.failed`.",
}
_COUNTABLE = {name: shape for name, shape in _REQUEST["properties"].items() if name != "service_tier"}
_COUNTED = _object({"object": {"const": "response.input_tokens"}, "input_tokens": {"type": "integer", "minimum": 1}})
_ASK: _Json = {"input": "What is six times seven?", "max_output_tokens": 64}


SCHEMA = SurfaceSchema(
    "createResponse",
    "OpenAI's Responses API, for every model: passed on to providers that speak it, translated for all others.",
    _REQUEST,
    {"application/json": _RESPONSE, "text/event-stream": _EVENTS},
    _ASK,
)
COUNT_SCHEMA = SurfaceSchema(
    "countInputTokens",
    "How many tokens a prompt has, about. It is free.",
    {**_REQUEST, "required": ["input"], "properties": _COUNTABLE},
    {"application/json": _COUNTED},
    _ASK,
)
