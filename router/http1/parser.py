"""Bytes to requests: llhttp (through httptools) finds the parts, this module decides what is acceptable.

One feed may hold several requests, or a good one and a bad one behind it: finished heads queue in ``ready``, and an
error is told only after the requests before it.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field

from httptools import (
    HttpParserCallbackError,
    HttpParserError,
    HttpParserInvalidMethodError,
    HttpParserUpgrade,
    HttpRequestParser,
)

from router.errors import BadRequest, MethodNotAllowed, RouterError
from router.http1.environ import Environ, put_field, put_target
from router.http1.limits import ClientLimits
from router.http1.refusals import (
    ExpectationFailed,
    HeaderTooLarge,
    NotSupported,
    TargetTooLong,
    VersionNotSupported,
)

__all__ = ["ParsedRequest", "RequestParser"]

_FIELD_OVERHEAD_BYTES = 4  # colon, space, CR, LF


@dataclass(slots=True, eq=False)
class ParsedRequest:
    """One request: its head is complete, its body may still be on the way.

    Attributes:
        environ: the WSGI environment.
        method: as sent, upper case.
        version: ``1.0`` or ``1.1``.
        keep_alive: whether the client lets the connection be used again.
        length: bytes of the body; None when it is chunked.
        expects_continue: the client waits for ``100 Continue`` before it sends the body.
        buffer: bytes of the body that arrived and were not read yet.
        received: bytes of the body that arrived so far.
        complete: the whole body arrived.
        error: why the rest of the body will never be there.
    """

    environ: Environ
    method: str = ""
    version: str = "1.1"
    keep_alive: bool = True
    length: int | None = 0
    expects_continue: bool = False
    buffer: bytearray = field(default_factory=bytearray)
    received: int = 0
    complete: bool = False
    error: RouterError | None = None


class RequestParser:
    """Parses what one connection receives. The ``on_`` methods are httptools' callbacks.

    Args:
        limits: bounds of a head.
        environ: the keys that all requests of the connection share.

    Attributes:
        ready: requests with a complete head, oldest first.
        error: why nothing behind the last request can be parsed; None while all is well.
        started: whether part of a next head is here.
    """

    def __init__(self, limits: ClientLimits, environ: Environ) -> None:
        self.ready: deque[ParsedRequest] = deque()
        self.error: RouterError | None = None
        self.started = False
        self._limits = limits
        self._base = environ
        self._request: ParsedRequest | None = None  # the one whose body is on the way
        self._environ: Environ = {}
        self._target = b""
        self._fields = 0
        self._bytes = 0  # of whole header fields
        self._slack = 0  # received without completing a head or bringing body bytes
        self._progress = False
        self._stand_in = False
        self._parser = HttpRequestParser(self)

    def feed(self, data: bytes) -> None:
        """Parse ``data``. Never raises: an error is kept with the request whose body it spoils, else in ``error``."""
        self._progress = False
        try:
            self._execute(data)
            self._slack = 0 if self._progress else self._slack + len(data)
            if self._slack > self._limits.max_header_bytes:
                raise self._header_too_large()
        except RouterError as error:
            self._fail(error)

    @property
    def origin(self) -> str:
        """The ``Origin`` of the request whose head is being read, as far as it has come; empty without one."""
        found: str = self._environ.get("HTTP_ORIGIN", "")
        return found

    def close(self) -> None:
        """Break the circle of references with httptools' parser."""
        del self._parser

    def _execute(self, data: bytes) -> None:
        while True:
            rest = self._until_upgrade(data)
            if rest is None:
                return
            self._ignore_upgrade()  # outside of any handler: errors behind it must not be chained to the upgrade
            if not rest:
                return
            data = rest

    def _until_upgrade(self, data: bytes) -> bytes | None:
        """Parse up to the end of a request that asks for an upgrade; what follows it, None where there is none."""
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            return data[upgrade.args[0] :]
        except HttpParserCallbackError as error:
            if isinstance(error.__context__, RouterError):
                raise error.__context__ from None
            raise
        except HttpParserError as error:
            raise _refusal(error) from None
        return None

    def _fail(self, error: RouterError) -> None:
        self.started = False
        if self._request is not None:
            self._request.error = error
        else:
            self.error = error

    def on_message_begin(self) -> None:
        """The first byte of a request arrived."""
        if self._stand_in:
            return
        self.started = True
        self._environ = self._base.copy()
        self._environ["router.received_at"] = time.time()
        self._environ["router.started"] = time.monotonic()
        self._target = b""
        self._fields = 0
        self._bytes = 0

    def on_url(self, piece: bytes) -> None:
        """Part of the request's target."""
        if self._stand_in:
            return
        self._target += piece
        if len(self._target) > self._limits.max_target_bytes:
            raise self._target_too_long()

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header field. Trailers come here too and are dropped."""
        if self._request is not None or self._stand_in:
            return
        self._fields += 1
        self._bytes += len(name) + len(value) + _FIELD_OVERHEAD_BYTES
        if self._fields > self._limits.max_headers or self._bytes > self._limits.max_header_bytes:
            raise self._header_too_large()
        put_field(self._environ, name, value)

    def on_headers_complete(self) -> None:
        """The head is complete and the request may be answered."""
        if self._stand_in:
            self._stand_in = False
            return
        parser = self._parser
        environ = self._environ
        method = parser.get_method().decode("ascii")
        version = parser.get_http_version()
        _check_line(method, version)
        environ["REQUEST_METHOD"] = method
        environ["SERVER_PROTOCOL"] = f"HTTP/{version}"
        put_target(environ, method, self._target)
        if version == "1.1" and "HTTP_HOST" not in environ:
            raise BadRequest("The request has no Host header. HTTP/1.1 asks for one.")
        request = ParsedRequest(environ, method, version, parser.should_keep_alive())
        request.length = _body_length(environ, version)
        request.expects_continue = _expects_continue(environ, version)
        self.started = False
        self._progress = True
        self._request = request
        self._environ = {}
        self.ready.append(request)

    def on_body(self, data: bytes) -> None:
        """Part of the body, without its chunking."""
        self._progress = True
        request = self._request
        if request is not None:
            request.buffer += data
            request.received += len(data)

    def on_message_complete(self) -> None:
        """The request is complete; with an upgrade, which llhttp believes to end it, only if there is no body."""
        request = self._request
        if request is not None and not (self._parser.should_upgrade() and request.length != 0):
            self._progress = True
            request.complete = True
            self._request = None

    def _ignore_upgrade(self) -> None:
        """Go on as if the client had not asked for an upgrade: a new parser is told of the body by a stand-in head."""
        self._parser = HttpRequestParser(self)
        request = self._request
        if request is not None:
            framing = "Transfer-Encoding: chunked" if request.length is None else f"Content-Length: {request.length}"
            self._stand_in = True
            self._parser.feed_data(f"POST / HTTP/1.1\r\n{framing}\r\n\r\n".encode("ascii"))

    def _target_too_long(self) -> TargetTooLong:
        return TargetTooLong(f"The request's path and query are longer than {self._limits.max_target_bytes} bytes.")

    def _header_too_large(self) -> HeaderTooLarge:
        limits = self._limits
        return HeaderTooLarge(
            f"The request's header is larger than {limits.max_header_bytes} bytes or {limits.max_headers} fields."
        )


def _check_line(method: str, version: str) -> None:
    if version not in ("1.1", "1.0"):
        raise VersionNotSupported(f"HTTP/{version} is not spoken here. Use HTTP/1.1.")
    if method == "CONNECT":
        raise MethodNotAllowed("This is not a proxy: CONNECT is not served here.", headers={"Allow": "GET, POST"})


def _body_length(environ: Environ, version: str) -> int | None:
    coding = environ.get("HTTP_TRANSFER_ENCODING")
    if coding is None:
        return int(environ.get("CONTENT_LENGTH", 0))
    if version == "1.0":
        raise BadRequest("HTTP/1.0 has no Transfer-Encoding. Send a Content-Length, or use HTTP/1.1.")
    if coding.lower() != "chunked":
        raise NotSupported("The only Transfer-Encoding served here is chunked.")
    return None


def _expects_continue(environ: Environ, version: str) -> bool:
    expectation = environ.get("HTTP_EXPECT")
    if expectation is None or version == "1.0":
        return False
    if expectation.lower() != "100-continue":
        raise ExpectationFailed("The only Expect header served here is 100-continue.")
    return True


def _refusal(error: HttpParserError) -> RouterError:
    reason = str(error.args[0]) if error.args else "unreadable"
    if "HTTP version" in reason or "PRI" in reason:
        return VersionNotSupported("This HTTP version is not spoken here. Use HTTP/1.1.")
    if isinstance(error, HttpParserInvalidMethodError):
        return BadRequest("The request does not begin with an HTTP method. This port speaks plain HTTP/1.1, not TLS.")
    return BadRequest(f"The request is not valid HTTP/1.1: {reason}.")
