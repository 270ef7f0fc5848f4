"""The default transport: our own connection pool on plain sockets.

Works on operating-system threads and, once gevent has patched ``socket`` and ``threading``, on greenlets.
"""

from __future__ import annotations

import ssl
import threading
from collections import deque
from collections.abc import Callable
from time import monotonic

from gevent.monkey import is_module_patched

from router.errors import UpstreamError
from router.http_client.connection import UpstreamConnection
from router.http_client.deadlines import CallDeadlines, Deadline
from router.http_client.dial import HostResolver, connect, default_ssl_context
from router.http_client.exchange import exchange
from router.http_client.head import Origin, encode_head, parse_target
from router.http_client.proxy import Proxy
from router.http_client.reaper import Reaper
from router.http_client.secure import SecureConnection
from router.types.transport import Request, Resent, Response

__all__ = ["Pool", "PoolTransport"]


class _Waiter:
    """A call that waits for a connection, or (``granted`` None) for leave to open one."""

    __slots__ = ("event", "granted", "served")

    def __init__(self) -> None:
        self.event = threading.Event()
        self.served = False
        self.granted: UpstreamConnection | None = None


class Pool:
    """The connections to one origin. Every open connection, idle or not, holds one of ``max_connections`` slots."""

    def __init__(
        self,
        origin: Origin,
        resolver: HostResolver,
        context: ssl.SSLContext | None,
        sizes: tuple[int, int, float],
        reaper: Reaper,
        proxy: Proxy | None = None,
    ) -> None:
        self.origin = origin
        self.proxy = proxy
        self._resolver = resolver
        self._context = context
        self._max_connections, self._max_idle, self._idle_ttl_s = sizes
        self._lock = threading.Lock()
        self._open = 0
        self._idle: deque[UpstreamConnection] = deque()
        self._waiters: deque[_Waiter] = deque()
        self._closed = False
        self._reaper = reaper
        self._is_cooperative = is_module_patched("threading")

    def checkout(self, limits: CallDeadlines, *, fresh: bool = False) -> UpstreamConnection:
        """A connection that is ready for a request; a new one if ``fresh``. Ends in ``give_back`` or ``discard``.

        Raises:
            OSError: none could be had within the connect limit.
        """
        deadline = limits.connect()
        connection = self._claim(deadline, fresh)
        if connection is not None:
            if connection.is_quiet():
                connection.reused = True
                return connection
            connection.close()
        try:
            return self._dial(deadline)
        except BaseException:
            self._free_slot()
            raise

    def ready(self) -> UpstreamConnection | None:
        """What ``checkout`` would give, if it is at hand, without a lock."""
        idle = self._idle
        if not idle or not self._is_cooperative:
            return None
        connection = idle.pop()  # first: asking the kernel may let others in
        if connection.idle_since < monotonic() - self._idle_ttl_s or not connection.is_quiet():
            idle.append(connection)
            return None
        connection.reused = True
        return connection

    def _claim(self, deadline: Deadline, fresh: bool) -> UpstreamConnection | None:
        """An idle connection, or None with a slot to open one."""
        with self._lock:
            self._close_expired()
            if self._idle and not fresh:
                return self._idle.pop()
            if self._open < self._max_connections:
                self._open += 1
                return None
            if self._idle:
                self._idle.popleft().close()
                return None
            waiter = _Waiter()
            self._waiters.append(waiter)
        try:
            if not waiter.event.wait(deadline.left_s()):
                raise deadline.expired()
        except BaseException:
            self._leave(waiter)
            raise
        return waiter.granted

    def _leave(self, waiter: _Waiter) -> None:
        """Stop waiting, and hand on what was granted in the meantime."""
        with self._lock:
            if not waiter.served:
                self._waiters.remove(waiter)
                return
        if waiter.granted is None:
            self._free_slot()
        else:
            self.give_back(waiter.granted)

    def _dial(self, deadline: Deadline) -> UpstreamConnection:
        origin = self.origin
        if self.proxy is None:
            sock = connect(self._resolver, origin.host, origin.port, deadline)
        else:
            sock = self.proxy.connect(self._resolver, origin, deadline)
        if self._context is None:
            return UpstreamConnection(sock)
        connection = SecureConnection(sock, self._context, origin.host)
        try:
            connection.handshake(deadline.at)
        except TimeoutError as error:
            connection.close()
            if error.args:  # the kernel gave up, not we
                raise
            raise deadline.expired() from None
        except BaseException:
            connection.close()
            raise
        return connection

    def give_back(self, connection: UpstreamConnection) -> None:
        """Keep a connection whose response was read to its end for the next call."""
        connection.idle_since = monotonic()
        connection.rest()
        has_room = not self._closed and len(self._idle) < self._max_idle
        if self._is_cooperative and has_room and not self._waiters and self._reaper.running:  # the many: no lock
            self._idle.append(connection)
            return
        with self._lock:
            if self._waiters:
                self._serve(connection)
            elif self._closed or len(self._idle) >= self._max_idle:
                connection.close()
                self._open -= 1
            else:
                self._idle.append(connection)
                if not self._reaper.running:
                    self._reaper.start()

    def discard(self, connection: UpstreamConnection) -> None:
        """Close a connection and free its slot."""
        connection.close()
        self._free_slot()

    def _free_slot(self) -> None:
        with self._lock:
            if self._waiters:
                self._serve(None)
            else:
                self._open -= 1

    def _serve(self, granted: UpstreamConnection | None) -> None:
        waiter = self._waiters.popleft()
        waiter.granted = granted
        waiter.served = True
        waiter.event.set()

    def _close_expired(self) -> None:
        """Close what has been idle too long. The newest stands last, so the oldest are the first to go."""
        idle = self._idle
        while idle and idle[0].idle_since < monotonic() - self._idle_ttl_s:
            idle.popleft().close()
            self._open -= 1

    def close_idle(self) -> bool:
        """Close what has been idle too long, and what its upstream has closed; whether any idle one is left."""
        with self._lock:
            self._close_expired()
            for connection in [one for one in self._idle if not one.is_quiet()]:
                self._idle.remove(connection)
                connection.close()
                self._open -= 1
            return bool(self._idle)

    def close(self) -> None:
        """Close the idle connections; those in use are closed when they come back."""
        with self._lock:
            self._closed = True
            while self._idle:
                self._idle.pop().close()
                self._open -= 1


