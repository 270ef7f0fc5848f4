"""Smaller parts of the Messages API: errors in its envelope, counts of tokens, how often they are made, lists."""

from __future__ import annotations

import base64
import struct
from typing import Any

import pytest

from router import Listed, ModelCard
from router.errors import (
    KINDS,
    BadRequest,
    Conflict,
    Forbidden,
    InsufficientQuota,
    MethodNotAllowed,
    ModelNotFound,
    RateLimited,
    RequestTimeout,
    RouterError,
    TooLarge,
    Unauthorized,
    Unavailable,
    UpstreamError,
)
from router.surfaces.messages.counting import estimate
from router.surfaces.messages.errors import error_body, error_status
from router.surfaces.messages.listing import models_shown
from router.surfaces.messages.often import CallsPerKey

ERRORS: list[tuple[RouterError, int, str]] = [
    (BadRequest("x"), 400, "invalid_request_error"),
    (BadRequest("x", code="ambiguous_api_key"), 401, "authentication_error"),
    (Unauthorized("x"), 401, "authentication_error"),
    (InsufficientQuota("x"), 402, "billing_error"),
    (Forbidden("x"), 403, "permission_error"),
    (ModelNotFound("x"), 404, "not_found_error"),
    (MethodNotAllowed("x"), 405, "invalid_request_error"),
    (RequestTimeout("x"), 408, "timeout_error"),
    (Conflict("x"), 409, "invalid_request_error"),
    (TooLarge("x"), 413, "request_too_large"),
    (RateLimited("x"), 429, "rate_limit_error"),
    (RouterError("x"), 500, "api_error"),
    (Unavailable("x"), 503, "api_error"),
]
UPSTREAM = {
    "connection": (502, "api_error"),
    "timeout": (504, "timeout_error"),
    "server": (502, "api_error"),
    "overloaded": (529, "overloaded_error"),
    "malformed": (502, "api_error"),
    "rate_limit": (429, "rate_limit_error"),
    "auth": (503, "api_error"),
    "billing": (503, "api_error"),
    "bad_request": (400, "invalid_request_error"),
    "not_found": (404, "not_found_error"),
    "context_length": (400, "invalid_request_error"),
    "content": (400, "invalid_request_error"),
}


@pytest.mark.parametrize(("error", "status", "kind"), ERRORS)
def test_errors_of_the_gateway(error: RouterError, status: int, kind: str) -> None:
    assert error_status(error) == status
    body = {"type": "error", "error": {"type": kind, "message": "x"}, "request_id": "req_1"}
    assert error_body(error, "x", "req_1") == body
    assert "request_id" not in error_body(error, "x", "")


@pytest.mark.parametrize("kind", KINDS)
def test_errors_of_providers(kind: str) -> None:
    error = UpstreamError(kind, "x")
    status, name = UPSTREAM[kind]
    assert (error_status(error), error_body(error, "x", "")["error"]["type"]) == (status, name)


def test_a_prompt_that_is_too_long_is_said_in_the_words_that_clients_look_for() -> None:
    error = UpstreamError("context_length", "This model takes 8,192 tokens.")
    said = error_body(error, error.message, "")["error"]["message"]
    assert said == "prompt is too long: This model takes 8,192 tokens."
    own = UpstreamError("context_length", "prompt is too long: 9 > 8")
    assert error_body(own, own.message, "")["error"]["message"] == own.message


def test_fields_go_by_the_names_that_the_client_knows() -> None:
    error = BadRequest("'stop' must be a list of at most 4 strings.", param="stop")
    assert "'stop_sequences' must be" in error_body(error, error.message, "")["error"]["message"]


def body(content: Any, **fields: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": content}], **fields}


def picture(width: int, height: int) -> dict[str, Any]:
    head = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", width, height) + b"\0" * 40
    data = base64.b64encode(head).decode()
    return {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}


def test_all_that_a_prompt_is_made_of_counts() -> None:
    assert estimate(body("Hi")) < 10
    long, base = "x" * 4000, estimate(body("Hi"))
    call = {"type": "tool_use", "id": "t", "name": "f", "input": {"a": long}}
    result = {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": long}]}
    document = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": long}}
    for content in (
        long,
        [{"type": "text", "text": long}],
        [{"type": "thinking", "thinking": long, "signature": "s"}],
        [call],
        [result],
        [document],
        [{"type": "brand_new", "more": long}],
    ):
        assert estimate(body(content)) > 1000
    assert estimate(body("Hi", system=long)) > 1000
    assert estimate(body("Hi", tools=[{"name": "f", "description": long, "input_schema": {}}])) > 1000
    assert base >= 1


def test_pictures_count_by_their_size_and_never_by_their_bytes() -> None:
    assert estimate(body([picture(300, 250)])) == 4 + 100
    assert estimate(body([picture(9000, 9000)])) == 4 + 1600
    other = {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "A" * 400_000}}
    assert estimate(body([other])) == 4 + 1600


def test_a_key_may_ask_in_bursts_and_then_as_fast_as_time_gives_back() -> None:
    now = [0.0]
    often = CallsPerKey(burst=3, per_s=2.0, clock=lambda: now[0])
    for _ in range(3):
        often.take("one")
    with pytest.raises(RateLimited) as caught:
        often.take("one")
    assert caught.value.headers["Retry-After"] == "1"
    often.take("two")
    now[0] = 0.5
    often.take("one")
    with pytest.raises(RateLimited):
        often.take("one")


LISTED = [Listed(f"p/m{number}", ModelCard(f"m{number}", created=number * 86_400)) for number in range(5)]


@pytest.mark.parametrize(
    ("query", "places", "more"),
    [
        ({}, [0, 1, 2, 3, 4], False),
        ({"limit": "2"}, [0, 1], True),
        ({"limit": "2", "after_id": "p/m2"}, [3, 4], False),
        ({"limit": "2", "before_id": "p/m3"}, [1, 2], True),
        ({"limit": "1000"}, [0, 1, 2, 3, 4], False),
        ({"after_id": "p/m4"}, [], False),
    ],
)
def test_pages_of_models(query: dict[str, str], places: list[int], more: bool) -> None:
    page = models_shown(LISTED, query)
    assert [model["id"] for model in page["data"]] == [f"p/m{place}" for place in places]
    assert page["has_more"] is more
    ends = (f"p/m{places[0]}", f"p/m{places[-1]}") if places else (None, None)
    assert (page["first_id"], page["last_id"]) == ends
    assert all(model["created_at"].endswith("T00:00:00Z") for model in page["data"])


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "x"},
        {"limit": "1001"},
        {"after_id": "nobody"},
        {"after_id": "p/m1", "before_id": "p/m2"},
    ],
)
def test_pages_that_are_none(query: dict[str, str]) -> None:
    with pytest.raises(BadRequest):
        models_shown(LISTED, query)
