"""The one shape of an error body, for every test that provokes one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol

__all__ = ["TRACES", "ErrorResponse", "assert_error_shape"]

TRACES = ("Traceback", 'File "', "sqlite", "0x")
"""What of our inside no message has, unless its client wrote it."""


class ErrorResponse(Protocol):
    """What ``router.testing.Result``, and whatever else holds a whole response, offers."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def body(self) -> bytes: ...


def assert_error_shape(response: ErrorResponse, status: int, code: str | None) -> dict[str, Any]:
    """Assert that a response is an error in the canonical body, and say which.

    The body is ``{"error": {"message", "type", "param", "code"}}`` and nothing else; the message is text for people,
    the response carries a request ID.

    Args:
        response: its ``headers`` have lower-case names.
        status, code: what it must be.

    Returns:
        What stands under ``error``.
    """
    assert response.status == status, (response.status, response.body[:300])
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-request-id"].startswith("req_")
    body = json.loads(response.body)
    assert set(body) == {"error"}
    detail: dict[str, Any] = body["error"]
    assert set(detail) == {"message", "type", "param", "code"}
    assert isinstance(detail["message"], str) and detail["message"].strip()
    assert len(detail["message"]) < 1000
    assert isinstance(detail["type"], str) and detail["type"]
    assert detail["param"] is None or isinstance(detail["param"], str)
    assert detail["code"] == code, detail
    for trace in TRACES:
        assert trace not in detail["message"], detail
    return detail
