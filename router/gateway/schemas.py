"""A decoded body -> a call: known fields are checked, unknown ones are kept as they came.

The schemas are marshmallow's, one field per known parameter with its range. Only the fields that a request holds are
visited, since a full ``Schema.load`` costs more than the whole rest of the check. The message list is checked by hand.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from marshmallow import INCLUDE, Schema, ValidationError, fields

from router.errors import BadRequest
from router.gateway.fields import Integer, Number, OneOf, Stop, Typed, short
from router.types import ChatCall, EmbeddingsCall

__all__ = [
    "MESSAGES_SHAPE",
    "MODEL_SHAPE",
    "ChatSchema",
    "EmbeddingsSchema",
    "chat_call",
    "check_fields",
    "dropped_fields",
    "embeddings_call",
    "model_of",
]

_MODEL_LIMIT = 256
_NOT_OURS = frozenset(
    {
        "api_base",
        "api_key",
        "base_url",
        "bootstrap_host",
        "bootstrap_port",
        "bootstrap_room",
        "custom_llm_provider",
        "ec_transfer_params",
        "extra_headers",
        "extra_query",
        "headers",
        "host",
        "kv_transfer_params",
    }
)
"""Fields by which a client might try to choose a host, a key or a header upstream, those of inference servers that name
one another's hosts among them: never passed on. Of ``extra_body`` what a provider's wire has is.
"""

_ROLES = ("assistant", "developer", "function", "system", "tool", "user")
_NAME_LIMIT = 256
_ROLE_SHOWN = 32

_CONTROLS = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
_CONTROL = re.compile(rf"[{_CONTROLS}\ud800-\udfff]")
"""What the names of models may not hold either, as the store has them: controls, line ends, halves of surrogates."""

_INPUTS = "a string, a list of strings, a list of tokens or a list of token lists"

# What the checks by hand at the end of this file let in.
MODEL_SHAPE = {"type": "string", "minLength": 1, "maxLength": _MODEL_LIMIT, "pattern": rf"^[^{_CONTROLS}]*$"}
_PART = {"type": "object", "required": ["type"], "properties": {"type": {"type": "string"}}}
_MESSAGE = {
    "type": "object",
    "required": ["role"],
    "properties": {
        "role": {"enum": list(_ROLES)},
        "name": {"type": ["string", "null"], "maxLength": _NAME_LIMIT},
        "content": {"type": ["string", "array", "null"], "items": _PART},
    },
}
MESSAGES_SHAPE = {"type": "array", "minItems": 1, "items": _MESSAGE}
_TOKENS = {"type": "array", "minItems": 1, "items": {"type": "integer"}}
_INPUT = {
    "anyOf": [
        {"type": "string"},
        {"type": "array", "minItems": 1, "items": {"type": "string"}},
        _TOKENS,
        {"type": "array", "minItems": 1, "items": _TOKENS},
    ]
}


class ChatSchema(Schema):
    """``POST /v1/chat/completions``: the known parameters and their ranges (OpenAI API description 2.3.0)."""

    class Meta:
        unknown = INCLUDE

    model = Typed("a string", str, inside=MODEL_SHAPE, required=True)
    messages = Typed("a list", list, inside=MESSAGES_SHAPE, required=True)
    stream = Typed("true or false", bool)
    stream_options = Typed("an object", dict)
    temperature = Number(0, 2)
    top_p = Number(0, 1)
    n = Integer(1, 128)
    max_tokens = Integer()
    max_completion_tokens = Integer()
    stop = Stop()
    frequency_penalty = Number(-2, 2)
    presence_penalty = Number(-2, 2)
    logprobs = Typed("true or false", bool)
    top_logprobs = Integer(0, 20)
    logit_bias = Typed("an object", dict)
    seed = Integer()
    tools = Typed("a list", list)
    parallel_tool_calls = Typed("true or false", bool)
    response_format = Typed("an object", dict)
    user = Typed("a string", str)
    metadata = Typed("an object", dict)


class EmbeddingsSchema(Schema):
    """``POST /v1/embeddings``."""

    class Meta:
        unknown = INCLUDE

    model = Typed("a string", str, inside=MODEL_SHAPE, required=True)
    input = Typed(_INPUTS, str, list, inside=_INPUT, required=True)
    encoding_format = OneOf("float", "base64")
    dimensions = Integer(1)
    user = Typed("a string", str)


_CHAT_FIELDS = dict(ChatSchema().fields)
_EMBEDDINGS_FIELDS = dict(EmbeddingsSchema().fields)


def chat_call(body: Mapping[str, Any], request_id: str) -> ChatCall:
    """The call in a decoded chat body.

    Raises:
        BadRequest: naming the field in ``param``.
    """
    check_fields(body, _CHAT_FIELDS)
    model = model_of(body)
    _check_messages(body)
    stream = body.get("stream") is True
    options = body.get("stream_options")
    include_usage = stream and isinstance(options, dict) and options.get("include_usage") is True
    return ChatCall(request_id, model, _passed_on(body), stream, include_usage)


def embeddings_call(body: Mapping[str, Any], request_id: str) -> EmbeddingsCall:
    """The call in a decoded embeddings body.

    Raises:
        BadRequest: naming the field in ``param``.
    """
    check_fields(body, _EMBEDDINGS_FIELDS)
    model = model_of(body)
    _check_input(body.get("input"))
    return EmbeddingsCall(request_id, model, _passed_on(body))


def dropped_fields(body: Mapping[str, Any]) -> list[str]:
    """Names of the fields of a body that are never passed on, sorted."""
    return sorted(_NOT_OURS.intersection(body))


def _passed_on(body: Mapping[str, Any]) -> Mapping[str, Any]:
    if _NOT_OURS.isdisjoint(body):
        return body
    return {name: value for name, value in body.items() if name not in _NOT_OURS}


def check_fields(body: Mapping[str, Any], known: Mapping[str, fields.Field[Any]]) -> None:
    """Check those fields of a body that a schema knows.

    Raises:
        BadRequest: naming the first that is wrong.
    """
    for name, value in body.items():
        field = known.get(name)
        if field is not None:
            try:
                field.deserialize(value)
            except ValidationError as error:
                raise _bad(name, str(error.messages[0]), "invalid_value") from None


def model_of(body: Mapping[str, Any]) -> str:
    """The model that a body names.

    Raises:
        BadRequest: it names none, or what cannot be one.
    """
    model = body.get("model")
    if not model:
        raise _bad("model", 'is required, such as "openai/gpt-4o"', "missing_required_parameter")
    if len(model) > _MODEL_LIMIT:
        raise _bad("model", f"must be at most {_MODEL_LIMIT} characters long", "invalid_value")
    if _CONTROL.search(model):  # it goes into log lines and rows
        raise _bad("model", "must not hold control characters", "invalid_value")
    return str(model)


def _check_messages(body: Mapping[str, Any]) -> None:
    messages = body.get("messages")
    if messages is None:
        raise _bad("messages", "is required", "missing_required_parameter")
    if not messages:
        raise _bad("messages", "must hold at least one message", "invalid_value")
    for index, message in enumerate(messages):
        if type(message) is not dict:
            raise _bad(f"messages[{index}]", f"must be an object, not {short(message)}", "invalid_type")
        role = message.get("role")
        if type(role) is not str or role not in _ROLES:
            roles = ", ".join(_ROLES)
            raise _bad(f"messages[{index}].role", f"must be one of {roles}, not {_shown(role)}", "invalid_value")
        name = message.get("name")
        if name is not None and (type(name) is not str or len(name) > _NAME_LIMIT):
            raise _bad(
                f"messages[{index}].name", f"must be a string of at most {_NAME_LIMIT} characters", "invalid_value"
            )
        calls = message.get("tool_calls")
        if calls is not None:
            _check_calls(calls, f"messages[{index}].tool_calls")
        content = message.get("content")
        if type(content) is str or content is None:
            continue
        _check_parts(content, f"messages[{index}].content")


def _check_calls(calls: Any, where: str) -> None:
    if type(calls) is not list:
        raise _bad(where, f"must be a list of tool calls, not {short(calls)}", "invalid_type")
    for index, call in enumerate(calls):
        if type(call) is not dict:
            raise _bad(f"{where}[{index}]", f"must be an object, not {short(call)}", "invalid_type")


def _check_parts(content: Any, where: str) -> None:
    if type(content) is not list:
        raise _bad(where, f"must be a string or a list of content parts, not {short(content)}", "invalid_type")
    for index, part in enumerate(content):
        if type(part) is not dict or type(part.get("type")) is not str:
            raise _bad(f"{where}[{index}]", 'must be an object with a "type"', "invalid_type")


def _check_input(value: Any) -> None:
    if value is None:
        raise _bad("input", "is required", "missing_required_parameter")
    if isinstance(value, str):
        return
    if not value:
        raise _bad("input", "must not be empty", "invalid_value")
    kinds = set(map(type, value))
    if kinds in ({str}, {int}):
        return
    if kinds == {list} and all(one and set(map(type, one)) == {int} for one in value):
        return
    raise _bad("input", f"must be {_INPUTS}", "invalid_type")


def _shown(role: Any) -> str:
    return repr(role) if type(role) is str and len(role) <= _ROLE_SHOWN and role.isprintable() else short(role)


def _bad(name: str, message: str, code: str) -> BadRequest:
    return BadRequest(f"'{name}' {message}.", code=code, param=name)
