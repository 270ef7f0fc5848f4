"""Plugins' own routes in the description: who may ask, what may be answered, what a plugin says of itself."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from router import Dialect, PluginRoute, RouteRequest, RouteResponse, RouteSchema, hookimpl
from router.app.plugin_contexts import plugin_routes
from router.config.schema import GatewaySettings
from router.http.openapi import describe
from router.plugin_host.registry import registry_of

pytestmark = pytest.mark.slow

_TEXT = {"type": "string"}


def answer(request: RouteRequest) -> RouteResponse:
    return RouteResponse(request.body)


def described(*routes: PluginRoute) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(describe(Dialect(), GatewaySettings(), (), {"acme": list(routes)}))
    OpenAPIV31SpecValidator(found).validate()
    return found


@pytest.mark.parametrize(
    ("access", "security", "statuses"),
    [
        ("public", [], {"413", "503"}),
        ("key", [{"bearer": []}, {"header": []}, {"azure": []}], {"401", "403", "413", "503"}),
        ("operator", [{"operator": []}], {"401", "413", "503"}),
        ("session", [{"session": []}], {"401", "404", "413", "503"}),
    ],
)
def test_a_route_that_says_nothing_of_itself(access: str, security: Any, statuses: set[str]) -> None:
    found = described(PluginRoute("/a/{id}", ("GET", "POST"), access, answer))
    item = found["paths"]["/plugins/acme/a/{id}"]
    assert item.keys() == {"get", "post"}
    for operation in item.values():
        assert operation["security"] == security and statuses <= operation["responses"].keys()
        assert [(one["name"], one["in"], one["required"]) for one in operation["parameters"]] == [("id", "path", True)]
        assert "requestBody" not in operation
    used = {name for one in security for name in one}
    assert found["components"]["securitySchemes"].keys() == {"bearer", "header", "azure"} | used


def test_what_a_route_says_of_itself() -> None:
    schema = RouteSchema(
        "Keeps a note.", {"text/plain": _TEXT}, {"application/json": {"type": "object"}}, {"tag": _TEXT}, status=201
    )
    item = described(PluginRoute("/notes", ("GET", "PUT"), "public", answer, schema=schema))["paths"][
        "/plugins/acme/notes"
    ]
    put = item["put"]
    assert (put["summary"], put["operationId"]) == ("Keeps a note.", "putPluginsAcmeNotes")
    assert put["requestBody"]["content"] == {"text/plain": {"schema": _TEXT}} and "requestBody" not in item["get"]
    assert put["responses"]["201"]["content"] == {"application/json": {"schema": {"type": "object"}}}
    assert put["parameters"] == [{"name": "tag", "in": "query", "required": False, "schema": _TEXT}]


def test_routes_of_one_path_are_told_together() -> None:
    routes = (PluginRoute("/a", ("GET",), "public", answer), PluginRoute("/a", ("POST",), "operator", answer))
    item = described(*routes)["paths"]["/plugins/acme/a"]
    assert (item["get"]["security"], item["post"]["security"]) == ([], [{"operator": []}])


BAD: dict[str, Any] = {
    "no schema": {"summary": "x"},
    "a list": RouteSchema("x", [_TEXT]),  # type: ignore[arg-type]
    "no shape": RouteSchema("x", {"text/plain": "string"}),  # type: ignore[dict-item]
    "no JSON": RouteSchema("x", query={"a": {"enum": [object()]}}),
    "no text": RouteSchema(3),  # type: ignore[arg-type]
    "an error's status": RouteSchema("x", status=404),
}


@pytest.mark.parametrize("what", BAD)
def test_what_no_description_can_hold_leaves_the_plugins_routes_out(what: str) -> None:
    class Acme:
        @hookimpl
        def routes(self, context: object) -> list[PluginRoute]:
            return [PluginRoute("/a", ("GET",), "public", answer, schema=BAD[what])]

    contexts: Any = SimpleNamespace(of=lambda name: None)
    assert plugin_routes(registry_of(acme=Acme()), contexts) == {}
