"""Errors in Google's envelope."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router import RouterError

__all__ = ["error_body"]

_STATUS: Mapping[int, str] = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    402: "RESOURCE_EXHAUSTED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    504: "DEADLINE_EXCEEDED",
}
_TYPE = "type.googleapis.com/google.rpc."


def error_body(error: RouterError, status: int, said: str) -> dict[str, Any]:
    """The body of an error.

    Args:
        status: of HTTP.
        said: what the client may read of it.
    """
    usual = "INVALID_ARGUMENT" if status < 500 else "UNAVAILABLE"
    details: list[dict[str, Any]] = []
    if error.code:
        info = {"reason": error.code.upper(), "domain": "router"}
        details.append({"@type": f"{_TYPE}ErrorInfo", **info})
    if error.param:
        fault = {"field": error.param, "description": said}
        details.append({"@type": f"{_TYPE}BadRequest", "fieldViolations": [fault]})
    wait = error.headers.get("Retry-After", "")
    if wait.isdecimal():
        details.append({"@type": f"{_TYPE}RetryInfo", "retryDelay": f"{wait}s"})
    body = {"code": status, "message": said, "status": _STATUS.get(status, usual)}
    return {"error": body | ({"details": details} if details else {})}
