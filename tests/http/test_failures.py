"""What clients, and the log, are told of failures: the status of Flask's own errors, and the dialect's of ours."""

from __future__ import annotations

import json
from typing import Any

import pytest
from werkzeug.exceptions import HTTPException, default_exceptions
from werkzeug.routing import RequestRedirect
from werkzeug.wrappers import Response

from router.errors import RateLimited, RouterError
from router.http.directions import Directions
from router.http.failures import Failures
from router.types.dialect import Dialect


class Teapot(Dialect):
    """Every failure is a teapot's."""

    def error_status(self, error: RouterError) -> int:
        return 418


def told(raised: Exception, dialect: Dialect | None = None) -> tuple[int, dict[str, str], dict[str, Any], int]:
    """Status, headers and error of the answer, and the status in the log."""
    lines: list[bytes] = []
    failures = Failures(
        dialect or Dialect(), lines.append, Directions(Dialect(), "standard", ["/v1/models"], str.strip)
    )
    status, headers, body = failures.answer(raised, "req_1", "/v1/models")
    return status, dict(headers), json.loads(body)["error"], json.loads(lines[0])["status"]


@pytest.mark.parametrize("status", sorted(default_exceptions))
def test_errors_of_flask_keep_their_status(status: int) -> None:
    answered, _, error, logged = told(default_exceptions[status]())
    assert answered == logged == status
    assert "Host" not in error["message"]
    assert error["type"] == {429: "rate_limit_error"}.get(
        status, "invalid_request_error" if status < 500 else "server_error"
    )


def test_an_error_that_is_a_response_keeps_its_status_and_nothing_of_its_body() -> None:
    status, headers, error, _ = told(HTTPException(response=Response("secret", 429, {"Retry-After": "7", "X-A": "1"})))
    assert (status, headers["Retry-After"], "X-A" in headers) == (429, "7", False)
    assert "secret" not in error["message"]


def test_a_redirect_stays_within_the_gateway() -> None:
    status, headers, _, _ = told(RequestRedirect("http://evil.example/v1/models?a=1"))
    assert (status, headers["Location"]) == (308, "/v1/models?a=1")


def test_the_log_has_the_dialects_status() -> None:
    assert told(RateLimited("slower"), Teapot())[::3] == (418, 418)