class PoolTransport:
    """``router.types.transport.Transport`` with keep-alive connections per scheme, host and port.

    Args:
        max_connections: connections open at once to one origin; further calls wait for a slot, within ``connect``.
        max_idle: idle connections kept for one origin.
        idle_ttl_s: seconds after which an idle connection is not used again.
        ssl_context: for ``https``; by default one that is shared by the process and trusts the system's authorities.
        proxy_of: the proxy through which an origin is reached; None where all are reached without one.
        resolver: looks names up; by default the system's.
    """

    def __init__(
        self,
        max_connections: int = 1000,
        max_idle: int = 256,
        idle_ttl_s: float = 55.0,
        ssl_context: ssl.SSLContext | None = None,
        proxy_of: Callable[[Origin], Proxy | None] | None = None,
        resolver: HostResolver | None = None,
    ) -> None:
        self._sizes = (max_connections, max_idle, idle_ttl_s)
        self._proxy_of = proxy_of
        self._ssl_context = ssl_context
        self._resolver = resolver or HostResolver()
        self._lock = threading.Lock()
        self._pools: dict[Origin, Pool] = {}
        self._reaper = Reaper(self._close_idle, idle_ttl_s)

    def send(self, request: Request, *, resent: Resent | None = None) -> Response:
        """See ``Transport.send``.

        Raises:
            ValueError: a URL, method or header that cannot be sent; the message never holds a header's value.
        """
        pool, head = self.addressed(request)
        limits = CallDeadlines.of(request.timeouts)
        sending = _Told(request.sent, resent)
        return exchange(pool, head, request.body, limits, sending, repeats=request.method == "GET")

    def addressed(self, request: Request) -> tuple[Pool, bytes]:
        """The connections that a request goes over, and its head.

        Raises:
            ValueError: see ``send``.
        """
        target = parse_target(request.url)
        pool = self._pools.get(target.origin) or self._new_pool(target.origin)
        if pool.proxy is not None:
            request, target = pool.proxy.seen(request, target)
        return pool, encode_head(request, target)

    def _new_pool(self, origin: Origin) -> Pool:
        context = None
        if origin.scheme == "https":
            context = self._ssl_context or default_ssl_context()
        proxy = None if self._proxy_of is None else self._proxy_of(origin)
        pool = Pool(origin, self._resolver, context, self._sizes, self._reaper, proxy)
        with self._lock:
            return self._pools.setdefault(origin, pool)

    def _close_idle(self) -> bool:
        """Close what was idle for too long, or was closed by its upstream; whether anything idle is left."""
        left = [pool.close_idle() for pool in list(self._pools.values())]
        return any(left)

    def close(self) -> None:
        """See ``Transport.close``. Connections in use are closed when their responses end."""
        self._reaper.stop()
        with self._lock:
            pools = list(self._pools.values())
        for pool in pools:
            pool.close()


class _Told:
    """``Sending`` for the two functions of a ``Request``."""

    __slots__ = ("_resent", "_sent")

    def __init__(self, sent: Callable[[], None] | None, resent: Resent | None) -> None:
        self._sent, self._resent = sent, resent

    @property
    def taken_on(self) -> bool:
        return False

    @taken_on.setter
    def taken_on(self, value: bool) -> None:
        if self._sent is not None:
            self._sent()

    def resent(self, failure: UpstreamError) -> None:
        if self._resent is not None:
            self._resent(failure)
