"""The second transport, on requests: slower, but knows HTTP proxies, ``NO_PROXY`` and ``REQUESTS_CA_BUNDLE``.

What it cannot do that the default does: informational responses other than 100 are refused, a head that is cut off
passes for a whole one, and an upstream must read a request before it answers at length.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Mapping
from time import monotonic
from typing import Any, cast

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies
from urllib3.exceptions import ReadTimeoutError
from urllib3.response import HTTPResponse
from urllib3.util import SKIP_HEADER

from router.errors import UpstreamError
from router.http_client.body import BodyReader
from router.http_client.bounded import POOL_CLASSES, BoundedCall, calling
from router.http_client.deadlines import CallDeadlines
from router.http_client.decoding import decoded
from router.http_client.dial import HostResolver, default_ssl_context
from router.http_client.exceptions import Malformed, translated, translating
from router.http_client.head import header_items, parse_target
from router.http_client.reaper import Reaper
from router.types.transport import Request, Resent

__all__ = ["RequestsResponse", "RequestsTransport"]

_READ_BYTES = 65_536
_HEAD_BYTES_MAX = 65_536
_ORIGINS = 100


class RequestsTransport:
    """``router.types.transport.Transport`` on requests' adapter: no retries of its own, no redirects, no cookies.

    Args:
        max_connections: calls under way at once; further ones wait within ``connect``.
        idle_ttl_s: seconds after which an idle connection is closed.
        ssl_context: for ``https``; by default the system's authorities, or those of ``REQUESTS_CA_BUNDLE``.
    """

    def __init__(
        self, max_connections: int = 1000, idle_ttl_s: float = 55.0, ssl_context: ssl.SSLContext | None = None
    ) -> None:
        self._idle_ttl_s = idle_ttl_s
        self._adapter = _Adapter(max_connections, ssl_context or _environment_ssl_context())
        self._slots = threading.Semaphore(max_connections)
        self._resolver = HostResolver()
        self._reaper = Reaper(self._close_idle, idle_ttl_s)

    def send(self, request: Request, *, resent: Resent | None = None) -> RequestsResponse:
        """See ``Transport.send``.

        Raises:
            ValueError: a URL, method or header that cannot be sent; the message never holds a header's value.
        """
        host = parse_target(request.url).origin.host
        prepared = _prepare(request)
        call = BoundedCall(CallDeadlines.of(request.timeouts), self._resolver, repeats=request.method == "GET")
        call.sent = request.sent
        with translating(host):
            if not self._slots.acquire(timeout=call.connect_by.left_s()):
                raise call.connect_by.expired()
            response = RequestsResponse(host, call, self._slots)
            try:
                response.open(self._raw(prepared, call, host, resent))
            except BaseException:
                response.close()
                raise
        return response

    def _raw(
        self, prepared: requests.PreparedRequest, call: BoundedCall, host: str, resent: Resent | None
    ) -> HTTPResponse:
        """urllib3's response, once its head is there."""
        if not self._reaper.running:
            self._reaper.start()
        calling.call = call
        proxies = get_environ_proxies(cast(str, prepared.url))
        try:
            response = self._adapter.send(prepared, stream=True, proxies=proxies)
        except (UpstreamError, OSError) as error:
            if not call.retriable:
                raise
            failure = error if isinstance(error, UpstreamError) else translated(error, host)
            if resent is not None and failure is not None:
                resent(failure)
            call.retriable, call.fresh, call.connect_by = False, True, call.limits.connect()
            response = self._adapter.send(prepared, stream=True, proxies=proxies)
        finally:
            del calling.call
        return cast(HTTPResponse, response.raw)

    def _close_idle(self) -> bool:
        """Close what was idle for too long; whether anything is left, idle or in use."""
        return self._adapter.close_idle(monotonic() - self._idle_ttl_s)

    def close(self) -> None:
        """See ``Transport.close``."""
        self._reaper.stop()
        self._adapter.close()


