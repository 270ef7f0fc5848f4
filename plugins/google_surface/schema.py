"""How calls are described in ``/openapi.json``: the shapes that are let in, of content its texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router.surfaces import SurfaceSchema

__all__ = ["COUNT", "EMBED", "EMBED_BATCH", "GENERATE", "LIST", "SHOW", "STREAM"]

_Json = Mapping[str, Any]
_TEXT: _Json = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
_CONTENT: _Json = {
    "type": "object",
    "required": ["parts"],
    "properties": {"role": {"const": "user"}, "parts": {"type": "array", "minItems": 1, "items": _TEXT}},
    "description": "Besides: inline data, calls of functions and their results, as Google has them.",
}
_CONFIG: _Json = {
    "type": "object",
    "properties": {
        "temperature": {"type": "number", "minimum": 0, "maximum": 1},
        "topP": {"type": "number", "minimum": 0, "maximum": 1},
        "maxOutputTokens": {"type": "integer", "minimum": 1, "maximum": 1_000_000},
        "stopSequences": {"type": "array", "items": {"type": "string", "minLength": 1}, "maxItems": 4},
        "responseMimeType": {"enum": ["text/plain", "application/json"]},
    },
}
_REQUEST: _Json = {
    "type": "object",
    "required": ["contents"],
    "properties": {
        "contents": {"type": "array", "minItems": 1, "items": _CONTENT},
        "systemInstruction": _CONTENT,
        "generationConfig": _CONFIG,
    },
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
    "type": "object",
    "required": ["content"],
    "properties": {"content": _CONTENT, "outputDimensionality": {"type": "integer", "minimum": 1}},
}
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
        "properties": {"requests": {"type": "array", "minItems": 1, "items": _EMBED_REQUEST}},
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
    _REQUEST,
    {
        "application/json": {
            "type": "object",
            "required": ["totalTokens"],
            "properties": {"totalTokens": {"type": "integer", "minimum": 1}},
        }
    },
    _EXAMPLE,
)
