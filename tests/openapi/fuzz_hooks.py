"""What schemathesis is told beside the description; it imports this file in a process of its own."""

from __future__ import annotations

from typing import Any

import schemathesis

__all__: list[str] = []

_LARGE = 2.0**53
_OF_PLUGINS = (
    "/v1/audio/", "/v1/completions", "/v1/images/", "/v1/moderations", "/v1/rerank", "/v1beta/",
    "/v1/responses/input_tokens", "/api/chat", "/api/embed", "/api/show", "/api/tags", "/api/version",
)  # fmt: skip
"""What plugins of surfaces serve, and a count that is lenient: other tests try them."""


@schemathesis.hook
def before_load_schema(context: schemathesis.HookContext, schema: dict[str, Any]) -> None:
    """Every status must be named, events are looked at one by one, half of the calls have a model that is served."""
    served = []
    for path, item in list(schema["paths"].items()):
        if (
            "<" in path or path.startswith(_OF_PLUGINS) or any(_is_odd(operation) for operation in item.values())
        ):  # tests/surfaces and tests/faces send these
            del schema["paths"][path]
            continue
        for operation in item.values():
            if operation["operationId"][-1].isdigit():  # another path of an operation that is tried already
                del schema["paths"][path]
            del operation["responses"]["default"]
            for media in operation["responses"]["200"]["content"].values():
                media["schema"] = media.get("x-item-schema", media["schema"])
            if "requestBody" in operation:
                served.append(_offer_example(operation["requestBody"]["content"]["application/json"], schema))
    for item in schema["paths"].values():
        for parameter in item.get("get", {}).get("parameters", ()):
            parameter["schema"] = {"anyOf": [{"enum": served}, parameter["schema"]]}


def _is_odd(operation: dict[str, Any]) -> bool:
    """Whether a body is a form, or its model stands in the path: nothing tells schemathesis of one that is served."""
    content = operation.get("requestBody", {}).get("content")
    return content is not None and "model" not in content.get("application/json", {}).get("example", ())


def _offer_example(media: dict[str, Any], schema: dict[str, Any]) -> str:
    """Let the model of the example come often; what it is."""
    model: str = media["example"]["model"]
    shape = schema["components"]["schemas"][media["schema"]["$ref"].rpartition("/")[2]]
    properties = shape.setdefault("properties", {})
    properties["model"] = {"anyOf": [{"const": model}, properties.get("model", {"type": "string"})]}
    return model


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
