"""How calls and counts are described in ``/openapi.json``, of requests by what checks them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router.surfaces.canonical.ladder import ladder_schema
from router.surfaces.field_kinds import DEPENDS
from router.surfaces.known_fields import MODEL_SHAPE
from router.surfaces.responses.fields import LADDER
from router.surfaces.responses.item_fields import ITEM, TOOL
from router.surfaces.surface import SurfaceSchema

__all__ = ["COUNT_SCHEMA", "DELETE_SCHEMA", "ITEMS_SCHEMA", "LIMIT_MAX", "SCHEMA", "SHOW_SCHEMA", "with_most"]

LIMIT_MAX = 100
"""Items of one page."""

_Json = Mapping[str, Any]


def _object(required: Mapping[str, Any], **optional: Any) -> _Json:
    return {"type": "object", "required": list(required), "properties": {**required, **optional}}


_TEXT: _Json = {"type": "string"}
_BEFORE = "an answer that is kept"
_INPUT: _Json = {"anyOf": [_TEXT, {"type": "array", "minItems": 1, "items": ITEM.shape()}]}
_TOOLS: _Json = {"anyOf": [{"type": "array", "items": TOOL.shape()}, {"type": "null"}]}
_CHOICE: _Json = {
    "anyOf": [{"enum": ["auto", "none", "required", None]}, {"type": "object", DEPENDS: "the request's tools"}]
}
_REQUEST = ladder_schema(
    LADDER,
    model=MODEL_SHAPE,
    input=_INPUT,
    tools=_TOOLS,
    tool_choice=_CHOICE,
    previous_response_id={"anyOf": [{**_TEXT, DEPENDS: _BEFORE}, {"type": "null"}]},
)
_CHAINED: _Json = {
    "required": ["previous_response_id"],
    "properties": {"previous_response_id": _TEXT},
    DEPENDS: _BEFORE,
}
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
    "type": "object",
    "description": "Events with a `sequence_number`, by name, `response.created` to `response.completed`, "
    "`.incomplete` or `.failed`.",
    "required": ["event", "data"],
    "properties": {"event": _TEXT, "data": {**_TEXT, "contentMediaType": "application/json"}},
}
_COUNTED = _object({"object": {"const": "response.input_tokens"}, "input_tokens": {"type": "integer", "minimum": 1}})
_ASK: _Json = {"input": "What is six times seven?", "max_output_tokens": 64}


SCHEMA = SurfaceSchema(
    "createResponse",
    "OpenAI's Responses API, for every model: passed on to providers that speak it, translated for all others.",
    {**_REQUEST, "required": ["model"], "anyOf": [{"required": ["input"]}, _CHAINED]},
    {"application/json": _RESPONSE, "text/event-stream": _EVENTS},
    _ASK,
    passes=("service_tier",),
    passes_unknown=True,
)
COUNT_SCHEMA = SurfaceSchema(
    "countInputTokens",
    "How many tokens a prompt has, about. It is free.",
    {**_REQUEST, "anyOf": [{"required": ["input"]}, _CHAINED]},
    {"application/json": _COUNTED},
    _ASK,
)
SHOW_SCHEMA = SurfaceSchema("getResponse", "An answer that is kept.", {}, {"application/json": _RESPONSE}, {})
DELETE_SCHEMA = SurfaceSchema(
    "deleteResponse",
    "Forgets an answer.",
    {},
    {"application/json": _object({"id": _TEXT, "object": {"const": "response"}, "deleted": {"const": True}})},
    {},
)
ITEMS_SCHEMA = SurfaceSchema(
    "listInputItems",
    "The items that a request added, the newest first.",
    {},
    {
        "application/json": _object(
            {"object": {"const": "list"}, "data": {"type": "array"}, "has_more": {"type": "boolean"}}
        )
    },
    {},
    query={
        "limit": {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": 20},
        "order": {"enum": ["asc", "desc"], "default": "desc"},
        "after": {"type": "string", DEPENDS: "the ID of an item"},
    },
)


def with_most(schema: SurfaceSchema, items: int) -> SurfaceSchema:
    """The description of a request whose ``input`` may hold so many items."""
    kinds = [{**kind, "maxItems": items} if kind.get("type") == "array" else kind for kind in _INPUT["anyOf"]]
    known = schema.request["properties"]
    described = {**known["input"], "anyOf": kinds}
    return schema._replace(request={**schema.request, "properties": {**known, "input": described}})
