"""The OpenAPI 3.1 description of the running profile's routes.

Requests are described by the schemas that check them, lists and errors by what the dialect makes of examples, and the
paths are the dialect's: a profile is described without a line of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from marshmallow import Schema

from router import __version__
from router.charging.estimator import COUNTS_SHAPE, WITH_MESSAGES_SHAPE, EstimateSchema
from router.config.schema import GatewaySettings
from router.http import samples
from router.http.directions import base_paths
from router.http.json_schema import of_request, of_values
from router.http.management.described import describe_key_api, describe_operators, describe_own
from router.http.operations import KEYS, Json, Operations, answer, header, json_content, on_the_wire, reference
from router.http.plugin_routes import described_routes
from router.http.reply_schemas import MODEL_IN_PATH
from router.http.surface_operations import SurfaceOperations
from router.providers.profile import DESCRIPTION, HEALTH, READY
from router.surfaces.chat.surface import CHAT
from router.surfaces.collected import OWN
from router.surfaces.known_fields import ChatSchema, EmbeddingsSchema
from router.surfaces.surface import PLACE, Surface
from router.types.dialect import Dialect
from router.types.request_rules import CAPS
from router.types.routes import PluginRoute

__all__ = ["describe"]

_CAP: Json = {"anyOf": [{"minimum": 1}, {"type": "null"}]}
"""An output cap that every provider takes: some know 0, and negative numbers for none."""


def describe(
    dialect: Dialect,
    settings: GatewaySettings,
    surfaces: Iterable[Surface] = OWN,
    routes: Mapping[str, Sequence[PluginRoute]] | None = None,
) -> bytes:
    """The description, as JSON in ASCII.

    Args:
        routes: plugin -> its routes.
    """
    return json.dumps(_Description(dialect, settings, surfaces, routes or {}).document()).encode("ascii")


class _Description:
    """Collects components while the paths are described."""

    def __init__(
        self,
        dialect: Dialect,
        settings: GatewaySettings,
        surfaces: Iterable[Surface],
        routes: Mapping[str, Sequence[PluginRoute]],
    ) -> None:
        self._dialect = dialect
        self._surfaces = tuple(surfaces)
        self._routes = routes
        self._settings = settings
        self._made = Operations(dialect, settings)
        self._schemas = self._made.schemas

    def document(self) -> Json:
        """The whole."""
        paths = self._paths()
        return {
            "openapi": "3.1.0",
            "info": {
                "title": f"LLM gateway, profile {self._settings.profile}",
                "version": __version__,
                "description": "OpenAI's API. Fields of a request that are not named here are passed on as they came; "
                "answers may hold more fields than are named. What has `x-depends` must agree with something else of "
                "its request, which no schema can say.",
            },
            "servers": [{"url": "/"}],
            "paths": dict(sorted(paths.items())),
            "components": self._made.components(),
        }

    def _paths(self) -> dict[str, Json]:
        dialect = self._dialect
        described = SurfaceOperations(self._made)
        found: dict[str, Json] = {}
        for one in self._surfaces:
            for path in one.paths(dialect):
                found[path.replace(PLACE, "{model}")] = {"post": self._surface(described, one, path)}
            for path, method, operation in described.routes(one):
                found.setdefault(path, {})[method] = operation
        for path in dialect.models_paths:
            found[path] = {"get": self._models()}
            found[f"{path}/{{model_id}}"] = {"get": self._model()}
        found |= describe_key_api(self._made)
        found |= describe_own(self._made)
        found |= describe_operators(self._made)
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
        for path, methods in described_routes(self._made, self._routes):
            found.setdefault(path, {}).update(methods)
        return found

    def _surface(self, described: SurfaceOperations, surface: Surface, path: str) -> Json:
        """One path of a surface's calls."""
        schema = surface.schema()
        if schema is not None:
            return described.call(surface, schema, path)
        return self._chat() if surface is CHAT else self._embeddings()

    def _chat(self) -> Json:
        answers = [json_content("ChatCompletion")]
        if self._settings.streaming:
            answers.append(_EVENTS)
        self._chat_request()
        example = {"messages": [{"role": "user", "content": "Hello!"}], "max_tokens": 100}
        body = self._body("ChatRequest", "chat", example)
        return self._made.call("createChatCompletion", "A chat completion, plain or as a stream.", body, answers)

    def _chat_request(self) -> None:
        self._request("ChatRequest", ChatSchema)
        if not self._settings.streaming:
            self._schemas["ChatRequest"]["properties"]["stream"] = {"enum": [False, None]}

    def _embeddings(self) -> Json:
        self._request("EmbeddingsRequest", EmbeddingsSchema)
        body = self._body("EmbeddingsRequest", "embeddings", {"input": "Text to embed"})
        return self._made.call("createEmbeddings", "Vectors of texts.", body, [json_content("Embeddings")])

    def _models(self) -> Json:
        shown = samples.models(self._dialect, self._settings.currency)
        self._schemas["ModelList"] = of_values([on_the_wire(self._dialect.models(shown))])
        good = answer("The list.", json_content("ModelList"))
        return self._made.operation(
            "listModels", "The models that the key may use.", good, samples.keyed_errors(), KEYS
        )

    def _model(self) -> Json:
        shown = samples.models(self._dialect, self._settings.currency)
        self._schemas["Model"] = of_values([on_the_wire(self._dialect.model(one)) for one in shown])
        good = answer("The model.", json_content("Model"))
        operation = self._made.operation("getModel", "One model.", good, samples.keyed_errors(), KEYS)
        return {**operation, "parameters": [{**MODEL_IN_PATH, "name": "model_id"}]}

    def _catalogue(self) -> Json:
        shown = samples.models(self._dialect, self._settings.currency)
        self._schemas["Catalogue"] = of_values([on_the_wire(self._dialect.catalogue(shown))])
        operation = self._open("listCatalogue", "All models, for everybody.", "Catalogue")
        headers = operation["responses"]["200"]["headers"]
        for name, value in self._dialect.catalogue_headers.items():
            headers[name] = header(f"`{value}`")
        for name, value in self._dialect.fallback_headers.items():
            headers[name] = header(f"`{value}` where the database did not answer: this is the built-in catalogue.")
        return operation

    def _readiness(self) -> Json:
        operation = self._open("readiness", "Whether calls could be served and recorded now.", "Readiness")
        operation["responses"]["503"] = answer("They could not.", json_content("Readiness"))
        return operation

    def _own(self) -> Json:
        good = answer("The description.", {"application/json": {"schema": {"type": "object"}}})
        return self._made.operation("describe", "This description.", good, samples.open_errors())

    def _open(self, name: str, summary: str, schema: str) -> Json:
        good = answer("The answer.", json_content(schema))
        return self._made.operation(name, summary, good, samples.open_errors())

    def _estimate(self) -> Json:
        estimate = samples.estimate(self._settings.currency)
        self._schemas["Estimate"] = of_values([on_the_wire(self._dialect.estimate(estimate))])
        self._chat_request()
        chat = {"allOf": [reference("ChatRequest"), WITH_MESSAGES_SHAPE]}
        self._schemas["EstimateRequest"] = {**of_request(EstimateSchema), "anyOf": [COUNTS_SHAPE, chat]}
        body = self._body("EstimateRequest", "chat", {"prompt_tokens": 1000, "completion_tokens": 500})
        good = answer("The estimate.", json_content("Estimate"))
        summary = "What a call would come to, for everybody."
        operation = self._made.operation("estimate", summary, good, samples.estimator_errors())
        return {**operation, "requestBody": body}

    def _request(self, name: str, schema: type[Schema]) -> None:
        shape = of_request(schema)
        self._made.narrow(shape["properties"], {cap: _CAP for cap in CAPS if cap in shape["properties"]})
        self._made.narrow(shape["properties"], self._made.extras)
        self._schemas[name] = shape

    def _body(self, name: str, kind: str, example: Json) -> Json:
        content = json_content(name)
        content["application/json"]["example"] = {"model": samples.model_id(self._dialect, kind), **example}
        return {"required": True, "content": content}


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
