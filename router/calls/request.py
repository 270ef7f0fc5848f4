"""A request for the line: the one object that each door makes of what came to it, and the client behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import parse_qsl

from msgspec import Struct

from router.calls.sink import Sink
from router.errors import BadRequest, RouterError
from router.types.peer import NOBODY, Peer

__all__ = ["CallCancelled", "ClientConnection", "Incoming", "ReadBody"]

_SHOWN = 80

ReadBody = Callable[[Callable[[int], None] | None], bytes]
"""Reads the whole body, within limits; tells of bytes as they come."""


class CallCancelled(BaseException):
    """Thrown into the greenlet that waits for an upstream. Not an ``Exception``: no handler of errors may catch it.

    Attributes:
        reason: what to tell the client; None where there is none any more.
    """

    def __init__(self, reason: RouterError | None = None) -> None:
        super().__init__()
        self.reason = reason


class ClientConnection(Protocol):
    """The client's connection, as the server gives it."""

    @property
    def gone(self) -> bool: ...
    def watch(self, callback: Callable[[], None]) -> None: ...
    def unwatch(self) -> None: ...


class Incoming(Struct):
    """One request, as the line needs it.

    Attributes:
        path: without a query.
        query: what follows the path, still encoded; it may hold a key, and stands in no log.
        request_id: ours.
        received_at: Unix seconds at its first byte.
        started: the same moment by the monotonic clock; None where that is not known.
        authorization, x_api_key, api_key: the headers that may hold the key; the last is Azure's.
        origin: the header of a browser that asks for a web page; None without one.
        idempotency_key: the header; heeded only where the key may send it.
        model: that the path names, as Azure's and Google's do; empty without one.
        client_request_id: the client's own ID of the request; empty without one.
        peer: whose it is.
        client: the connection; None where there is none to watch.
        body_size: of the body, as declared; None where it is not known before.
        raw: the whole body, where it came with the head.
        reader: reads it, where it did not.
        open_sink: where the answer goes if it is a stream; asked for once at most.
        fields, environ: the header, by lower-case names or as WSGI has it; see ``header``.
    """

    path: str
    request_id: str
    received_at: float
    started: float | None = None
    authorization: str | None = None
    x_api_key: str | None = None
    origin: str | None = None
    idempotency_key: str | None = None
    client_request_id: str = ""
    peer: Peer = NOBODY
    client: ClientConnection | None = None
    api_key: str | None = None
    model: str = ""
    body_size: int | None = 0
    raw: bytes = b""
    reader: ReadBody | None = None
    open_sink: Callable[[], Sink] | None = None
    fields: Mapping[bytes, bytes] | None = None
    environ: Mapping[str, Any] | None = None
    query: str = ""

    @property
    def query_values(self) -> dict[str, str]:
        """The query's names, each with its first value."""
        found: dict[str, str] = {}
        for name, value in parse_qsl(self.query, keep_blank_values=True):
            found.setdefault(name, value)
        return found

    def header(self, name: str) -> str | None:
        """A header field's value by its lower-case name; None where there is none."""
        if self.environ is not None:
            key = name.upper().replace("-", "_")
            value = self.environ.get(key if key == "CONTENT_TYPE" else f"HTTP_{key}")
            return value if isinstance(value, str) else None
        found = None if self.fields is None else self.fields.get(name.encode("ascii"))
        return None if found is None else found.decode("latin-1")

    def read_body(self, note: Callable[[int], None] | None = None) -> bytes:
        """The whole body. Called only once the key is known to be good.

        Args:
            note: told of bytes as they arrive; may raise to refuse them.

        Raises:
            TooLarge, UnsupportedCoding, BadRequest: as ``router.surfaces.body.read_body``.
        """
        if self.reader is None:
            if note is not None:
                note(len(self.raw))
            return self.raw
        return self.reader(note)

    def with_model(self, body: dict[str, Any], raw: bytes) -> tuple[dict[str, Any], bytes]:
        """A body that has the model which the path names, and the bytes by which a repeat is known.

        Args:
            raw: the body as it came.

        Raises:
            BadRequest: the body names another.
        """
        said = body.get("model")
        if said not in (None, "", self.model, f"models/{self.model}"):  # the last as Google's clients repeat it
            raise BadRequest(
                f"The path names the model {self.model[:_SHOWN]!r}, and the body {str(said)[:_SHOWN]!r}: "
                "send one of them, or the same twice.",
                code="ambiguous_model",
                param="model",
            )
        return {**body, "model": self.model}, b"%b\n%b" % (self.model.encode("utf-8", "replace"), raw)
