"""From a host name to a connected socket, in bounded time."""

from __future__ import annotations

import socket
import ssl
import threading
from functools import lru_cache
from typing import Any

from router.http_client.deadlines import Deadline

__all__ = ["HostResolver", "connect", "default_ssl_context"]

_Address = tuple[int, tuple[Any, ...]]
_KEEPALIVE_S = 60


class _LookUp:
    """One look-up under way, shared by everybody who waits for the same name."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.addresses: list[_Address] = []
        self.error: Exception | None = None


class HostResolver:
    """``getaddrinfo`` with a deadline.

    The call itself cannot be interrupted, so it runs in a helper thread (under gevent a greenlet, whose ``getaddrinfo``
    waits in gevent's pool). One runs per name, however many wait for it: a resolver that hangs holds one.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: dict[tuple[str, int], _LookUp] = {}

    def addresses(self, host: str, port: int, deadline: Deadline) -> list[_Address]:
        """All addresses of ``host``, in the order to try them. A literal address needs no look-up.

        Raises:
            OSError: the name has no address, or the deadline passed (``TimeoutError``).
        """
        literal = _literal(host, port)
        if literal is not None:
            return [literal]
        look_up = self._join(host, port)
        if not look_up.done.wait(deadline.left_s()):
            raise deadline.expired()
        if look_up.error is not None:
            raise type(look_up.error)(*look_up.error.args)
        return look_up.addresses

    def _join(self, host: str, port: int) -> _LookUp:
        with self._lock:
            look_up = self._under_way.get((host, port))
            if look_up is None:
                look_up = self._under_way[host, port] = _LookUp()
                threading.Thread(target=self._run, args=(host, port, look_up), daemon=True).start()
        return look_up

    def _run(self, host: str, port: int, look_up: _LookUp) -> None:
        try:
            found = self._ask(host, port)
            look_up.addresses = [(family, address) for family, _, _, _, address in found]
        except UnicodeError:
            look_up.error = socket.gaierror(socket.EAI_NONAME, "not a host name")
        except Exception as error:
            look_up.error = error
        finally:
            with self._lock:
                del self._under_way[host, port]
            look_up.done.set()

    def _ask(self, host: str, port: int) -> list[Any]:
        """What the system's resolver says; waits for as long as that takes."""
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


def _literal(host: str, port: int) -> _Address | None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.inet_pton(family, host)
    except (OSError, ValueError):
        return None
    return family, (host, port)


def connect(resolver: HostResolver, host: str, port: int, deadline: Deadline) -> socket.socket:
    """Connect to the first address of ``host`` that answers. Each gets its share of the time that is left.

    Raises:
        OSError: that of the last address, or ``TimeoutError``.
    """
    addresses = resolver.addresses(host, port, deadline)
    failure: OSError = socket.gaierror(socket.EAI_NONAME, "the name has no address")
    for position, (family, address) in enumerate(addresses):
        left = deadline.left_s()
        try:
            return _connect_one(family, address, None if left is None else left / (len(addresses) - position))
        except TimeoutError:
            failure = deadline.expired()
        except OSError as error:
            failure = error
    raise failure


def _connect_one(family: int, address: tuple[Any, ...], timeout_s: float | None) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.settimeout(timeout_s)
        sock.connect(address)
        # Without this a small body waits for the acknowledgement of the head: 40 ms a call.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # A plain reply is silent while the model thinks; probes keep NAT tables from forgetting it.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if hasattr(socket, "TCP_KEEPIDLE"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _KEEPALIVE_S)
    except BaseException:
        sock.close()
        raise
    return sock


@lru_cache(maxsize=1)
def default_ssl_context() -> ssl.SSLContext:
    """The process's one client context: the system's authorities, or the bundled ones where the system has none."""
    paths = ssl.get_default_verify_paths()
    context = ssl.create_default_context(cafile=None if paths.cafile or paths.capath else _bundled())
    context.set_alpn_protocols(["http/1.1"])
    return context


def _bundled() -> str:
    from requests.utils import DEFAULT_CA_BUNDLE_PATH  # slow to import, and few systems need it

    return DEFAULT_CA_BUNDLE_PATH
