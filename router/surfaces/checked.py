"""A decoded body looked at once: each field is checked and measured in the same walk.

What is plainly right passes by its type and range alone. All else goes to the field, which knows what it lets in and
words what is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from marshmallow import fields

from router.surfaces.field_kinds import Integer, Number, Typed
from router.surfaces.known_fields import (
    FIELDS,
    MODEL_LIMIT,
    ROLES,
    check_field,
    check_input,
    check_message,
    message_list,
    model_of,
)
from router.surfaces.measuring import (
    CAP_SPELLINGS,
    FREE_BYTES,
    NO_PROMPT,
    NUMBERS,
    Measure,
    add_message,
    caps_in,
    inputs_of,
    json_bytes,
    member_bytes,
    text_bytes,
)

__all__ = ["look"]

_NOTHING, _WHERE_LONG, _WHOLE = range(3)
_BY_ITSELF = frozenset({"input", "messages", "model"})  # measured by rules of their own


class _Rule(NamedTuple):
    """A known field.

    Attributes:
        kinds: types that are right.
        low, high: numbers of these types that are right; None where all values are.
        weighs: whether it counts as a part of the prompt.
        field: decides of all else.
    """

    kinds: frozenset[type]
    low: float | None
    high: float | None
    weighs: int
    field: fields.Field[Any]


def _rule(name: str, field: fields.Field[Any]) -> _Rule:
    kinds: frozenset[type] = frozenset()
    low = high = None
    if isinstance(field, Number):
        kinds = frozenset({int} if isinstance(field, Integer) else {int, float})
        if (field.low, field.high) != (None, None):
            low = float("-inf") if field.low is None else field.low
            high = float("inf") if field.high is None else field.high
    elif isinstance(field, Typed):
        kinds = frozenset(field.types)
    if name in _BY_ITSELF or (name in NO_PROMPT and kinds and kinds <= NUMBERS):
        return _Rule(kinds, low, high, _NOTHING, field)
    return _Rule(kinds, low, high, _WHERE_LONG if name in NO_PROMPT else _WHOLE, field)


_RULES = {kind: {name: _rule(name, field) for name, field in known.items()} for kind, known in FIELDS.items()}
_UNKNOWN = {**dict.fromkeys(NO_PROMPT, _WHERE_LONG), **dict.fromkeys(_BY_ITSELF, _NOTHING)}


def look(kind: str, body: Mapping[str, Any]) -> Measure:
    """Check a body, without the fields that are never passed on, and measure it.

    Args:
        kind: ``chat`` or ``embeddings``.

    Raises:
        BadRequest: naming the field in ``param``.
    """
    rules, size = _RULES[kind], 0
    for name, value in body.items():
        rule = rules.get(name)
        if rule is None:
            weighs = _UNKNOWN.get(name, _WHOLE)
        else:
            kinds, low, high, weighs, field = rule
            if type(value) not in kinds or (low is not None and not low <= value <= high):
                check_field(name, value, field)
        if weighs == _WHOLE:
            size += member_bytes(name, value)
        elif weighs and type(value) not in NUMBERS and (long := json_bytes(value)) > FREE_BYTES:
            size += long
    model = body.get("model")
    if type(model) is not str or not 0 < len(model) <= MODEL_LIMIT or not (model.isascii() and model.isprintable()):
        model_of(body)
    found = Measure()
    if kind == "embeddings":
        value = body.get("input")
        check_input(value)
        found.inputs, found.tokenised = inputs_of(value)
        found.text_bytes = size
        return found
    size += _messages(body.get("messages") or message_list(body), found)
    found.text_bytes += size
    if "options" in body:
        found.caps = caps_in(body)
    elif not CAP_SPELLINGS.isdisjoint(body):
        named = CAP_SPELLINGS.intersection(body)
        found.caps = {name: cap for name in named if type(cap := body[name]) is int and cap >= 0}
    found.choices = body.get("n") or 1
    if body.get("prediction") is not None:
        found.predicted = json_bytes(body["prediction"])
    return found


def _messages(messages: list[Any], found: Measure) -> int:
    """Check and count the messages; what the plain ones among them say, in bytes."""
    size = plain = 0
    for index, message in enumerate(messages):
        if type(message) is dict and len(message) == 2:
            role, content = message.get("role"), message.get("content")
            if type(content) is str and type(role) is str and role in ROLES:
                size += len(content) if content.isascii() else text_bytes(content)
                plain += 1
                continue
        check_message(message, index)
        add_message(message, found)
    found.plain = plain == len(messages)
    found.messages += plain
    return size
