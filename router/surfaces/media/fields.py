"""What the bodies of these surfaces have in common: fields that are checked, and what they weigh."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router.errors import BadRequest
from router.surfaces.field_kinds import JsonField
from router.surfaces.known_fields import MODEL_SHAPE, check_fields, model_of
from router.surfaces.measuring import FREE_BYTES, NO_PROMPT, NUMBERS, json_bytes, member_bytes
from router.types.upload import UploadedFile

__all__ = ["checked", "described", "prompt_bytes", "refuse_streams", "required_text"]


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


def required_text(body: Mapping[str, Any], name: str) -> str:
    """A text that was checked and must not be empty.

    Raises:
        BadRequest: it is.
    """
    text: str = body[name]
    if not text:
        raise BadRequest(f"'{name}' must not be empty.", code="invalid_value", param=name)
    return text


def refuse_streams(body: Mapping[str, Any], what: str) -> None:
    """Refuse a body that asks for server-sent events where there are none.

    Raises:
        BadRequest: it does.
    """
    if body.get("stream") not in (None, False, "false"):
        message = f"{what} are not streamed by this gateway; send the request without 'stream'."
        raise BadRequest(message, code="unsupported_operation", param="stream")


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


def described(fields: Mapping[str, JsonField], **others: Mapping[str, Any]) -> dict[str, Any]:
    """JSON Schema of such a body.

    Args:
        others: of what is checked elsewhere; required.
    """
    properties = {"model": dict(MODEL_SHAPE), **{name: field.json_schema() for name, field in fields.items()}}
    required = ["model", *others, *(name for name, field in fields.items() if field.required)]
    return {"type": "object", "required": required, "properties": properties | {k: dict(v) for k, v in others.items()}}
