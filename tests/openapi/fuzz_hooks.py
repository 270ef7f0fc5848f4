"""What schemathesis is told beside the description; it imports this file in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import schemathesis

__all__: list[str] = []

_LARGE = 2.0**53
_DEPENDS = "x-depends"
_OF_OTHER_KEYS = ("/api/v1/", "/plugins/")
"""What keys are for that manage; tests/management tries it with one."""


@schemathesis.hook
def before_load_schema(context: schemathesis.HookContext, schema: dict[str, Any]) -> None:
    """Every status must be named, events are looked at one by one, half of the calls have a model that is served, and
    nothing refers to what is not there: what depends on something else of its request is left out.
    """
    for path, item in list(schema["paths"].items()):
        if path.startswith(_OF_OTHER_KEYS) or any(one["operationId"][-1].isdigit() for one in item.values()):
            del schema["paths"][path]  # tried at another path, or by another key; plugins have tests
    _without_dependents(schema)
    served = set()
    for operation in _operations(schema):
        del operation["responses"]["default"]
        for media in operation["responses"]["200"]["content"].values():
            media["schema"] = media.get("x-item-schema", media["schema"])
        for media in operation.get("requestBody", {"content": {}})["content"].values():
            served |= _offer_model(media, schema)
    for operation in _operations(schema):
        for parameter in operation.get("parameters", ()):
            if parameter["in"] == "path" and parameter["name"] != "response_id":
                models = [parameter["example"]] if "example" in parameter else sorted(served)
                parameter["schema"] = {"anyOf": [{"enum": models}, parameter["schema"]]}


def _operations(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for item in schema["paths"].values():
        yield from item.values()


def _without_dependents(value: Any) -> None:
    """Take out of a description every alternative that depends on something, and properties that may be anything."""
    if isinstance(value, list):
        value[:] = [one for one in value if not (isinstance(one, dict) and _DEPENDS in one.get("schema", one))]
    if isinstance(value, dict) and isinstance(value.get("properties"), dict):
        known = value["properties"]
        value["properties"] = {name: one for name, one in known.items() if not _lets_in_anything(one)}
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _without_dependents(inner)


def _lets_in_anything(shape: Any) -> bool:
    """Nothing is to be tried of it, and schemathesis would try all types beside all else."""
    return shape is True or (isinstance(shape, dict) and shape.keys() <= {"description"})


def _offer_model(media: dict[str, Any], schema: dict[str, Any]) -> set[str]:
    """Let the model of an example come often; it, if there is one."""
    shape = schema["components"]["schemas"][media["schema"]["$ref"].rpartition("/")[2]]
    example, properties = media.get("example", {}), shape.setdefault("properties", {})
    for name, known in properties.items():
        if isinstance(known, dict) and known.get("items", {}).get("format") == "binary":  # which it cannot send
            properties[name], example[name] = known["items"], "a file"
    if "model" not in example:
        return set()
    properties["model"] = {"anyOf": [{"const": example["model"]}, properties.get("model", {"type": "string"})]}
    return {example["model"]}


@schemathesis.hook
def map_body(context: schemathesis.HookContext, body: Any) -> Any:
    """JSON Schema takes 1.0 for an integer; the gateway, where tokens are counted, does not."""
    return _whole(body)


def _whole(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _whole(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_whole(inner) for inner in value]
    if isinstance(value, float) and value.is_integer():
        return int(max(-_LARGE, min(value, _LARGE)))
    return value
