"""urllib3 connections that keep hard deadlines: the lower half of ``RequestsTransport``.

urllib3 limits each read, not the sum of them, and never the name look-up. Here the look-up and the connecting are ours,
and a watchdog shuts a socket down when its deadline passes, whatever is dripping through it.
"""

from __future__ import annotations

import contextlib
import os
import queue
import socket
import threading
from collections.abc import Callable
from math import inf
from time import monotonic
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.response import HTTPResponse

from router.http_client.deadlines import CallDeadlines, Deadline
from router.http_client.dial import HostResolver, connect
from router.http_client.exceptions import translating
from router.types.transport import RESEND_S

__all__ = ["POOL_CLASSES", "BoundedCall", "calling"]


class BoundedCall:
    """One call on its way through urllib3, which has no argument to carry it: see ``calling``.

    Attributes:
        sock: the socket that the call uses, once there is one.
        repeats: the request may be sent twice.
        sent_at: monotonic seconds at which it had been sent.
        sent: called then.
        retriable: the connection had served before and died without a byte of this response, so soon that it must have
            been closed before; or at any time where the request ``repeats``.
        fresh: pooled connections are not to be used.
    """

    def __init__(self, limits: CallDeadlines, resolver: HostResolver, *, repeats: bool = False) -> None:
        self.repeats = repeats
        self.sent_at = 0.0
        self.sent: Callable[[], None] | None = None
        self.limits = limits
        self.resolver = resolver
        self.connect_by = limits.connect()
        self.sock: Any = None
        self.retriable = self.fresh = False
        self._missed: Deadline | None = None
        self._handle: socket.socket | None = None
        self._timer: threading.Timer | None = None

    def watch(self, sock: Any, deadline: Deadline) -> None:
        """Shut ``sock`` down at ``deadline``. Takes the place of an earlier watch."""
        self.unwatch()
        self.sock = sock
        if deadline.at != inf:
            # A descriptor of its own, since wrapping a socket in TLS takes the first one away.
            self._handle = socket.socket(fileno=os.dup(sock.fileno()))
            self._timer = threading.Timer(max(0.0, deadline.at - monotonic()), self._shut_down, (deadline,))
            self._timer.daemon = True
            self._timer.start()

    def unwatch(self) -> None:
        """Stop watching. Harmless when called again."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        handle, self._handle = self._handle, None
        if handle is not None:
            handle.close()

    def check(self) -> None:
        """Raise ``TimeoutError`` if the watchdog ended the connection: what was read since looks whole, but is not."""
        if self._missed is not None:
            raise self._missed.expired()

    def _shut_down(self, deadline: Deadline) -> None:
        handle = self._handle
        if handle is not None:
            self._missed = deadline
            with contextlib.suppress(OSError):  # it closed first
                handle.shutdown(socket.SHUT_RDWR)


calling = threading.local()
"""``calling.call`` is the ``BoundedCall`` of the present thread or greenlet."""


class _Bounded(HTTPConnection):
    """Deadlines for connecting, sending, and waiting for the head."""

    served = 0
    idle_since = 0.0

    def _new_conn(self) -> socket.socket:
        call: BoundedCall = calling.call
        with translating(self.host):
            sock = connect(call.resolver, self.host, self.port, call.connect_by)
        call.watch(sock, call.connect_by)
        return sock

    def connect(self) -> None:
        self.served = 0
        with translating(self.host):
            try:
                super().connect()
            except OSError:
                calling.call.check()
                raise

    @property
    def is_connected(self) -> bool:
        """Whether a pooled connection may be used: alive, and nothing came unasked."""
        pending = getattr(self.sock, "pending", None)
        return not calling.call.fresh and super().is_connected and not (pending is not None and pending())

    def request(self, *args: Any, **kwargs: Any) -> None:
        call: BoundedCall = calling.call
        if self.sock is None:
            self.connect()
        deadline = call.limits.idle()
        call.watch(self.sock, call.limits.whole())
        self.sock.settimeout(deadline.left_s())
        try:
            super().request(*args, **kwargs)
        except TimeoutError:
            with translating(self.host):
                raise deadline.expired() from None
        except OSError:
            call.retriable = self.served > 0
            raise
        call.sent_at = monotonic()
        if call.sent is not None:
            call.sent()

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as in urllib3
        call: BoundedCall = calling.call
        sock = self.sock
        deadline = call.limits.first_byte()
        call.watch(sock, deadline)
        self.timeout = deadline.left_s()
        sock.settimeout(self.timeout)
        with translating(self.host):
            try:
                self._await_first_byte(call, sock)
                self.served += 1
                response = super().getresponse()
            except TimeoutError:
                raise deadline.expired() from None
            except Exception:
                call.check()
                raise
        call.watch(sock, call.limits.whole())
        return response

    def _await_first_byte(self, call: BoundedCall, sock: Any) -> None:
        if not isinstance(sock, socket.socket):
            return
        try:
            # SSLSocket refuses flags; a byte of TLS will do as well.
            if not socket.socket.recv(sock, 1, socket.MSG_PEEK):
                raise ConnectionError("closed the connection without an answer")
        except ConnectionError:
            call.check()
            call.retriable = self.served > 0 and (call.repeats or monotonic() - call.sent_at <= RESEND_S)
            raise


class _BoundedTLS(_Bounded, HTTPSConnection):
    pass


class _Expiring(HTTPConnectionPool):
    """Knows since when its connections are idle."""

    def _put_conn(self, conn: Any) -> None:
        if conn is not None:
            conn.idle_since = monotonic()
        super()._put_conn(conn)

    def close_idle(self, before: float) -> bool:
        """Close those that are idle since ``before``; whether others are idle, or in use."""
        if self.pool is None:
            return False
        kept: list[Any] = []
        with contextlib.suppress(queue.Empty):
            while True:
                kept.append(self.pool.get(block=False))
        in_use = len(kept) < self.pool.maxsize
        for position, connection in enumerate(kept):
            if connection is not None and connection.idle_since <= before:
                connection.close()
                kept[position] = None
        with contextlib.suppress(queue.Full):
            for connection in reversed(kept):
                self.pool.put(connection, block=False)
        return in_use or any(connection is not None and connection.sock is not None for connection in kept)


class _Pool(_Expiring):
    ConnectionCls = _Bounded


class _TLSPool(_Expiring, HTTPSConnectionPool):
    ConnectionCls = _BoundedTLS


POOL_CLASSES: dict[str, type[HTTPConnectionPool]] = {"http": _Pool, "https": _TLSPool}
"""For ``PoolManager.pool_classes_by_scheme``."""
