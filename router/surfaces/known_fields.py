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
from router.surfaces.field_kinds import Integer, JsonField, Number, OneOf, Stop, Typed, short

__all__ = [
    "CHAT_FIELDS",
    "FIELDS",
    "MESSAGES_SHAPE",
    "MODEL_LIMIT",
    "MODEL_SHAPE",
    "NOT_OURS",
    "ROLES",
    "ChatSchema",
    "EmbeddingsSchema",
    "check_field",
    "check_fields",
    "check_input",
    "check_message",
    "check_part",
    "dropped_fields",
    "message_list",
    "model_of",
    "passed_on",
]

MODEL_LIMIT = 256
NOT_OURS = frozenset(
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

ROLES = ("assistant", "developer", "function", "system", "tool", "user")
_NAME_LIMIT = 256
_ROLE_SHOWN = 32

_CONTROLS = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
_CONTROL = re.compile(rf"[{_CONTROLS}\ud800-\udfff]")
"""What the names of models may not hold either, as the store has them: controls, line ends, halves of surrogates."""

_INPUTS = "a string, a list of strings, a list of tokens or a list of token lists"

# What the checks by hand at the end of this file let in.
MODEL_SHAPE = {"type": "string", "minLength": 1, "maxLength": MODEL_LIMIT, "pattern": rf"^[^{_CONTROLS}]*$"}
_PART = {"type": "object", "required": ["type"], "properties": {"type": {"type": "string"}}}
_MESSAGE = {
    "type": "object",
    "required": ["role"],
    "properties": {
        "role": {"enum": list(ROLES)},
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


FIELDS: Mapping[str, Mapping[str, fields.Field[Any]]] = {
    "chat": dict(ChatSchema().fields),
    "embeddings": dict(EmbeddingsSchema().fields),
}
"""Kind of call -> the fields that it knows."""

CHAT_FIELDS: Mapping[str, JsonField] = {
    name: field for name, field in FIELDS["chat"].items() if isinstance(field, JsonField)
}
"""Those of a chat, for wires whose fields become them."""


def dropped_fields(body: Mapping[str, Any]) -> list[str]:
    """Names of the fields of a body that are never passed on, sorted."""
    return sorted(NOT_OURS.intersection(body))


def passed_on(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """A body without the fields that are never passed on."""
    if NOT_OURS.isdisjoint(body):
        return body
    return {name: value for name, value in body.items() if name not in NOT_OURS}


def check_fields(body: Mapping[str, Any], known: Mapping[str, fields.Field[Any]]) -> None:
    """Check those fields of a body that a schema knows.

    Raises:
        BadRequest: naming the first that is wrong.
    """
    for name, value in body.items():
        field = known.get(name)
        if field is not None:
            check_field(name, value, field)


def check_field(name: str, value: Any, field: fields.Field[Any]) -> None:
    """Check one field of a body; null is as good as absent.

    Raises:
        BadRequest: what is wrong with it.
    """
    try:
        field.deserialize(value)
    except ValidationError as error:
        raise _misplaced(name, error) from None


def check_part(place: str, value: Any, field: JsonField) -> None:
    """Check a value that stands within a field, where null is none.

    Args:
        place: where.

    Raises:
        BadRequest: what is wrong with it.
    """
    try:
        field.check(value)
    except ValidationError as error:
        raise _misplaced(place, error) from None


def model_of(body: Mapping[str, Any]) -> str:
    """The model that a body names.

    Raises:
        BadRequest: it names none, or what cannot be one.
    """
    model = body.get("model")
    if not model:
        raise _bad("model", 'is required, such as "openai/gpt-4o"', "missing_required_parameter")
    if type(model) is not str:
        raise _bad("model", f"must be a string, not {short(model)}", "invalid_type")
    if len(model) > MODEL_LIMIT:
        raise _bad("model", f"must be at most {MODEL_LIMIT} characters long", "invalid_value")
    if _CONTROL.search(model):  # it goes into log lines and rows
        raise _bad("model", "must not hold control characters", "invalid_value")
    return str(model)


def message_list(body: Mapping[str, Any]) -> list[Any]:
    """The messages of a body whose fields were checked.

    Raises:
        BadRequest: there are none.
    """
    messages: list[Any] | None = body.get("messages")
    if messages is None:
        raise _bad("messages", "is required", "missing_required_parameter")
    if not messages:
        raise _bad("messages", "must hold at least one message", "invalid_value")
    return messages


def check_message(message: Any, index: int) -> None:
    """Check one message.

    Raises:
        BadRequest: what is wrong with it, and where.
    """
    if type(message) is not dict:
        raise _bad(f"messages[{index}]", f"must be an object, not {short(message)}", "invalid_type")
    role = message.get("role")
    if type(role) is not str or role not in ROLES:
        roles = ", ".join(ROLES)
        raise _bad(f"messages[{index}].role", f"must be one of {roles}, not {_shown(role)}", "invalid_value")
    name = message.get("name")
    if name is not None and (type(name) is not str or len(name) > _NAME_LIMIT):
        raise _bad(f"messages[{index}].name", f"must be a string of at most {_NAME_LIMIT} characters", "invalid_value")
    calls = message.get("tool_calls")
    if calls is not None:
        _check_calls(calls, f"messages[{index}].tool_calls")
    content = message.get("content")
    if type(content) is str or content is None:
        return
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


def check_input(value: Any) -> None:
    """Check what embeddings are made of.

    Raises:
        BadRequest: it is no text, no list of texts or of tokens.
    """
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


def _misplaced(name: str, error: ValidationError) -> BadRequest:
    return _bad(f"{name}{getattr(error, 'place', '')}", str(error.messages[0]), "invalid_value")


def _shown(role: Any) -> str:
    return repr(role) if type(role) is str and len(role) <= _ROLE_SHOWN and role.isprintable() else short(role)


def _bad(name: str, message: str, code: str) -> BadRequest:
    return BadRequest(f"'{name}' {message}.", code=code, param=name)
