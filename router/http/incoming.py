"""A WSGI environment as the line wants it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from router.errors import BadRequest
from router.gateway.body import read_body
from router.gateway.line import Incoming
from router.masking import one_line

__all__ = ["client_request_id", "incoming_of"]

_ID_MAX = 128


def incoming_of(environ: dict[str, Any], max_body_bytes: int) -> Incoming:
    """The request in ``environ``; its body is read only when the line asks for it."""

    size = _length(environ)
    encoding = environ.get("HTTP_CONTENT_ENCODING", "")

    def body(note: Callable[[int], None] | None = None) -> bytes:
        return read_body(environ["wsgi.input"], size, encoding, max_body_bytes, note)

    return Incoming(
        request_id=environ["router.request_id"],
        received_at=environ.get("router.received_at") or time.time(),
        authorization=environ.get("HTTP_AUTHORIZATION"),
        x_api_key=environ.get("HTTP_X_API_KEY"),
        read_body=body,
        client=environ.get("router.client"),
        idempotency_key=environ.get("HTTP_IDEMPOTENCY_KEY"),
        started=environ.get("router.started"),
        body_size=None if encoding else size,
        client_request_id=client_request_id(environ),
    )


def client_request_id(environ: dict[str, Any]) -> str:
    """The client's own ID of its request (``X-Request-ID``), as far as it can stand in a log; empty without one."""
    text: str = environ.get("HTTP_X_REQUEST_ID", "")
    return one_line(text.encode("latin-1", "replace").decode("utf-8", "replace"), _ID_MAX) if text else ""


def _length(environ: dict[str, Any]) -> int | None:
    """``Content-Length``; None for a chunked body, 0 for none."""
    text = environ.get("CONTENT_LENGTH") or ""
    if not text:
        return None if environ.get("wsgi.input_terminated") or "HTTP_TRANSFER_ENCODING" in environ else 0
    if not (text.isascii() and text.isdigit()):
        raise BadRequest("The Content-Length header is not a whole number.")
    return int(text)
