"""What the bodies of these surfaces have in common: fields that are checked, and what they weigh."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError

from router.errors import BadRequest
from router.surfaces.field_kinds import JsonField, Number
from router.surfaces.known_fields import MODEL_SHAPE, check_fields, model_of
from router.surfaces.measuring import FREE_BYTES, NO_PROMPT, NUMBERS, json_bytes, member_bytes
from router.types.upload import UploadedFile

__all__ = ["FILE", "FILES", "NotStreamed", "NumberText", "checked", "described", "described_form", "prompt_bytes"]

FILE: Mapping[str, Any] = {"type": "string", "format": "binary", "minLength": 1}
"""A part of a form with the name of its file, as JSON Schema."""
FILES: Mapping[str, Any] = {"type": "array", "minItems": 1, "items": FILE}
"""The same, any number of times."""
_NUMBER = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?([eE][-+]?[0-9]{1,3})?", re.ASCII)


class NotStreamed(JsonField):
    """The field ``stream`` where there are no server-sent events.

    Args:
        what: is asked for.
        off: what asks for none: a form has texts.
    """

    def __init__(self, what: str, off: bool | str = False) -> None:
        super().__init__()
        self.what, self.off = what, off

    def shape(self) -> dict[str, Any]:
        """See ``JsonField``."""
        return {"enum": [self.off]}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        if type(value) is not type(self.off) or value != self.off:
            message = f"{self.what} are not streamed by this gateway; send the request without 'stream'."
            raise BadRequest(message, code="unsupported_operation", param="stream")
        return value


class NumberText(Number):
    """A number in a form, where it is a text."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        if not isinstance(value, str) or _NUMBER.fullmatch(value) is None:
            raise ValidationError(f"must be a number{self._range()}")
        super()._deserialize(float(value), attr, data, **options)
        return value


def checked(body: Mapping[str, Any], fields: Mapping[str, JsonField]) -> None:
    """Check the model and the fields that are known.

    Raises:
        BadRequest: naming the field.
    """
    check_fields(body, fields)
    model = body.get("model")
    if model is not None and not isinstance(model, str):
        raise BadRequest("'model' must be a string.", code="invalid_type", param="model")
    model_of(body)
    for name, field in fields.items():
        if field.required and body.get(name) is None:
            raise BadRequest(f"'{name}' is required.", code="missing_required_parameter", param=name)


def prompt_bytes(body: Mapping[str, Any], beside: frozenset[str] = frozenset()) -> int:
    """Bytes of all fields that a prompt can be made of.

    Args:
        beside: fields that are measured elsewhere.
    """
    size = 0
    for name, value in body.items():
        if name == "model" or name in beside or isinstance(value, UploadedFile):
            continue
        if name in NO_PROMPT:
            size += long if type(value) not in NUMBERS and (long := json_bytes(value)) > FREE_BYTES else 0
        else:
            size += member_bytes(name, value)
    return size


def described(fields: Mapping[str, JsonField]) -> dict[str, Any]:
    """JSON Schema of the bodies that ``checked`` lets in."""
    return _described({name: field.json_schema() for name, field in fields.items()}, fields)


def described_form(fields: Mapping[str, JsonField], **files: Mapping[str, Any]) -> dict[str, Any]:
    """The same of a form, in which nothing is null.

    Args:
        files: name -> JSON Schema; the first is required.
    """
    found = _described({name: field.shape() for name, field in fields.items()}, fields)
    found["properties"] |= files
    found["required"] += [next(iter(files))]
    return found


def _described(shapes: Mapping[str, Any], fields: Mapping[str, JsonField]) -> dict[str, Any]:
    required = ["model", *(name for name, field in fields.items() if field.required)]
    return {"type": "object", "required": required, "properties": {"model": dict(MODEL_SHAPE), **shapes}}
