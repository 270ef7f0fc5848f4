"""Accepts connections on a shared listening socket, and lets them end in good order."""

from __future__ import annotations

import contextlib
import errno
import logging
import time
from collections.abc import Callable
from typing import Any

import gevent
from gevent.socket import wait

from router.db.ids import new_request_id
from router.errors import RateLimited
from router.http1.channel import RawSocket
from router.http1.connection import ServerConnection, Site
from router.http1.responder import plain_response
from router.server.crowd import Crowd
from router.sockets.waits import READ

__all__ = ["Acceptor"]

log = logging.getLogger("router.server")

BATCH_MAX = 32  # accepts in a row, before the connections that are open get their turn
BACKLOG_MAX = 2048
FULL_PAUSE_S = 0.1
FULL_REPORT_S = 60.0
IDLE_MIN_S = 1.0  # a keep-alive connection that was used within this time may have a request on its way
DRAIN_STEP_S = 0.05
_NO_ROOM = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class Acceptor:
    """Serves a site on a listening socket.

    Args:
        listener_fd: descriptor of the listening socket; the acceptor owns it from here on.
        site: what to serve.
    """

    def __init__(self, listener_fd: int, site: Site) -> None:
        self._listener = RawSocket(fileno=listener_fd)
        self._listener.setblocking(False)
        self._server = _address(self._listener.getsockname())
        self._site = site
        self._connections: set[ServerConnection] = set()
        self._crowd = Crowd(site.limits.max_connections, site.limits.max_connections_per_address)
        self._readable: Any = gevent.get_hub().loop.io(listener_fd, READ)
        self._greenlet: gevent.Greenlet[..., None] | None = None
        self._reported_at = -FULL_REPORT_S

    def start(self) -> None:
        """Accept from now on."""
        self._greenlet = gevent.spawn(self._accept_forever)

    @property
    def active(self) -> int:
        """Connections that are open."""
        return len(self._connections)

    def drain(self, busy: Callable[[], int], left_s: Callable[[], float]) -> bool:
        """Stop accepting, then wait until no connection is open and ``busy()`` is 0; False once ``left_s()`` is over.

        What already waits in the backlog is still served: its clients were told that they are connected.
        """
        if self._greenlet is not None:
            self._greenlet.kill()
        self._accept(BACKLOG_MAX)
        self._readable.close()
        self._listener.close()
        while self._connections or busy():
            if left_s() <= 0:
                return False
            for connection in list(self._connections):
                connection.drain(IDLE_MIN_S)
            gevent.sleep(DRAIN_STEP_S)
        return True

    def _accept_forever(self) -> None:
        while True:
            wait(self._readable)
            if not self._accept(BATCH_MAX):
                gevent.sleep(FULL_PAUSE_S)

    def _accept(self, count_max: int) -> bool:
        """Accept what is there; False when there is no room for more descriptors."""
        for _ in range(count_max):
            if self._crowd.is_stuck():
                self._report("as many are open as there may be, and each serves a call")
                return False
            try:
                fd, address = self._listener._accept()  # type: ignore[attr-defined]
            except BlockingIOError:
                return True
            except OSError as error:
                if error.errno in _NO_ROOM:
                    self._report(f"{error.strerror}. Raise the limit of open files (ulimit -n)")
                    return False
                continue  # that client left before it was accepted
            sock, client = RawSocket(fileno=fd), _address(address)
            if not self._crowd.has_room_for(client[0]):
                self._turn_away(sock)
                continue
            self._crowd.make_room()
            connection = ServerConnection(sock, client, self._server, self._site)
            self._connections.add(connection)
            self._crowd.enter(connection)
            gevent.spawn(self._serve, connection)
        return True

    def _serve(self, connection: ServerConnection) -> None:
        try:
            connection.run()
        finally:
            self._connections.discard(connection)
            self._crowd.leave(connection)

    def _turn_away(self, sock: RawSocket) -> None:
        """In one word that nobody waits for: whoever opens so many connections may never read it."""
        error = RateLimited("Too many connections are open from this address.", retry_after_s=1)
        with contextlib.suppress(OSError):
            sock.setblocking(False)
            if self._site.tls is None:  # with it, a handshake would have to come first
                sock.send(plain_response(*self._site.render_error(error, new_request_id())))
        sock.close()

    def _report(self, why: str) -> None:
        now = time.monotonic()
        if now - self._reported_at >= FULL_REPORT_S:
            self._reported_at = now
            log.error("cannot accept more connections: %s. Open: %d.", why, len(self._connections))


def _address(address: Any) -> tuple[str, int]:
    if isinstance(address, tuple):
        return address[0], address[1]
    return "", 0
