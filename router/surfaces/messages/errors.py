"""Errors in Anthropic's envelope: the route decides the shape, whoever has failed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from router.errors import BadRequest, RouterError, Unauthorized, UpstreamError

__all__ = ["error_body", "error_status"]

_TYPES: Mapping[int, str] = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_OVERLOADED = 529
_OURS = frozenset({"auth", "billing"})
_TOO_LONG = "prompt is too long"
_CHAT_NAMES: Mapping[str, str] = {
    "max_completion_tokens": "max_tokens",
    "reasoning_effort": "output_config.effort",
    "response_format": "output_config.format",
    "stop": "stop_sequences",
    "user": "metadata.user_id",
}
"""Field of the chat call that a request became -> what its client calls it."""


def error_status(error: RouterError) -> int:
    """The HTTP status of an error: a provider's overload has a number of its own, our trouble with its bill is a 503,
    and two different keys are a wrong key.
    """
    if isinstance(error, UpstreamError):
        if error.kind == "overloaded":
            return _OVERLOADED
        if error.kind in _OURS:
            return 503
    if isinstance(error, BadRequest) and error.code == "ambiguous_api_key":
        return Unauthorized.status
    return error.status


def error_body(error: RouterError, said: str, request_id: str) -> dict[str, Any]:
    """The JSON body of an error.

    Args:
        said: what the client may read of it, as the dialect has it.
        request_id: empty where it is not known.
    """
    body: dict[str, Any] = {"type": "error", "error": {"type": _type(error), "message": _message(error, said)}}
    return body | ({"request_id": request_id} if request_id else {})


def _type(error: RouterError) -> str:
    status = error_status(error)
    return _TYPES.get(status, "invalid_request_error" if status < 500 else "api_error")


def _message(error: RouterError, said: str) -> str:
    """The words of the error. Fields go by the names that the client knows, and clients look for Anthropic's own words
    to tell that a conversation has to be made shorter.
    """
    name = _CHAT_NAMES.get(error.param or "")
    if name is not None:
        said = re.sub(rf"'{re.escape(error.param or '')}'", f"'{name}'", said)
    too_long = error.code == "context_length_exceeded" and _TOO_LONG not in said
    return f"{_TOO_LONG}: {said}" if too_long else said