class RequestsResponse(BodyReader):
    """``router.types.transport.Response`` over urllib3's."""

    def __init__(self, host: str, call: BoundedCall, slots: threading.Semaphore) -> None:
        self._host = host
        self._call = call
        self._slots: threading.Semaphore | None = slots
        self._raw: HTTPResponse | None = None
        self._complete = False
        self.status = 0
        self.headers: Mapping[str, str] = {}

    def open(self, raw: HTTPResponse) -> None:
        """Take over the response whose head has been read.

        Raises:
            Malformed: the head is too large, or is not that of a final response.
        """
        self._raw = raw
        self._call.check()
        self.status = raw.status
        self.headers = {name.lower(): ", ".join(raw.headers.getlist(name)) for name in raw.headers}
        if raw.status < 200:
            raise Malformed("it sent an informational response that this transport cannot skip")
        if sum(map(len, self.headers)) + sum(map(len, self.headers.values())) > _HEAD_BYTES_MAX:
            raise Malformed("its headers are too large")
        self._pieces = decoded(iter(self._receive, b""), self.headers.get("content-encoding", ""))

    def close(self) -> None:
        """See ``Response.close``."""
        self._call.unwatch()
        raw, self._raw = self._raw, None
        if raw is not None:
            if not self._complete:
                raw.close()
            raw.release_conn()
        slots, self._slots = self._slots, None
        if slots is not None:
            slots.release()

    def next(self) -> bytes:
        try:
            with translating(self._host):
                return next(self._pieces, b"")
        except BaseException:
            self.close()
            raise

    def _receive(self) -> bytes:
        """The next piece as it was sent; empty at the end."""
        if self._complete:
            return b""
        if self._raw is None:
            raise ConnectionError("the answer was closed before its end")
        deadline = self._call.limits.idle()
        if self._call.sock.fileno() != -1:  # urllib3 closes early what it has read to the end
            self._call.sock.settimeout(deadline.left_s())
        try:
            piece = self._raw.read1(_READ_BYTES, decode_content=False)
        except ReadTimeoutError:
            raise deadline.expired() from None
        except Exception:
            self._call.check()
            raise
        if not piece:
            self._call.check()
            self._complete = True
            self.close()
        return piece


class _Adapter(HTTPAdapter):
    """requests' adapter over our connections and one SSL context."""

    def __init__(self, max_connections: int, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__(pool_connections=_ORIGINS, pool_maxsize=max_connections)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._context, **kwargs)
        self.poolmanager.pool_classes_by_scheme = POOL_CLASSES

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, ssl_context=self._context, **kwargs)
        manager.pool_classes_by_scheme = POOL_CLASSES
        return manager

    def close_idle(self, before: float) -> bool:
        """Close connections that are idle since ``before``, monotonic seconds; whether others are left."""
        managers = [self.poolmanager, *self.proxy_manager.values()]
        pools = [manager.pools.get(key) for manager in managers for key in list(manager.pools.keys())]
        left = [pool.close_idle(before) for pool in pools if pool is not None]
        return any(left)

    def cert_verify(self, *args: Any) -> None:
        """Nothing to do: the context verifies. requests would read its bundle again for every connection."""


def _prepare(request: Request) -> requests.PreparedRequest:
    headers = dict(header_items(request))
    if not any(name.lower() == "user-agent" for name in headers):
        headers["User-Agent"] = SKIP_HEADER  # or urllib3 names itself
    headers["Accept-Encoding"] = "identity"
    prepared = requests.PreparedRequest()
    prepared.prepare(method=request.method, url=request.url, headers=headers, data=request.body)
    return prepared


def _environment_ssl_context() -> ssl.SSLContext:
    with requests.Session() as session:
        verify = session.merge_environment_settings("https://", {}, True, None, None)["verify"]
    return ssl.create_default_context(cafile=verify) if isinstance(verify, str) else default_ssl_context()
