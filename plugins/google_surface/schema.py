"""How calls are described in ``/openapi.json``, of requests by what checks them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router_plugins.google_surface import fields
from router_plugins.google_surface.parts import SPOKEN, contents_shape

from router.surfaces import DEPENDS, Integer, SurfaceSchema, ladder_schema

__all__ = ["COUNT", "EMBED", "EMBED_BATCH", "GENERATE", "LIST", "SHOW", "STREAM"]

_Json = Mapping[str, Any]
_DESCRIBED = "Names of fields may be written with underscores, too."
_MODEL_TOO: _Json = {"anyOf": [{"type": "string", DEPENDS: "the path's model"}, {"enum": ["", None]}]}
_REQUEST: _Json = {
    **ladder_schema(fields.CONTENT, ["contents"], model=_MODEL_TOO, contents=contents_shape()),
    "description": _DESCRIBED,
}
_COUNTED: _Json = {
    "anyOf": [
        {**_REQUEST, "properties": {**_REQUEST["properties"], "generateContentRequest": {"type": "null"}}},
        {
            "type": "object",
            "required": ["generateContentRequest"],
            "properties": {"generateContentRequest": _REQUEST},
        },
    ]
}
_USAGE: _Json = {
    "type": "object",
    "required": ["promptTokenCount"],
    "additionalProperties": {"type": "integer", "minimum": 0},
}
_ANSWER: _Json = {
    "type": "object",
    "required": ["candidates", "modelVersion", "responseId"],
    "properties": {
        "candidates": {"type": "array", "minItems": 1, "items": {"type": "object", "required": ["content"]}},
        "usageMetadata": _USAGE,
        "modelVersion": {"type": "string"},
        "responseId": {"type": "string"},
    },
}
_EXAMPLE: _Json = {"contents": [{"role": "user", "parts": [{"text": "Hello!"}]}]}
_EMBED_REQUEST: _Json = {
    **ladder_schema(fields.EMBED, ["content"], model=_MODEL_TOO, content=SPOKEN.shape()),
    "description": _DESCRIBED,
}
_SIZE: _Json = {**Integer(1).shape(), DEPENDS: "that of all other requests"}
_ONE_OF_MANY = ladder_schema(
    fields.EMBED, ["content"], content=SPOKEN.shape(), outputDimensionality={"anyOf": [_SIZE, {"type": "null"}]}
)
_VECTOR: _Json = {
    "type": "object",
    "required": ["values"],
    "properties": {"values": {"type": "array", "items": {"type": "number"}}},
}
_EMBED_EXAMPLE: _Json = {"content": {"parts": [{"text": "Text to embed"}]}}


def _answer(name: str, shape: _Json) -> _Json:
    return {"type": "object", "required": [name], "properties": {name: shape, "usageMetadata": _USAGE}}


GENERATE = SurfaceSchema("generateContent", "Google's plain answer.", _REQUEST, {"application/json": _ANSWER}, _EXAMPLE)
STREAM = SurfaceSchema(
    "streamGenerateContent",
    "Google's stream: events with `alt=sse`, a JSON list without.",
    _REQUEST,
    {
        "text/event-stream": {"type": "object", "required": ["data"]},
        "application/json": {"type": "array", "items": _ANSWER},
    },
    _EXAMPLE,
)
EMBED = SurfaceSchema(
    "embedContent",
    "The vector of a text, in Google's wire.",
    _EMBED_REQUEST,
    {"application/json": _answer("embedding", _VECTOR)},
    _EMBED_EXAMPLE,
)
EMBED_BATCH = SurfaceSchema(
    "batchEmbedContents",
    "The vectors of texts, in Google's wire.",
    {
        "type": "object",
        "required": ["requests"],
        "properties": {"model": _MODEL_TOO, "requests": {"type": "array", "minItems": 1, "items": _ONE_OF_MANY}},
    },
    {"application/json": _answer("embeddings", {"type": "array", "items": _VECTOR})},
    {"requests": [_EMBED_EXAMPLE]},
)
_MODEL: _Json = {
    "type": "object",
    "required": ["name", "supportedGenerationMethods"],
    "properties": {
        "name": {"type": "string"},
        "version": {"type": "string"},
        "displayName": {"type": "string"},
        "supportedGenerationMethods": {"type": "array", "items": {"type": "string"}},
        "inputTokenLimit": {"type": "integer"},
        "outputTokenLimit": {"type": "integer"},
    },
}
LIST = SurfaceSchema(
    "listGoogleModels",
    "The models that the key may use, in Google's wire.",
    {},
    {
        "application/json": {
            "type": "object",
            "required": ["models"],
            "properties": {"models": {"type": "array", "items": _MODEL}, "nextPageToken": {"type": "string"}},
        }
    },
    {},
)
SHOW = SurfaceSchema("getGoogleModel", "One model, in Google's wire.", {}, {"application/json": _MODEL}, {})
COUNT = SurfaceSchema(
    "countTokens",
    "How many tokens a prompt has, about.",
    _COUNTED,
    {
        "application/json": {
            "type": "object",
            "required": ["totalTokens"],
            "properties": {"totalTokens": {"type": "integer", "minimum": 1}},
        }
    },
    _EXAMPLE,
)
