"""How calls are described in ``/openapi.json``: the shapes that are let in, of messages their texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router.surfaces import SurfaceSchema

__all__ = ["CHAT", "EMBED", "SHOW", "TAGS", "VERSION"]

_Json = Mapping[str, Any]
_MODEL: _Json = {"type": "string", "minLength": 1}
_MESSAGE: _Json = {
    "type": "object",
    "required": ["role", "content"],
    "properties": {"role": {"enum": ["system", "user"]}, "content": {"type": "string", "minLength": 1}},
    "description": "Besides: assistants' messages with calls, tools' results, pictures, as Ollama has them.",
}
_MESSAGE_OUT: _Json = {
    "type": "object",
    "required": ["role", "content"],
    "properties": {"role": {"const": "assistant"}, "content": {"type": "string"}},
}
_COUNT: _Json = {"type": "integer", "minimum": 0}
_ANSWER: _Json = {
    "type": "object",
    "required": ["model", "created_at", "message", "done"],
    "properties": {
        "model": {"type": "string"},
        "created_at": {"type": "string"},
        "message": _MESSAGE_OUT,
        "done": {"type": "boolean"},
        "done_reason": {"enum": ["stop", "length"]},
        "total_duration": _COUNT,
        "prompt_eval_count": _COUNT,
        "eval_count": _COUNT,
    },
}

CHAT = SurfaceSchema(
    "ollamaChat",
    "Ollama's chat: lines of JSON, or one answer where `stream` is false.",
    {
        "type": "object",
        "required": ["model", "messages"],
        "properties": {
            "model": _MODEL,
            "messages": {"type": "array", "minItems": 1, "items": _MESSAGE},
            "stream": {"type": ["boolean", "null"]},
        },
    },
    {"application/json": _ANSWER, "application/x-ndjson": {"type": "string"}},
    {"messages": [{"role": "user", "content": "Hello!"}], "stream": False},
)
EMBED = SurfaceSchema(
    "ollamaEmbed",
    "Vectors of texts, in Ollama's wire.",
    {
        "type": "object",
        "required": ["model", "input"],
        "properties": {
            "model": _MODEL,
            "input": {
                "anyOf": [
                    {"type": "string", "minLength": 1},
                    {"type": "array", "minItems": 1, "items": {"type": "string", "minLength": 1}},
                ]
            },
        },
    },
    {
        "application/json": {
            "type": "object",
            "required": ["model", "embeddings"],
            "properties": {
                "model": {"type": "string"},
                "embeddings": {"type": "array", "items": {"type": "array", "items": {"type": "number"}}},
            },
        }
    },
    {"input": "Text to embed"},
)
TAGS = SurfaceSchema(
    "ollamaTags",
    "The models that the key may use, in Ollama's wire.",
    {},
    {
        "application/json": {
            "type": "object",
            "required": ["models"],
            "properties": {
                "models": {
                    "type": "array",
                    "items": {"type": "object", "required": ["name", "model", "modified_at", "digest", "details"]},
                }
            },
        }
    },
    {},
)
SHOW = SurfaceSchema(
    "ollamaShow",
    "One model, in Ollama's wire.",
    {"type": "object", "required": ["model"], "properties": {"model": _MODEL}},
    {"application/json": {"type": "object", "required": ["details", "model_info", "capabilities"]}},
    {},
)
VERSION = SurfaceSchema(
    "ollamaVersion",
    "The version of Ollama whose API this is.",
    {},
    {
        "application/json": {
            "type": "object",
            "required": ["version"],
            "properties": {"version": {"type": "string"}},
        }
    },
    {},
)
