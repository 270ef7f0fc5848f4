"""The OpenAPI 3.1 description of the running profile's routes.

Requests are described by the schemas that check them, lists and errors by what the dialect makes of examples, and the
paths are the dialect's: a profile is described without a line of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from marshmallow import Schema

from router import __version__
from router.charging.estimator import COUNTS_SHAPE, WITH_MESSAGES_SHAPE, EstimateSchema
from router.charging.paid_extras import extras_shapes
from router.config.schema import GatewaySettings
from router.errors import RateLimited, RouterError
from router.http import samples
from router.http.directions import base_paths
from router.http.json_schema import of_request, of_values
from router.http.key_api import encode_exact, key_api_paths, subscription, total_usage, user_balance
from router.http.placed import is_placed
from router.http.reply_schemas import MODEL_IN_PATH, REPLIES
from router.providers.profile import DESCRIPTION, HEALTH, READY
from router.surfaces.chat.surface import CHAT
from router.surfaces.collected import OWN
from router.surfaces.known_fields import ChatSchema, EmbeddingsSchema
from router.surfaces.surface import PLACE, Surface, SurfaceRoute, SurfaceSchema
from router.types.dialect import Dialect
from router.types.request_rules import CAPS

__all__ = ["describe"]

Json = dict[str, Any]

_CAP: Json = {"anyOf": [{"minimum": 1}, {"type": "null"}]}
"""An output cap that every provider takes: some know 0, and negative numbers for none."""

_SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer YOUR_KEY`"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "azure": {"type": "apiKey", "in": "header", "name": "api-key"},
}
_HEADERS = {
    "x-request-id": "The request's ID, as the gateway's log and usage rows have it.",
    "x-router-charge": "What a plain call was charged, in the balance currency.",
    "x-router-max-tokens": "The cap that was sent upstream where the balance covered no larger one.",
    "x-router-dropped-params": "Fields of the request that were not passed on.",
    "idempotent-replayed": "`true` where this is the kept answer of an earlier call.",
}
_SERVED_HEADERS = {
    "x-router-provider": "The provider that served the call.",
    "x-router-model": "The model as that provider knows it.",
    "x-router-attempts": "What was tried: `provider/model;kind;milliseconds`.",
}
_ERROR_HEADERS = {
    "Retry-After": "Seconds after which the same request may succeed.",
    "x-should-retry": "`false` where it cannot succeed without a change.",
}
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Makes a repeat of this call answer as the first did; heeded only where the key may send it.",
    "schema": {"type": "string"},
}


def describe(dialect: Dialect, settings: GatewaySettings, surfaces: Iterable[Surface] = OWN) -> bytes:
    """The description, as JSON in ASCII."""
    return json.dumps(_Description(dialect, settings, surfaces).document()).encode("ascii")


_PLACE = re.compile(r"<(?:path:)?(\w+)>")
_TEXT: Json = {"type": "string", "minLength": 1}


class _Description:
    """Collects components while the paths are described."""

    def __init__(self, dialect: Dialect, settings: GatewaySettings, surfaces: Iterable[Surface]) -> None:
        self._dialect = dialect
        self._surfaces = tuple(surfaces)
        self._settings = settings
        self._schemas: dict[str, Json] = dict(REPLIES)
        self._errors: dict[int, list[Json]] = {}
        self._error_headers: dict[int, set[str]] = {}
        self._call_headers = _HEADERS | (_SERVED_HEADERS if dialect.shows_served else {})
        self._names: set[str] = set()

    def document(self) -> Json:
        """The whole."""
        paths = self._paths()
        bodies = [body for found in self._errors.values() for body in found]
        self._schemas["Error"] = of_values(bodies)
        responses = {f"Error{status}": self._error(status) for status in sorted(self._errors)}
        return {
            "openapi": "3.1.0",
            "info": {
                "title": f"LLM gateway, profile {self._settings.profile}",
                "version": __version__,
                "description": "OpenAI's API. Fields of a request that are not named here are passed on as they came; "
                "answers may hold more fields than are named.",
            },
            "servers": [{"url": "/"}],
            "paths": dict(sorted(paths.items())),
            "components": {
                "schemas": dict(sorted(self._schemas.items())),
                "responses": {**responses, "Error": _good("Any other error.", _json_content("Error"))},
                "headers": {name: _header(text) for name, text in (self._call_headers | _ERROR_HEADERS).items()},
                "securitySchemes": _SECURITY,
            },
        }

    def _paths(self) -> dict[str, Json]:
        dialect = self._dialect
        found = {
            path.replace(PLACE, "{model}"): {"post": self._surface(one, placed=is_placed(path))}
            for one in self._surfaces
            for path in one.paths(dialect)
        }
        for surface in self._surfaces:
            for route in surface.routes():
                if route.schema is not None:
                    path = _PLACE.sub(r"{\1}", route.path)
                    found.setdefault(path, {})[route.method.lower()] = self._route(surface, route, route.schema)
        for path in dialect.models_paths:
            found[path] = {"get": self._models()}
            found[f"{path}/{{model_id}}"] = {"get": self._model()}
        for path, what in key_api_paths(dialect).items():
            found[path] = {"get": self._key_api(what)}
        for path in dialect.catalogue_paths:
            found[path] = {"get": self._catalogue()}
        for path in dialect.estimator_paths:
            found[path] = {"post": self._estimate()}
        for path in (HEALTH, *dialect.health_paths):
            found[path] = {"get": self._open("health", "Whether the gateway runs.", "Health")}
        for path in base_paths(dialect):
            found.setdefault(path, {"get": self._open("directions", "Where to go from here.", "Directions")})
        found[READY] = {"get": self._readiness()}
        found[DESCRIPTION] = {"get": self._own()}
        return found

    def _surface(self, surface: Surface, *, placed: bool) -> Json:
        """One path of a surface's calls; ``placed`` if it names the model."""
        schema = surface.schema()
        if schema is None:
            return self._chat() if surface is CHAT else self._embeddings()
        body = self._surface_body(surface, schema, placed=placed)
        answers = [{kind: _media(kind, shape)} for kind, shape in schema.answers.items()]
        operation = self._call(schema.operation, schema.summary, body, answers)
        if placed:
            operation["parameters"] = [*operation["parameters"], MODEL_IN_PATH]
        return self._with_own_errors(operation, surface, samples.call_errors())

    def _route(self, surface: Surface, route: SurfaceRoute, schema: SurfaceSchema) -> Json:
        """One of a surface's other routes."""
        good = _good("The answer.", {kind: _media(kind, shape) for kind, shape in schema.answers.items()})
        errors = [*samples.keyed_errors(), RateLimited("Too many of these.", retry_after_s=1)]
        operation = self._operation(schema.operation, schema.summary, good, errors, keyed=True)
        places = [
            {"name": name, "in": "path", "required": True, "schema": _TEXT} for name in _PLACE.findall(route.path)
        ]
        if places:
            operation["parameters"] = places
        if schema.request:
            operation["requestBody"] = self._surface_body(surface, schema)
        return self._with_own_errors(operation, surface, errors)

    def _surface_body(self, surface: Surface, schema: SurfaceSchema, *, placed: bool = False) -> Json:
        name = f"{schema.operation[:1].upper()}{schema.operation[1:]}Request"
        self._schemas[name] = dict(schema.request)
        content: Json = {schema.request_type: {"schema": _reference(name)}}
        if schema.request_type == "application/json":
            model = samples.model_id(self._dialect, surface.modality)
            content[schema.request_type]["example"] = {**({} if placed else {"model": model}), **schema.example}
        return {"required": True, "content": content}

    def _with_own_errors(self, operation: Json, surface: Surface, errors: Iterable[RouterError]) -> Json:
        """The operation with errors in its surface's shape, where it has one."""
        if type(surface).error_body is Surface.error_body:
            return operation
        name = f"{surface.name.title()}Error"
        given = list(errors)
        bodies = [_on_the_wire(surface.error_body(self._dialect, error, "req_0")) for error in given]
        self._schemas[name] = of_values(bodies)
        responses = {"200": operation["responses"]["200"], "default": _good("Any error.", _json_content(name))}
        for status in sorted({surface.error_status(self._dialect, error) for error in given}):
            responses[str(status)] = _good(_phrase(status), _json_content(name))
        return {**operation, "responses": responses}

    def _chat(self) -> Json:
        answers = [_json_content("ChatCompletion")]
        if self._settings.streaming:
            answers.append(_EVENTS)
        self._chat_request()
        example = {"messages": [{"role": "user", "content": "Hello!"}], "max_tokens": 100}
        body = self._body("ChatRequest", "chat", example)
        return self._call("createChatCompletion", "A chat completion, plain or as a stream.", body, answers)

    def _chat_request(self) -> None:
        self._request("ChatRequest", ChatSchema)
        if not self._settings.streaming:
            self._schemas["ChatRequest"]["properties"]["stream"] = {"enum": [False, None]}

    def _embeddings(self) -> Json:
        self._request("EmbeddingsRequest", EmbeddingsSchema)
        body = self._body("EmbeddingsRequest", "embeddings", {"input": "Text to embed"})
        return self._call("createEmbeddings", "Vectors of texts.", body, [_json_content("Embeddings")])

    def _call(self, name: str, summary: str, body: Json, answers: Iterable[Json]) -> Json:
        content = {kind: value for answer in answers for kind, value in answer.items()}
        good = _good("The answer.", content, self._call_headers)
        operation = self._operation(name, summary, good, samples.call_errors(), keyed=True)
        return {**operation, "parameters": [_IDEMPOTENCY_KEY], "requestBody": body}

    def _models(self) -> Json:
        shown = samples.models(self._dialect, self._settings.currency)
        self._schemas["ModelList"] = of_values([_on_the_wire(self._dialect.models(shown))])
        good = _good("The list.", _json_content("ModelList"))
        return self._operation(
            "listModels", "The models that the key may use.", good, samples.keyed_errors(), keyed=True
        )

    def _model(self) -> Json:
        shown = samples.models(self._dialect, self._settings.currency)
        self._schemas["Model"] = of_values([_on_the_wire(self._dialect.model(one)) for one in shown])
        good = _good("The model.", _json_content("Model"))
        operation = self._operation("getModel", "One model.", good, samples.keyed_errors(), keyed=True)
        parameter = {"name": "model_id", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        return {**operation, "parameters": [parameter]}

    def _key_api(self, what: str) -> Json:
        """What a key asks of itself."""
        dialect, currency = self._dialect, self._settings.currency
        credits, keys = samples.credits(currency), samples.key_statuses(currency)
        described: dict[str, tuple[str, list[Any]]] = {
            "generation": ("One call of the account.", [*map(dialect.generation, samples.generations(currency))]),
            "key": ("The key's own limits and usage.", [*map(dialect.key_status, keys)]),
            "credits": ("What the account has.", [dialect.credits(credits)]),
            "balance": ("The balance, in DeepSeek's shape.", [user_balance(credits)]),
            "subscription": ("All that was credited, in one-api's shape.", [subscription(credits, keys[0].key)]),
            "usage": ("All that was used, in one-api's shape.", [total_usage(credits)]),
        }
        summary, shown = described[what]
        name = f"Key{what.capitalize()}"
        self._schemas[name] = of_values([json.loads(encode_exact(one)) for one in shown])
        good = _good("The answer.", _json_content(name))
        errors = samples.key_errors() if what == "generation" else samples.keyed_errors()
        operation = self._operation(f"get{name}", summary, good, errors, keyed=True)
        parameter = {"name": "id", "in": "query", "required": True, "schema": {"type": "string", "minLength": 1}}
        return {**operation, "parameters": [parameter]} if what == "generation" else operation

    def _catalogue(self) -> Json:
        shown = samples.models(self._dialect, self._settings.currency)
        self._schemas["Catalogue"] = of_values([_on_the_wire(self._dialect.catalogue(shown))])
        operation = self._open("listCatalogue", "All models, for everybody.", "Catalogue")
        headers = operation["responses"]["200"]["headers"]
        for name, value in self._dialect.catalogue_headers.items():
            headers[name] = _header(f"`{value}`")
        for name, value in self._dialect.fallback_headers.items():
            headers[name] = _header(f"`{value}` where the database did not answer: this is the built-in catalogue.")
        return operation

    def _readiness(self) -> Json:
        operation = self._open("readiness", "Whether calls could be served and recorded now.", "Readiness")
        operation["responses"]["503"] = _good("They could not.", _json_content("Readiness"))
        return operation

    def _own(self) -> Json:
        good = _good("The description.", {"application/json": {"schema": {"type": "object"}}})
        return self._operation("describe", "This description.", good, samples.open_errors(), keyed=False)

    def _open(self, name: str, summary: str, schema: str) -> Json:
        good = _good("The answer.", _json_content(schema))
        return self._operation(name, summary, good, samples.open_errors(), keyed=False)

    def _estimate(self) -> Json:
        estimate = samples.estimate(self._settings.currency)
        self._schemas["Estimate"] = of_values([_on_the_wire(self._dialect.estimate(estimate))])
        self._chat_request()
        chat = {"allOf": [_reference("ChatRequest"), WITH_MESSAGES_SHAPE]}
        self._schemas["EstimateRequest"] = {**of_request(EstimateSchema), "anyOf": [COUNTS_SHAPE, chat]}
        body = self._body("EstimateRequest", "chat", {"prompt_tokens": 1000, "completion_tokens": 500})
        good = _good("The estimate.", _json_content("Estimate"))
        summary = "What a call would come to, for everybody."
        operation = self._operation("estimate", summary, good, samples.estimator_errors(), keyed=False)
        return {**operation, "requestBody": body}

    def _request(self, name: str, schema: type[Schema]) -> None:
        shape = of_request(schema)
        _narrow(shape["properties"], {cap: _CAP for cap in CAPS if cap in shape["properties"]})
        if self._settings.bills:
            _narrow(shape["properties"], extras_shapes())
        self._schemas[name] = shape

    def _body(self, name: str, kind: str, example: Json) -> Json:
        content = _json_content(name)
        content["application/json"]["example"] = {"model": samples.model_id(self._dialect, kind), **example}
        return {"required": True, "content": content}

    def _operation(self, name: str, summary: str, good: Json, errors: Iterable[RouterError], *, keyed: bool) -> Json:
        responses: Json = {"200": good}
        for status in sorted({self._note(error) for error in errors}):
            responses[str(status)] = {"$ref": f"#/components/responses/Error{status}"}
        responses["default"] = {"$ref": "#/components/responses/Error"}
        return {
            "operationId": self._unused(name),
            "summary": summary,
            "security": [{scheme: []} for scheme in _SECURITY] if keyed else [],
            "responses": responses,
        }

    def _note(self, error: RouterError) -> int:
        status = self._dialect.error_status(error)
        body = _on_the_wire(self._dialect.error_body(error))
        self._error_headers.setdefault(status, set()).update(_ERROR_HEADERS.keys() & error.headers.keys())
        noted = self._errors.setdefault(status, [])
        if body not in noted:
            noted.append(body)
        return status

    def _error(self, status: int) -> Json:
        content = _json_content("Error")
        examples = {str(number): {"value": body} for number, body in enumerate(self._errors[status], 1)}
        content["application/json"]["examples"] = examples
        return _good(_phrase(status), content, ("x-request-id", *sorted(self._error_headers[status])))

    def _unused(self, name: str) -> str:
        """Paths that do the same are operations of their own."""
        number = 1
        while (found := name if number == 1 else f"{name}{number}") in self._names:
            number += 1
        self._names.add(found)
        return found


_JSON_TEXT = {
    "type": "string",
    "contentMediaType": "application/json",
    "contentSchema": {"anyOf": [{"$ref": f"#/components/schemas/{name}"} for name in ("ChatCompletionChunk", "Error")]},
}
_EVENTS = {
    "text/event-stream": {
        "schema": {
            "type": "string",
            "description": "With `stream`: events whose data is a `ChatCompletionChunk`, then `[DONE]`. A failure "
            "after the first output is an event with an `Error` in it, and no `[DONE]` follows.",
        },
        "x-item-schema": {
            "type": "object",
            "required": ["data"],
            "properties": {"data": {"anyOf": [{"const": "[DONE]"}, _JSON_TEXT]}},
        },
    }
}


def _media(kind: str, shape: Mapping[str, Any]) -> Json:
    """What an answer of a media type looks like: of a stream, each of its events."""
    if kind != "text/event-stream":
        return {"schema": dict(shape)}
    return {"schema": {"type": "string"}, "x-item-schema": dict(shape)}


def _narrow(properties: Json, shapes: Json) -> None:
    for name, shape in shapes.items():
        properties[name] = {"allOf": [properties[name], shape]} if name in properties else shape


def _on_the_wire(value: Any) -> Any:
    return json.loads(json.dumps(value))


def _json_content(schema: str) -> Json:
    return {"application/json": {"schema": _reference(schema)}}


def _reference(schema: str) -> Json:
    return {"$ref": f"#/components/schemas/{schema}"}


def _good(description: str, content: Json, headers: Iterable[str] = ("x-request-id",)) -> Json:
    return {"description": description, "headers": _header_references(headers), "content": content}


def _phrase(status: int) -> str:
    return f"{HTTPStatus(status).phrase}." if status in set(HTTPStatus) else f"Status {status}."


def _header(description: str) -> Json:
    return {"description": description, "schema": {"type": "string"}}


def _header_references(names: Iterable[str]) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
