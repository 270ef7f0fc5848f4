"""Errors that the texts do not list have the profile's shape as well."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest
from profile_shop import PROFILES, Shop, dialect_of

from router import errors
from router.errors import KINDS, InsufficientQuota, RouterError, StoreError, UpstreamError

SHAPES = {
    "nexgate": ["message", "type", "param", "code"],
    "nexorouter": ["message", "type", "code"],
    "neurongate": ["type", "message", "code"],
    "aigateway": ["message", "type", "param", "code"],
}


def every_error() -> Iterator[RouterError]:
    for name in errors.__all__:
        kind = getattr(errors, name)
        if isinstance(kind, type) and issubclass(kind, RouterError) and kind is not UpstreamError:
            yield kind("What was wrong.")
    for name in KINDS:
        yield UpstreamError(name, "What was wrong.")
    yield UpstreamError("bad_request", "What was wrong.", status=422)


@pytest.mark.parametrize("profile", PROFILES)
def test_every_error_has_the_profiles_shape(profile: str) -> None:
    dialect = dialect_of(profile)
    for error in every_error():
        status, body = dialect.error_status(error), json.loads(json.dumps(dialect.error_body(error)))
        assert list(body) == ["error"] and list(body["error"]) == SHAPES[profile]
        failed = error.status >= 500 or (error.is_outage and profile != "nexgate")  # which passes a provider's 429 on
        assert 400 <= status < 600 and (status >= 500) == failed, error
        assert body["error"]["message"] and body["error"]["type"] and body["error"]["code"], error
        if profile == "nexorouter":
            assert body["error"]["type"] == "invalid_request_error"
            assert (body["error"]["code"] == "gateway_error") == (status >= 500)
        if profile == "neurongate":
            assert body["error"]["code"] == status


@pytest.mark.parametrize(
    ("profile", "status", "code"),
    [
        ("nexgate", 503, "database_unavailable"),
        ("nexorouter", 503, "gateway_error"),
        ("neurongate", 503, 503),
        ("aigateway", 503, "database_unavailable"),
    ],
)
def test_a_database_that_does_not_answer_is_ours_and_no_providers_fault(
    profile: str, status: int, code: str | int
) -> None:
    dialect, error = dialect_of(profile), StoreError("The database does not answer.")
    assert (dialect.error_status(error), dialect.error_body(error)["error"]["code"]) == (status, code)
    assert dialect.error_body(error)["error"]["message"] == "The database does not answer."


def test_a_balance_in_another_currency_has_no_dollar_sign() -> None:
    dialect = dialect_of("nexorouter")
    for currency, shown in (("EUR", "€0.000000"), ("CHF", "0.000000 CHF"), ("", "0.000000")):
        message = dialect.error_body(InsufficientQuota("-", currency=currency))["error"]["message"]
        assert message == f"Insufficient prepaid balance. Current balance: {shown}."


def test_a_body_that_never_comes_is_refused_in_the_profiles_shape(shop: Shop) -> None:
    """The shop waits half a second for one."""
    with socket.create_connection(("127.0.0.1", shop.gateway.port), timeout=10) as sock:
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {shop.key().text}\r\n"
        sock.sendall(f"{head}Content-Length: 100\r\n\r\n".encode())
        received = b""
        while piece := sock.recv(65536):
            received += piece
    status, _, body = received.partition(b"\r\n\r\n")
    assert status.startswith(b"HTTP/1.1 408 ")
    error = json.loads(body)["error"]
    assert list(error) == SHAPES[shop.profile.name]
    assert error["code"] == (408 if shop.profile.name == "neurongate" else "request_timeout")
