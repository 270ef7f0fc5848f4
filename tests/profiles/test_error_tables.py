"""The error table of each profile: every row by a real cause, plain and streaming, and as OpenAI's SDK has it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import openai
import pytest
from profile_causes import CAUSES, send
from profile_shop import PROFILES, Shop

from router.testing import Answer, stream

pytestmark = pytest.mark.slow

INVALID = "invalid_request_error"

COMMON: Mapping[str, tuple[int, str, str]] = {
    "no key": (401, INVALID, "invalid_api_key"),
    "a malformed header": (401, INVALID, "invalid_api_key"),
    "a malformed key": (401, INVALID, "invalid_api_key"),
    "an unknown key": (401, INVALID, "invalid_api_key"),
    "a revoked key": (401, INVALID, "api_key_revoked"),
    "a disabled key": (401, INVALID, "api_key_disabled"),
    "an expired key": (401, INVALID, "api_key_expired"),
    "an empty balance": (402, "insufficient_quota", "insufficient_quota"),
    "an exhausted budget": (402, "insufficient_quota", "key_budget_exceeded"),
    "a model outside the scope": (403, INVALID, "model_not_allowed"),
    "an unknown model": (404, INVALID, "model_not_found"),
    "a model without a price": (404, INVALID, "model_not_priced"),
    "a body that is no JSON": (400, INVALID, "invalid_json"),
    "no messages": (400, INVALID, "missing_required_parameter"),
    "a value out of range": (400, INVALID, "invalid_value"),
    "a rate limit": (429, "rate_limit_error", "rate_limit_exceeded"),
    "a reused Idempotency-Key": (409, INVALID, "idempotency_key_reused"),
    "a body that is too large": (413, INVALID, "request_too_large"),
    "another method": (405, INVALID, "method_not_allowed"),
    "another path": (404, INVALID, "not_found"),
    "an upstream that refuses the request": (400, INVALID, "invalid_request"),
    "an upstream that fails": (502, "upstream_error", "upstream_server_error"),
    "an upstream at its limit": (429, "rate_limit_error", "upstream_rate_limited"),
    "an upstream that refuses our key": (502, "upstream_error", "upstream_auth"),
    "all providers down": (502, "upstream_error", "upstream_connection"),
}
OUTAGES = (
    "an upstream that fails",
    "an upstream at its limit",
    "an upstream that refuses our key",
    "all providers down",
)


def nexorouter_row(cause: str) -> tuple[int, dict[str, Any]]:
    """One type; 403 for want of money; one code for all that is wrong with a request, one for all that fails here."""
    status, _, code = COMMON[cause]
    if cause in OUTAGES:
        status, code = 502, "gateway_error"
    elif status == 400:
        code = INVALID
    elif status == 402:
        status, code = 403, "insufficient_quota"
    elif code == "model_not_priced":
        code = "model_not_found"
    return status, {"type": INVALID, "code": code}


NEURONGATE_TYPES = {
    400: "bad_request",
    401: "unauthorized",
    402: "insufficient_funds",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "request_too_large",
    429: "rate_limit_exceeded",
    502: "upstream_error",
}


def neurongate_row(cause: str) -> tuple[int, dict[str, Any]]:
    """The code is the status, and the type follows from it."""
    status = 502 if cause in OUTAGES else COMMON[cause][0]
    return status, {"type": NEURONGATE_TYPES[status], "code": status}


def aigateway_row(cause: str) -> tuple[int, dict[str, Any]]:
    """OpenAI's rows, and 503 when no provider is left."""
    if cause in OUTAGES:
        return 503, {"type": "server_error", "code": "all_providers_unavailable"}
    return nexgate_row(cause)


def nexgate_row(cause: str) -> tuple[int, dict[str, Any]]:
    """OpenAI's rows."""
    status, kind, code = COMMON[cause]
    return status, {"type": kind, "code": code}


ROWS = {
    "nexgate": nexgate_row,
    "nexorouter": nexorouter_row,
    "neurongate": neurongate_row,
    "aigateway": aigateway_row,
}
FIELDS = {
    "nexgate": ["message", "type", "param", "code"],
    "nexorouter": ["message", "type", "code"],
    "neurongate": ["type", "message", "code"],
    "aigateway": ["message", "type", "param", "code"],
}
SDK_CLASSES: Mapping[int, type[openai.APIStatusError]] = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    402: openai.APIStatusError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
    409: openai.ConflictError,
    413: openai.APIStatusError,
    429: openai.RateLimitError,
    502: openai.InternalServerError,
    503: openai.InternalServerError,
}
BY_SDK = (  # one for each status, and all that a stream may meet upstream
    "a malformed key",
    "an empty balance",
    "a model outside the scope",
    "an unknown model",
    "a value out of range",
    "a rate limit",
    "a reused Idempotency-Key",
    "a body that is too large",
    *OUTAGES,
)
# A stream that fails before its first chunk is a plain call that fails: one refused by each of the line's stations.
CASES = [(cause, False) for cause in CAUSES] + [
    (cause, True) for cause in ("an unknown key", "an empty balance", "a rate limit", "no messages", *OUTAGES)
]


def assert_error(shop: Shop, cause: str, value: Any, row: Mapping[str, Any]) -> str:
    """Assert that a decoded body is the profile's for this cause; its message."""
    assert list(value) == ["error"]
    error = value["error"]
    assert list(error) == FIELDS[shop.profile.name]
    assert {name: error[name] for name in row} == row, cause
    message = error["message"]
    assert isinstance(message, str) and message.strip() and "sk-up" not in message
    return message


