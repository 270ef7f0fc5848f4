"""One client connection: request after request, in order, until one side has had enough."""

from __future__ import annotations

import contextlib
import logging
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Protocol

from gevent import sleep

from router.calls.line import CallAnswer
from router.calls.request import Incoming
from router.db.ids import new_request_id
from router.errors import RequestTimeout, RouterError, faults
from router.http.cross_origin import CrossOrigin
from router.http.incoming import incoming_of
from router.http.peer import PeerReader
from router.http1.body import RequestBody
from router.http1.channel import Channel, ClientGone, RawSocket
from router.http1.environ import connection_environ
from router.http1.fast_reader import PostReader
from router.http1.heads import answer_head
from router.http1.limits import ClientLimits
from router.http1.parser import ParsedRequest, RequestParser
from router.http1.refusals import HttpsRequired, RenderError, render_openai
from router.http1.responder import Responder, close_pieces, plain_response
from router.http1.secure import PlainSpoken, SecureChannel
from router.http1.stream import StreamSink
from router.http1.watch import ClientWatch

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

__all__ = ["CallHandler", "ClientGone", "ServerConnection", "Site"]

log = logging.getLogger("router.server")

DISCARD_MAX_BYTES = 64 * 1024  # of an unread body, to keep the connection
DISCARD_S = 1.0
LINGER_MAX_BYTES = 16 * 1024 * 1024  # read and thrown away, so that a client that is still sending gets its answer
LINGER_S = 2.0
_JOIN_MAX_BYTES = 64 * 1024  # up to here a copy is cheaper than a second packet
_WHOLE = ParsedRequest({}, "POST", complete=True)
"""What stands for a request that the fast reader read: nothing of it is on its way."""


class CallHandler(Protocol):
    """What serves calls without WSGI.

    Attributes:
        paths: to which they are POSTed.
        max_body_bytes: of a request.
        peers: tells whose a request is.
        cross_origin: which web pages may read an answer; None where none may.
        read_path: path as a client spells it -> the path that is served, and the model that it names.
    """

    paths: frozenset[str]
    max_body_bytes: int
    peers: PeerReader
    cross_origin: CrossOrigin | None
    read_path: Callable[[str], tuple[str, str]]

    def serve(self, incoming: Incoming) -> CallAnswer:
        """The answer, be it an error.

        Raises:
            OSError: the client's connection broke.
        """
        ...


@dataclass(frozen=True, slots=True)
class Site:
    """What all connections of a worker share.

    Attributes:
        app: the WSGI application.
        limits: bounds of each connection.
        render_error: the shape of errors that never reach the application.
        calls: what serves calls; None where all requests are the application's.
        tls: with the certificate; None where clients speak without TLS.
    """

    app: WSGIApplication
    limits: ClientLimits = field(default=ClientLimits())
    render_error: RenderError = render_openai
    calls: CallHandler | None = None
    tls: ssl.SSLContext | None = None


