"""Google's schemas, a subset of OpenAPI's with types in capitals, as JSON Schemas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["json_schema"]

_LEFT_OUT = frozenset({"propertyOrdering", "property_ordering", "nullable", "example"})
_WHOLE = frozenset({"minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"})
_DEPTH_MAX = 64
_DIGITS_MAX = 19


def json_schema(given: Any, depth: int = 0) -> Any:
    """The JSON Schema that says the same; whatever is none stays as it is."""
    if not isinstance(given, Mapping) or depth > _DEPTH_MAX:
        return given
    made: dict[str, Any] = {}
    for name, value in given.items():
        if name in _LEFT_OUT:
            continue
        if name == "type" and isinstance(value, str):
            made["type"] = value.lower()
        elif name == "properties" and isinstance(value, Mapping):
            made["properties"] = {one: json_schema(shape, depth + 1) for one, shape in value.items()}
        elif name in ("items", "additionalProperties", "not"):
            made[name] = json_schema(value, depth + 1)
        elif name in ("anyOf", "any_of", "oneOf", "allOf", "prefixItems") and isinstance(value, list):
            made["anyOf" if name == "any_of" else name] = [json_schema(one, depth + 1) for one in value]
        elif name in _WHOLE and isinstance(value, str) and value.isdecimal() and len(value) <= _DIGITS_MAX:
            made[name] = int(value)  # int64 is a text in Google's JSON
        else:
            made[name] = value
    if made.get("type") == "type_unspecified":
        del made["type"]
    if given.get("nullable") is True:
        made = _or_null(made)
    return made


def _or_null(made: dict[str, Any]) -> dict[str, Any]:
    if isinstance(made.get("type"), str) and "enum" not in made:
        return {**made, "type": [made["type"], "null"]}
    return {"anyOf": [made, {"type": "null"}]}