@pytest.mark.row("NX-4", "NX-7", "NX-8", "NE-7", "NE-8", "AG-5", "AG-7")
@pytest.mark.parametrize(
    ("cause", "streamed"), CASES, ids=[f"{cause}{streamed * ', stream'}" for cause, streamed in CASES]
)
def test_each_cause_has_its_row(shop: Shop, cause: str, streamed: bool) -> None:
    status, row = ROWS[shop.profile.name](cause)
    answer = send(shop, CAUSES[cause](shop), streamed=streamed)
    assert answer.status == status, answer.body
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"].startswith("req_")
    assert_error(shop, cause, answer.json(), row)
    assert {one["status"] for one in _told_of(shop, answer.headers["x-request-id"])} == {status}


def _told_of(shop: Shop, request_id: str) -> list[dict[str, Any]]:
    """The request's line in the log, and its usage row where it has one."""
    log, found = shop.gateway.log_path, list[dict[str, Any]]()
    deadline = time.monotonic() + 60
    while not found and time.monotonic() < deadline:
        time.sleep(0.01)
        lines = [line for line in log.read_text(encoding="utf-8").splitlines() if request_id in line]
        found = [one for line in lines if "status" in (one := json.loads(line))]
    sql = "SELECT status FROM usage WHERE request_id = ?"
    return [*found, *shop.database.read(lambda connection: connection.rows(sql, (request_id,)))]


@pytest.mark.row("NX-8", "NE-8", "AG-7")
@pytest.mark.parametrize("cause", BY_SDK)
def test_the_sdk_raises_the_right_class(shop: Shop, cause: str) -> None:
    streamed = cause in OUTAGES
    status, row = ROWS[shop.profile.name](cause)
    call = CAUSES[cause](shop)
    client = shop.gateway.client(call.key)
    with pytest.raises(openai.APIStatusError) as caught:
        client.chat.completions.create(**call.fields(shop), stream=streamed, extra_headers=dict(call.headers))
    assert type(caught.value) is SDK_CLASSES[status]
    assert caught.value.status_code == status
    assert (caught.value.type, caught.value.code) == (row["type"], str(row["code"]))  # the SDK's own word is text


def test_what_fails_after_output_is_one_event_of_the_same_shape(shop: Shop) -> None:
    model = shop.shaky(stream("Hi", " there", cut_after=2))
    answer = shop.chat(shop.key(), model=model, stream=True)
    assert answer.status == 200
    *_, last = answer.events()
    assert_error(shop, "cut", last, ROWS[shop.profile.name]("an upstream that fails")[1] | _cut_code(shop))


def _cut_code(shop: Shop) -> dict[str, Any]:
    return {"code": "upstream_connection"} if shop.profile.name == "nexgate" else {}


@pytest.mark.row("NX-9", "NE-6")
def test_a_wait_that_is_told_is_true(shop: Shop) -> None:
    """A moment before its end the call is refused still; at its end it passes."""
    key = shop.key(limits={"requests_per_minute": 1})
    assert shop.chat(key).status == 200
    wait_s = int(shop.chat(key).headers["retry-after"])
    assert 1 <= wait_s <= 60
    shop.shift_windows(key, wait_s - 3)
    left_s = int(shop.chat(key).headers["retry-after"])
    assert 1 <= left_s <= 3
    shop.shift_windows(key, left_s)
    assert shop.chat(key).status == 200


def test_an_upstreams_wait_is_passed_on(shop: Shop) -> None:
    answer = shop.chat(shop.key(), model=shop.shaky(Answer.error(429, headers={"Retry-After": "7"})))
    assert answer.headers["retry-after"] == "7"


@pytest.mark.row("NX-6", "NX-7", "NX-8")
def test_nexorouter_names_the_balance(nexorouter: Shop) -> None:
    empty = nexorouter.chat(nexorouter.key("0")).json()
    assert empty == {
        "error": {
            "message": "Insufficient prepaid balance. Current balance: $0.000000.",
            "type": "invalid_request_error",
            "code": "insufficient_quota",
        }
    }
    little = nexorouter.chat(nexorouter.key("0.00001")).json()["error"]["message"]
    assert little.startswith(
        "Insufficient prepaid balance. Current balance: $0.000010. This call may cost up to $0.0000"
    )
    budget = nexorouter.chat(nexorouter.key(budget="0.00001")).json()["error"]["message"]
    assert budget.startswith("Insufficient key budget. Remaining budget: $0.000010. ")


@pytest.mark.row("NE-6", "NE-7")
def test_neurongates_limit_says_how_long(neurongate: Shop) -> None:
    key = neurongate.key(limits={"requests_per_minute": 1})
    neurongate.chat(key)
    answer = neurongate.chat(key)
    wait_s = answer.headers["retry-after"]
    assert answer.json() == {
        "error": {
            "type": "rate_limit_exceeded",
            "message": f"Rate limit exceeded. Please retry after {wait_s} seconds.",
            "code": 429,
        }
    }


@pytest.mark.row("NE-7")
def test_neurongates_wrong_key_is_the_example_of_its_text(neurongate: Shop) -> None:
    answer = send(neurongate, CAUSES["an unknown key"](neurongate))
    message = "Invalid API key. Please check your key and try again."
    assert answer.json() == {"error": {"type": "unauthorized", "message": message, "code": 401}}


@pytest.mark.parametrize("cause", OUTAGES)
def test_neurongate_does_not_tell_who_failed(neurongate: Shop, cause: str) -> None:
    answer = send(neurongate, CAUSES[cause](neurongate))
    assert not {"x-router-provider", "x-router-model", "x-router-attempts"} & set(answer.headers)
    assert b"shaky" not in answer.body and b"down" not in answer.body


def test_every_profile_has_its_rows() -> None:
    assert set(ROWS) == set(FIELDS) == set(PROFILES)
    assert set(COMMON) == set(CAUSES)
