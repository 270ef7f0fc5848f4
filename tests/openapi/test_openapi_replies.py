"""Real answers of each profile's gateway: as they are described, and as OpenAI's own models take them, strictly."""

from __future__ import annotations

import json
from typing import Any

import openai.types
import pytest
from described import ask, fault
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from router.testing import Gateway

pytestmark = pytest.mark.slow


def example(description: dict[str, Any], path: str) -> dict[str, Any]:
    """The request that the description shows."""
    content = description["paths"][path]["post"]["requestBody"]["content"]["application/json"]
    found: dict[str, Any] = content["example"]
    return found


def paths_of(description: dict[str, Any], name: str) -> list[str]:
    """The paths whose operation has that name; those of the same kind have a number behind it."""
    return [
        path
        for path, item in description["paths"].items()
        for operation in item.values()
        if operation["operationId"].rstrip("0123456789") == name
    ]


def test_chat_completions(gateway: Gateway, description: dict[str, Any]) -> None:
    paths = paths_of(description, "createChatCompletion")
    assert paths
    for path in paths:
        status, media_type, body = ask(gateway, "POST", path, example(description, path), key=gateway.api_key)
        assert (status, media_type) == (200, "application/json"), body
        assert fault(description, "ChatCompletion", json.loads(body)) is None
        reply = ChatCompletion.model_validate_json(body, strict=True)
        assert reply.model == example(description, path)["model"]


@pytest.mark.parametrize("options", [{}, {"stream_options": {"include_usage": True}}], ids=["plain", "usage"])
def test_streams(gateway: Gateway, description: dict[str, Any], options: dict[str, Any]) -> None:
    for path in paths_of(description, "createChatCompletion"):
        request = example(description, path) | {"stream": True} | options
        status, media_type, body = ask(gateway, "POST", path, request, key=gateway.api_key)
        assert (status, media_type) == (200, "text/event-stream"), body
        events = [line.removeprefix(b"data: ") for line in body.splitlines() if line.startswith(b"data: ")]
        assert events.pop() == b"[DONE]"
        assert len(events) >= 3
        for event in events:
            assert fault(description, "ChatCompletionChunk", json.loads(event)) is None
            ChatCompletionChunk.model_validate_json(event, strict=True)


def test_embeddings(gateway: Gateway, description: dict[str, Any]) -> None:
    for path in paths_of(description, "createEmbeddings"):
        request = example(description, path)
        status, _, body = ask(gateway, "POST", path, request, key=gateway.api_key)
        assert status == 200, body
        assert fault(description, "Embeddings", json.loads(body)) is None
        openai.types.CreateEmbeddingResponse.model_validate_json(body, strict=True)


def test_models(gateway: Gateway, description: dict[str, Any]) -> None:
    status, _, body = ask(gateway, "GET", "/v1/models", key=gateway.api_key)
    listed = json.loads(body)
    assert status == 200 and listed["object"] == "list" and listed["data"]
    assert fault(description, "ModelList", listed) is None
    for one in listed["data"]:
        openai.types.Model.model_validate(one, strict=True)
    status, _, body = ask(gateway, "GET", f"/v1/models/{listed['data'][0]['id']}", key=gateway.api_key)
    assert status == 200 and fault(description, "Model", json.loads(body)) is None
    assert json.loads(body) == listed["data"][0]


def test_what_is_there_for_everybody(gateway: Gateway, description: dict[str, Any]) -> None:
    shapes = {"listCatalogue": "Catalogue", "health": "Health", "readiness": "Readiness"}
    for name, shape in shapes.items():
        for path in paths_of(description, name):
            status, media_type, body = ask(gateway, "GET", path)
            assert (status, media_type) == (200, "application/json"), body
            assert fault(description, shape, json.loads(body)) is None


def test_estimates(gateway: Gateway, description: dict[str, Any]) -> None:
    for path in paths_of(description, "estimate"):
        by_count = example(description, path)
        messages = {"model": by_count["model"], "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 10}
        for request in (by_count, messages):
            assert fault(description, "EstimateRequest", request) is None
            status, _, body = ask(gateway, "POST", path, request)
            assert status == 200, body
            assert fault(description, "Estimate", json.loads(body)) is None
        for wrong in (by_count | messages, {"model": by_count["model"]}, by_count | {"prompt_tokens": -1}):
            assert fault(description, "EstimateRequest", wrong) is not None
            status, _, body = ask(gateway, "POST", path, wrong)
            assert status == 400 and fault(description, "Error", json.loads(body)) is None
