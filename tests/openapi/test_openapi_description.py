"""What the description says, for each profile's running gateway and for dialects of the test's own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from described import ask, fault
from marshmallow import Schema, fields
from openapi_spec_validator import OpenAPIV31SpecValidator

from router import Dialect, Listed, RouterError
from router.config.schema import GatewaySettings
from router.http.json_schema import of_request, of_values
from router.http.openapi import describe
from router.testing import Gateway

pytestmark = pytest.mark.slow

CHAT = "/v1/chat/completions"


def described(dialect: Dialect, **settings: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(describe(dialect, GatewaySettings(**settings)))
    OpenAPIV31SpecValidator(found).validate()
    return found


def properties(description: Mapping[str, Any], name: str = "ChatRequest") -> Any:
    return description["components"]["schemas"][name]["properties"]


def test_the_running_gateway_describes_itself_validly(description: dict[str, Any], profile: str) -> None:
    OpenAPIV31SpecValidator(description).validate()
    assert description["openapi"] == "3.1.0"
    assert profile in description["info"]["title"]


def test_every_path_is_described_and_every_described_one_is_there(
    gateway: Gateway, description: dict[str, Any]
) -> None:
    status, _, body = ask(gateway, "GET", "/")
    assert status == 200
    told = json.loads(body)["paths"]
    paths = set(description["paths"])
    assert set(told) == {path for path in paths if "{" not in path and not path.startswith("/api/v1/admin/")}
    for path, item in description["paths"].items():
        for method in item:
            status, _, body = ask(gateway, method.upper(), path.replace("{model_id}", "none"))
            wanted = (200, 400, 401) if path.startswith(("/v1", "/api")) else (200, 400, 401, 503)  # not set up here
            assert status in wanted, (method, path, body)


def test_routes_with_a_key_say_so_and_the_others_need_none(gateway: Gateway, description: dict[str, Any]) -> None:
    schemes = description["components"]["securitySchemes"]
    assert {scheme["type"] for scheme in schemes.values()} == {"http", "apiKey"}
    for path, item in description["paths"].items():
        for method, operation in item.items():
            status, _, body = ask(gateway, method.upper(), path.replace("{model_id}", "none"), {})
            named = [name for one in operation["security"] for name in one]
            assert bool(named) == (status == 401), (method, path, body)
            assert set(named) <= set(schemes) and len(named) == len(operation["security"])


def test_errors_have_the_described_shape(gateway: Gateway, description: dict[str, Any]) -> None:
    wrong = [("POST", "/v1/chat/completions", {}), ("GET", "/v1/models/none", None), ("GET", "/nowhere", None)]
    for key in ("", gateway.api_key):
        for method, path, body in wrong:
            status, media_type, answer = ask(gateway, method, path, body, key=key)
            assert status >= 400 and media_type == "application/json"
            assert fault(description, "Error", json.loads(answer)) is None


def test_ranges_and_nulls_are_those_of_the_checks() -> None:
    known = properties(described(Dialect()))
    assert known["temperature"] == {"type": ["number", "null"], "minimum": 0, "maximum": 2}
    assert known["n"] == {"type": ["integer", "null"], "minimum": 1, "maximum": 128}
    assert known["model"]["type"] == "string" and known["messages"]["minItems"] == 1
    assert known["stop"]["anyOf"][1] == {"type": "array", "items": {"type": "string"}}


def test_unknown_fields_are_welcome() -> None:
    for name in ("ChatRequest", "EmbeddingsRequest"):
        assert "additionalProperties" not in described(Dialect())["components"]["schemas"][name]


def test_a_gateway_without_streams_describes_none() -> None:
    found = described(Dialect(), streaming=False)
    assert set(found["paths"][CHAT]["post"]["responses"]["200"]["content"]) == {"application/json"}
    assert properties(found)["stream"] == {"enum": [False, None]}


def test_paid_extras_are_ruled_out_where_calls_are_billed() -> None:
    billed = described(Dialect())
    body = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
    tool = {"type": "function", "function": {"name": "f"}}
    for extra in ({"web_search_options": {}}, {"tools": [{"type": "web_search"}]}, {"service_tier": "priority"}):
        assert fault(billed, "ChatRequest", body | extra) is not None
        assert fault(described(Dialect(), billing=("none",)), "ChatRequest", body | extra) is None
    assert fault(billed, "ChatRequest", body | {"tools": [tool], "service_tier": "auto"}) is None


class Odd(Dialect):
    """Errors of another shape and other statuses, a list that is bare, two paths for one thing."""

    chat_paths = (CHAT, "/chat")
    embeddings_paths = ()
    catalogue_paths = ("/shop",)
    catalogue_headers: Mapping[str, str] = {"Cache-Control": "public"}
    fallback_headers: Mapping[str, str] = {"x-from": "memory"}
    shows_served = False

    def error_status(self, error: RouterError) -> int:
        return 418 if error.status < 500 else 599

    def error_body(self, error: RouterError) -> Mapping[str, Any]:
        hint = {"param": error.param} if error.param else {}
        return {"fault": {"why": error.message, "number": self.error_status(error), **hint}}

    def models(self, listed: Any) -> list[Mapping[str, Any]]:
        return [self.model(one) for one in listed]

    def model(self, listed: Listed) -> Mapping[str, Any]:
        return {"name": listed.id, "window": listed.context_window}


def test_errors_and_lists_are_what_the_dialect_makes_of_them() -> None:
    found = described(Odd())
    schemas = found["components"]["schemas"]
    error = schemas["Error"]["properties"]["fault"]
    assert error["properties"]["number"] == {"type": "integer"}
    assert error["required"] == ["why", "number"] and "param" in error["properties"]
    assert schemas["ModelList"]["items"]["properties"]["window"] == {"type": ["integer", "null"]}
    operation = found["paths"]["/chat"]["post"]
    assert set(operation["responses"]) == {"200", "418", "599", "default"}
    assert "x-router-provider" not in operation["responses"]["200"]["headers"]
    assert {"Cache-Control", "x-from"} <= set(found["paths"]["/shop"]["get"]["responses"]["200"]["headers"])


def test_a_refusal_for_now_says_when_to_come_again() -> None:
    responses = described(Dialect())["components"]["responses"]
    assert {"Retry-After"} <= set(responses["Error429"]["headers"])
    assert "Retry-After" not in responses["Error401"]["headers"]


def test_paths_that_do_the_same_are_operations_with_names_of_their_own() -> None:
    found = described(Odd())
    names = [operation["operationId"] for item in found["paths"].values() for operation in item.values()]
    assert len(names) == len(set(names))
    assert "/v1/embeddings" not in found["paths"]


def test_what_examples_have_in_common() -> None:
    found = of_values([{"a": 1, "b": "x"}, {"a": 1.5, "b": None, "c": [True]}, {"a": 2, "b": "y", "c": []}])
    assert found["properties"] == {
        "a": {"type": "number"},
        "b": {"type": ["string", "null"]},
        "c": {"type": "array", "items": {"type": "boolean"}},
    }
    assert found["required"] == ["a", "b"]


def test_a_field_that_cannot_be_described_is_refused() -> None:
    class Foreign(Schema):
        name = fields.String()

    with pytest.raises(TypeError, match=r"Foreign\.name does not say what it lets in"):
        of_request(Foreign)


def test_a_schema_that_is_closed_is_described_as_closed() -> None:
    class Closed(Schema):
        pass

    assert of_request(Closed)["additionalProperties"] is False
