"""A WSGI environment as the line wants it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from router.calls.request import Incoming
from router.errors import BadRequest
from router.http.peer import PeerReader
from router.surfaces.body import read_body
from router.types.masking import one_line

__all__ = ["client_request_id", "incoming_of"]

_ID_MAX = 128


def incoming_of(environ: dict[str, Any], max_body_bytes: int, peers: PeerReader) -> Incoming:
    """The request in ``environ``; its body is read only when the line asks for it, which then also hears that its
    length is none.
    """
    encoding = environ.get("HTTP_CONTENT_ENCODING", "")

    def body(note: Callable[[int], None] | None) -> bytes:
        return read_body(environ["wsgi.input"], _length(environ), encoding, max_body_bytes, note)

    return Incoming(
        environ["PATH_INFO"],
        environ["router.request_id"],
        environ.get("router.received_at") or time.time(),
        started=environ.get("router.started"),
        authorization=environ.get("HTTP_AUTHORIZATION"),
        x_api_key=environ.get("HTTP_X_API_KEY"),
        api_key=environ.get("HTTP_API_KEY"),
        model=environ.get("router.model", ""),
        origin=environ.get("HTTP_ORIGIN"),
        idempotency_key=environ.get("HTTP_IDEMPOTENCY_KEY"),
        client_request_id=client_request_id(environ.get("HTTP_X_REQUEST_ID", "")),
        peer=peers.of_environ(environ),
        client=environ.get("router.client"),
        body_size=None if encoding else _declared(environ),
        reader=body,
        environ=environ,
        query=environ.get("QUERY_STRING", ""),
    )


def client_request_id(text: str) -> str:
    """The client's own ID of its request (``X-Request-ID``), as far as it can stand in a log; empty without one.

    Args:
        text: the header's value, a character for each byte.
    """
    return one_line(text.encode("latin-1", "replace").decode("utf-8", "replace"), _ID_MAX) if text else ""


def _declared(environ: dict[str, Any]) -> int | None:
    """The body's length, None where it is not known before the body is read."""
    try:
        return _length(environ)
    except BadRequest:
        return None


def _length(environ: dict[str, Any]) -> int | None:
    """``Content-Length``; None for a chunked body, 0 for none."""
    text = environ.get("CONTENT_LENGTH") or ""
    if not text:
        return None if environ.get("wsgi.input_terminated") or "HTTP_TRANSFER_ENCODING" in environ else 0
    if not (text.isascii() and text.isdigit()):
        raise BadRequest("The Content-Length header is not a whole number.")
    return int(text)
