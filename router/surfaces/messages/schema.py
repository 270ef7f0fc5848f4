"""How a call is described in ``/openapi.json``: the shapes that are let in, of content its texts and pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router.surfaces.known_fields import MODEL_SHAPE
from router.surfaces.surface import SurfaceSchema

__all__ = ["COUNT_SCHEMA", "SCHEMA"]

_Json = Mapping[str, Any]
_TEXT: _Json = {
    "type": "object",
    "required": ["type", "text"],
    "properties": {"type": {"const": "text"}, "text": {"type": "string", "minLength": 1}},
}
_ANY_TEXT: _Json = {
    "type": "object",
    "required": ["type", "text"],
    "properties": {"type": {"const": "text"}, "text": {"type": "string"}},
}
_PICTURE: _Json = {
    "type": "object",
    "required": ["type", "source"],
    "properties": {
        "type": {"const": "image"},
        "source": {
            "type": "object",
            "required": ["type", "url"],
            "properties": {"type": {"const": "url"}, "url": {"type": "string", "minLength": 1}},
        },
    },
}
_ANY_BLOCK: _Json = {"type": "object", "required": ["type"], "properties": {"type": {"type": "string"}}}
_OR_NULL: _Json = {"type": "null"}


def _optional(shape: _Json) -> _Json:
    return {"anyOf": [shape, _OR_NULL]}


def _messages(block: _Json) -> _Json:
    by_user: _Json = {
        "type": "object",
        "required": ["role", "content"],
        "properties": {
            "role": {"const": "user"},
            "content": {
                "anyOf": [{"type": "string", "minLength": 1}, {"type": "array", "minItems": 1, "items": block}],
                "description": "Besides: documents, calls of tools and their results, thinking, as Anthropic has them.",
            },
        },
    }
    by_others: _Json = {
        "type": "object",
        "required": ["role", "content"],
        "properties": {
            "role": {"enum": ["assistant", "system"]},
            "content": {"anyOf": [{"type": "string"}, {"type": "array", "items": _ANY_TEXT}]},
        },
    }
    of_user: _Json = {"type": "object", "required": ["role"], "properties": {"role": {"const": "user"}}}
    return {"type": "array", "minItems": 1, "items": {"anyOf": [by_user, by_others]}, "contains": of_user}


_SHARE: _Json = _optional({"type": "number", "minimum": 0, "maximum": 1})
_TOOL: _Json = {
    "type": "object",
    "required": ["name", "input_schema"],
    "properties": {
        "type": {"enum": ["custom", None]},
        "name": {"type": "string", "minLength": 1},
        "description": {"type": ["string", "null"]},
        "input_schema": {"type": "object"},
        "strict": {"type": ["boolean", "null"]},
    },
}
_ANY_TOOL: _Json = {
    "anyOf": [
        _TOOL,
        {
            "type": "object",
            "required": ["type"],
            "properties": {"type": {"type": "string", "minLength": 1, "not": {"const": "custom"}}},
            "description": "A tool of Anthropic's own: counted by its bytes, whoever would serve it.",
        },
    ]
}
_CHOICE: _Json = {
    "type": "object",
    "required": ["type"],
    "properties": {
        "type": {"enum": ["auto", "any", "none"]},
        "disable_parallel_tool_use": {"type": ["boolean", "null"]},
    },
}
_THINKING: _Json = {
    "anyOf": [
        {
            "type": "object",
            "required": ["type", "budget_tokens"],
            "properties": {"type": {"const": "enabled"}, "budget_tokens": {"type": "integer", "minimum": 1}},
        },
        {
            "type": "object",
            "required": ["type"],
            "properties": {"type": {"enum": ["adaptive", "between_tools", "disabled"]}},
        },
    ]
}
_CONFIG: _Json = {
    "type": "object",
    "properties": {
        "effort": {"enum": ["low", "medium", "high", "xhigh", "max", None]},
        "format": _optional(
            {
                "type": "object",
                "required": ["type", "schema"],
                "properties": {"type": {"const": "json_schema"}, "schema": {"type": "object"}},
            }
        ),
    },
}
_SHARED: _Json = {
    "model": MODEL_SHAPE,
    "system": _optional({"anyOf": [{"type": "string"}, {"type": "array", "items": _ANY_TEXT}]}),
    "stream": {"type": ["boolean", "null"]},
    "stop_sequences": _optional({"type": "array", "items": {"type": "string"}}),
    "temperature": _SHARE,
    "top_p": _SHARE,
    "top_k": {"type": ["integer", "null"], "minimum": 0},
    "tools": _optional({"type": "array", "items": _TOOL}),
    "tool_choice": _optional(_CHOICE),
    "thinking": _optional(_THINKING),
    "output_config": _optional(_CONFIG),
    "metadata": _optional({"type": "object", "properties": {"user_id": {"type": ["string", "null"]}}}),
}
_CAP: _Json = {"type": "integer", "minimum": 1, "maximum": 2**31 - 1}
_REQUEST: _Json = {
    "type": "object",
    "required": ["model", "max_tokens", "messages"],
    "properties": {**_SHARED, "max_tokens": _CAP, "messages": _messages({"anyOf": [_TEXT, _PICTURE]})},
}
_TO_COUNT: _Json = {
    "type": "object",
    "required": ["model", "messages"],
    "properties": {
        **_SHARED,
        "max_tokens": _optional(_CAP),
        "messages": _messages(_ANY_BLOCK),
        "tools": _optional({"type": "array", "items": _ANY_TOOL}),
    },
}
_ANSWER: _Json = {
    "type": "object",
    "required": ["id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "usage"],
    "properties": {
        "id": {"type": "string"},
        "type": {"const": "message"},
        "role": {"const": "assistant"},
        "model": {"type": "string"},
        "content": {"type": "array", "items": _ANY_BLOCK},
        "stop_reason": {"type": ["string", "null"]},
        "stop_sequence": {"type": ["string", "null"]},
        "usage": {"type": "object", "required": ["output_tokens"]},
    },
}
_COUNTED: _Json = {
    "type": "object",
    "required": ["input_tokens"],
    "properties": {"input_tokens": {"type": "integer", "minimum": 1}},
}
_EVENT: _Json = {
    "type": "object",
    "description": "With `stream`: Anthropic's events, `message_start` to `message_stop`, each under its name.",
    "required": ["event", "data"],
    "properties": {
        "event": {"type": "string"},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
}
_EXAMPLE: _Json = {"messages": [{"role": "user", "content": "What is six times seven?"}]}

SCHEMA = SurfaceSchema(
    "createMessage",
    "Anthropic's Messages API, for every model: passed on to Anthropic, translated for all others.",
    _REQUEST,
    {"application/json": _ANSWER, "text/event-stream": _EVENT},
    {"max_tokens": 64, **_EXAMPLE},
)

COUNT_SCHEMA = SurfaceSchema(
    "countMessageTokens",
    "About how many tokens a prompt has: an estimate, free, with a limit of its own.",
    _TO_COUNT,
    {"application/json": _COUNTED},
    _EXAMPLE,
)
