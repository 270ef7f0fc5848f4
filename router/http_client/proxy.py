"""HTTP proxies of the environment (``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY``, ``NO_PROXY``), for the pool.

An ``https`` origin is reached through a tunnel (``CONNECT``), so TLS is spoken with the upstream itself; requests to an
``http`` origin name the whole URL. The environment is read as the library requests reads it, which is imported only
where it is asked: it is slow to import, and few need a proxy.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
from base64 import b64encode
from dataclasses import dataclass, field, replace
from urllib.parse import unquote, urlsplit

from router.http_client.deadlines import Deadline
from router.http_client.dial import HostResolver, connect, default_ssl_context
from router.http_client.head import Origin, RequestTarget
from router.types.transport import Request

__all__ = ["Proxy", "environment_proxy", "environment_ssl_context"]

_HEAD_BYTES_MAX = 65_536
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})[ \r]")
_HOST = re.compile(r"[^\s/@]+")


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy, spoken to without TLS.

    Attributes:
        scheme: only ``http`` can be used; another is refused when a connection is wanted.
        host, port: where it listens.
        authorization: the value of ``Proxy-Authorization``; empty for none.
        variable: of the environment, that names it; empty where it is not known.
        fault: what is wrong with what that says; empty where nothing is.
    """

    scheme: str
    host: str
    port: int
    authorization: str = field(default="", repr=False)
    variable: str = ""
    fault: str = ""

    def connect(self, resolver: HostResolver, origin: Origin, deadline: Deadline) -> socket.socket:
        """A socket that leads to ``origin`` if that is ``https``, else to the proxy.

        Raises:
            OSError: the proxy cannot be reached, or opens no tunnel.
        """
        if self.fault:
            raise ConnectionError(f"{self.variable or 'the environment'} names no proxy: {self.fault}")
        named = f" ({self.variable})" if self.variable else ""
        if self.scheme != "http":
            raise ConnectionError(f"its proxy{named} is reached by {self.scheme}://, where only http:// is known")
        try:
            sock = connect(resolver, self.host, self.port, deadline)
        except TimeoutError:
            raise
        except OSError as error:
            where = f"{self.host}:{self.port}{named}"
            raise ConnectionError(f"its proxy {where} cannot be reached: {error.strerror}") from error
        if origin.scheme == "https":
            try:
                self._open_tunnel(sock, origin, deadline)
            except BaseException:
                sock.close()
                raise
        return sock

    def _open_tunnel(self, sock: socket.socket, origin: Origin, deadline: Deadline) -> None:
        authority = f"[{origin.host}]:{origin.port}" if ":" in origin.host else f"{origin.host}:{origin.port}"
        lines = [f"CONNECT {authority} HTTP/1.1", f"Host: {authority}"]
        if self.authorization:
            lines.append(f"Proxy-Authorization: {self.authorization}")
        head = b""
        try:
            sock.settimeout(deadline.left_s())
            sock.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
            while b"\r\n\r\n" not in head:
                sock.settimeout(deadline.left_s())
                piece = sock.recv(_HEAD_BYTES_MAX)
                head += piece
                if not piece or len(head) > _HEAD_BYTES_MAX:
                    raise ConnectionError("its proxy does not answer CONNECT as HTTP asks for")
        except TimeoutError:
            raise deadline.expired() from None
        status = _STATUS.match(head)
        if status is None or (status[1][:1] == b"2" and not head.endswith(b"\r\n\r\n")):
            raise ConnectionError("its proxy does not answer CONNECT as HTTP asks for")
        if status[1][:1] != b"2":
            raise ConnectionError(f"its proxy {self.host}:{self.port} refuses a tunnel, with status {int(status[1])}")

    def seen(self, request: Request, target: RequestTarget) -> tuple[Request, RequestTarget]:
        """What the proxy has to be sent: through a tunnel the same, else the whole URL and who asks."""
        if target.origin.scheme == "https":
            return request, target
        if self.authorization:
            request = replace(request, headers={**request.headers, "Proxy-Authorization": self.authorization})
        return request, target._replace(path=f"http://{target.authority}{target.path}")


def environment_proxy(origin: Origin) -> Proxy | None:
    """The proxy that the environment names for an origin; None where it is reached without one."""
    from requests.utils import get_environ_proxies, select_proxy

    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    url = f"{origin.scheme}://{host}:{origin.port}/"
    named = select_proxy(url, get_environ_proxies(url))
    if not named:
        return None
    return _read(named, _variable_of(named, origin.scheme))


def _read(named: str, variable: str) -> Proxy:
    """The proxy that a value names; one with a ``fault`` where it names none."""
    try:
        parts = urlsplit(named if "://" in named else f"http://{named}")
        scheme, host, port = parts.scheme, parts.hostname or "", parts.port
    except ValueError as error:
        return Proxy("http", "", 0, variable=variable, fault=f"{_problem(error)}; give http://HOST:PORT")
    if not _HOST.fullmatch(host) or port == 0:
        problem = "its port is 0" if port == 0 else "it has no host"
        return Proxy("http", "", 0, variable=variable, fault=f"{problem}; give http://HOST:PORT")
    credentials = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    authorization = "" if parts.username is None else f"Basic {b64encode(credentials.encode()).decode()}"
    return Proxy(scheme, host, port or 80, authorization, variable)


def _problem(error: ValueError) -> str:
    """What is wrong with a URL, without any of its text: it may hold a password."""
    return "its port is no number from 1 to 65535" if "ort" in str(error) else "its host is none"


def _variable_of(named: str, scheme: str) -> str:
    """The variable that has this value, of those that are asked for a scheme; empty where none has."""
    names = (f"{scheme}_proxy", "all_proxy")
    return next((one for name in names for one in (name, name.upper()) if os.environ.get(one) == named), "")


def environment_ssl_context() -> ssl.SSLContext:
    """A context that trusts the authorities of ``REQUESTS_CA_BUNDLE`` or ``CURL_CA_BUNDLE``, else the system's."""
    from requests import Session

    with Session() as session:
        verify = session.merge_environment_settings("https://", {}, True, None, None)["verify"]
    return ssl.create_default_context(cafile=verify) if isinstance(verify, str) else default_ssl_context()
