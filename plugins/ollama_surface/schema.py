"""How calls are described in ``/openapi.json``, of requests by what checks them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router_plugins.ollama_surface import fields
from router_plugins.ollama_surface.messages import MESSAGE

from router.surfaces import SurfaceSchema, ladder_schema

__all__ = ["CHAT", "EMBED", "SHOW", "TAGS", "VERSION"]

_Json = Mapping[str, Any]
_MODEL: _Json = {"type": "string", "minLength": 1}
_INPUT: _Json = fields.INPUT.shape()
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
    ladder_schema(
        fields.CHAT,
        ["model", "messages"],
        model=_MODEL,
        messages={"type": "array", "minItems": 1, "items": MESSAGE.shape()},
    ),
    {"application/json": _ANSWER, "application/x-ndjson": {"type": "string"}},
    {"messages": [{"role": "user", "content": "Hello!"}], "stream": False},
    passes=("tools",),
)
EMBED = SurfaceSchema(
    "ollamaEmbed",
    "Vectors of texts, in Ollama's wire.",
    ladder_schema(fields.EMBED, ["model", "input"], model=_MODEL, input=_INPUT),
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
    {
        "type": "object",
        "properties": {"model": {"type": ["string", "null"], "minLength": 1}},
        "anyOf": [
            {"required": ["model"], "properties": {"model": _MODEL}},
            {"required": ["name"], "properties": {"model": {"type": "null"}, "name": _MODEL}},
        ],
    },
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
