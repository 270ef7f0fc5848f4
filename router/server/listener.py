"""The listening socket, which the master binds once and all workers share."""

from __future__ import annotations

import errno
import socket
import time
from typing import Any, NamedTuple

from router.errors import ConfigError

__all__ = ["GATEWAY_KEYS", "METRICS_KEYS", "PORTAL_KEYS", "ListenKeys", "listen", "url_of"]

BACKLOG = 2048
BIND_S = 2.0
BIND_STEP_S = 0.05


class ListenKeys(NamedTuple):
    """How the keys and options are called that say where to listen."""

    host: str
    port: str


GATEWAY_KEYS = ListenKeys("[server] host, or --host", "[server] port, or --port")
METRICS_KEYS = ListenKeys("[metrics] listen", "[metrics] listen")
PORTAL_KEYS = ListenKeys("[portal] listen, or --listen", "[portal] listen, or --listen")


def listen(host: str, port: int, keys: ListenKeys = GATEWAY_KEYS) -> socket.socket:
    """A bound, listening and inheritable TCP socket.

    Args:
        host: name or address, IPv4 or IPv6; empty for all interfaces.
        port: 0 lets the system choose.
        keys: what an operator would change.

    Raises:
        ConfigError: the address cannot be used; says why and what to do.
    """
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, OverflowError, UnicodeError) as error:
        raise ConfigError(f"cannot listen on {host}:{port}: {error}. Correct {keys.host}.") from None
    family, kind, protocol, _, address = found[0]
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(address[0] != "::"))
        _bind(sock, address)
        sock.listen(BACKLOG)
        sock.setblocking(False)
        sock.set_inheritable(True)
    except OSError as error:
        sock.close()
        raise ConfigError(f"cannot listen on {host}:{port}: {_advice(error, port, keys)}") from None
    return sock


def _bind(sock: socket.socket, address: Any) -> None:
    """Bind; a gateway that has just died may hold the port for another moment."""
    deadline = time.monotonic() + BIND_S
    while True:
        try:
            return sock.bind(address)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() >= deadline:
                raise
        time.sleep(BIND_STEP_S)


def url_of(sock: socket.socket, scheme: str = "http") -> str:
    """The URL under which this machine reaches the socket."""
    host, port = sock.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _advice(error: OSError, port: int, keys: ListenKeys) -> str:
    if error.errno == errno.EADDRINUSE:
        find = f"ss -ltnp | grep :{port}"
        return f"another program has the port. Find it with `{find}`, or choose another: {keys.port}."
    if error.errno == errno.EACCES:
        return f"this user may not use the port. Choose one above 1023: {keys.port}."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"this machine does not have the address. Correct {keys.host}."
    return f"{error.strerror}."