class ServerConnection:
    """Serves one accepted socket and closes it.

    Args:
        sock: the accepted socket; the connection owns it from here on.
        client: address and port of the other side.
        server: address and port that it connected to.
        site: what to serve.

    Attributes:
        client: see above.
        waiting_since: monotonic seconds since which no whole head of a request has come; None while one is served.
    """

    def __init__(self, sock: RawSocket, client: tuple[str, int], server: tuple[str, int], site: Site) -> None:
        self._site = site
        self._secure = None if site.tls is None else SecureChannel(sock, site.tls)
        self._channel = self._secure or Channel(sock)
        scheme = "http" if site.tls is None else "https"
        self._parser = RequestParser(site.limits, connection_environ(client, server, scheme))
        self._watch = ClientWatch(self._channel)
        calls = site.calls
        self._posts = _post_reader(calls, site.limits, client[0], scheme) if calls else None
        self.client = client
        self.waiting_since: float | None = time.monotonic()
        self._idle_since: float | None = self.waiting_since
        self._draining = False

    def run(self) -> None:
        """Serve until the connection ends. Never raises an ``Exception``."""
        reset = False
        try:
            if self._secure is not None:
                self._secure.handshake(self._site.limits.header_timeout_s)
            while self._serve_next():
                pass
        except PlainSpoken:
            self._refuse_plain()
        except _Truncated:
            reset = True
        except ClientGone:
            pass
        except faults():
            log.exception("a connection was ended by a fault of the server")
        finally:
            self._watch.close()
            self._parser.close()
            self._channel.close(reset)

    def drain(self, idle_s: float) -> None:
        """Take no further requests: what runs is answered with ``Connection: close``.

        A connection that has been idle for ``idle_s`` ends now. A younger pause may be a client about to send its next
        request, which closing would lose: call again later.
        """
        self._draining = True
        if self._idle_since is not None and time.monotonic() - self._idle_since >= idle_s:
            self._channel.end_reading()

    def give_way(self) -> None:
        """End now: it serves nothing, and others need its place."""
        self.waiting_since = None
        self._draining = True
        self._channel.end_reading()

    def _serve_next(self) -> bool:
        """Serve one request; whether the connection can be used again."""
        try:
            request = self._next_request()
        except RouterError as error:
            self._refuse(error, self._parser.origin)
            return False
        if request is None:
            return False
        if type(request) is Incoming:
            return self._go_on(_WHOLE, None, self._serve_call(request, _WHOLE))  # who watched in it has ended that
        assert isinstance(request, ParsedRequest)
        body = RequestBody(self._channel, self._parser, request, self._site.limits)
        request.environ["wsgi.input"] = body
        request.environ["router.client"] = self._watch
        keep = self._serve_parsed(request)
        self._watch.unwatch()
        return self._go_on(request, body, keep)

    def _serve_parsed(self, request: ParsedRequest) -> bool:
        """Serve what llhttp read; whether the client was told that it may go on."""
        environ, calls = request.environ, self._site.calls
        path, model = ("", "") if calls is None else calls.read_path(environ["PATH_INFO"])
        if calls is not None and request.method == "POST" and path in calls.paths:
            environ["PATH_INFO"], environ["router.model"] = path, model
            environ["router.request_id"] = new_request_id()
            return self._serve_call(incoming_of(environ, calls.max_body_bytes, calls.peers), request)
        responder = self._responder(request)
        self._respond(request, responder)
        return responder.keep_alive

    def _serve_call(self, incoming: Incoming, request: ParsedRequest) -> bool:
        """Serve a call, whoever read it; whether the client was told that it may go on."""
        assert self._site.calls is not None
        incoming.client = self._watch
        sink: StreamSink | None = None

        def open_sink() -> StreamSink:
            nonlocal sink
            sink = self._sink(incoming, request)
            return sink

        incoming.open_sink = open_sink
        try:
            answer = self._site.calls.serve(incoming)
            if sink is not None and sink.begun:
                return self._end_stream(sink)
            if answer.body is None:
                raise ClientGone("the client left before its stream began")
            keep = self._may_keep_alive(request)
            size = len(answer.body)
            headers = self._marked(incoming, answer.headers) if incoming.origin else answer.headers
            head = answer_head(answer.status, headers, incoming.request_id, size, keep=keep, version=request.version)
            self._send(head, answer.body)
            return keep
        except ClientGone:
            self._watch.gone = True
            raise
        except faults():
            log.exception("the application failed in POST %s", incoming.path)
            self._refuse(RouterError("The gateway failed to serve the request. Its log says why."), incoming.origin)
            return False

    def _marked(self, incoming: Incoming, headers: Mapping[str, str]) -> Mapping[str, str]:
        """The headers of an answer that a web page asked for."""
        assert self._site.calls is not None
        cross_origin = self._site.calls.cross_origin
        if cross_origin is None or not incoming.origin:
            return headers
        return {**headers, **cross_origin.marks(incoming.origin, incoming.path, (*headers, "x-request-id"))}

    def _send(self, head: bytes, body: bytes) -> None:
        timeout_s = self._site.limits.send_timeout_s
        if len(body) <= _JOIN_MAX_BYTES:
            self._channel.send(head + body, timeout_s)
        else:
            self._channel.send(head, timeout_s)
            self._channel.send(body, timeout_s)

    def _sink(self, incoming: Incoming, request: ParsedRequest) -> StreamSink:
        sink = StreamSink(
            self._channel,
            incoming.request_id,
            request.version,
            self._site.limits.send_timeout_s,
            partial(self._may_keep_alive, request),
            self._leave,
        )
        if incoming.origin:
            sink.mark = partial(self._marked, incoming)
        return sink

    def _leave(self, reset: bool) -> None:
        """The client is gone from its stream, or given up, while the call may still be read to its end: let it see so,
        and keep no descriptor for it.
        """
        self._watch.close()
        self._channel.close(reset)

    def _end_stream(self, sink: StreamSink) -> bool:
        """Wait until the client has the whole stream; whether it was told that it may go on."""
        try:
            sink.flush()
        except ClientGone:
            if not sink.chunked:
                raise _Truncated from None
            raise
        return sink.keep

    def _responder(self, request: ParsedRequest) -> Responder:
        limits = self._site.limits
        return Responder(self._channel, request, limits.send_timeout_s, lambda: self._may_keep_alive(request))

    def _go_on(self, request: ParsedRequest, body: RequestBody | None, keep: bool) -> bool:
        """Whether the connection can be used again, now that the request was answered."""
        if not keep:
            if not request.complete or self._channel.peek():
                self._linger()
            return False
        if not request.complete:
            assert body is not None
            with contextlib.suppress(RouterError):
                body.discard(DISCARD_MAX_BYTES, DISCARD_S)
            if not request.complete:
                return False
        request.buffer.clear()
        self._idle_since = self.waiting_since = time.monotonic()
        return True

    def _next_request(self) -> ParsedRequest | Incoming | None:
        """The next request with a complete head; None when the client sends no more, or nothing for too long."""
        parser, limits = self._parser, self._site.limits
        if parser.ready:
            sleep(0)  # sent ahead: there is nothing to wait for, and others must not wait for all of them
        idle_s = limits.keep_alive_s
        deadline = time.monotonic() + idle_s
        while not parser.ready:
            if parser.error is not None:
                raise parser.error
            try:
                self._channel.wait_readable(deadline - time.monotonic())
            except TimeoutError:
                if not parser.started:
                    return None
                raise _slow_header(limits) from None
            data = self._channel.receive(limits.header_timeout_s)
            if not data:
                return None
            was_started = parser.started
            if self._posts is not None and not was_started:
                incoming = self._posts.read(data)
                if incoming is not None:
                    self._idle_since = self.waiting_since = None
                    return incoming
            parser.feed(data)
            if parser.started and not was_started:
                self._idle_since = None
                deadline = time.monotonic() + limits.header_timeout_s
            elif time.monotonic() >= deadline and not parser.ready:
                raise _slow_header(limits)
        self._idle_since = self.waiting_since = None
        return parser.ready.popleft()

    def _may_keep_alive(self, request: ParsedRequest) -> bool:
        """Whether a further request may follow: not while draining, nor behind a body too long to be skipped."""
        if self._draining:
            return False
        if request.complete:
            return True
        if request.length is None or request.error is not None or request.expects_continue:
            return False
        return request.length - request.received <= DISCARD_MAX_BYTES

    def _respond(self, request: ParsedRequest, responder: Responder) -> None:
        iterable: Iterable[bytes] | None = None
        try:
            iterable = self._site.app(request.environ, responder.start_response)
            responder.send_all(iterable)
        except ClientGone:
            self._watch.gone = True
            raise
        except RouterError as error:
            self._fail(responder, error, request.environ.get("HTTP_ORIGIN"))
        except faults():
            log.exception("the application failed in %s %s", request.method, request.environ["PATH_INFO"])
            failed = RouterError("The gateway failed to serve the request. Its log says why.")
            self._fail(responder, failed, request.environ.get("HTTP_ORIGIN"))
        finally:
            close_pieces(iterable)

    def _fail(self, responder: Responder, error: RouterError, origin: str | None) -> None:
        """Answer with the error if nothing was sent yet, else cut the response where it is."""
        responder.keep_alive = False
        if not responder.head_sent:
            self._refuse(error, origin)
        elif not responder.delimited:
            raise _Truncated

    def _refuse(self, error: RouterError, origin: str | None) -> None:
        """Answer with an error of the protocol, and end."""
        request_id = new_request_id()
        status, headers, body = self._site.render_error(error, request_id)
        if not any(name.lower() == "x-request-id" for name, _ in headers):
            headers = [*headers, ("x-request-id", request_id)]
        calls = self._site.calls
        if origin and calls is not None and calls.cross_origin is not None:
            headers = [*headers, *calls.cross_origin.marks(origin, "", [name for name, _ in headers]).items()]
        self._channel.send(plain_response(status, headers, body), self._site.limits.send_timeout_s)
        self._linger()

    def _refuse_plain(self) -> None:
        """Say to a client without TLS what it needs; it would take an alert for rubbish."""
        assert self._secure is not None
        self._secure.refuse(plain_response(*self._site.render_error(HttpsRequired(), new_request_id())))
        self._linger()

    def _linger(self) -> None:
        """Read on after the last word: closing over unread bytes resets the connection and loses the answer."""
        self._channel.end_writing()
        deadline = time.monotonic() + LINGER_S
        left = LINGER_MAX_BYTES
        with contextlib.suppress(TimeoutError, ClientGone):
            while left > 0 and (remaining_s := deadline - time.monotonic()) > 0:
                data = self._channel.receive(remaining_s)
                if not data:
                    return
                left -= len(data)


class _Truncated(Exception):
    """A response that only the end of the connection delimits was cut: the client must see a reset, not an end."""


def _post_reader(calls: CallHandler, limits: ClientLimits, address: str, scheme: str) -> PostReader:
    return PostReader(calls.paths, limits, calls.max_body_bytes, calls.peers.at(address, scheme), calls.read_path)


def _slow_header(limits: ClientLimits) -> RequestTimeout:
    return RequestTimeout(f"The request's header did not arrive within {limits.header_timeout_s:g} s.")
