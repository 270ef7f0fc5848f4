"""JSON Schema of what goes in, from the fields that check it, and of what comes out, from examples of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from marshmallow import INCLUDE, Schema

from router.surfaces.field_kinds import JsonField

__all__ = ["of_request", "of_values"]

_NAMES = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}


def of_request(schema: type[Schema]) -> dict[str, Any]:
    """The bodies that a schema lets in.

    Raises:
        TypeError: a field is none of ``router.surfaces.field_kinds``.
    """
    built = schema()
    properties = {}
    fields = {field.data_key or name: field for name, field in built.fields.items()}
    for name, field in fields.items():
        if not isinstance(field, JsonField):
            raise TypeError(f"{schema.__name__}.{name} does not say what it lets in: make it a JsonField")
        properties[name] = field.json_schema()
    found: dict[str, Any] = {"type": "object", "properties": properties}
    required = [name for name, field in fields.items() if field.required]
    if required:
        found["required"] = required
    if built.unknown != INCLUDE:
        found["additionalProperties"] = False
    return found


def of_values(values: Sequence[Any]) -> dict[str, Any]:
    """What all of these decoded JSON values have in common; an object may hold more than they do."""
    kinds: dict[str, list[Any]] = {}
    for value in values:
        kinds.setdefault(_NAMES.get(type(value), "null"), []).append(value)
    if "number" in kinds:
        kinds.pop("integer", None)
    found: dict[str, Any] = {"type": next(iter(kinds)) if len(kinds) == 1 else list(kinds)} if kinds else {}
    if "object" in kinds:
        found |= _of_objects(kinds["object"])
    items = [item for value in kinds.get("array", ()) for item in value]
    if items:
        found["items"] = of_values(items)
    return found


def _of_objects(values: Sequence[dict[str, Any]]) -> dict[str, Any]:
    names = dict.fromkeys(_chained(values))
    properties = {name: of_values([value[name] for value in values if name in value]) for name in names}
    return {"properties": properties, "required": [name for name in names if all(name in value for value in values)]}


def _chained(values: Iterable[Iterable[str]]) -> Iterable[str]:
    for value in values:
        yield from value
