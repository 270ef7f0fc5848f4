"""Errors of the protocol itself, which end a connection before or beside the application, and how they are written."""

from __future__ import annotations

import json
from collections.abc import Callable

from router.errors import BadRequest, RouterError

__all__ = [
    "ExpectationFailed",
    "HeaderTooLarge",
    "HttpsRequired",
    "NotSupported",
    "RenderError",
    "TargetTooLong",
    "VersionNotSupported",
    "render_openai",
]

RenderError = Callable[[RouterError, str], tuple[int, list[tuple[str, str]], bytes]]
"""Turns an error and a request ID into status, headers and body; a dialect may bring its own."""


class TargetTooLong(BadRequest):
    """The request's path and query are longer than the server takes."""

    status = 414
    code = "target_too_long"


class ExpectationFailed(BadRequest):
    """An ``Expect`` header that asks for something other than ``100-continue``."""

    status = 417
    code = "expectation_failed"


class HeaderTooLarge(BadRequest):
    """The request's header has too many fields or too many bytes."""

    status = 431
    code = "header_too_large"


class HttpsRequired(BadRequest):
    """HTTP without TLS, at a port that has a certificate."""

    code = "https_required"

    def __init__(self) -> None:
        super().__init__("This port speaks HTTPS alone. Write https:// in the URL.")


class NotSupported(BadRequest):
    """A transfer coding that the server does not speak."""

    status = 501
    code = "not_supported"


class VersionNotSupported(BadRequest):
    """Neither HTTP/1.1 nor HTTP/1.0."""

    status = 505
    code = "http_version_not_supported"


def render_openai(error: RouterError, request_id: str) -> tuple[int, list[tuple[str, str]], bytes]:
    """The error in OpenAI's shape: ``{"error": {"message", "type", "param", "code"}}``."""
    detail = {"message": error.message, "type": error.type, "param": error.param, "code": error.code}
    headers = [("Content-Type", "application/json"), ("x-request-id", request_id), *error.headers.items()]
    return error.status, headers, json.dumps({"error": detail}).encode("ascii")
