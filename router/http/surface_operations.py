"""How surfaces are described: their calls, and what they serve besides."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from router.errors import RateLimited, RouterError
from router.http import samples
from router.http.json_schema import of_values
from router.http.operations import KEYS, Json, Operations, answer, json_content, on_the_wire, phrase, reference
from router.http.placed import is_placed
from router.http.reply_schemas import MODEL_IN_PATH
from router.surfaces.surface import Surface, SurfaceRoute, SurfaceSchema

__all__ = ["SurfaceOperations"]

_PLACE = re.compile(r"<(?:(?:path|string)(?:\((?:minlength=(\d+))?\))?:)?(\w+)>")
_STREAM = "text/event-stream"
_NO_STREAM: Json = {"enum": [False, None]}


class SurfaceOperations:
    """Describes surfaces that have schemas of their own."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations

    def call(self, surface: Surface, schema: SurfaceSchema, path: str) -> Json:
        """One path of a surface's calls."""
        body = self._call_body(surface, schema, placed=is_placed(path))
        answers = [
            {kind: _media(kind, shape)} for kind, shape in schema.answers.items() if self._answers(surface, kind)
        ]
        operation = self._operations.call(schema.operation, schema.summary, body, answers)
        if is_placed(path):
            model = samples.model_id(self._operations.dialect, surface.modality)
            operation["parameters"] = [*operation["parameters"], {**MODEL_IN_PATH, "example": model}]
        return self._with_own_errors(operation, surface, samples.call_errors())

    def routes(self, surface: Surface) -> Iterator[tuple[str, str, Json]]:
        """Path, method in small letters, and operation of each of a surface's other routes."""
        for route in surface.routes():
            if route.schema is not None:
                yield _PLACE.sub(r"{\2}", route.path), route.method.lower(), self._route(surface, route, route.schema)

    def _route(self, surface: Surface, route: SurfaceRoute, schema: SurfaceSchema) -> Json:
        good = answer("The answer.", {kind: _media(kind, shape) for kind, shape in schema.answers.items()})
        errors = [*samples.keyed_errors(), RateLimited("Too many of these.", retry_after_s=1)]
        errors += samples.body_errors() if schema.request else []
        operation = self._operations.operation(schema.operation, schema.summary, good, errors, KEYS)
        model = samples.model_id(self._operations.dialect, surface.modality)
        places = [_place(name, least, model) for least, name in _PLACE.findall(route.path)]
        if places or schema.query:
            operation["parameters"] = [*places, *(_query(name, shape) for name, shape in schema.query.items())]
        if schema.request:
            named = "model" in schema.request.get("properties", ()) and not places
            operation["requestBody"] = self._body(schema, dict(schema.request), model if named else "")
        return self._with_own_errors(operation, surface, errors)

    def _call_body(self, surface: Surface, schema: SurfaceSchema, *, placed: bool) -> Json:
        """The body of a call, with what the whole gateway asks of it."""
        request = {**schema.request, "properties": dict(schema.request.get("properties", {}))}
        properties, made = request["properties"], self._operations
        if not placed:
            properties["model"] = {**MODEL_IN_PATH["schema"], **properties.get("model", {})}
        if surface.streams and not self._streaming(surface) and "stream" in properties:
            properties["stream"] = _NO_STREAM
        narrowed = {name: shape for name, shape in made.extras.items() if _is_passed(name, surface, schema, properties)}
        if not surface.reads_json:  # a form, in which nothing is null, or false
            properties |= dict.fromkeys(narrowed, False)
        else:
            made.narrow(properties, narrowed)
        return self._body(
            schema, request, "" if placed else samples.model_id(made.dialect, schema.kind or surface.modality)
        )

    def _streaming(self, surface: Surface) -> bool:
        return self._operations.settings.streaming or surface.always_streams

    def _answers(self, surface: Surface, kind: str) -> bool:
        return kind != _STREAM or self._streaming(surface)

    def _body(self, schema: SurfaceSchema, request: Json, model: str) -> Json:
        name = f"{schema.operation[:1].upper()}{schema.operation[1:]}Request"
        self._operations.schemas[name] = request
        example = {**({"model": model} if model else {}), **schema.example}
        return {"required": True, "content": {schema.request_type: {"schema": reference(name), "example": example}}}

    def _with_own_errors(self, operation: Json, surface: Surface, errors: Iterable[RouterError]) -> Json:
        """The operation with errors in its surface's shape, where it has one."""
        if type(surface).error_body is Surface.error_body:
            return operation
        dialect = self._operations.dialect
        name = f"{surface.name.title()}Error"
        given = list(errors)
        bodies = [on_the_wire(surface.error_body(dialect, error, "req_0")) for error in given]
        self._operations.schemas[name] = of_values(bodies)
        responses = {"200": operation["responses"]["200"], "default": answer("Any error.", json_content(name))}
        for status in sorted({surface.error_status(dialect, error) for error in given}):
            responses[str(status)] = answer(phrase(status), json_content(name))
        return {**operation, "responses": responses}


def _is_passed(name: str, surface: Surface, schema: SurfaceSchema, properties: Mapping[str, Any]) -> bool:
    """Whether a field comes to where what has no price is refused, under the name and in the shape of a chat's."""
    if not surface.translates:
        return name not in surface.unpaid_fields
    return name in schema.passes or (schema.passes_unknown and name not in properties)


def _place(name: str, least: str, model: str) -> Json:
    if name in ("model", "model_id"):
        return {**MODEL_IN_PATH, "name": name, "example": model}
    shape = {"type": "string", "minLength": int(least or 1)}
    return {"name": name, "in": "path", "required": True, "schema": shape}


def _query(name: str, shape: Mapping[str, Any]) -> Json:
    return {"name": name, "in": "query", "required": False, "schema": dict(shape)}


def _media(kind: str, shape: Mapping[str, Any]) -> Json:
    """What an answer of a media type looks like: of a stream, each of its events."""
    if kind != _STREAM:
        return {"schema": dict(shape)}
    return {"schema": {"type": "string"}, "x-item-schema": dict(shape)}
