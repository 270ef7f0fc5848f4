"""Base URLs as people type them, Azure's paths and header, and what is said of what is not there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from errors import assert_error_shape
from gateway_wire import CHAT, EMBEDDINGS, USER, get, post, send

from router.testing import Gateway, ScriptedUpstream

pytestmark = pytest.mark.slow

MODEL = "openai/gpt-4o"
BODY = {"model": MODEL, "messages": USER}
AZURE = f"/openai/deployments/{MODEL}/chat/completions?api-version=2026-01-01"


@pytest.fixture(scope="module")
def embedding(gateway: Gateway) -> dict[str, Any]:
    return {"model": "openai/text-embedding-3-small", "input": "Hello"}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Gateway]:
    with Gateway(tmp_path, profile="nexgate", config={"providers": {"echo": {}}}) as gateway:
        yield gateway


@pytest.mark.parametrize(
    "path",
    [
        "/chat/completions", "/v1/v1/chat/completions", "/v1/chat/completions/", "/v1//chat///completions//",
        "//chat/completions", "/api/v1/chat/completions", "/openai/v1/chat/completions", "/v1/chat%2Fcompletions",
        "/chat/completions?x=1", AZURE, f"/v1{AZURE}", f"/openai/v1/engines/{MODEL}/chat/completions",
    ],
)  # fmt: skip
def test_a_call_is_served_at_every_path_that_plainly_means_it(
    gateway: Gateway, upstream: ScriptedUpstream, path: str
) -> None:
    answer = post(gateway, path, BODY)
    assert (answer.status, answer.json()["model"]) == (200, MODEL), answer.body
    (row,) = gateway.router("usage", "show", "--limit", "1")
    assert (row["request_id"], row["route"]) == (answer.headers["x-request-id"], "chat")
    streamed = post(gateway, path, {**BODY, "stream": True})
    assert streamed.body.endswith(b"data: [DONE]\n\n")
    assert post(gateway, path, BODY, key="sk-wrong").status == 401


def test_other_routes_are_found_too(gateway: Gateway, embedding: dict[str, Any]) -> None:
    for path in ("/embeddings", "/v1/v1/embeddings", "/openai/deployments/openai/text-embedding-3-small/embeddings"):
        assert post(gateway, path, embedding).status == 200
    for path in ("/models", "/v1/models/", "/v1/v1/models", "/openai/models?api-version=1", "/api/v1/models"):
        assert get(gateway, path).json()["object"] == "list"
    for path in (f"/models/{MODEL}", f"/v1/v1/models/{MODEL}", f"/v1/models/{MODEL}/"):
        assert get(gateway, path).json()["id"] == MODEL
    assert get(gateway, "/healthz/", key="").status == 200


def test_the_log_has_the_route_that_is_served(shop: Gateway) -> None:
    for path in ("/v1/v1/chat/completions", "/chat/completions?x=1", "/openai/deployments/a/chat/completions"):
        assert post(shop, path, BODY, key="ng-wrong").status == 401
    assert get(shop, "/v1/v1/models", key="ng-wrong").status == 401
    shop.stop()
    refused = [line for line in shop.log if isinstance(line, dict) and line.get("event") == "refused"]
    assert [line["route"] for line in refused] == [CHAT, CHAT, CHAT, "/v1/models"]


# Azure.


def test_the_paths_model_stands_where_the_body_names_none(gateway: Gateway, upstream: ScriptedUpstream) -> None:
    for body in ({"messages": USER}, {"model": None, "messages": USER}, {"model": "", "messages": USER}):
        answer = post(gateway, AZURE, body)
        assert (answer.status, answer.json()["model"]) == (200, MODEL)
        assert upstream.last.json()["model"] == "gpt-4o"
    assert post(gateway, "/openai/deployments/fast/chat/completions", {"messages": USER}).json()["model"] == "fast"
    unknown = post(gateway, "/openai/deployments/n%C3%B6/chat/completions", {"messages": USER})
    assert "'nö'" in assert_error_shape(unknown, 404, "model_not_found")["message"]


def test_two_models_are_one_too_many(gateway: Gateway, upstream: ScriptedUpstream) -> None:
    for said in ("openai/gpt-4o-mini", 7):
        detail = assert_error_shape(post(gateway, AZURE, {**BODY, "model": said}), 400, "ambiguous_model")
        assert f"'{MODEL}'" in detail["message"] and f"'{said}'" in detail["message"]
        assert detail["param"] == "model"


def test_a_repeat_at_another_deployment_is_another_request(gateway: Gateway, upstream: ScriptedUpstream) -> None:
    made = gateway.router("keys", "create", "--account", gateway.account, "--idempotent")
    key, once = made["api_key"], {"Idempotency-Key": "once"}
    first, again = (post(gateway, AZURE, {"messages": USER}, once, key=key) for _ in range(2))
    assert (first.status, again.headers["idempotent-replayed"]) == (200, "true")
    other = post(gateway, "/openai/deployments/fast/chat/completions", {"messages": USER}, once, key=key)
    assert other.status == 409 or "Idempotency-Key" in other.json()["error"]["message"]


def test_azures_sdk_works_by_endpoint_and_key(gateway: Gateway, upstream: ScriptedUpstream) -> None:
    client = openai.AzureOpenAI(
        azure_endpoint=gateway.url, api_key=gateway.api_key, api_version="2026-01-01", max_retries=0
    )
    messages: Any = USER
    with client:
        assert client.chat.completions.create(model=MODEL, messages=messages).choices[0].message.content
        parts: Any = client.chat.completions.create(model=MODEL, messages=messages, stream=True)
        assert "".join(part.choices[0].delta.content or "" for part in parts if part.choices)
        vectors = client.embeddings.create(model="openai/text-embedding-3-small", input="Hello")
        assert vectors.data[0].embedding
    wrong = openai.AzureOpenAI(azure_endpoint=gateway.url, api_key="sk-wrong", api_version="1", max_retries=0)
    with wrong, pytest.raises(openai.AuthenticationError):
        wrong.chat.completions.create(model=MODEL, messages=messages)


@pytest.mark.parametrize("path", [CHAT, f"{CHAT}?x=1", "/v1/models"])
def test_keys_in_several_headers_must_be_one(gateway: Gateway, upstream: ScriptedUpstream, path: str) -> None:
    good, wrong = gateway.api_key, "sk-another"
    names = {"Authorization": "Bearer {}", "X-API-Key": "{}", "api-key": "{}"}

    def asked(keys: dict[str, str]) -> Any:
        headers = {name: names[name].format(key) for name, key in keys.items()}
        return (
            get(gateway, path, headers, key="") if path == "/v1/models" else post(gateway, path, BODY, headers, key="")
        )

    for name in names:
        assert asked({name: good}).status == 200
        assert asked({name: wrong}).status == 401
    assert asked(dict.fromkeys(names, good)).status == 200
    for one, other in (("Authorization", "X-API-Key"), ("Authorization", "api-key"), ("X-API-Key", "api-key")):
        detail = assert_error_shape(asked({one: good, other: wrong}), 400, "ambiguous_api_key")
        assert one in detail["message"] and other in detail["message"]


# Directions.


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/", "//"])
def test_the_base_url_says_what_to_do_with_it(gateway: Gateway, path: str) -> None:
    answer = get(gateway, path, key="")
    page = answer.json()
    assert page["base_url"] == gateway.base_url and gateway.base_url in page["message"]
    assert {CHAT, EMBEDDINGS, "/v1/models"} <= set(page["paths"])
    assert get(gateway, page["description"].removeprefix(gateway.url), key="").status == 200
    head = send(gateway.port, f"HEAD {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode(), head_only=True)
    assert (head.status, head.body) == (200, b"")
    detail = assert_error_shape(post(gateway, path, BODY), 405, "method_not_allowed")
    assert f"{gateway.url}{CHAT}" in detail["message"]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/v1/assistants", "is not served here; assistants keep conversations"),
        ("/v1/threads/thread_1/runs", "send each whole to {url}/v1/chat/completions"),
        ("/v1/fine_tuning/jobs", "models are not trained here"),
        ("/realtime", "there are no WebSockets here"),
        (
            "/proxy/v1/chat/completions",
            "Set your client's base URL to {url}/v1, so that it calls /v1/chat/completions.",
        ),
        ("/v1beta/openai/embeddings", "Set your client's base URL to {url}/v1, so that it calls /v1/embeddings."),
        ("/v1/chat/completion", "Did you mean /v1/chat/completions?"),
        ("/v1/nothing-like-it", "The base URL is {url}/v1, and GET {url}/v1 lists all paths."),
        ("/openai/deployments/a/nothing", "The base URL is {url}/v1"),
    ],
)
def test_what_is_not_there_says_where_to_go(gateway: Gateway, path: str, said: str) -> None:
    detail = assert_error_shape(post(gateway, path, BODY), 404, "not_found")
    assert detail["message"].startswith(f"POST {path} is not served here")
    assert said.format(url=gateway.url) in detail["message"]


def test_a_wrong_method_says_which_one_is_right(gateway: Gateway) -> None:
    for path in ("/chat/completions", "/v1/v1/chat/completions"):
        answer = get(gateway, path)
        detail = assert_error_shape(answer, 405, "method_not_allowed")
        assert detail["message"] == f"GET {CHAT} is not possible; the method here is POST."
        assert answer.headers["allow"] == "POST"


def test_what_a_profile_lacks_names_the_setting(shop: Gateway) -> None:
    answer = post(shop, "/v1/embeddings", {"model": "x", "input": "y"})
    assert "the profile 'nexgate' ([gateway] profile) has no embeddings" in answer.json()["error"]["message"]
    assert isinstance(get(shop, "/models", key="").json(), list)  # its public catalogue, which is no one's slip
    assert get(shop, "/v1/v1/models").json()["object"] == "list"
    for path in ("/", "/v1"):
        assert get(shop, path, key="").json()["base_url"] == shop.base_url
